package rollout

import (
	"slices"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
)

// Sums counts jobs; the five add up to the number of jobs.
type Sums struct{ Succeeded, Failed, Expired, Cancelled, Open int }

// Sum counts the jobs that belong to r.
func (r Rollout) Sum(jobs []Job) Sums {
	var s Sums
	for _, j := range jobs {
		if j.Rollout != r.ID {
			continue
		}
		switch j.State {
		case JobSucceeded:
			s.Succeeded++
		case JobFailed:
			s.Failed++
		case JobExpired:
			s.Expired++
		case JobCancelled:
			s.Cancelled++
		default:
			s.Open++
		}
	}
	return s
}

// Settle turns a running rollout to Done once every one of its jobs has ended; others stay as they are.
func (r Rollout) Settle(jobs []Job) Rollout {
	if r.State == Running && r.Sum(jobs).Open == 0 {
		r.State = Done
	}
	return r
}

// Deadline is when work must be finished: at the close of the window, or at the bell if that is earlier.
func (r Rollout) Deadline() time.Time {
	if !r.Span.Bell.IsZero() && r.Span.Bell.Before(r.Span.Closes) {
		return r.Span.Bell
	}
	return r.Span.Closes
}

// Assignment is what a device is told about its job; api turns it into the contract's form.
type Assignment struct {
	Revision uint64
	Job      id.Job
	Attempt  int
	Phases   []Phase
	// NotBefore and NotAfter bound every disruptive phase.
	NotBefore time.Time
	NotAfter  time.Time
	Bell      time.Time
	// Granted: the device has its place among those that may work at once.
	Granted        bool
	Image          string
	Release        string
	ManifestDigest []byte
}

// AssignmentOf gives the order for a job of r. ok is false for an ended job: the device has none then.
//
// Without a grant NotBefore is the planned start, so that devices that lost the control plane still come
// in the order of the plan; with one it is the opening of the window.
func AssignmentOf(r Rollout, j Job) (a Assignment, ok bool) {
	if j.State.Ended() {
		return Assignment{}, false
	}
	notBefore := r.Span.Opens
	if !j.Busy() && j.PlannedStart.After(notBefore) {
		notBefore = j.PlannedStart
	}
	return Assignment{
		Revision: j.Revision, Job: j.ID, Attempt: j.Attempt, Phases: Phases(),
		NotBefore: notBefore, NotAfter: r.Deadline(), Bell: r.Span.Bell, Granted: j.Busy(),
		Image: r.Image, Release: r.Release, ManifestDigest: slices.Clone(r.ManifestDigest),
	}, true
}
