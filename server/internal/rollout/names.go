package rollout

import "fmt"

var (
	stateNames      = [...]string{Running: "running", Done: "done", Cancelled: "cancelled"}
	jobStateNames   = [...]string{JobPlanned: "planned", JobGranted: "granted", JobRunning: "running", JobSucceeded: "succeeded", JobFailed: "failed", JobExpired: "expired", JobCancelled: "cancelled"}
	phaseNames      = [...]string{PhaseFetch: "fetch", PhaseVerify: "verify", PhaseWrite: "write", PhaseConfirm: "confirm"}
	phaseStateNames = [...]string{PhaseRunning: "running", PhaseDone: "done", PhaseFailed: "failed", PhaseWaiting: "waiting"}
)

// String gives the stable lower-case name.
func (s State) String() string { return name(stateNames[:], uint8(s)) }

// String gives the stable lower-case name.
func (s JobState) String() string { return name(jobStateNames[:], uint8(s)) }

// String gives the stable lower-case name.
func (p Phase) String() string { return name(phaseNames[:], uint8(p)) }

// String gives the stable lower-case name.
func (s PhaseState) String() string { return name(phaseStateNames[:], uint8(s)) }

func name(names []string, n uint8) string {
	if int(n) < len(names) && names[n] != "" {
		return names[n]
	}
	return fmt.Sprintf("unknown_%d", n)
}
