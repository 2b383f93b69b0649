package control

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/readiness"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// overviewLife is how long an overview is good: one pass over a million rows takes a tenth of a second.
const overviewLife = time.Second

type overviewCache struct {
	mu   sync.Mutex // guards both
	at   time.Time  // real
	last Overview
}

// Overview counts the fleet. It is at most a second old.
func (p *Plane) Overview(context.Context) (Overview, error) {
	c := &p.overview
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) > overviewLife {
		c.last, c.at = p.count(), time.Now()
	}
	return c.last, nil
}

// count sums every row once, by site and by cabinet, and then the sums.
func (p *Plane) count() Overview {
	now := p.clock.Now()
	p.places.mu.RLock()
	sites := make([]fleet.Counts, len(p.places.siteIDs))
	cabinets := make([]fleet.Counts, len(p.places.cabinetIDs))
	p.places.mu.RUnlock()
	p.hot.each(func(r *row) {
		ready := p.readinessLocked(r, now).Ready
		if int(r.site) < len(sites) { // a place made since the tables were sized counts next time
			add(&sites[r.site], fleet.State(r.state), ready)
		}
		if int(r.cabinet) < len(cabinets) {
			add(&cabinets[r.cabinet], fleet.State(r.state), ready)
		}
	})
	return p.assemble(now, sites, cabinets)
}

func add(c *fleet.Counts, s fleet.State, ready bool) {
	c.Total++
	switch s {
	case fleet.Announced:
		c.Announced++
	case fleet.Pending:
		c.Pending++
	case fleet.Active:
		c.Active++
	case fleet.Revoked:
		c.Revoked++
	case fleet.Retired:
		c.Retired++
		return
	}
	if ready {
		c.Ready++
	} else {
		c.NotReady++
	}
}

func sum(into *fleet.Counts, c fleet.Counts) {
	into.Total += c.Total
	into.Announced += c.Announced
	into.Pending += c.Pending
	into.Active += c.Active
	into.Revoked += c.Revoked
	into.Retired += c.Retired
	into.Ready += c.Ready
	into.NotReady += c.NotReady
}

func (p *Plane) assemble(now time.Time, siteCounts, cabinetCounts []fleet.Counts) Overview {
	owners, sites, cabinets := p.places.sorted()
	standing := map[id.Name][]CabinetOverview{} // by site
	for _, c := range cabinets {
		if _, no := p.places.numbers(fleet.Place{Cabinet: c.ID}); int(no) < len(cabinetCounts) {
			standing[c.Site] = append(standing[c.Site], CabinetOverview{Cabinet: c, Counts: cabinetCounts[no]})
		}
	}
	owned := map[id.Name][]SiteOverview{} // by owner
	for _, s := range sites {
		so := SiteOverview{Site: s, Cabinets: standing[s.ID]}
		if no, _ := p.places.numbers(fleet.Place{Site: s.ID}); int(no) < len(siteCounts) {
			so.Counts = siteCounts[no]
		}
		owned[s.Owner] = append(owned[s.Owner], so)
	}
	out := Overview{AsOf: now}
	for _, o := range owners {
		oo := OwnerOverview{Owner: o, Sites: owned[o.ID]}
		for _, s := range oo.Sites {
			sum(&oo.Counts, s.Counts)
		}
		out.Owners = append(out.Owners, oo)
	}
	return out
}

// readinessLocked is the one answer about a device, from its row alone; the row's shard is locked or the
// row is a copy.
func (p *Plane) readinessLocked(r *row, now time.Time) readiness.Status {
	return p.readiness(DeviceRow{Device: r.device(), Presence: r.presence()}, p.night.jobOf(r.id), now)
}

// rowOf completes a stored device with what moves.
func (p *Plane) rowOf(d fleet.Device) DeviceRow {
	r := p.hot.put(d.ID).copy()
	return DeviceRow{Device: d, Presence: r.presence(), Readiness: p.readinessLocked(&r, p.clock.Now())}
}

// MaxPage bounds one page of a list.
const MaxPage = 1000

// Devices lists devices: a list that fits one page in the order of their places, a longer one in that of
// their ids, after the id that the last page ended with.
func (p *Plane) Devices(ctx context.Context, f DeviceFilter, limit int, after string) (rows []DeviceRow, next string, err error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	from := id.Device{}
	if after != "" {
		if from, err = id.ParseDevice(after); err != nil {
			return nil, "", fmt.Errorf("%w: page token: %w", ErrInvalid, err)
		}
	}
	for d, err := range p.stored(ctx, f, from) {
		if err != nil {
			return nil, "", err
		}
		if !matches(d, f.Query) {
			continue
		}
		if len(rows) == limit {
			return rows, rows[limit-1].ID.String(), nil
		}
		rows = append(rows, p.rowOf(d))
	}
	if after == "" {
		slices.SortStableFunc(rows, byPlace)
	}
	return rows, "", nil
}

