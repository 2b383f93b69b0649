package build

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/codec"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// stored is a job and the stored form of its chunk, nil if it is not to be written.
type stored struct {
	job
	data []byte
}

// packAll compresses jobs in parallel and writes them in order.
func (b *builder) packAll(ctx context.Context, src *source, jobs <-chan job, w *packWriter) error {
	c := compressor{src: src}
	done := int64(0)
	err := ordered(ctx, 2*b.Workers, received(jobs), c.compress, func(s stored) error {
		done += int64(s.length)
		b.Progress(done, b.Size)
		if s.number == release.Zero {
			return nil
		}
		return w.add(ctx, s)
	})
	if err != nil {
		return err
	}
	return w.flush(ctx)
}

// received gives what comes through a channel.
func received[T any](c <-chan T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v := range c {
			if !yield(v) {
				return
			}
		}
	}
}

// compressor gives chunks their stored form. It may be used by several goroutines at once.
type compressor struct {
	src      *source
	encoders sync.Pool // of *codec.Encoder
}

// compress reads the chunk again: between cutting and here only its digest was kept.
func (c *compressor) compress(j job) (stored, error) {
	if j.number == release.Zero {
		return stored{job: j}, nil
	}
	content := make([]byte, j.length)
	if err := c.src.readAt(content, j.offset); err != nil {
		return stored{}, err
	}
	if chunk.Sum(content) != j.digest {
		return stored{}, fmt.Errorf("disk changed at %d while it was read: build from a disk that is not in use", j.offset)
	}
	enc, ok := c.encoders.Get().(*codec.Encoder)
	if !ok {
		var err error
		if enc, err = codec.NewEncoder(); err != nil {
			return stored{}, err
		}
	}
	defer c.encoders.Put(enc)
	return stored{j, enc.Encode(nil, content)}, nil
}

// place is where a chunk lies.
type place struct{ stored, pack, offset uint32 }

// placed is a new chunk and its place.
type placed struct {
	number int32
	place
}

// packWriter fills packs and puts them into the store. It belongs to one goroutine.
type packWriter struct {
	store  store.WriteStore
	first  int // number of the first new pack
	buf    []byte
	files  []release.File // new packs
	placed []placed
}

// add appends a chunk to the current pack, or starts a new one.
func (w *packWriter) add(ctx context.Context, s stored) error {
	if len(w.buf)+len(s.data) > release.MaxPack {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	if w.buf == nil {
		w.buf = make([]byte, 0, release.MaxPack)
	}
	at := place{uint32(len(s.data)), uint32(w.first + len(w.files)), uint32(len(w.buf))}
	w.placed = append(w.placed, placed{s.number, at})
	w.buf = append(w.buf, s.data...)
	return nil
}

// flush puts the current pack into the store.
func (w *packWriter) flush(ctx context.Context) error {
	if len(w.buf) == 0 {
		return nil
	}
	f := release.File{Digest: chunk.Sum(w.buf), Size: int64(len(w.buf))}
	if err := w.store.Put(ctx, release.PackPath(f.Digest), bytes.NewReader(w.buf)); err != nil {
		return err
	}
	w.files = append(w.files, f)
	w.buf = w.buf[:0]
	return nil
}
