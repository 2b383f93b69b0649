package plan_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/plan"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

// machine is how a device behaves in the simulation.
type machine struct {
	takes  time.Duration // how long it works, whatever was expected
	wakes  time.Time     // silent before
	dies   time.Time     // silent from then on; zero never
	broken reason.Code   // what it fails with at half time; None succeeds
	worked time.Duration
}

// simulation plays one night in steps of a minute with the real planner and the real jobs.
type simulation struct {
	snapshot plan.Snapshot
	machines []machine
}

const tick = time.Minute

func newSimulation(r *rollout.Rollout, n int) *simulation {
	s := &simulation{snapshot: cabinet(r, n, opens), machines: make([]machine, n)}
	for i := range s.machines {
		s.snapshot.Devices[i].Presence = fleet.Presence{}
		s.machines[i] = machine{takes: s.snapshot.Devices[i].Expected}
	}
	return s
}

// fataler is what *testing.T and *rapid.T share.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (s *simulation) run(t fataler) {
	for now := opens.Add(-time.Hour); now.Before(closes); now = now.Add(tick) {
		for i := range s.machines {
			s.call(t, i, now)
		}
		p := plan.Night(s.snapshot, now)
		s.check(t, p, now)
		s.act(t, p, now)
	}
	for i := range s.snapshot.Devices {
		d := &s.snapshot.Devices[i]
		*d.Job, _ = d.Job.Expire(closes, rollout.Contact{Opened: opens, LastSeen: d.Presence.LastSeen, NextDue: d.Presence.NextDue})
	}
}

// call is one minute of one machine: it checks in, and works if it has its place.
func (s *simulation) call(t fataler, i int, now time.Time) {
	m, d := &s.machines[i], &s.snapshot.Devices[i]
	if now.Before(m.wakes) || (!m.dies.IsZero() && !now.Before(m.dies)) {
		return
	}
	d.Presence = fleet.Presence{LastSeen: now, NextDue: now.Add(tick)}
	if !d.Job.Busy() {
		return
	}
	m.worked += tick
	p := rollout.Progress{Job: d.Job.ID, Attempt: d.Job.Attempt, Number: d.Job.Number + 1, Phase: rollout.PhaseWrite, State: rollout.PhaseRunning}
	switch {
	case m.broken != reason.None && m.worked >= m.takes/2:
		p.State, p.Reason, m.worked = rollout.PhaseFailed, m.broken, 0
	case m.worked >= m.takes:
		p.Phase, p.State = rollout.PhaseConfirm, rollout.PhaseDone
	}
	after, changed, err := d.Job.Apply(p, now)
	if err != nil || !changed {
		t.Fatalf("slot %d at %v: changed %v, %v", d.Slot, now, changed, err)
	}
	*d.Job = after
}

// act does what the control plane would, and holds the limit against the result.
func (s *simulation) act(t fataler, p plan.Plan, now time.Time) {
	t.Helper()
	for _, job := range p.Withdraw {
		s.change(t, job, func(j rollout.Job) (rollout.Job, error) { return j.Withdraw(now) })
	}
	for _, job := range p.Grant {
		s.change(t, job, func(j rollout.Job) (rollout.Job, error) { return j.Grant(now) })
	}
	busy := 0
	for _, d := range s.snapshot.Devices {
		if d.Job.Busy() {
			busy++
		}
	}
	if busy > s.snapshot.Rollout.AtOnce {
		t.Fatalf("%d at once at %v, at most %d", busy, now, s.snapshot.Rollout.AtOnce)
	}
}

func (s *simulation) change(t fataler, job id.Job, how func(rollout.Job) (rollout.Job, error)) {
	t.Helper()
	for _, d := range s.snapshot.Devices {
		if d.Job.ID != job {
			continue
		}
		after, err := how(*d.Job)
		if err != nil {
			t.Fatalf("slot %d: %v", d.Slot, err)
		}
		*d.Job = after
		return
	}
	t.Fatalf("the plan names job %v, which nobody has", job)
}