func byPlace(a, b DeviceRow) int {
	return cmp.Or(
		cmp.Compare(a.Place.Site, b.Place.Site), cmp.Compare(a.Place.Cabinet, b.Place.Cabinet),
		cmp.Compare(a.Place.Slot, b.Place.Slot), cmp.Compare(a.Hostname, b.Hostname),
	)
}

// stored gives the devices after from that pass the filter's fields, in the order of their ids. All of
// them, to be listed or searched for a text, are read in one scan; a part of them one by one.
func (p *Plane) stored(ctx context.Context, f DeviceFilter, from id.Device) iter.Seq2[fleet.Device, error] {
	if (f == DeviceFilter{Query: f.Query}) {
		return p.scanned(ctx, from)
	}
	return func(yield func(fleet.Device, error) bool) {
		for dev := range p.hot.ids(from, p.filter(f)) {
			d, _, err := p.load(ctx, dev)
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

func (p *Plane) scanned(ctx context.Context, from id.Device) iter.Seq2[fleet.Device, error] {
	return func(yield func(fleet.Device, error) bool) {
		for rec, err := range p.store.Scan(ctx, store.Devices, store.Range{From: record.DeviceKey(from)}) {
			var d fleet.Device
			if err == nil {
				d, err = record.DecodeDevice(rec.Value)
			}
			if d.ID == from && err == nil {
				continue
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// filter judges rows by the filter's fields.
func (p *Plane) filter(f DeviceFilter) func(*row) bool {
	owned := p.sitesOf(f.Owner)
	site, cabinet := p.places.numbers(fleet.Place{Site: f.Site, Cabinet: f.Cabinet})
	if (f.Site != "" && site == 0) || (f.Cabinet != "" && cabinet == 0) {
		return func(*row) bool { return false }
	}
	return func(r *row) bool {
		return (f.Owner == "" || owned[r.site]) &&
			(f.Site == "" || r.site == site) &&
			(f.Cabinet == "" || r.cabinet == cabinet) &&
			(f.State == 0 || fleet.State(r.state) == f.State)
	}
}

func (p *Plane) sitesOf(owner id.Name) map[uint32]bool {
	out := map[uint32]bool{}
	p.places.mu.RLock()
	defer p.places.mu.RUnlock()
	for name, s := range p.places.sites {
		if s.Owner == owner {
			out[p.places.siteNo[name]] = true
		}
	}
	return out
}

func matches(d fleet.Device, query string) bool {
	if query == "" {
		return true
	}
	q := strings.ToLower(query)
	for _, s := range []string{d.Hardware.Serial, d.Hostname, d.Hardware.Name(), d.Hardware.ModelKey, d.ID.String()} {
		if strings.Contains(strings.ToLower(s), q) {
			return true
		}
	}
	return false
}

// Device gives one device by id, serial number or host name, with its newest report.
func (p *Plane) Device(ctx context.Context, key string) (DeviceDetail, error) {
	dev, err := p.Find(ctx, key)
	if err != nil {
		return DeviceDetail{}, err
	}
	d, _, err := p.load(ctx, dev)
	if err != nil {
		return DeviceDetail{}, err
	}
	out := DeviceDetail{DeviceRow: p.rowOf(d), Job: p.night.jobOf(dev)}
	rep, err := p.report(ctx, dev)
	if err != nil {
		return DeviceDetail{}, err
	}
	out.Inventory, out.Patch, err = openReport(rep)
	return out, err
}

// inCabinet gives the cabinet's devices in slot order; retired ones are not in it.
func (p *Plane) inCabinet(ctx context.Context, cabinet id.Name) ([]fleet.Device, error) {
	var out []fleet.Device
	for dev := range p.hot.ids(id.Device{}, p.filter(DeviceFilter{Cabinet: cabinet})) {
		d, _, err := p.load(ctx, dev)
		if err != nil {
			return nil, err
		}
		if d.State != fleet.Retired {
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b fleet.Device) int { return a.Place.Slot - b.Place.Slot })
	return out, nil
}

// Counts sums the whole fleet by state.
func (p *Plane) Counts() fleet.Counts {
	var c fleet.Counts
	now := p.clock.Now()
	p.hot.each(func(r *row) { add(&c, fleet.State(r.state), p.readinessLocked(r, now).Ready) })
	return c
}

// Len is how many devices are known, retired ones included.
func (p *Plane) Len() int { return p.hot.len() }
