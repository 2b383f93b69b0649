package job

import (
	"time"

	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// Received is the revision of the newest order on disk; 0 for none.
func (r *Runner) Received() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.journal.Revision
}

// Assign takes in an assignment; it is on disk when Assign returns without an error.
func (r *Runner) Assign(a *v1.Assignment) error {
	order, err := OrderOf(a)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.change(func(j *Journal) { j.assign(order) })
}

// Drop forgets the order, once the disk is not being written. Nothing is written if there is none.
func (r *Runner) Drop() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.journal.Order == nil || r.journal.Dropping {
		return nil
	}
	return r.change(func(j *Journal) { j.drop() })
}

// change applies an edit durably, or not at all, and stops a phase that it makes superfluous. r.mu is held.
func (r *Runner) change(edit func(*Journal)) error {
	next := r.journal
	edit(&next)
	another := (next.Order == nil) != (r.journal.Order == nil) || (next.Order != nil && !next.Order.Same(*r.journal.Order))
	if err := r.store.WriteJSON(FileName, next); err != nil {
		return err
	}
	r.journal = next
	if another {
		r.number, r.waitingOn = next.Reserved, reason.None
		if r.current != nil {
			r.current.cancel()
		}
	}
	r.poke()
	return nil
}

// Reached tells whether the control plane answers: zero if it does, else since when it does not, in its
// own time.
func (r *Runner) Reached(awaySince time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.awaySince.Equal(awaySince) {
		return
	}
	r.awaySince = awaySince
	r.poke()
}

// Progress gives up to limit unacknowledged reports, oldest first.
func (r *Runner) Progress(limit int) []*v1.JobProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil && r.current.news {
		r.current.news = false
		r.report(Progress{Phase: r.current.phase, State: Running, Done: r.done, Total: r.total})
	}
	var all []*v1.JobProgress
	for _, p := range r.journal.Queue[:min(limit, len(r.journal.Queue))] {
		all = append(all, p.Proto())
	}
	return all
}

// Delivered forgets reports that the control plane has acknowledged.
func (r *Runner) Delivered(sent []*v1.JobProgress) {
	if len(sent) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var final bool
	r.journal.Queue, final = r.journal.Queue.without(sent)
	if final {
		r.save()
	}
}

// Status says what the runner works on, for people.
type Status struct {
	Job     string `json:"job"`
	Attempt uint32 `json:"attempt"`
	Image   string `json:"image"`
	Release string `json:"release"`
	// Phase is the next or current one; empty when the attempt is over.
	Phase Phase `json:"phase,omitempty"`
	State State `json:"state"`
	// Reason is why it waits or failed.
	Reason string `json:"reason,omitempty"`
}

// Status gives what j works on; nil for nothing.
func (j Journal) Status() *Status {
	if j.Order == nil {
		return nil
	}
	s := &Status{
		Job: j.Order.Job.String(), Attempt: j.Order.Attempt,
		Image: j.Order.Reimage.Image, Release: j.Order.Reimage.Release, State: Waiting,
	}
	switch {
	case j.Over && j.Reason != reason.None:
		s.State, s.Reason = Failed, j.Reason.String()
	case j.Over:
		s.State = Done
	case j.Done < len(j.Order.Phases):
		s.Phase = j.Order.Phases[j.Done]
	}
	if last := len(j.Queue) - 1; !j.Over && last >= 0 && j.Queue[last].Phase == s.Phase {
		s.State, s.Reason = j.Queue[last].State, reasonText(j.Queue[last].Reason)
	}
	return s
}

func reasonText(code reason.Code) string {
	if code == reason.None {
		return ""
	}
	return code.String()
}
