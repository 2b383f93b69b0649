package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

// Releases finds published releases.
type Releases interface {
	// Release gives the digest of the signed manifest and the size of the disk it makes; ErrNotFound if it
	// is not published, ErrInvalid if its signature is not one that devices will accept.
	Release(ctx context.Context, image, release string) (digest []byte, diskSize int64, err error)
}

// night holds the rollouts and each device's newest job.
type night struct {
	mu       sync.RWMutex // guards the maps; what an entry holds has its own lock
	rollouts map[string]*rollout.Rollout
	byRoll   map[string][]*jobEntry
	byDevice map[id.Device]*jobEntry
	byJob    map[id.Job]*jobEntry
}

// jobEntry is one job. change is held while a decision about it is committed, mu only to read or replace.
type jobEntry struct {
	change sync.Mutex
	mu     sync.RWMutex // guards job and plan
	job    rollout.Job
	plan   forecast
	span   window.Span // of its rollout, never changed
	roll   rollout.Rollout
}

func newNight() *night {
	return &night{
		rollouts: map[string]*rollout.Rollout{}, byRoll: map[string][]*jobEntry{},
		byDevice: map[id.Device]*jobEntry{}, byJob: map[id.Job]*jobEntry{},
	}
}

func (e *jobEntry) get() rollout.Job {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.job
}

// forecast is what the newest plan says of a job: why it has no time, or when it is expected to end.
type forecast struct {
	waits  reason.Code
	finish time.Time
}

func (e *jobEntry) foresee(f forecast) {
	e.mu.Lock()
	e.plan = f
	e.mu.Unlock()
}

func (e *jobEntry) foreseen() forecast {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.plan
}

// jobOf gives a copy of the device's newest job, nil if it never had one.
func (n *night) jobOf(dev id.Device) *rollout.Job {
	n.mu.RLock()
	e := n.byDevice[dev]
	n.mu.RUnlock()
	if e == nil {
		return nil
	}
	j := e.get()
	return &j
}

// assignment gives what the device shall do, nil for nothing.
func (n *night) assignment(dev id.Device) *rollout.Assignment {
	n.mu.RLock()
	e := n.byDevice[dev]
	n.mu.RUnlock()
	if e == nil {
		return nil
	}
	a, ok := rollout.AssignmentOf(e.roll, e.get())
	if !ok {
		return nil
	}
	return &a
}

// untilOpen is how long until the device's window opens; not positive while it is open.
func (n *night) untilOpen(dev id.Device, now time.Time) time.Duration {
	n.mu.RLock()
	e := n.byDevice[dev]
	n.mu.RUnlock()
	if e == nil {
		return 0
	}
	return e.span.Opens.Sub(now)
}

// add takes over a rollout and its jobs; of a device's jobs the newest counts. Rollouts of the cabinet that
// are over are let go: the store keeps them, memory holds what pages show and devices may still report on.
func (n *night) add(r rollout.Rollout, jobs []rollout.Job) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, old := range n.rollouts {
		if old.Cabinet == r.Cabinet && old.State != rollout.Running && !old.CreatedAt.After(r.CreatedAt) {
			n.dropLocked(old.ID)
		}
	}
	n.rollouts[r.ID] = &r
	for _, j := range jobs {
		e := &jobEntry{job: j, span: r.Span, roll: r}
		n.byRoll[r.ID] = append(n.byRoll[r.ID], e)
		n.byJob[j.ID] = e
		if old := n.byDevice[j.Device]; old == nil || old.get().Revision < j.Revision {
			n.byDevice[j.Device] = e
		}
	}
}

func (n *night) dropLocked(rolloutID string) {
	for _, e := range n.byRoll[rolloutID] {
		delete(n.byJob, e.get().ID)
	}
	delete(n.byRoll, rolloutID)
	delete(n.rollouts, rolloutID)
}

