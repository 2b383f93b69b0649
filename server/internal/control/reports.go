package control

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/nattevakt/nattevakt/proto/id"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// report reads a device's stored report; an empty one if it never sent any.
func (p *Plane) report(ctx context.Context, dev id.Device) (record.Report, error) {
	rec, err := p.store.Get(ctx, store.Reports, dev[:])
	if errors.Is(err, store.ErrNotFound) {
		return record.Report{}, nil
	}
	if err != nil {
		return record.Report{}, err
	}
	return record.DecodeReport(rec.Value)
}

// openReport joins the sections of a report: each holds the wire form of one Section.
func openReport(r record.Report) (inv *nattevaktv1.Inventory, patch *nattevaktv1.PatchState, err error) {
	for _, s := range r.Sections {
		var section nattevaktv1.Section
		if err := proto.Unmarshal(s.Content, &section); err != nil {
			return nil, nil, fmt.Errorf("section %s of stored report: %w", s.Name, err)
		}
		switch c := section.GetContent().(type) {
		case *nattevaktv1.Section_Inventory:
			if inv == nil {
				inv = &nattevaktv1.Inventory{}
			}
			proto.Merge(inv, c.Inventory)
		case *nattevaktv1.Section_Patch:
			patch = c.Patch
		}
	}
	return inv, patch, nil
}
