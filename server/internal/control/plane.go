package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// Pace is how often devices call, in real time.
type Pace struct {
	// Idle is the interval of a device with nothing to do; Busy that of one with work in an open window.
	Idle, Busy time.Duration
}

// DefaultPace parks idle devices: a quarter of an hour costs a million of them a third of a core.
var DefaultPace = Pace{Idle: 15 * time.Minute, Busy: 2 * time.Second}

// Options for Open. Store and CA stay the caller's to close.
type Options struct {
	Store store.Store
	CA    *ca.CA
	// Dir holds the presence snapshot.
	Dir      string
	Clock    Clock
	Pace     Pace
	Releases Releases
	Log      *slog.Logger
}

// Plane is the control plane. Its methods may be called from any number of goroutines.
type Plane struct {
	store    store.Store
	ca       *ca.CA
	prover   *ca.Prover
	clock    Clock
	pace     Pace
	releases Releases
	log      *slog.Logger
	snapshot string

	hot      *hotTable
	places   *places
	night    *night
	watchers watchers
	overview overviewCache
	stripes  stripes
	moving   sync.Mutex // held while a device changes place
	entering sync.Mutex // held while a machine enters by a token

	stop context.CancelFunc
	done sync.WaitGroup
}

// The control plane's own loops.
const (
	snapshotEvery = time.Minute
	planEvery     = time.Second
)

// Open loads what is live into memory and starts the planner. Close ends it.
func Open(ctx context.Context, o Options) (*Plane, error) {
	if o.Pace == (Pace{}) {
		o.Pace = DefaultPace
	}
	p := &Plane{
		store: o.Store, ca: o.CA, prover: ca.NewProver(), clock: o.Clock, pace: o.Pace, releases: o.Releases, log: o.Log,
		snapshot: filepath.Join(o.Dir, "presence.snap"),
		hot:      newHotTable(), places: newPlaces(), night: newNight(),
	}
	p.watchers.init()
	if err := p.loadAll(ctx); err != nil {
		return nil, fmt.Errorf("load store: %w", err)
	}
	if err := p.hot.loadSnapshot(p.snapshot); err != nil {
		p.log.Warn("starting without presence", "err", err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.done.Go(func() { p.every(run, snapshotEvery, p.saveSnapshot) })
	p.done.Go(func() { p.every(run, planEvery, p.planNights) })
	return p, nil
}

// Close ends the loops and saves presence. Calls that are under way must have ended.
func (p *Plane) Close() error {
	p.stop()
	p.done.Wait()
	return p.hot.saveSnapshot(p.snapshot)
}

func (p *Plane) every(ctx context.Context, d time.Duration, f func(context.Context)) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f(ctx)
		}
	}
}

func (p *Plane) saveSnapshot(context.Context) {
	if err := p.hot.saveSnapshot(p.snapshot); err != nil {
		p.log.Error("presence is not saved; a restart would show devices as unseen until they call", "err", err)
	}
}

// Now is the control plane's time.
func (p *Plane) Now() time.Time { return p.clock.Now() }

func (p *Plane) loadAll(ctx context.Context) error {
	return errors.Join(p.loadPlaces(ctx), p.loadDevices(ctx), p.loadNight(ctx))
}

func (p *Plane) loadPlaces(ctx context.Context) error {
	return errors.Join(
		loadTable(ctx, p.store, store.Owners, record.DecodeOwner, p.places.addOwner),
		loadTable(ctx, p.store, store.Sites, record.DecodeSite, p.places.addSite),
		loadTable(ctx, p.store, store.Cabinets, record.DecodeCabinet, p.places.addCabinet),
	)
}

// loadDevices reads the devices on all cores, those whose ids share their first byte at a time: decoding a
// million of them is most of a start.
func (p *Plane) loadDevices(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for first := range 256 {
		g.Go(func() error {
			return loadRange(ctx, p.store, store.Devices, store.Range{Prefix: []byte{byte(first)}}, record.DecodeDevice, p.loadDevice)
		})
	}
	return g.Wait()
}

func (p *Plane) loadDevice(d fleet.Device) {
	site, cabinet := p.places.numbers(d.Place)
	p.hot.put(d.ID).with(func(r *row) { r.take(d, site, cabinet) })
}

func loadTable[T any](ctx context.Context, s store.Store, t store.Table, decode func([]byte) (T, error), take func(T)) error {
	return loadRange(ctx, s, t, store.Range{}, decode, take)
}

// loadRange reads a part of a table. A row that cannot be read ends it: a store that lost one row may
// have lost more, and the operator must know before the night does.
func loadRange[T any](ctx context.Context, s store.Store, t store.Table, part store.Range, decode func([]byte) (T, error), take func(T)) error {
	for rec, err := range s.Scan(ctx, t, part) {
		if err != nil {
			return err
		}
		v, err := decode(rec.Value)
		if err != nil {
			return fmt.Errorf("%s %s: %w", t, store.Printable(rec.Key), err)
		}
		take(v)
	}
	return nil
}
