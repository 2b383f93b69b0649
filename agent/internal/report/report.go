// Package report keeps the newest report of the machine and knows which parts of it the control plane
// already holds, so that a changed package costs one section and an unchanged machine only a digest.
//
// Guarantees:
//   - Digest names exactly what Request would send whole.
//   - Request sends only changed sections if the control plane is known to hold the base; after Forget,
//     or if the base file is gone or broken, it sends everything.
//   - What was acknowledged is remembered on disk, so that a restart does not send it again.
//   - Collecting happens at the start, then at intervals and when asked; never twice at once.
//
// checkin sends; the agent's run loop collects. A Book may be used by several goroutines.
package report

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/agent/internal/footprint"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// FileName is where the acknowledged base is kept.
const FileName = "report.json"

// The usual intervals, in real time.
const (
	DefaultInventoryEvery = 15 * time.Minute
	DefaultPatchEvery     = 6 * time.Hour
)

// Store keeps files; the error of a missing one is fs.ErrNotExist.
type Store interface {
	ReadJSON(name string, into any) error
	WriteJSON(name string, value any) error
}

// Source looks at the machine.
type Source interface {
	Inventory(ctx context.Context) *v1.Inventory
	Patch(ctx context.Context) *v1.PatchState
	Sections(inventory *v1.Inventory, patch *v1.PatchState) []*v1.Section
	Digest(sections []*v1.Section) [16]byte
}

// Book holds the newest report.
type Book struct {
	store  Store
	source Source
	log    *slog.Logger
	// changed is told that there is something new to report.
	changed func()
	ask     chan struct{}

	mu       sync.Mutex // guards what follows
	sections []*v1.Section
	digest   []byte
	at       time.Time
	base     base
}

// base is what the control plane has acknowledged: a report's digest and that of each of its sections.
type base struct {
	Digest   []byte            `json:"digest"`
	Sections map[string][]byte `json:"sections"`
}

// Open reads the acknowledged base. changed is called, without locks, when a collection found news.
func Open(store Store, source Source, log *slog.Logger, changed func()) *Book {
	b := &Book{store: store, source: source, log: log, changed: changed, ask: make(chan struct{}, 1)}
	if err := store.ReadJSON(FileName, &b.base); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("what was reported before is not known; the next report is whole", "error", err)
		b.base = base{}
	}
	return b
}

// Run collects now and then at the intervals, until ctx ends.
func (b *Book) Run(ctx context.Context, inventoryEvery, patchEvery time.Duration) {
	var patch *v1.PatchState
	var patched time.Time
	for {
		// The inventory goes out without waiting for the update services, which may take a minute.
		b.collect(ctx, patch)
		if patched.IsZero() || time.Since(patched) >= patchEvery {
			patch, patched = b.source.Patch(ctx), time.Now()
			b.collect(ctx, patch)
		}
		footprint.Shrink()
		select {
		case <-ctx.Done():
			return
		case <-b.ask:
			patched = time.Time{}
		case <-time.After(inventoryEvery):
		}
	}
}

// Ask makes Run collect everything soon: the machine has changed.
func (b *Book) Ask() {
	select {
	case b.ask <- struct{}{}:
	default:
	}
}

func (b *Book) collect(ctx context.Context, patch *v1.PatchState) {
	sections := b.source.Sections(b.source.Inventory(ctx), patch)
	if ctx.Err() != nil {
		return
	}
	digest := b.source.Digest(sections)
	b.mu.Lock()
	news := !bytes.Equal(b.digest, digest[:])
	if news {
		b.sections, b.digest, b.at = sections, digest[:], time.Now()
	}
	b.mu.Unlock()
	if news {
		b.log.Debug("inventory changed", "digest", digest)
		b.changed()
	}
}

// Digest names the newest report; nil before the first collection.
func (b *Book) Digest() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.digest)
}

// Request gives the newest report, as small as it may be; nil before the first collection.
func (b *Book) Request() *v1.ReportRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.digest == nil {
		return nil
	}
	return &v1.ReportRequest{
		Digest: b.digest, BaseDigest: b.base.Digest, Sections: b.base.missing(b.sections), CollectedAt: timestamppb.New(b.at),
	}
}

// missing gives the sections that the control plane does not hold.
func (b base) missing(sections []*v1.Section) []*v1.Section {
	if len(b.Digest) == 0 {
		return sections
	}
	return slices.DeleteFunc(slices.Clone(sections), func(s *v1.Section) bool {
		return bytes.Equal(b.Sections[s.GetName()], s.GetDigest())
	})
}

// Accepted remembers that the control plane holds what request brought.
func (b *Book) Accepted(request *v1.ReportRequest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := base{Digest: request.GetDigest(), Sections: map[string][]byte{}}
	if len(request.GetBaseDigest()) > 0 {
		for name, digest := range b.base.Sections {
			next.Sections[name] = digest
		}
	}
	for _, s := range request.GetSections() {
		next.Sections[s.GetName()] = s.GetDigest()
	}
	b.keep(next)
}

// Forget makes the next Request whole: the control plane does not hold the base.
func (b *Book) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep(base{})
}

// keep writes the base. Failing costs a whole report after a restart, nothing else.
func (b *Book) keep(next base) {
	b.base = next
	if err := b.store.WriteJSON(FileName, next); err != nil {
		b.log.Warn("cannot remember what was reported", "error", err)
	}
}