// check holds the plan's promises against the plan.
func (s *simulation) check(t fataler, p plan.Plan, now time.Time) {
	t.Helper()
	seen := map[id.Device]int{}
	granted := map[id.Job]bool{}
	for _, job := range p.Grant {
		granted[job] = true
	}
	deadline := s.snapshot.Rollout.Deadline()
	for _, start := range p.Starts {
		seen[start.Device]++
		switch {
		case start.At.Before(now) || start.At.Before(opens) || start.Finish.After(deadline):
			t.Fatalf("at %v: start %v, finish %v", now, start.At, start.Finish)
		case granted[start.Job] && (now.Before(opens) || start.At.After(now)):
			t.Fatalf("at %v: granted, but starts %v", now, start.At)
		}
		delete(granted, start.Job)
	}
	if len(granted) != 0 {
		t.Fatalf("at %v: granted without a start", now)
	}
	for _, w := range p.Working {
		seen[w.Device]++
	}
	for _, w := range p.Waits {
		seen[w.Device]++
		if w.Reason == reason.None {
			t.Fatalf("at %v: waits without a reason", now)
		}
	}
	for _, d := range append(p.Ended, p.Idle...) {
		seen[d]++
	}
	for _, d := range s.snapshot.Devices {
		if seen[d.ID] != 1 {
			t.Fatalf("at %v: slot %d is in the plan %d times", now, d.Slot, seen[d.ID])
		}
	}
	s.checkForecast(t, p, now)
}

// checkForecast: at no instant that the plan foresees do more work than may, once those that work now fit.
func (s *simulation) checkForecast(t fataler, p plan.Plan, now time.Time) {
	all := append(append([]plan.Start{}, p.Working...), p.Starts...)
	for _, at := range all {
		busy := 0
		for _, other := range all {
			if !at.At.Before(other.At) && at.At.Before(other.Finish) {
				busy++
			}
		}
		if busy > max(s.snapshot.Rollout.AtOnce, len(p.Working)) {
			t.Fatalf("planned at %v: %d at once at %v", now, busy, at.At)
		}
	}
}

func (s *simulation) sums() rollout.Sums {
	var jobs []rollout.Job
	for _, d := range s.snapshot.Devices {
		jobs = append(jobs, *d.Job)
	}
	return s.snapshot.Rollout.Sum(jobs)
}

func machines() *rapid.Generator[machine] {
	return rapid.Custom(func(t *rapid.T) machine {
		minutes := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Minute
		}
		m := machine{takes: minutes("takes", 5, 90)}
		switch rapid.IntRange(0, 5).Draw(t, "fate") {
		case 0:
			m.wakes = opens.Add(minutes("wakes", -60, 600))
		case 1:
			m.dies = opens.Add(minutes("dies", -60, 480))
		case 2:
			m.broken = rapid.SampledFrom([]reason.Code{reason.ContentUnreachable, reason.DiskError}).Draw(t, "broken")
		case 3: // sleeps through the beginning and dies at work
			m.wakes = opens.Add(minutes("wakes", 0, 200))
			m.dies = m.wakes.Add(minutes("dies", 1, 120))
		}
		return m
	})
}

func TestAnyNightHoldsItsLimitsAndEveryJobEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "devices")
		s := newSimulation(order(rapid.IntRange(1, 8).Draw(t, "at once")), n)
		for i := range s.machines {
			s.machines[i] = machines().Draw(t, "machine")
			s.snapshot.Devices[i].Expected = time.Duration(rapid.IntRange(5, 60).Draw(t, "expected")) * time.Minute
		}
		s.run(t)
		sums := s.sums()
		if sums.Open != 0 || sums.Succeeded+sums.Failed+sums.Expired != n {
			t.Fatalf("%+v of %d", sums, n)
		}
	})
}

// With time enough, dead and slow machines cost the others nothing but a lease and their own time.
func TestDeadMachinesDoNotHoldUpTheQueue(t *testing.T) {
	s := newSimulation(order(2), 12)
	for i := range 6 {
		s.machines[i].dies = opens.Add(time.Duration(i) * time.Minute)
	}
	s.run(t)
	if got := s.sums(); got.Succeeded != 6 || got.Expired != 6 {
		t.Errorf("%+v, want the six that live", got)
	}
}
