package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// moves is every legal step of a job:
//
//	planned ──grant──▶ granted ──report──▶ running ──▶ succeeded
//	   ▲  ◀─withdraw─────┘  │                 │  └──▶ failed
//	   └────── retry, withdraw ◀──────────────┘
//
// From anything that has not ended: expired, cancelled. Planned → running is a device that could not reach
// the control plane and began by itself; planned → planned is one that failed to fetch ahead of time.
var moves = map[JobState][]JobState{
	JobPlanned:   {JobPlanned, JobGranted, JobRunning, JobFailed, JobExpired, JobCancelled},
	JobGranted:   {JobPlanned, JobRunning, JobFailed, JobExpired, JobCancelled},
	JobRunning:   {JobPlanned, JobSucceeded, JobFailed, JobExpired, JobCancelled},
	JobExpired:   {JobSucceeded, JobFailed},
	JobCancelled: {JobSucceeded},
	JobSucceeded: {},
	JobFailed:    {},
}

// Legal reports whether a job may go from one state to another.
func Legal(from, to JobState) bool { return slices.Contains(moves[from], to) }

// Ended reports whether the state is an end.
func (s JobState) Ended() bool { return s >= JobSucceeded }

// Busy reports whether the job takes one of the places of those that may work at once.
func (j Job) Busy() bool { return j.State == JobGranted || j.State == JobRunning }

// NewJob plans a device's part of r. newest is the highest revision the device was ever given, 0 if none:
// revisions grow over all jobs of a device.
func NewJob(r Rollout, job id.Job, device id.Device, newest uint64) Job {
	return Job{
		ID: job, Rollout: r.ID, Device: device,
		Revision: newest + 1, Attempt: 1, State: JobPlanned,
		TotalBytes: uint64(max(r.TotalBytes, 0)),
	}
}

// move is the only place that sets State. The device is to hear of every move but those that its own
// report made, so the others raise the revision.
func (j Job) move(to JobState, now time.Time) (Job, error) {
	if !Legal(j.State, to) {
		return j, fmt.Errorf("job %v: %v cannot become %v", j.ID, j.State, to)
	}
	j.State = to
	if to == JobRunning && j.StartedAt.IsZero() {
		j.StartedAt = now
	}
	if to.Ended() {
		j.EndedAt = now
	}
	return j, nil
}

// Grant gives a planned job its place among those that may work at once.
func (j Job) Grant(now time.Time) (Job, error) {
	granted, err := j.move(JobGranted, now)
	if err != nil {
		return j, err
	}
	granted.GrantedAt = now
	granted.Reason, granted.Detail = reason.None, "" // its turn has come
	granted.Revision++
	return granted, nil
}

// Withdraw takes the place back from a device that fell silent; the job is planned again, in the same
// attempt, and goes on where it was if the device returns.
func (j Job) Withdraw(now time.Time) (Job, error) {
	if !j.Busy() {
		return j, fmt.Errorf("job %v: %v holds no place to withdraw", j.ID, j.State)
	}
	planned, err := j.move(JobPlanned, now)
	if err != nil {
		return j, err
	}
	planned.GrantedAt = time.Time{}
	planned.Revision++
	return planned, nil
}

// Cancel ends a job that a person called off; an ended one stays as it is. A device that is writing its
// disk finishes that all the same, and its report then counts.
func (j Job) Cancel(now time.Time) (Job, bool) {
	return j.end(JobCancelled, reason.Cancelled, now)
}

// end is for the ends that the control plane decides.
func (j Job) end(to JobState, why reason.Code, now time.Time) (Job, bool) {
	if j.State.Ended() {
		return j, false
	}
	ended, err := j.move(to, now)
	if err != nil {
		return j, false
	}
	ended.Reason = why
	ended.Revision++
	return ended, true
}
