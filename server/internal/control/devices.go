package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// maxTries bounds how often a change is decided again because somebody else wrote first.
const maxTries = 8

// load reads one device's record.
func (p *Plane) load(ctx context.Context, dev id.Device) (fleet.Device, store.Rev, error) {
	rec, err := p.store.Get(ctx, store.Devices, dev[:])
	if errors.Is(err, store.ErrNotFound) {
		return fleet.Device{}, 0, fmt.Errorf("device %s: %w", dev, ErrNotFound)
	}
	if err != nil {
		return fleet.Device{}, 0, err
	}
	d, err := record.DecodeDevice(rec.Value)
	return d, rec.Rev, err
}

// edit changes one device's record: f decides on what is stored, and is asked again if somebody else
// wrote meanwhile. An error of f ends the edit and is returned as it is. Nothing is written when f
// changes nothing. extra gives further operations for the same commit; nil for none.
func (p *Plane) edit(ctx context.Context, dev id.Device, f func(*fleet.Device) error, extra func(fleet.Device) []store.Op) (fleet.Device, error) {
	unlock := p.stripes.lock(dev)
	defer unlock()
	for range maxTries {
		d, rev, err := p.load(ctx, dev)
		if err != nil {
			return d, err
		}
		old := d
		if err := f(&d); err != nil {
			return d, err
		}
		batch := store.Batch{Checks: []store.Check{{Table: store.Devices, Key: dev[:], Rev: rev}}}
		batch.Ops = deviceOps(&old, d)
		if extra != nil {
			batch.Ops = append(batch.Ops, extra(d)...)
		}
		_, err = p.store.Commit(ctx, batch)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return d, fmt.Errorf("store device %s: %w", dev, err)
		}
		p.remember(d)
		return d, nil
	}
	return fleet.Device{}, fmt.Errorf("device %s: %w", dev, store.ErrConflict)
}

// remember puts a stored record's part into the hot table.
func (p *Plane) remember(d fleet.Device) {
	site, cabinet := p.places.numbers(d.Place)
	p.hot.put(d.ID).with(func(r *row) { r.take(d, site, cabinet) })
	p.changed(d.Place.Cabinet)
}

// NewDevice is what stores a device that is not stored yet. Only for filling a store before a Plane is
// opened on it.
func NewDevice(d fleet.Device) []store.Op { return deviceOps(nil, d) }

// deviceOps writes d and keeps the index of serial numbers, UUIDs and host names in step; old is nil for
// a new device.
func deviceOps(old *fleet.Device, d fleet.Device) []store.Op {
	ops := []store.Op{store.Put(store.Devices, slices.Clone(d.ID[:]), record.EncodeDevice(d))}
	now := indexKeys(d)
	if old != nil {
		for _, k := range indexKeys(*old) {
			if !slices.ContainsFunc(now, func(n []byte) bool { return bytes.Equal(n, k) }) {
				ops = append(ops, store.Delete(store.Serials, k))
			}
		}
	}
	for _, k := range now {
		ops = append(ops, store.Put(store.Serials, k, nil))
	}
	return ops
}

// The index holds what people and machines call a device by, in one letter case.
const (
	bySerial   = "s:"
	byUUID     = "u:"
	byHostname = "h:"
)

func indexKeys(d fleet.Device) [][]byte {
	var keys [][]byte
	for _, k := range []struct{ kind, name string }{
		{bySerial, d.Hardware.Serial}, {byUUID, d.Hardware.SystemUUID}, {byHostname, d.Hostname},
	} {
		if k.name != "" {
			keys = append(keys, record.SerialKey(k.kind+strings.ToLower(k.name), d.ID))
		}
	}
	return keys
}

// maxSame bounds how many devices may share one serial number or host name in an answer.
const maxSame = 100

// named gives the devices that the index knows under name.
func (p *Plane) named(ctx context.Context, kind, name string) ([]id.Device, error) {
	var ids []id.Device
	if name == "" {
		return nil, nil
	}
	want := kind + strings.ToLower(name)
	for rec, err := range p.store.Scan(ctx, store.Serials, store.Range{Prefix: record.SerialPrefix(want)}) {
		if err != nil {
			return nil, err
		}
		have, dev, err := record.ParseSerialKey(rec.Key)
		if err != nil {
			return nil, err
		}
		if have != want {
			continue // a name with a NUL in it
		}
		if ids = append(ids, dev); len(ids) == maxSame {
			break
		}
	}
	return ids, nil
}

