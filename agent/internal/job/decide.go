package job

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
)

// AwayAfter is how long, in the control plane's time, check-ins must have failed before a device goes on
// without being granted a place. It outlasts a restart of the control plane, and leaves a cabinet behind
// a broken line most of its night.
const AwayAfter = 5 * time.Minute

// View is all that a decision rests on.
type View struct {
	Order Order
	// Done counts the order's phases that are finished, from the front.
	Done int
	// Over: the attempt has ended, well or not.
	Over bool
	// Now is the control plane's time as the machine estimates it; Sure as in clock.Keeper.
	Now  time.Time
	Sure bool
	// AwaySince is when check-ins began to fail, in the control plane's time; zero while it answers.
	AwaySince time.Time
	// Retry holds back a phase that failed for a reason that may pass.
	Retry Retry
}

// Retry says why a phase failed, and when to try it again, in the control plane's time.
type Retry struct {
	At     time.Time   `json:"at"`
	Reason reason.Code `json:"reason"`
	Count  int         `json:"count"`
}

// Act is what to do next.
type Act uint8

// The acts.
const (
	// Rest until something changes.
	Rest Act = iota
	// Wait until Step.Until, or until something changes; Step.Reason says what for.
	Wait
	// Do Step.Phase now.
	Do
	// Fail the attempt with Step.Reason.
	Fail
)

// Step is a decision.
type Step struct {
	Act    Act
	Phase  Phase
	Reason reason.Code
	Until  time.Time
}

// Decide says what to do next. The rules, in the order in which they count:
//
//  1. An attempt that is over, or has no phase left, rests.
//  2. What is not understood fails.
//  3. At and after not_after nothing starts: the attempt fails, with the reason that held it up if there
//     was one. But an estimate of the time that no answer has confirmed since boot does not end an order.
//  4. A disruptive phase waits for not_before.
//  5. A phase needs a granted place, or a control plane that has been away for AwayAfter and not_before.
//  6. A phase that failed for a reason that may pass waits for its next try.
func Decide(v View) Step {
	if v.Over || (v.Done >= len(v.Order.Phases) && v.Order.Unsupported == "") {
		return Step{Act: Rest}
	}
	if v.Order.Unsupported != "" {
		return Step{Act: Fail, Reason: reason.UnsupportedAction}
	}
	phase := v.Order.Phases[v.Done]
	if !v.Now.Before(v.Order.NotAfter) {
		return expired(v, phase)
	}
	if phase.Disruptive() && v.Now.Before(v.Order.NotBefore) {
		return wait(v, phase, reason.WindowClosed, v.Order.NotBefore)
	}
	if from, ok := v.mayStart(); !ok {
		return wait(v, phase, reason.WaitingForTurn, from)
	}
	if v.Now.Before(v.Retry.At) {
		return wait(v, phase, v.Retry.Reason, v.Retry.At)
	}
	return Step{Act: Do, Phase: phase}
}

func expired(v View, phase Phase) Step {
	if !v.Sure {
		return Step{Act: Wait, Phase: phase, Reason: reason.NoContact}
	}
	why := v.Retry.Reason
	if why == reason.None {
		why = reason.OrderExpired
	}
	return Step{Act: Fail, Phase: phase, Reason: why}
}

// mayStart is rule 5; where it says no, from is when it may say yes by itself, or zero.
func (v View) mayStart() (from time.Time, ok bool) {
	switch {
	case v.Order.Granted:
		return time.Time{}, true
	case v.AwaySince.IsZero():
		return time.Time{}, false
	}
	from = v.AwaySince.Add(AwayAfter)
	if from.Before(v.Order.NotBefore) {
		from = v.Order.NotBefore
	}
	return from, !v.Now.Before(from)
}

// wait ends at until or, if that is zero or later, at not_after.
func wait(v View, phase Phase, why reason.Code, until time.Time) Step {
	if until.IsZero() || until.After(v.Order.NotAfter) {
		until = v.Order.NotAfter
	}
	return Step{Act: Wait, Phase: phase, Reason: why, Until: until}
}

// mayPass tells the failures that a later try can mend from those that it cannot.
func mayPass(phase Phase, why reason.Code) bool {
	return phase == Fetch && why == reason.ContentUnreachable
}

// retryAfter gives the wait before try number count+1, in the control plane's time.
func retryAfter(count int) time.Duration {
	const first, last = 15 * time.Second, 10 * time.Minute
	if count > 10 {
		return last
	}
	return min(last, first<<max(0, count-1))
}
