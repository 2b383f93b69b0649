package plan

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

// Night plans one cabinet as of now.
func Night(s Snapshot, now time.Time) Plan {
	n := night{Snapshot: s, now: now}
	if n.Lease <= 0 {
		n.Lease = DefaultLease
	}
	queue := n.sort()
	if n.Rollout != nil {
		n.schedule(queue)
	}
	for _, starts := range [][]Start{n.plan.Starts, n.plan.Working} {
		for _, s := range starts {
			if s.Finish.After(n.plan.Finish) {
				n.plan.Finish = s.Finish
			}
		}
	}
	return n.plan
}

// night is one planning: the snapshot, and the plan as it grows.
type night struct {
	Snapshot
	now  time.Time
	plan Plan
}

// sort puts every device where it belongs but those that want a place; they come back in their order.
func (n *night) sort() (queue []Device) {
	for _, d := range n.Devices {
		switch {
		case d.Job == nil:
			n.withoutJob(d)
		case d.Job.State.Ended():
			n.plan.Ended = append(n.plan.Ended, d.ID)
		case n.Rollout == nil:
			n.plan.Idle = append(n.plan.Idle, d.ID)
		case d.Job.Busy() && !n.holderSilent(d):
			at, finish := n.forecast(d)
			n.plan.Working = append(n.plan.Working, Start{Device: d.ID, Job: d.Job.ID, At: at, Finish: finish})
		case d.Job.Busy():
			n.plan.Withdraw = append(n.plan.Withdraw, d.Job.ID)
			fallthrough
		default:
			queue = append(queue, d)
		}
	}
	slices.SortFunc(queue, n.before)
	return queue
}

func (n *night) withoutJob(d Device) {
	if d.State == fleet.Active {
		n.plan.Idle = append(n.plan.Idle, d.ID)
		return
	}
	n.wait(d, whyNotActive(d))
}

func whyNotActive(d Device) reason.Code {
	switch {
	case d.State == fleet.Retired:
		return reason.Retired
	case d.State == fleet.Announced:
		return reason.NeverSeen
	case d.StateReason != reason.None:
		return d.StateReason
	case d.State == fleet.Revoked:
		return reason.IdentityRevoked
	}
	return reason.AwaitingApproval
}

func (n *night) wait(d Device, why reason.Code) {
	n.plan.Waits = append(n.plan.Waits, Wait{Device: d.ID, Reason: why})
}

// before orders the queue: those that answer first, then first attempts, then by slot. The id settles
// what is left, so that a snapshot in another order gives the same plan.
func (n *night) before(a, b Device) int {
	return cmp.Or(
		boolCompare(n.silent(a), n.silent(b)),
		cmp.Compare(a.Job.Attempt, b.Job.Attempt),
		cmp.Compare(a.Slot, b.Slot),
		bytes.Compare(a.ID[:], b.ID[:]),
	)
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// silent: not heard for the length of a lease, and not asleep as told either.
func (n *night) silent(d Device) bool {
	return n.now.Sub(d.Presence.LastSeen) > n.Lease && n.now.After(d.Presence.NextDue.Add(n.Lease))
}

// holderSilent is stricter: a device that holds a place was told to call often.
func (n *night) holderSilent(d Device) bool {
	for _, sign := range []time.Time{d.Presence.LastSeen, d.Job.HeardAt, d.Job.GrantedAt} {
		if n.now.Sub(sign) <= n.Lease {
			return false
		}
	}
	return true
}

func (n *night) expected(d Device) time.Duration {
	if d.Expected > 0 {
		return d.Expected
	}
	return Estimate(n.Rollout.TotalBytes, n.Rate)
}

// forecast is when a device that holds a place began and will be done. One that is late is given a
// quarter of its time once more, from now.
func (n *night) forecast(d Device) (at, finish time.Time) {
	at = d.Job.StartedAt
	if at.IsZero() {
		at = d.Job.GrantedAt
	}
	expected := n.expected(d)
	finish = at.Add(expected)
	if finish.After(n.now) {
		return at, finish
	}
	return at, n.now.Add(max(expected/4, time.Second))
}

// schedule gives the queue its times, and grants what may begin now.
func (n *night) schedule(queue []Device) {
	places := n.places()
	deadline, open := n.Rollout.Deadline(), !n.now.Before(n.Rollout.Span.Opens)
	for _, d := range queue {
		if why := n.whyNot(d, open); why != reason.None {
			n.wait(d, why)
			continue
		}
		at, i := earliest(places)
		finish := at.Add(n.expected(d))
		if i < 0 || finish.After(deadline) {
			n.wait(d, reason.NotEnoughTime)
			continue
		}
		places[i] = finish
		n.plan.Starts = append(n.plan.Starts, Start{Device: d.ID, Job: d.Job.ID, At: at, Finish: finish})
		if open && !at.After(n.now) {
			n.plan.Grant = append(n.plan.Grant, d.Job.ID)
		}
	}
}

// whyNot is why a device gets no time at all. Before the window opens everybody has a place in the plan;
// once it is open, a grant could not reach a device that does not call.
func (n *night) whyNot(d Device, open bool) reason.Code {
	switch {
	case n.Rollout.State != rollout.Running:
		return reason.Cancelled
	case d.State != fleet.Active:
		return whyNotActive(d)
	case open && d.Job.Busy(): // just withdrawn
		return reason.NoContact
	case open && d.Presence.LastSeen.IsZero():
		return reason.NeverSeen
	case open && n.silent(d):
		return reason.NoContact
	}
	return reason.None
}

// places says when each of the AtOnce places gets free: at the opening, or when a device that works is
// expected to be done. Should more be working than there are places, the first to finish free none.
func (n *night) places() []time.Time {
	free := n.now
	if n.Rollout.Span.Opens.After(free) {
		free = n.Rollout.Span.Opens
	}
	var places []time.Time
	for _, w := range n.plan.Working {
		places = append(places, w.Finish)
	}
	for len(places) < n.Rollout.AtOnce {
		places = append(places, free)
	}
	slices.SortFunc(places, time.Time.Compare)
	return places[len(places)-max(n.Rollout.AtOnce, 0):]
}

// earliest is the place that is free first, of equals the first; -1 if there are no places.
func earliest(places []time.Time) (at time.Time, i int) {
	i = -1
	for k, t := range places {
		if i < 0 || t.Before(at) {
			at, i = t, k
		}
	}
	return at, i
}
