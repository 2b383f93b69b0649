package agent

import (
	"context"

	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/agent/internal/patch"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// source is report.Source: the machine itself.
type source struct{ agent *Agent }

// Inventory looks at hardware and operating system.
func (s source) Inventory(ctx context.Context) *v1.Inventory {
	return inventory.Collect(ctx, inventory.Options{Root: s.agent.options.Root, Now: s.agent.clock.RealNow()})
}

// Patch asks the update services.
func (s source) Patch(ctx context.Context) *v1.PatchState {
	return patch.Collect(ctx, patch.Options{
		Root: s.agent.options.Root, Now: s.agent.clock.RealNow(), Memory: s.agent.folder, Log: s.agent.log,
	})
}

// Sections splits a report.
func (source) Sections(in *v1.Inventory, p *v1.PatchState) []*v1.Section {
	return inventory.Sections(in, p)
}

// Digest names a report.
func (source) Digest(sections []*v1.Section) [16]byte { return inventory.Digest(sections) }