// known loads the devices that share a serial number or system UUID with hw.
func (p *Plane) known(ctx context.Context, hw fleet.Hardware) ([]fleet.Device, error) {
	bySer, err := p.named(ctx, bySerial, hw.Serial)
	if err != nil {
		return nil, err
	}
	byID, err := p.named(ctx, byUUID, hw.SystemUUID)
	if err != nil {
		return nil, err
	}
	ids := append(bySer, byID...)
	slices.SortFunc(ids, func(a, b id.Device) int { return bytes.Compare(a[:], b[:]) })
	var out []fleet.Device
	for _, dev := range slices.Compact(ids) {
		d, _, err := p.load(ctx, dev)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// Find turns what a person typed (an id, a serial number, a host name) into one device.
func (p *Plane) Find(ctx context.Context, key string) (id.Device, error) {
	if dev, err := id.ParseDevice(key); err == nil {
		if _, ok := p.hot.find(dev); ok {
			return dev, nil
		}
	}
	for _, kind := range []string{bySerial, byHostname} {
		ids, err := p.named(ctx, kind, key)
		if err != nil {
			return id.Device{}, err
		}
		if len(ids) == 1 {
			return ids[0], nil
		}
		if len(ids) > 1 {
			return id.Device{}, fmt.Errorf("%w: %q names %d devices; use one of their ids: %s", ErrInvalid, key, len(ids), join(ids))
		}
	}
	return id.Device{}, fmt.Errorf("device %q: %w: give an id, a serial number or a host name", key, ErrNotFound)
}

func join(ids []id.Device) string {
	var b strings.Builder
	for i, dev := range ids[:min(len(ids), 5)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(dev.String())
	}
	return b.String()
}

// Place moves a device. A slot that another device of the cabinet holds is refused.
func (p *Plane) Place(ctx context.Context, key string, to fleet.Place) (DeviceRow, error) {
	to, err := p.places.resolve(to)
	if err != nil {
		return DeviceRow{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	// One move at a time: a slot is free or not for all of them.
	p.moving.Lock()
	defer p.moving.Unlock()
	return p.change(ctx, key, func(d *fleet.Device) error {
		if other, taken := p.inSlot(to); taken && other != d.ID {
			return fmt.Errorf("%w: slot %d of %s holds device %s", ErrExists, to.Slot, to.Cabinet, other)
		}
		p.changed(d.Place.Cabinet)
		d.Place = to
		return nil
	})
}

func (p *Plane) inSlot(at fleet.Place) (id.Device, bool) {
	if at.Slot == 0 {
		return id.Device{}, false
	}
	_, cabinet := p.places.numbers(at)
	var found id.Device
	p.hot.each(func(r *row) {
		if r.cabinet == cabinet && int(r.slot) == at.Slot && fleet.State(r.state) != fleet.Retired {
			found = r.id
		}
	})
	return found, !found.IsZero()
}

// Approve lets a waiting machine in at its next call, with the key it showed. A revoked one becomes
// announced again: it may ask anew, with a token or for approval.
func (p *Plane) Approve(ctx context.Context, key string) (DeviceRow, error) {
	return p.change(ctx, key, func(d *fleet.Device) error {
		switch d.State {
		case fleet.Pending:
			d.Identity.Approved = true
		case fleet.Revoked:
			d.State, d.StateReason, d.Identity = fleet.Announced, reason.None, fleet.Identity{}
		default:
			return fmt.Errorf("%w: device is %s, only a waiting or revoked one can be approved", ErrInvalid, d.State)
		}
		return nil
	})
}

// Revoke ends a device's identity at once.
func (p *Plane) Revoke(ctx context.Context, key string) (DeviceRow, error) {
	return p.change(ctx, key, func(d *fleet.Device) error {
		if d.State == fleet.Retired {
			return fmt.Errorf("%w: device is retired", ErrInvalid)
		}
		d.State, d.StateReason = fleet.Revoked, reason.IdentityRevoked
		d.Identity.Approved = false
		return nil
	})
}

// Retire takes a device out of service; its slot is free, its record stays.
func (p *Plane) Retire(ctx context.Context, key string) (DeviceRow, error) {
	return p.change(ctx, key, func(d *fleet.Device) error {
		d.State, d.StateReason = fleet.Retired, reason.Retired
		d.Identity.Approved = false
		return nil
	})
}

func (p *Plane) change(ctx context.Context, key string, f func(*fleet.Device) error) (DeviceRow, error) {
	dev, err := p.Find(ctx, key)
	if err != nil {
		return DeviceRow{}, err
	}
	d, err := p.edit(ctx, dev, f, nil)
	if err != nil {
		return DeviceRow{}, err
	}
	return p.rowOf(d), nil
}

// alarm records that a call with this device's identity was refused. It is written at most once an hour
// for the same reason, so that a clone cannot fill the disk.
func (p *Plane) alarm(ctx context.Context, dev id.Device, why reason.Code) {
	now := p.clock.Now()
	_, err := p.edit(ctx, dev, func(d *fleet.Device) error {
		if d.Alarm == why && now.Sub(d.AlarmAt) < time.Hour {
			return errUnchanged
		}
		d.Alarm, d.AlarmAt = why, now
		return nil
	}, nil)
	if err != nil && !errors.Is(err, errUnchanged) {
		p.log.Error("record alarm", "device", dev, "reason", why.String(), "err", err)
	}
}

var errUnchanged = errors.New("nothing to change")
