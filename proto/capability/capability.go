// Package capability is the dated list of what agents understand. An agent sends the newest version it
// knows with every call; the control plane never sends what that version does not name, and refuses
// versions older than Minimum with a reason that tells the machine to update its agent.
//
// Guarantees: numbers only grow; an entry is never changed after its date; Minimum is raised only for a
// release note's reason. The test holds old agents' recorded requests against this list.
package capability

// Version is one entry's number.
type Version uint32

// The list. One line per change: number, date, what the agent now understands.
const (
	// Base, 2026-11-22: enrolment by token, approval and TPM; check-in by digest; reports by section;
	// assignments to reimage with the phases fetch, verify, write, confirm.
	Base Version = 1
)

const (
	// Current is what this build's agent sends.
	Current = Base
	// Minimum is the oldest version the control plane talks to.
	Minimum = Base
)

// Supported reports whether the control plane still talks to an agent of version v. Newer agents than
// this build are welcome: they keep to what the answer holds.
func Supported(v Version) bool { return v >= Minimum }
