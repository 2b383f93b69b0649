package job

import (
	"fmt"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// Phase is one named step of an attempt.
type Phase string

// The phases, in the order that a reimage has them.
const (
	Fetch   Phase = "fetch"
	Verify  Phase = "verify"
	Write   Phase = "write"
	Confirm Phase = "confirm"
)

// Disruptive phases run only inside the order's window.
func (p Phase) Disruptive() bool { return p == Write || p == Confirm }

var phaseNumbers = map[Phase]v1.Phase{
	Fetch: v1.Phase_PHASE_FETCH, Verify: v1.Phase_PHASE_VERIFY, Write: v1.Phase_PHASE_WRITE, Confirm: v1.Phase_PHASE_CONFIRM,
}

func phaseOf(number v1.Phase) (Phase, bool) {
	for p, n := range phaseNumbers {
		if n == number {
			return p, true
		}
	}
	return "", false
}

// Order is an assignment as the agent understands it. Times are the control plane's.
type Order struct {
	Revision  uint64    `json:"revision"`
	Job       id.Job    `json:"job"`
	Attempt   uint32    `json:"attempt"`
	Phases    []Phase   `json:"phases"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Granted   bool      `json:"granted"`
	Reimage   Reimage   `json:"reimage"`
	// Unsupported says what this agent does not understand of the order; it is then refused, not tried.
	Unsupported string `json:"unsupported,omitempty"`
}

// Reimage writes a release to the machine's disk; see proto Reimage.
type Reimage struct {
	Image          string   `json:"image"`
	Release        string   `json:"release"`
	ManifestDigest [32]byte `json:"manifest_digest"`
	ContentURLs    []string `json:"content_urls"`
}

// Bounds of an order; those of the contract.
const (
	maxPhases = 32
	maxURLs   = 8
)

// OrderOf reads an assignment. An error means that it cannot even be refused in its own name; what is
// merely not understood is in Unsupported.
func OrderOf(a *v1.Assignment) (Order, error) {
	name, err := id.ParseJob(a.GetJobId())
	if err != nil {
		return Order{}, fmt.Errorf("assignment: %w", err)
	}
	if a.GetRevision() == 0 || a.GetAttempt() == 0 {
		return Order{}, fmt.Errorf("assignment %s: revision and attempt must be set", name)
	}
	o := Order{
		Revision: a.GetRevision(), Job: name, Attempt: a.GetAttempt(), Granted: a.GetGranted(),
		NotBefore: a.GetNotBefore().AsTime(), NotAfter: a.GetNotAfter().AsTime(),
	}
	o.Unsupported = o.read(a)
	return o, nil
}

// read takes over phases and action, and says what it does not understand.
func (o *Order) read(a *v1.Assignment) string {
	if n := len(a.GetPhases()); n == 0 || n > maxPhases {
		return fmt.Sprintf("%d phases", n)
	}
	for _, number := range a.GetPhases() {
		phase, known := phaseOf(number)
		if !known {
			return fmt.Sprintf("phase %v", number)
		}
		o.Phases = append(o.Phases, phase)
	}
	r := a.GetReimage()
	switch {
	case r == nil:
		return "action"
	case len(r.GetManifestDigest()) != 32:
		return "manifest digest"
	case len(r.GetContentUrls()) == 0 || len(r.GetContentUrls()) > maxURLs:
		return fmt.Sprintf("%d content urls", len(r.GetContentUrls()))
	}
	o.Reimage = Reimage{
		Image: r.GetImage(), Release: r.GetRelease(),
		ManifestDigest: [32]byte(r.GetManifestDigest()), ContentURLs: r.GetContentUrls(),
	}
	return ""
}

// Same reports whether two orders are the same attempt of the same job, whatever their revisions.
func (o Order) Same(other Order) bool { return o.Job == other.Job && o.Attempt == other.Attempt }
