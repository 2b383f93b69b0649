package build

import (
	"context"
	"iter"

	"github.com/nattevakt/nattevakt/images/chunk"
)

// cutWindow is how much of a span is in memory while it is cut.
const cutWindow = 1 << 20

// piece is a stretch of the disk: zeroes, or a chunk with its digest.
type piece struct {
	offset int64
	length int
	zero   bool
	digest chunk.Digest
}

// cutAll cuts the spans of the disk in parallel and gives their pieces, in disk order, to the assembly.
// What has to be compressed and written leaves as jobs.
func (b *builder) cutAll(ctx context.Context, src *source, jobs chan<- job) error {
	cut := func(start int64) ([]piece, error) { return cutSpan(ctx, src, start) }
	return ordered(ctx, b.Workers, spans(b.Size), cut, func(pieces []piece) error {
		for _, p := range pieces {
			if err := b.take(ctx, p, jobs); err != nil {
				return err
			}
		}
		return nil
	})
}

// spans gives where the spans of a disk start.
func spans(size int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for at := int64(0); at < size; at += chunk.Span {
			if !yield(at) {
				return
			}
		}
	}
}

// cutSpan cuts and hashes one span.
func cutSpan(ctx context.Context, src *source, start int64) ([]piece, error) {
	end := min(start+chunk.Span, src.size)
	s := chunk.NewSplitter(int(end - start))
	w := window{src: src, end: end, buf: make([]byte, cutWindow)}
	var pieces []piece
	for s.Rest() > 0 && ctx.Err() == nil {
		at := end - int64(s.Rest())
		if n := int(src.hole(at, end)); s.CanSkip(n) {
			s.Skip(n)
			pieces = append(pieces, piece{offset: at, length: n, zero: true})
			continue
		}
		b, err := w.at(at)
		if err != nil {
			return nil, err
		}
		p := piece{offset: at}
		next := s.Next(b)
		if p.length, p.zero = next.Length, next.Zero; !p.zero {
			p.digest = chunk.Sum(b[:p.length])
		}
		pieces = append(pieces, p)
	}
	return pieces, ctx.Err()
}

// window keeps the part of a span that is being cut.
type window struct {
	src   *source
	end   int64 // of the span
	buf   []byte
	start int64 // on the disk, of data
	data  []byte
}

// at gives at least chunk.Window bytes from off, or the rest of the span.
func (w *window) at(off int64) ([]byte, error) {
	have := w.start + int64(len(w.data)) - off
	if have >= chunk.Window || len(w.data) > 0 && off+have == w.end {
		return w.data[off-w.start:], nil
	}
	w.start = off
	w.data = w.buf[:min(int64(len(w.buf)), w.end-off)]
	return w.data, w.src.readAt(w.data, off)
}
