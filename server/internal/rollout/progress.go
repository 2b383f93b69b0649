package rollout

import (
	"fmt"
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
)

// MaxAttempts bounds the tries of one job.
const MaxAttempts = 3

// Phases lists the steps of a reimage in their order.
func Phases() []Phase { return []Phase{PhaseFetch, PhaseVerify, PhaseWrite, PhaseConfirm} }

// Disruptive reports whether nobody can use the machine meanwhile.
func (p Phase) Disruptive() bool { return p >= PhaseWrite }

// Apply takes one report of a device into its job. changed is false where the report is old, repeated, or
// comes after an end that it cannot alter; such reports are no error. now is the control plane's time.
//
// The error is for a report that no correct device sends: another job, a later attempt than was ordered,
// a phase or state that does not exist. The job is then returned as it was.
func (j Job) Apply(p Progress, now time.Time) (after Job, changed bool, err error) {
	if err := j.check(p); err != nil {
		return j, false, err
	}
	if p.Attempt < j.Attempt || p.Number <= j.Number {
		return j, false, nil
	}
	if j.State.Ended() {
		return j.applyLate(p, now)
	}
	after, err = j.advance(p, now)
	if err != nil {
		return j, false, err
	}
	return after, true, nil
}

func (j Job) check(p Progress) error {
	switch {
	case p.Job != j.ID:
		return fmt.Errorf("report on job %v: this is job %v", p.Job, j.ID)
	case p.Attempt > j.Attempt:
		return fmt.Errorf("job %v: report on attempt %d, ordered were %d", j.ID, p.Attempt, j.Attempt)
	case p.Phase < PhaseFetch || p.Phase > PhaseConfirm:
		return fmt.Errorf("job %v: report on phase %d, which does not exist", j.ID, p.Phase)
	case p.State < PhaseRunning || p.State > PhaseWaiting:
		return fmt.Errorf("job %v: report with phase state %d, which does not exist", j.ID, p.State)
	}
	return nil
}

// applyLate hears a device whose job the control plane has ended: only what ended on the device counts,
// and only where moves allows it.
func (j Job) applyLate(p Progress, now time.Time) (Job, bool, error) {
	switch {
	case p.completes() && Legal(j.State, JobSucceeded):
		after, err := j.record(p, now).succeed(now)
		return after, err == nil, err
	case p.State == PhaseFailed && Legal(j.State, JobFailed):
		after, err := j.record(p, now).fail(now)
		return after, err == nil, err
	}
	return j, false, nil
}

// completes: the last phase is done, so all are.
func (p Progress) completes() bool { return p.Phase == PhaseConfirm && p.State == PhaseDone }

func (j Job) advance(p Progress, now time.Time) (Job, error) {
	after := j.record(p, now)
	if p.State == PhaseFailed {
		return after.failedAttempt(now)
	}
	if j.begins(p) {
		var err error
		if after, err = after.move(JobRunning, now); err != nil {
			return j, err
		}
	}
	if p.completes() {
		return after.succeed(now)
	}
	return after, nil
}

// begins: a granted job begins with its first report. A planned one begins only with a disruptive phase;
// what it fetches and verifies ahead of time takes nobody's place.
func (j Job) begins(p Progress) bool {
	return j.State == JobGranted || (j.State == JobPlanned && p.Phase.Disruptive())
}

// record notes what a newer report says, and lets nothing go back.
func (j Job) record(p Progress, now time.Time) Job {
	j.Number, j.HeardAt = p.Number, now
	j.FetchedBytes = max(j.FetchedBytes, j.FetchedBefore+p.FetchedBytes)
	j.Reason, j.Detail = reason.None, p.Detail
	if p.State == PhaseFailed || p.State == PhaseWaiting {
		j.Reason = p.Reason
	}
	if p.State == PhaseFailed {
		j.Phase, j.PhaseState = max(j.Phase, p.Phase), PhaseFailed
		return j
	}
	if p.Phase < j.Phase || (p.Phase == j.Phase && j.PhaseState == PhaseDone) {
		return j
	}
	if p.Phase > j.Phase {
		j.DoneBytes = 0
	}
	j.Phase, j.PhaseState = p.Phase, p.State
	if p.TotalBytes > 0 {
		j.TotalBytes = max(p.TotalBytes, j.DoneBytes)
	}
	j.DoneBytes = max(j.DoneBytes, min(p.DoneBytes, j.TotalBytes))
	return j
}

func (j Job) succeed(now time.Time) (Job, error) {
	j.Reason, j.Detail = reason.None, ""
	j.DoneBytes = j.TotalBytes
	return j.move(JobSucceeded, now)
}

// fail ends the job with the reason that the device gave.
func (j Job) fail(now time.Time) (Job, error) {
	if j.Reason == reason.None {
		j.Reason = reason.Internal
	}
	return j.move(JobFailed, now)
}

// failedAttempt plans another try where one can help and one is left.
func (j Job) failedAttempt(now time.Time) (Job, error) {
	if j.Attempt >= MaxAttempts || !Retryable(j.Reason) {
		return j.fail(now)
	}
	again, err := j.move(JobPlanned, now)
	if err != nil {
		return j, err
	}
	again.Attempt++
	again.Revision++
	again.Number = 0
	again.Phase, again.PhaseState = 0, 0
	again.DoneBytes = 0
	again.FetchedBefore = again.FetchedBytes
	again.GrantedAt = time.Time{}
	return again, nil
}

// Retryable reports whether trying again the same night can help: a network or power comes back, and an
// error inside may be a passing one. A bad disk, content or signature, or an order that was refused, stays
// what it is until a person has acted.
func Retryable(why reason.Code) bool {
	switch why.Kind() {
	case reason.KindNone, reason.KindNetwork, reason.KindPower, reason.KindInternal:
		return true
	}
	return false
}