// running gives the rollouts that are not over.
func (n *night) running() []rollout.Rollout {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var out []rollout.Rollout
	for _, r := range n.rollouts {
		if r.State == rollout.Running {
			out = append(out, *r)
		}
	}
	slices.SortFunc(out, func(a, b rollout.Rollout) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// of gives the entries of a rollout.
func (n *night) of(rolloutID string) []*jobEntry {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Clone(n.byRoll[rolloutID])
}

// newest gives the rollout that the cabinet's page shows: the running one, else the last.
func (n *night) newest(cabinet id.Name) *rollout.Rollout {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var best *rollout.Rollout
	for _, r := range n.rollouts {
		if r.Cabinet == cabinet && (best == nil || r.CreatedAt.After(best.CreatedAt)) {
			best = r
		}
	}
	if best == nil {
		return nil
	}
	r := *best
	return &r
}

func (p *Plane) loadNight(ctx context.Context) error {
	jobs := map[string][]rollout.Job{}
	if err := loadTable(ctx, p.store, store.Jobs, record.DecodeJob, func(j rollout.Job) { jobs[j.Rollout] = append(jobs[j.Rollout], j) }); err != nil {
		return err
	}
	var rollouts []rollout.Rollout
	if err := loadTable(ctx, p.store, store.Rollouts, record.DecodeRollout, func(r rollout.Rollout) { rollouts = append(rollouts, r) }); err != nil {
		return err
	}
	slices.SortFunc(rollouts, func(a, b rollout.Rollout) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, r := range rollouts {
		p.night.add(r, jobs[r.ID])
	}
	for dev, e := range p.night.byDevice {
		p.assign(dev, e.get())
	}
	return nil
}

// assign has the hot table know which assignment the device should hold.
func (p *Plane) assign(dev id.Device, j rollout.Job) {
	if h, ok := p.hot.find(dev); ok {
		h.with(func(r *row) {
			r.assignment = 0
			if !j.State.Ended() {
				r.assignment = j.Revision
			}
		})
	}
}

// Order is a person's wish for tonight.
type Order struct {
	Cabinet           id.Name
	Image, Release    string
	Open, Close, Bell string
	AtOnce            int
	// Now opens the window at once.
	Now bool
	// DryRun only shows the plan.
	DryRun bool
	// By is the operator's name.
	By string
}

// Push orders a cabinet to a release. Devices that already have a job under way are left to it and the
// order is refused, so that no device ever has two.
func (p *Plane) Push(ctx context.Context, o Order) (rollout.Rollout, CabinetNight, error) {
	r, err := p.order(ctx, o)
	if err != nil {
		return r, CabinetNight{}, err
	}
	p.moving.Lock()
	defer p.moving.Unlock()
	devices, err := p.inCabinet(ctx, o.Cabinet)
	if err != nil {
		return r, CabinetNight{}, err
	}
	jobs, err := p.jobsFor(r, devices)
	if err != nil {
		return r, CabinetNight{}, err
	}
	p.preview(r, jobs)
	if o.DryRun {
		return r, p.nightOf(o.Cabinet, &r, jobs, devices), nil
	}
	if err := p.storeOrder(ctx, r, jobs); err != nil {
		return r, CabinetNight{}, err
	}
	n, err := p.Cabinet(ctx, o.Cabinet)
	return r, n, err
}

func (p *Plane) order(ctx context.Context, o Order) (rollout.Rollout, error) {
	_, site, err := p.places.cabinet(o.Cabinet)
	if err != nil {
		return rollout.Rollout{}, err
	}
	policy, err := policyOf(site.Zone, o)
	if err != nil {
		return rollout.Rollout{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	now := p.clock.Now()
	next := window.Next
	if o.Now {
		next = window.Immediate
	}
	span, err := next(policy, now)
	if err != nil {
		return rollout.Rollout{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	digest, size, err := p.releases.Release(ctx, o.Image, o.Release)
	if err != nil {
		return rollout.Rollout{}, err
	}
	return rollout.Rollout{
		ID: uuid.NewString(), Cabinet: o.Cabinet, Image: o.Image, Release: o.Release, ManifestDigest: digest, TotalBytes: size,
		Policy: policy, Span: span, AtOnce: o.AtOnce, State: rollout.Running, CreatedAt: now, CreatedBy: o.By,
	}, nil
}

func policyOf(zone string, o Order) (window.Policy, error) {
	var errs [3]error
	p := window.Policy{Zone: zone}
	p.Open, errs[0] = window.ParseClock(o.Open)
	p.Close, errs[1] = window.ParseClock(o.Close)
	p.Bell, errs[2] = window.ParseClock(o.Bell)
	return p, errors.Join(errs[:]...)
}

// jobsFor gives every active device of the cabinet a job. Others stay in every count, with their own reason.
func (p *Plane) jobsFor(r rollout.Rollout, devices []fleet.Device) ([]rollout.Job, error) {
	var jobs []rollout.Job
	for _, d := range devices {
		old := p.night.jobOf(d.ID)
		if old != nil && !old.State.Ended() {
			return nil, fmt.Errorf("%w: device %s in slot %d still has a job of rollout %s; wait for it or cancel it", ErrExists, d.ID, d.Place.Slot, old.Rollout)
		}
		if d.State == fleet.Active {
			jobs = append(jobs, rollout.NewJob(r, id.NewJob(), d.ID, newestRevision(old)))
		}
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("%w: cabinet %q holds no enrolled device", ErrInvalid, r.Cabinet)
	}
	return jobs, nil
}

// newestRevision is the highest the device was given.
func newestRevision(old *rollout.Job) uint64 {
	if old == nil {
		return 0
	}
	return old.Revision
}

// maxCommitJobs is how many jobs go into one commit: a cabinet's always fit.
const maxCommitJobs = 1000

func (p *Plane) storeOrder(ctx context.Context, r rollout.Rollout, jobs []rollout.Job) error {
	if len(jobs) > maxCommitJobs {
		return fmt.Errorf("%w: %d devices in one cabinet", ErrInvalid, len(jobs))
	}
	batch := store.Batch{Ops: []store.Op{store.Put(store.Rollouts, []byte(r.ID), record.EncodeRollout(r))}}
	for _, j := range jobs {
		batch.Ops = append(batch.Ops, jobOp(j))
	}
	if _, err := p.store.Commit(ctx, batch); err != nil {
		return fmt.Errorf("store rollout: %w", err)
	}
	p.night.add(r, jobs)
	for _, j := range jobs {
		p.assign(j.Device, j)
	}
	p.log.Info("rollout ordered", "rollout", r.ID, "cabinet", r.Cabinet, "image", r.Image, "release", r.Release, "jobs", len(jobs), "operator", r.CreatedBy)
	return nil
}

func jobOp(j rollout.Job) store.Op {
	return store.Put(store.Jobs, record.JobKey(j.Device, j.ID), record.EncodeJob(j))
}

// decide changes one job: f decides on the job as it is now. The change is committed before anyone sees
// it, unless only byte counts moved: those a device says again.
func (p *Plane) decide(ctx context.Context, e *jobEntry, f func(rollout.Job) (rollout.Job, bool, error)) error {
	e.change.Lock()
	defer e.change.Unlock()
	old := e.get()
	next, changed, err := f(old)
	if err != nil || !changed {
		return err
	}
	if !onlyBytes(old, next) {
		if err := p.storeJob(ctx, e, next); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.job = next
	e.mu.Unlock()
	p.assign(next.Device, next)
	p.changed(e.roll.Cabinet)
	return nil
}

func onlyBytes(old, next rollout.Job) bool {
	old.DoneBytes, old.TotalBytes, old.FetchedBytes = next.DoneBytes, next.TotalBytes, next.FetchedBytes
	old.Number, old.HeardAt = next.Number, next.HeardAt
	return old == next
}

// storeJob commits a job; a successful one writes what the device now holds into its record too.
func (p *Plane) storeJob(ctx context.Context, e *jobEntry, next rollout.Job) error {
	if next.State != rollout.JobSucceeded {
		_, err := p.store.Commit(ctx, store.Batch{Ops: []store.Op{jobOp(next)}})
		if err != nil {
			return fmt.Errorf("store job %s: %w", next.ID, err)
		}
		return nil
	}
	_, err := p.edit(ctx, next.Device, func(d *fleet.Device) error {
		d.Image, d.Release = e.roll.Image, e.roll.Release
		return nil
	}, func(fleet.Device) []store.Op { return []store.Op{jobOp(next)} })
	return err
}

// progress applies one report from a device. A report about a job that is not the device's own is
// dropped with a word in the log: it must not keep the rest of the check-in from being heard.
func (p *Plane) progress(ctx context.Context, peer *Peer, pr rollout.Progress) error {
	p.night.mu.RLock()
	e := p.night.byJob[pr.Job]
	p.night.mu.RUnlock()
	if e == nil || e.get().Device != peer.Device {
		p.log.Warn("progress on a job that is not this device's", "device", peer.Device, "job", pr.Job)
		return nil
	}
	now := p.clock.Now()
	return p.decide(ctx, e, func(j rollout.Job) (rollout.Job, bool, error) {
		next, changed, err := j.Apply(pr, now)
		if err != nil {
			p.log.Warn("progress does not fit the job", "device", peer.Device, "err", err)
		}
		return next, changed, nil
	})
}

// Cancel ends a rollout and its open jobs. A device in the middle of writing finishes all the same, and
// its success then counts.
func (p *Plane) Cancel(ctx context.Context, rolloutID string) error {
	p.night.mu.RLock()
	_, ok := p.night.rollouts[rolloutID]
	p.night.mu.RUnlock()
	if !ok {
		return fmt.Errorf("rollout %q: %w: see nattevakt rollout list", rolloutID, ErrNotFound)
	}
	now := p.clock.Now()
	for _, e := range p.night.of(rolloutID) {
		err := p.decide(ctx, e, func(j rollout.Job) (rollout.Job, bool, error) {
			next, changed := j.Cancel(now)
			return next, changed, nil
		})
		if err != nil {
			return err
		}
	}
	return p.settle(ctx, rolloutID, func(r rollout.Rollout) rollout.Rollout {
		if r.State == rollout.Running {
			r.State = rollout.Cancelled
		}
		return r
	})
}

// settle changes a rollout's own state.
func (p *Plane) settle(ctx context.Context, rolloutID string, f func(rollout.Rollout) rollout.Rollout) error {
	p.night.mu.RLock()
	old := *p.night.rollouts[rolloutID]
	p.night.mu.RUnlock()
	next := f(old)
	if next.State == old.State {
		return nil
	}
	if _, err := p.store.Commit(ctx, store.Batch{Ops: []store.Op{store.Put(store.Rollouts, []byte(next.ID), record.EncodeRollout(next))}}); err != nil {
		return fmt.Errorf("store rollout %s: %w", rolloutID, err)
	}
	p.night.mu.Lock()
	p.night.rollouts[rolloutID] = &next
	p.night.mu.Unlock()
	p.changed(next.Cabinet)
	return nil
}

// RolloutRow is a rollout with its counts.
type RolloutRow struct {
	rollout.Rollout
	Jobs rollout.Sums
}

// Rollouts lists the rollouts that run and the last one of each cabinet, newest first.
func (p *Plane) Rollouts() []RolloutRow {
	p.night.mu.RLock()
	ids := slices.Collect(maps.Keys(p.night.rollouts))
	p.night.mu.RUnlock()
	var out []RolloutRow
	for _, rid := range ids {
		p.night.mu.RLock()
		r := *p.night.rollouts[rid]
		p.night.mu.RUnlock()
		out = append(out, RolloutRow{Rollout: r, Jobs: r.Sum(p.jobs(rid))})
	}
	slices.SortFunc(out, func(a, b RolloutRow) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func (p *Plane) jobs(rolloutID string) []rollout.Job {
	var jobs []rollout.Job
	for _, e := range p.night.of(rolloutID) {
		jobs = append(jobs, e.get())
	}
	return jobs
}
