// Package status is what the agent tells people at the machine: a small file in the state folder that the
// running agent keeps up to date and the status command reads.
//
// Guarantees: nothing in it is secret; it is written at most every ten seconds unless something changed
// in kind; how a status reads and which exit code it has are pure functions of it and the time.
package status

import (
	"fmt"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/checkin"
	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// FileName is where the running agent keeps the status.
const FileName = "status.json"

// Exit codes of the status command. 1 and 2 are those of any command: trouble, and wrong usage.
const (
	InTouch     = 0
	NotEnrolled = 3
	Waiting     = 4
	Refused     = 5
	OutOfTouch  = 6
)

// States of contact, as in the file.
const (
	StateNotEnrolled = "not_enrolled"
	StatePending     = "pending"
)

// Status is the machine's standing.
type Status struct {
	// State is not_enrolled, pending, or how the last check-in ended: answered, away, refused.
	State   string   `json:"state"`
	Device  string   `json:"device,omitempty"`
	Servers []string `json:"servers,omitempty"`
	KeyHeld string   `json:"key_held,omitempty"`
	Version string   `json:"agent_version"`
	// Reason is the stable code of why it waits or is refused.
	Reason string `json:"reason,omitempty"`
	// Problem is the last error, for technicians.
	Problem string `json:"problem,omitempty"`
	// Times are by the machine's own clock.
	LastContact         time.Time `json:"last_contact,omitzero"`
	LastTry             time.Time `json:"last_try,omitzero"`
	Next                time.Time `json:"next,omitzero"`
	CertificateNotAfter time.Time `json:"certificate_not_after,omitzero"`
	// ClockWrong: the machine's clock is off; ClockOffset is by how much, where known.
	ClockWrong  bool          `json:"clock_wrong"`
	ClockOffset time.Duration `json:"clock_offset_ns"`

	// Job is filled in by the reader from the job journal.
	Job *job.Status `json:"job,omitempty"`
}

// Fresh is how long after Next an agent that runs may be silent before it counts as not running.
const Fresh = 2 * time.Minute

// ExitCode sums the status up at now.
func (s Status) ExitCode(now time.Time) int {
	switch s.State {
	case StateNotEnrolled:
		return NotEnrolled
	case StatePending:
		return Waiting
	case checkin.Refused.String():
		return Refused
	case checkin.Answered.String():
		if now.Before(s.Next.Add(Fresh)) {
			return InTouch
		}
	}
	return OutOfTouch
}

// Store keeps files.
type Store interface {
	WriteJSON(name string, value any) error
}

// Keeper is the running agent's status. Its methods may be called by several goroutines.
type Keeper struct {
	store Store
	now   func() time.Time

	mu     sync.Mutex // guards what follows
	status Status
	wrote  time.Time
}

// NewKeeper begins with what is known at the start. now is the machine's clock.
func NewKeeper(store Store, now func() time.Time, initial Status) *Keeper {
	return &Keeper{store: store, now: now, status: initial}
}

// Pending notes that the machine waits to be let in.
func (k *Keeper) Pending(why reason.Code) error {
	return k.change(func(s *Status) { s.State, s.Reason, s.LastTry = StatePending, text(why), k.now() })
}

// Enrolled notes who the machine is, and until when.
func (k *Keeper) Enrolled(device string, notAfter time.Time) error {
	return k.change(func(s *Status) { s.Device, s.CertificateNotAfter = device, notAfter })
}

// CheckedIn notes how a check-in ended.
func (k *Keeper) CheckedIn(e checkin.Event, offset time.Duration) error {
	return k.change(func(s *Status) {
		now := k.now()
		s.State, s.LastTry, s.Next = e.Outcome.Kind.String(), now, now.Add(e.Wait)
		s.Reason, s.Problem = text(e.Outcome.Reason), ""
		s.ClockWrong, s.ClockOffset = e.ClockWrong, offset.Round(time.Second)
		if e.Outcome.Kind != checkin.Away {
			s.LastContact = now
		}
		if e.Outcome.Err != nil {
			s.Problem = e.Outcome.Err.Error()
		}
	})
}

func text(code reason.Code) string {
	if code == reason.None {
		return ""
	}
	return code.String()
}

// writeEvery bounds how often the file is written while nothing changes in kind.
const writeEvery = 10 * time.Second

func (k *Keeper) change(edit func(*Status)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.status
	edit(&k.status)
	same := before.State == k.status.State && before.Reason == k.status.Reason &&
		before.Device == k.status.Device && before.ClockWrong == k.status.ClockWrong
	if gone := k.now().Sub(k.wrote); same && gone >= 0 && gone < writeEvery && k.status.Next.Sub(before.Next) < writeEvery {
		return nil
	}
	if err := k.store.WriteJSON(FileName, k.status); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	k.wrote = k.now()
	return nil
}
