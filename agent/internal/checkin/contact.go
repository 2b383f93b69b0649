package checkin

import (
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/dial"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// The pace of the device, in real time.
const (
	// minNext and maxNext bound what the control plane may ask for.
	minNext = 100 * time.Millisecond
	maxNext = 24 * time.Hour
	// firstPace stands in for the control plane's pace before it has said one.
	firstPace = 5 * time.Minute
	// refusedPace is how often a refused identity asks whether it still is, at least twice as slow as
	// anything else a device does on its own.
	refusedPace = 10 * time.Minute
	// urgentGap is the shortest time between two check-ins, however urgent the news.
	urgentGap = 500 * time.Millisecond
	// parkFrom is the pause from which the connection is closed meanwhile.
	parkFrom = time.Minute
	// leastCap keeps an accelerated demonstration from hammering a control plane that is away.
	leastCap = 10 * time.Second
)

// Kind is how a check-in ended.
type Kind uint8

// The kinds of outcome.
const (
	Answered Kind = iota + 1
	Away
	Refused
)

var kindNames = [...]string{"never", "answered", "away", "refused"}

func (k Kind) String() string { return kindNames[min(int(k), len(kindNames)-1)] }

// Outcome is what became of one check-in.
type Outcome struct {
	Kind Kind
	// Next is when the control plane wants to hear from us again; for Answered.
	Next time.Duration
	// Reason is why it refused; may be None.
	Reason reason.Code
	// Err is what went wrong; for Away and Refused.
	Err error
}

// Contact is how the device stands with the control plane.
type Contact struct {
	Last Kind
	// Failures counts check-ins without an answer in a row.
	Failures int
	// AwaySince is when the first of them was, in the control plane's time; zero while it answers. A
	// refusal is an answer.
	AwaySince time.Time
	// Pace is what the control plane last asked for.
	Pace   time.Duration
	Reason reason.Code
}

// After gives how the device stands after an outcome at now (the control plane's time), and how long to
// wait. random is in [0, 1).
func (c Contact) After(o Outcome, now time.Time, random float64) (Contact, time.Duration) {
	switch o.Kind {
	case Answered:
		next := min(max(o.Next, minNext), maxNext)
		return Contact{Last: Answered, Pace: next}, next
	case Refused:
		c = Contact{Last: Refused, Pace: c.Pace, Reason: o.Reason}
		return c, refusedPace + time.Duration(random*float64(refusedPace))
	}
	c.Last, c.Reason = Away, reason.None
	c.Failures++
	if c.AwaySince.IsZero() {
		c.AwaySince = now
	}
	limit := c.Pace
	if limit == 0 {
		limit = firstPace
	}
	return c, dial.Backoff(c.Failures, max(limit, leastCap), random)
}

// Hurry shortens a wait because there is news: to nothing, but for the gap, where the control plane
// answers; not at all where it does not or where it refuses. gone is the time since the last check-in.
func (c Contact) Hurry(wait, gone time.Duration) time.Duration {
	if c.Last != Answered {
		return wait
	}
	return min(wait, max(0, urgentGap-gone))
}

// Parks reports whether the connection should be closed for a wait.
func Parks(wait time.Duration) bool { return wait >= parkFrom }
