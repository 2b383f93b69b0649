package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// DefaultZone is the time zone of a site that names none.
const DefaultZone = "Europe/Oslo"

// places holds owners, sites and cabinets: a few thousand, all in memory. Sites and cabinets have small
// numbers, 1 and up, so that a row of the hot table can name them.
type places struct {
	mu         sync.RWMutex // guards all below
	owners     map[id.Name]fleet.Owner
	sites      map[id.Name]fleet.Site
	cabinets   map[id.Name]fleet.Cabinet
	siteNo     map[id.Name]uint32
	cabinetNo  map[id.Name]uint32
	siteIDs    []id.Name // by number
	cabinetIDs []id.Name
}

func newPlaces() *places {
	return &places{
		owners: map[id.Name]fleet.Owner{}, sites: map[id.Name]fleet.Site{}, cabinets: map[id.Name]fleet.Cabinet{},
		siteNo: map[id.Name]uint32{}, cabinetNo: map[id.Name]uint32{},
		siteIDs: []id.Name{""}, cabinetIDs: []id.Name{""},
	}
}

func (p *places) addSite(s fleet.Site) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sites[s.ID] = s
	if _, ok := p.siteNo[s.ID]; !ok {
		p.siteNo[s.ID] = uint32(len(p.siteIDs))
		p.siteIDs = append(p.siteIDs, s.ID)
	}
}

func (p *places) addCabinet(c fleet.Cabinet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cabinets[c.ID] = c
	if _, ok := p.cabinetNo[c.ID]; !ok {
		p.cabinetNo[c.ID] = uint32(len(p.cabinetIDs))
		p.cabinetIDs = append(p.cabinetIDs, c.ID)
	}
}

func (p *places) addOwner(o fleet.Owner) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owners[o.ID] = o
}

func (p *places) numbers(at fleet.Place) (site, cabinet uint32) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.siteNo[at.Site], p.cabinetNo[at.Cabinet]
}

// site gives a site by name.
func (p *places) site(n id.Name) (fleet.Site, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s, ok := p.sites[n]
	if !ok {
		return s, fmt.Errorf("site %q: %w: see nattevakt site list", n, ErrNotFound)
	}
	return s, nil
}

func (p *places) owner(n id.Name) (fleet.Owner, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	o, ok := p.owners[n]
	if !ok {
		return o, fmt.Errorf("owner %q: %w: see nattevakt owner list", n, ErrNotFound)
	}
	return o, nil
}

func (p *places) cabinet(n id.Name) (fleet.Cabinet, fleet.Site, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c, ok := p.cabinets[n]
	if !ok {
		return c, fleet.Site{}, fmt.Errorf("cabinet %q: %w: see nattevakt cabinet list", n, ErrNotFound)
	}
	return c, p.sites[c.Site], nil
}

// sorted gives all three lists by name.
func (p *places) sorted() (owners []fleet.Owner, sites []fleet.Site, cabinets []fleet.Cabinet) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, k := range slices.Sorted(maps.Keys(p.owners)) {
		owners = append(owners, p.owners[k])
	}
	for _, k := range slices.Sorted(maps.Keys(p.sites)) {
		sites = append(sites, p.sites[k])
	}
	for _, k := range slices.Sorted(maps.Keys(p.cabinets)) {
		cabinets = append(cabinets, p.cabinets[k])
	}
	return owners, sites, cabinets
}

// resolve completes a place and checks that its parts exist and belong together.
func (p *places) resolve(at fleet.Place) (fleet.Place, error) {
	if at.Cabinet != "" {
		c, _, err := p.cabinet(at.Cabinet)
		if err != nil {
			return at, err
		}
		if at.Site != "" && at.Site != c.Site {
			return at, fmt.Errorf("cabinet %q stands at %q, not at %q", at.Cabinet, c.Site, at.Site)
		}
		if at.Slot > c.Slots {
			return at, fmt.Errorf("cabinet %q has %d slots, there is no slot %d", at.Cabinet, c.Slots, at.Slot)
		}
		at.Site = c.Site
	} else if at.Slot != 0 {
		return at, fmt.Errorf("slot %d needs a cabinet", at.Slot)
	}
	if at.Site == "" {
		return at, nil
	}
	s, err := p.site(at.Site)
	if err != nil {
		return at, err
	}
	if at.Owner != "" && at.Owner != s.Owner {
		return at, fmt.Errorf("site %q belongs to %q, not to %q", at.Site, s.Owner, at.Owner)
	}
	at.Owner = s.Owner
	return at, nil
}

// ErrExists means that something of this name is there already.
var ErrExists = errors.New("exists already")

// CreateOwner adds a municipality or county.
func (p *Plane) CreateOwner(ctx context.Context, o fleet.Owner) error {
	if err := p.create(ctx, store.Owners, o.ID, record.EncodeOwner(o)); err != nil {
		return fmt.Errorf("owner %q: %w", o.ID, err)
	}
	p.places.addOwner(o)
	return nil
}

// CreateSite adds a school to an owner.
func (p *Plane) CreateSite(ctx context.Context, s fleet.Site) error {
	if _, err := p.places.owner(s.Owner); err != nil {
		return err
	}
	if s.Zone == "" {
		s.Zone = DefaultZone
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "Local" {
		return fmt.Errorf("site %q: %w: time zone %q is unknown; use a name like Europe/Oslo", s.ID, ErrInvalid, s.Zone)
	}
	if err := p.create(ctx, store.Sites, s.ID, record.EncodeSite(s)); err != nil {
		return fmt.Errorf("site %q: %w", s.ID, err)
	}
	p.places.addSite(s)
	return nil
}

// CreateCabinet adds a charging cabinet to a site.
func (p *Plane) CreateCabinet(ctx context.Context, c fleet.Cabinet) error {
	if _, err := p.places.site(c.Site); err != nil {
		return err
	}
	if err := p.create(ctx, store.Cabinets, c.ID, record.EncodeCabinet(c)); err != nil {
		return fmt.Errorf("cabinet %q: %w", c.ID, err)
	}
	p.places.addCabinet(c)
	return nil
}

func (p *Plane) create(ctx context.Context, t store.Table, name id.Name, value []byte) error {
	if _, err := id.ParseName(string(name)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	_, err := p.store.Commit(ctx, store.Batch{
		Checks: []store.Check{{Table: t, Key: []byte(name)}},
		Ops:    []store.Op{store.Put(t, []byte(name), value)},
	})
	if errors.Is(err, store.ErrConflict) {
		return ErrExists
	}
	return err
}
