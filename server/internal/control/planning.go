package control

import (
	"context"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/plan"
	"github.com/nattevakt/nattevakt/server/internal/readiness"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

// missedCalls is how many calls a device with work may miss before it counts as silent. It matters where
// a demonstration's clock runs so fast that the plan's own lease is over between two calls.
const missedCalls = 20

// lease is how long a device may hold a place in silence.
func (p *Plane) lease(now time.Time) time.Duration {
	calls := time.Duration(float64(missedCalls*p.pace.Busy) * p.clock.RateAt(now))
	return max(plan.DefaultLease, calls)
}

// planNights is the planner's loop body: for every running rollout, ask the plan and carry out what it
// says; once the window is over, end what has not ended.
func (p *Plane) planNights(ctx context.Context) {
	now := p.clock.Now()
	for _, r := range p.night.running() {
		if err := p.planRollout(ctx, r, now); err != nil && ctx.Err() == nil {
			p.log.Error("planning", "rollout", r.ID, "cabinet", r.Cabinet, "err", err)
		}
	}
}

func (p *Plane) planRollout(ctx context.Context, r rollout.Rollout, now time.Time) error {
	entries := p.night.of(r.ID)
	if !now.Before(r.Deadline()) {
		if err := p.expire(ctx, r, entries, now); err != nil {
			return err
		}
	} else if err := p.act(ctx, r, entries, now); err != nil {
		return err
	}
	return p.settle(ctx, r.ID, func(r rollout.Rollout) rollout.Rollout { return r.Settle(p.jobs(r.ID)) })
}

// act carries out what the plan grants and withdraws. The planner alone grants, one rollout of a cabinet
// at a time, so what it counted still holds when it acts.
func (p *Plane) act(ctx context.Context, r rollout.Rollout, entries []*jobEntry, now time.Time) error {
	night := plan.Night(p.planSnapshot(r, p.jobs(r.ID), now), now)
	forecasts := map[id.Device]forecast{}
	for _, w := range night.Waits {
		forecasts[w.Device] = forecast{waits: w.Reason}
	}
	for _, starts := range [][]plan.Start{night.Starts, night.Working} {
		for _, s := range starts {
			forecasts[s.Device] = forecast{finish: s.Finish}
		}
	}
	for _, e := range entries {
		e.foresee(forecasts[e.get().Device])
	}
	for _, job := range night.Withdraw {
		err := p.decide(ctx, p.night.entry(job), func(j rollout.Job) (rollout.Job, bool, error) {
			next, err := j.Withdraw(now)
			return next, err == nil, nil // it ended meanwhile: nothing to withdraw
		})
		if err != nil {
			return err
		}
	}
	for _, job := range night.Grant {
		err := p.decide(ctx, p.night.entry(job), func(j rollout.Job) (rollout.Job, bool, error) {
			next, err := j.Grant(now)
			return next, err == nil, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *night) entry(job id.Job) *jobEntry {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byJob[job]
}

// planSnapshot is the cabinet as the plan sees it: the devices that have a job in this rollout.
func (p *Plane) planSnapshot(r rollout.Rollout, jobs []rollout.Job, now time.Time) plan.Snapshot {
	s := plan.Snapshot{Cabinet: fleet.Cabinet{ID: r.Cabinet}, Rollout: &r, Lease: p.lease(now)}
	for i := range jobs {
		if h, ok := p.hot.find(jobs[i].Device); ok {
			row := h.copy()
			s.Devices = append(s.Devices, planDevice(row.device(), int(row.slot), row.presence(), &jobs[i]))
		}
	}
	return s
}

func planDevice(d fleet.Device, slot int, pr fleet.Presence, j *rollout.Job) plan.Device {
	return plan.Device{ID: d.ID, State: d.State, StateReason: d.StateReason, Slot: slot, Presence: pr, Job: j}
}

// expire ends every job that the night is too short for. A device in the middle of a disruptive phase is
// not stopped: its report still counts when it comes.
func (p *Plane) expire(ctx context.Context, r rollout.Rollout, entries []*jobEntry, now time.Time) error {
	for _, e := range entries {
		contact := rollout.Contact{Opened: r.Span.Opens}
		if h, ok := p.hot.find(e.get().Device); ok {
			row := h.copy()
			pr := row.presence()
			contact.LastSeen, contact.NextDue = pr.LastSeen, pr.NextDue
			contact.WrongClock = readiness.WrongClock(pr)
		}
		err := p.decide(ctx, e, func(j rollout.Job) (rollout.Job, bool, error) {
			next, changed := j.Expire(now, contact)
			return next, changed, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// preview fills in when each job of a new order is planned to start.
func (p *Plane) preview(r rollout.Rollout, jobs []rollout.Job) {
	now := p.clock.Now()
	byJob := map[id.Job]*rollout.Job{}
	for i := range jobs {
		byJob[jobs[i].ID] = &jobs[i]
	}
	for _, start := range plan.Night(p.planSnapshot(r, jobs, now), now).Starts {
		byJob[start.Job].PlannedStart = start.At
	}
}

// Cabinet tells what the cabinet does tonight and what came of it, with every device of it in slot order.
func (p *Plane) Cabinet(ctx context.Context, name id.Name) (CabinetNight, error) {
	if _, _, err := p.places.cabinet(name); err != nil {
		return CabinetNight{}, err
	}
	devices, err := p.inCabinet(ctx, name)
	if err != nil {
		return CabinetNight{}, err
	}
	r := p.night.newest(name)
	var jobs []rollout.Job
	if r != nil {
		jobs = p.jobs(r.ID)
	}
	return p.nightOf(name, r, jobs, devices), nil
}

// Nights gives every cabinet that a rollout is or was ordered for, by name.
func (p *Plane) Nights(ctx context.Context) ([]CabinetNight, error) {
	_, _, cabinets := p.places.sorted()
	var out []CabinetNight
	for _, c := range cabinets {
		if p.night.newest(c.ID) == nil {
			continue
		}
		n, err := p.Cabinet(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func (p *Plane) nightOf(name id.Name, r *rollout.Rollout, jobs []rollout.Job, devices []fleet.Device) CabinetNight {
	now := p.clock.Now()
	out := CabinetNight{Rollout: r, Total: len(devices)}
	out.Cabinet, out.Site, _ = p.places.cabinet(name) // known to the caller
	byDevice := map[id.Device]*rollout.Job{}
	for i := range jobs {
		byDevice[jobs[i].Device] = &jobs[i]
	}
	if r != nil {
		out.Jobs = r.Sum(jobs)
	}
	out.ExpectedFinish = p.expectedFinish(r, jobs, now)
	for _, d := range devices {
		line := DeviceNight{DeviceRow: p.rowOf(d), Job: byDevice[d.ID]}
		line.Readiness = p.readiness(line.DeviceRow, line.Job, now)
		if line.Readiness.Ready {
			out.Ready++
		}
		out.Devices = append(out.Devices, line)
	}
	return out
}

// expectedFinish is when the plan expects the last open job to end; of an order that is only tried out,
// too.
func (p *Plane) expectedFinish(r *rollout.Rollout, jobs []rollout.Job, now time.Time) time.Time {
	if r == nil {
		return time.Time{}
	}
	return plan.Night(p.planSnapshot(*r, jobs, now), now).Finish
}

// readiness is the one answer about a device, on every surface.
func (p *Plane) readiness(d DeviceRow, j *rollout.Job, now time.Time) readiness.Status {
	f := readiness.Facts{Device: d.Device, Presence: d.Presence, Job: j}
	if j != nil {
		if e := p.night.entry(j.ID); e != nil {
			plan := e.foreseen()
			f.Opens, f.Waits, f.Finish = e.span.Opens, plan.waits, plan.finish
		}
	}
	return readiness.Of(f, now)
}
