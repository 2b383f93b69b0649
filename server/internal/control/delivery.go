package control

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/delivery"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
)

// DeliveryFile is a supplier's list as it was uploaded. Owner and Site fill rows that name none.
type DeliveryFile struct {
	Name        string
	Content     []byte
	DryRun      bool
	Owner, Site id.Name
}

// DeliveryResult counts rows; with problems, nothing was changed.
type DeliveryResult struct {
	Rows, Added, Changed, Unchanged int
	Problems                        []delivery.Problem
}

// deliveryBatch is how many machines go into one commit.
const deliveryBatch = 1000

// ImportDelivery announces the machines of a list. It may be repeated: what is there already and the same
// stays as it is. A list with a problem in any row changes nothing.
func (p *Plane) ImportDelivery(ctx context.Context, f DeliveryFile) (DeliveryResult, error) {
	list, problems := delivery.Parse(f.Name, f.Content, delivery.Defaults{Owner: f.Owner, Site: f.Site})
	out := DeliveryResult{Rows: list.RowsRead, Problems: problems}
	p.moving.Lock()
	defer p.moving.Unlock()
	im := &importing{plane: p, taken: map[slot]int{}}
	for _, r := range list.Rows {
		if err := im.row(ctx, r, &out); err != nil {
			return out, err
		}
	}
	if len(out.Problems) > 0 || f.DryRun {
		return out, nil
	}
	return out, im.commit(ctx)
}

// slot is one place in one cabinet.
type slot struct {
	cabinet id.Name
	number  int
}

// importing is one list on its way in.
type importing struct {
	plane   *Plane
	taken   map[slot]int // row number that asked for it
	changes []announcement
}

type announcement struct {
	device fleet.Device
	old    *fleet.Device
	rev    store.Rev
}

// row decides what one row changes, or adds its problem.
func (im *importing) row(ctx context.Context, r delivery.Row, out *DeliveryResult) error {
	problem := func(column, value, nb, en string) {
		if len(out.Problems) < delivery.MaxProblems {
			out.Problems = append(out.Problems, delivery.Problem{Row: r.Number, Column: column, Value: value, Text: nb, English: en})
		}
	}
	at, err := im.plane.places.resolve(r.Place)
	if err != nil {
		problem("", string(r.Place.Site)+" "+string(r.Place.Cabinet), "stedet finnes ikke: "+err.Error(), err.Error())
		return nil
	}
	r.Place = at
	known, err := im.plane.named(ctx, bySerial, r.Serial)
	if err != nil {
		return err
	}
	if len(known) > 1 {
		problem("", r.Serial, fmt.Sprintf("%d maskiner har dette serienummeret alt: rydd i dem først", len(known)), fmt.Sprintf("%d devices have this serial number already: settle those first", len(known)))
		return nil
	}
	change, err := im.decide(ctx, r, known)
	if err != nil {
		return err
	}
	if nb, en, clash := im.slotTaken(r, change.device.ID); clash {
		problem("", fmt.Sprint(r.Place.Slot), nb, en)
		return nil
	}
	switch {
	case change.old == nil:
		out.Added++
	case same(*change.old, change.device):
		out.Unchanged++
		return nil
	default:
		out.Changed++
	}
	im.changes = append(im.changes, change)
	return nil
}

func (im *importing) decide(ctx context.Context, r delivery.Row, known []id.Device) (announcement, error) {
	var c announcement
	if len(known) == 1 {
		old, rev, err := im.plane.load(ctx, known[0])
		if err != nil {
			return c, err
		}
		c.old, c.rev, c.device = &old, rev, old
	} else {
		c.device = fleet.Device{ID: id.NewDevice(), State: fleet.Announced}
	}
	d := &c.device
	if d.State == fleet.Announced {
		d.Hardware.Serial, d.Hardware.Vendor, d.Hardware.Product = r.Serial, r.Vendor, r.Model
	}
	d.Delivery = r.Delivery
	if r.Role != "" {
		d.Role = r.Role
	}
	if r.Place.Site != "" {
		d.Place = r.Place
	}
	return c, nil
}

func (im *importing) slotTaken(r delivery.Row, dev id.Device) (nb, en string, taken bool) {
	if r.Place.Slot == 0 {
		return "", "", false
	}
	key := slot{r.Place.Cabinet, r.Place.Slot}
	if row, twice := im.taken[key]; twice {
		return fmt.Sprintf("rad %d har samme plass i %s", row, key.cabinet), fmt.Sprintf("row %d has the same slot in %s", row, key.cabinet), true
	}
	im.taken[key] = r.Number
	if other, held := im.plane.inSlot(r.Place); held && other != dev {
		return fmt.Sprintf("plassen i %s er opptatt av maskin %s", key.cabinet, other), fmt.Sprintf("the slot in %s holds device %s", key.cabinet, other), true
	}
	return "", "", false
}

// same compares what a list can change.
func same(a, b fleet.Device) bool {
	if !bytes.Equal(a.Delivery.TPMKeySHA256, b.Delivery.TPMKeySHA256) {
		return false
	}
	a.Delivery.TPMKeySHA256, b.Delivery.TPMKeySHA256 = nil, nil
	da, db := a.Delivery, b.Delivery
	return da.Purchased == db.Purchased && da.WarrantyEnd == db.WarrantyEnd && da.PriceOre == db.PriceOre && da.Supplier == db.Supplier &&
		a.Place == b.Place && a.Role == b.Role && a.Hardware == b.Hardware
}

// commit stores the changes, a thousand at a time. Should a later commit fail, the earlier ones stand, and
// the same list can be imported again.
func (im *importing) commit(ctx context.Context) error {
	done := 0
	for part := range slices.Chunk(im.changes, deliveryBatch) {
		var batch store.Batch
		for _, c := range part {
			batch.Checks = append(batch.Checks, store.Check{Table: store.Devices, Key: slices.Clone(c.device.ID[:]), Rev: c.rev})
			batch.Ops = append(batch.Ops, deviceOps(c.old, c.device)...)
		}
		if _, err := im.plane.store.Commit(ctx, batch); err != nil {
			return fmt.Errorf("%d of %d machines are in; import the same list again: %w", done, len(im.changes), err)
		}
		for _, c := range part {
			im.plane.remember(c.device)
		}
		done += len(part)
	}
	return nil
}
