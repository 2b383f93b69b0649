package apply

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/codec"
	"github.com/nattevakt/nattevakt/images/release"
)

const (
	// rangeSize is the longest range asked for at once.
	rangeSize = 4 << 20
	// rangeGap is how many unneeded bytes are fetched rather than asking twice: what a line of 10 Mbit/s
	// carries in the 50 ms of a request.
	rangeGap = 64 << 10
	// fetchers is how many ranges are on their way at once.
	fetchers = 4
)

// packRange is a range of a pack and the chunks wanted from it, in order.
type packRange struct {
	pack   uint32
	offset int64
	length int64
	chunks []int32
}

// ranges merges what is still missing into few requests.
func (f *fetch) ranges(seeds []seed) []packRange {
	var wanted []int32
	for _, s := range seeds {
		if !f.log.holds(s.number) {
			wanted = append(wanted, s.number)
		}
	}
	slices.SortFunc(wanted, func(a, b int32) int {
		ca, cb := f.index.Chunks[a], f.index.Chunks[b]
		return cmp.Or(cmp.Compare(ca.Pack, cb.Pack), cmp.Compare(ca.Offset, cb.Offset))
	})
	var rs []packRange
	for i, n := range wanted {
		c := f.index.Chunks[n]
		end := int64(c.Offset) + int64(c.Stored)
		if k := len(rs) - 1; k >= 0 && rs[k].takes(c, end) {
			rs[k].length = end - rs[k].offset
			rs[k].chunks = append(rs[k].chunks, n)
			continue
		}
		rs = append(rs, packRange{c.Pack, int64(c.Offset), int64(c.Stored), wanted[i : i+1 : i+1]})
	}
	return rs
}

func (r packRange) takes(c release.Chunk, end int64) bool {
	gap := int64(c.Offset) - (r.offset + r.length)
	return r.pack == c.Pack && gap <= rangeGap && end-r.offset <= rangeSize
}

// download stages the ranges from the store.
func (f *fetch) download(ctx context.Context, ranges []packRange) error {
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan packRange)
	g.Go(func() error {
		defer close(queue)
		for _, r := range ranges {
			select {
			case queue <- r:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range min(fetchers, len(ranges)) {
		g.Go(func() error { return f.fetcher(ctx, queue) })
	}
	return g.Wait()
}

func (f *fetch) fetcher(ctx context.Context, queue <-chan packRange) error {
	dec, err := codec.NewDecoder()
	if err != nil {
		return err
	}
	defer dec.Close()
	record := make([]byte, maxRecord)
	content := make([]byte, 0, chunk.MaxSize)
	for r := range queue {
		if err := f.fetchRange(ctx, r, record, content, dec); err != nil {
			return err
		}
	}
	return nil
}

// fetchRange reads a range chunk by chunk, so that each is staged as soon as it is there. record and
// content are room for one chunk, stored and not.
func (f *fetch) fetchRange(ctx context.Context, r packRange, record, content []byte, dec *codec.Decoder) error {
	name := release.PackPath(f.manifest.Packs[r.pack].Digest)
	body, err := f.src.Open(ctx, name, r.offset, r.length)
	if err != nil {
		return wrap(ctx, storeKind(err), "fetch chunks", err)
	}
	defer body.Close()
	at := r.offset
	for _, n := range r.chunks {
		c := f.index.Chunks[n]
		record := record[:recordHead+c.Stored]
		if err := readBehind(body, int64(c.Offset)-at, record[recordHead:]); err != nil {
			return wrap(ctx, storeKind(err), "fetch chunks", err)
		}
		if _, err := dec.Decode(content, record[recordHead:], int(c.Length), c.Digest); err != nil {
			return wrap(ctx, Corrupt, "fetch chunks", fmt.Errorf("%s at %d: %w", name, c.Offset, err))
		}
		if err := f.log.append(n, record); err != nil {
			return wrap(ctx, stageKind(err), "stage chunk", err)
		}
		end := int64(c.Offset) + int64(c.Stored)
		f.meter.add(int64(c.Length), end-at)
		at = end
	}
	return nil
}

// readBehind passes over gap bytes and fills p.
func readBehind(r io.Reader, gap int64, p []byte) error {
	if _, err := io.CopyN(io.Discard, r, gap); err != nil {
		return err
	}
	_, err := io.ReadFull(r, p)
	return err
}
