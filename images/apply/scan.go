package apply

import (
	"context"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/release"
)

// batchSize is how much of the disk is read or written at once.
const batchSize = 2 << 20

// workers is how many goroutines read, check and write; each has one batch in memory.
func workers() int { return min(4, runtime.GOMAXPROCS(0)) }

// span is a row of segments, first to last-1.
type span struct{ first, last int }

// batches gives the segments that want wants in rows that lie together and are at most batchSize long;
// a longer segment (of zeroes) is a row of its own.
func batches(x *release.Index, want func(segment int) bool) iter.Seq[span] {
	return func(yield func(span) bool) {
		var b span
		size := int64(0)
		flush := func(next int) bool {
			ok := b.first == b.last || yield(b)
			b, size = span{next, next}, 0
			return ok
		}
		for i, s := range x.Segments {
			if !want(i) {
				if !flush(i + 1) {
					return
				}
				continue
			}
			if size+s.Length > batchSize && !flush(i) {
				return
			}
			b.last = i + 1
			size += s.Length
		}
		flush(len(x.Segments))
	}
}

func all(int) bool { return true }

// compare tells for each segment of x whether the target holds it. What cannot be read is not held: it
// is to be written, and the medium may heal by it. held is called by several goroutines at once.
func compare(ctx context.Context, x *release.Index, t Target, held func(segment int, ok bool)) error {
	return eachBatch(ctx, x, all, func(b span, buf []byte) error {
		if start, size := extent(x, b); size > int64(len(buf)) {
			held(b.first, isZero(ctx, t, start, size, buf))
		} else {
			compareBatch(x, t, b, buf[:size], held)
		}
		return ctx.Err()
	})
}

// eachBatch runs work on the batches in parallel. buf is batchSize long and belongs to the call.
func eachBatch(ctx context.Context, x *release.Index, want func(int) bool, work func(b span, buf []byte) error) error {
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan span)
	g.Go(func() error {
		defer close(queue)
		for b := range batches(x, want) {
			select {
			case queue <- b:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers() {
		g.Go(func() error {
			buf := make([]byte, batchSize)
			for b := range queue {
				if err := work(b, buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func compareBatch(x *release.Index, t Target, b span, buf []byte, held func(int, bool)) {
	start, size := extent(x, b)
	if nextData(t, start, start+size) == start+size {
		compareHole(x, b, held)
		return
	}
	if _, err := t.ReadAt(buf, start); err != nil {
		compareSlowly(x, t, b, buf, held)
		return
	}
	for i, s := range x.Segments[b.first:b.last] {
		held(b.first+i, matches(x, s, buf[s.Offset-start:][:s.Length]))
	}
}

// compareHole knows the content without reading: only chunks too short for a zero run can be zero.
func compareHole(x *release.Index, b span, held func(int, bool)) {
	var short [chunk.MinZero]byte
	for i, s := range x.Segments[b.first:b.last] {
		held(b.first+i, s.Chunk == release.Zero || s.Length < chunk.MinZero && matches(x, s, short[:s.Length]))
	}
}

// compareSlowly reads segment by segment, so that one bad sector costs one segment.
func compareSlowly(x *release.Index, t Target, b span, buf []byte, held func(int, bool)) {
	for i, s := range x.Segments[b.first:b.last] {
		_, err := t.ReadAt(buf[:s.Length], s.Offset)
		held(b.first+i, err == nil && matches(x, s, buf[:s.Length]))
	}
}

// extent gives where the segments of b lie on the disk.
func extent(x *release.Index, b span) (start, size int64) {
	last := x.Segments[b.last-1]
	start = x.Segments[b.first].Offset
	return start, last.Offset + last.Length - start
}

func matches(x *release.Index, s release.Segment, content []byte) bool {
	if s.Chunk == release.Zero {
		return chunk.IsZero(content)
	}
	return chunk.Sum(content) == x.Chunks[s.Chunk].Digest
}

// isZero looks at a long stretch of the disk.
func isZero(ctx context.Context, t Target, off, size int64, buf []byte) bool {
	end := off + size
	for off < end && ctx.Err() == nil {
		if off = nextData(t, off, end); off == end {
			return true
		}
		b := buf[:min(end-off, int64(len(buf)))]
		if _, err := t.ReadAt(b, off); err != nil || !chunk.IsZero(b) {
			return false
		}
		off += int64(len(b))
	}
	return true
}
