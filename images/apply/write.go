package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/codec"
	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/images/release"
)

// syncDisk is how much is written before the target is synced: what a power cut can make Write do again.
const syncDisk = 256 << 20

// Verify checks signature, index and the digest of every staged chunk.
func (s *Stage) Verify(ctx context.Context, ref Ref, trust release.Trust, p Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, sealed, err := s.manifest(ref)
	if err != nil {
		return err
	}
	m, err := checkSigned(sealed, ref, trust)
	if err != nil {
		return err
	}
	x, err := s.loadIndex(ref, m)
	if err != nil {
		return err
	}
	log, err := s.readLog(ref, x)
	if err != nil {
		return err
	}
	err = verifyLog(ctx, log, newMeter(p, x.ContentSize()))
	return wrap(ctx, Internal, "verify", errors.Join(err, log.close()))
}

func verifyLog(ctx context.Context, log *chunkLog, m *meter) error {
	r, err := newLogReader(log)
	if err != nil {
		return err
	}
	defer r.close()
	buf := make([]byte, chunk.MaxSize)
	for n, c := range log.index.Chunks {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if log.holds(int32(n)) {
			if err := r.content(int32(n), buf[:c.Length]); err != nil {
				return err
			}
		}
		m.add(int64(c.Length), 0)
	}
	return nil
}

// logReader gives the checked content of staged chunks. It belongs to one goroutine.
type logReader struct {
	log *chunkLog
	dec *codec.Decoder
	buf []byte
}

func newLogReader(log *chunkLog) (*logReader, error) {
	dec, err := codec.NewDecoder()
	if err != nil {
		return nil, err
	}
	return &logReader{log, dec, make([]byte, maxRecord)}, nil
}

func (r *logReader) close() { r.dec.Close() }

// content fills dst, which has the chunk's length.
func (r *logReader) content(number int32, dst []byte) error {
	stored, err := r.log.read(number, r.buf)
	if errors.Is(err, errDamaged) {
		return &Error{Corrupt, "read staged chunk", err}
	}
	if err != nil {
		return &Error{DiskIO, "read staged chunk", err}
	}
	content, err := r.dec.Decode(dst, stored, len(dst), r.log.index.Chunks[number].Digest)
	if err != nil {
		return &Error{Corrupt, "read staged chunk", err}
	}
	copy(dst, content)
	return nil
}

// Write brings the target to the release. It first looks at what is in place, and writes only the rest.
func (s *Stage) Write(ctx context.Context, ref Ref, target Target, p Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.load(ref)
	if err != nil {
		return err
	}
	if err := checkSize(target, r.manifest.DiskSize); err != nil {
		return err
	}
	log, err := s.readLog(ref, r.index)
	if err != nil {
		return err
	}
	w := &writing{index: r.index, target: target, log: log, meter: newMeter(p, r.manifest.DiskSize)}
	if err := errors.Join(w.run(ctx), log.close()); err != nil {
		return wrap(ctx, Internal, "write", err)
	}
	err = s.noteDisk(ref)
	return wrap(ctx, stageKind(err), "note what the disk holds", err)
}

func (s *Stage) hintPath() string { return filepath.Join(s.dir, diskIndexFile) }

// noteDisk keeps the index of what was written as the hint for the next Fetch.
func (s *Stage) noteDisk(ref Ref) error {
	f, err := os.Open(s.path(ref, indexFile))
	if err != nil {
		return err
	}
	defer f.Close()
	temp := s.hintPath() + ".tmp"
	if err := copyTo(temp, f); err != nil {
		return err
	}
	return durable.Rename(temp, s.hintPath())
}

// writing is one call of Write.
type writing struct {
	index    *release.Index
	target   Target
	log      *chunkLog
	meter    *meter
	held     []bool    // per segment
	readers  sync.Pool // of *logReader
	unsynced atomic.Int64
}

func (w *writing) run(ctx context.Context) error {
	w.held = make([]bool, len(w.index.Segments))
	err := compare(ctx, w.index, w.target, func(i int, ok bool) {
		w.held[i] = ok // each i is set once, by one goroutine
		if ok {
			w.meter.add(w.index.Segments[i].Length, 0)
		}
	})
	if err != nil {
		return err
	}
	if err := w.checkComplete(); err != nil {
		return err
	}
	err = eachBatch(ctx, w.index, func(i int) bool { return !w.held[i] }, w.writeBatch)
	if err != nil {
		return err
	}
	return wrap(ctx, DiskIO, "sync target", w.target.Sync())
}

// checkComplete finds out, before anything is written, whether the stage has all that will be needed.
func (w *writing) checkComplete() error {
	for i, s := range w.index.Segments {
		if !w.held[i] && s.Chunk != release.Zero && !w.log.holds(s.Chunk) {
			return &Error{Missing, "check stage", fmt.Errorf("chunk %s for offset %d is neither in the stage nor on the target: fetch again", w.index.Chunks[s.Chunk].Digest, s.Offset)}
		}
	}
	return nil
}

// writeBatch writes neighbouring segments at once.
func (w *writing) writeBatch(b span, buf []byte) error {
	start, size := extent(w.index, b)
	if size > int64(len(buf)) || b.last-b.first == 1 && w.index.Segments[b.first].Chunk == release.Zero {
		return w.written(size, zero(w.target, start, size))
	}
	if err := w.fill(b, buf[:size]); err != nil {
		return err
	}
	_, err := w.target.WriteAt(buf[:size], start)
	return w.written(size, err)
}

// fill puts the content of the segments of b together.
func (w *writing) fill(b span, buf []byte) error {
	r, ok := w.readers.Get().(*logReader)
	if !ok {
		var err error
		if r, err = newLogReader(w.log); err != nil {
			return err
		}
	}
	defer w.readers.Put(r)
	for _, s := range w.index.Segments[b.first:b.last] {
		dst := buf[:s.Length]
		buf = buf[s.Length:]
		if s.Chunk == release.Zero {
			clear(dst)
		} else if err := r.content(s.Chunk, dst); err != nil {
			return err
		}
	}
	return nil
}

// written counts and syncs from time to time.
func (w *writing) written(size int64, err error) error {
	if err == nil && w.unsynced.Add(size) >= syncDisk {
		w.unsynced.Store(0)
		err = w.target.Sync()
	}
	if err != nil {
		return &Error{DiskIO, "write target", err}
	}
	w.meter.add(size, 0)
	return nil
}

// Confirm reads the whole disk back, from the medium where the system allows, and compares it with the index.
func (s *Stage) Confirm(ctx context.Context, ref Ref, target Target, p Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.load(ref)
	if err != nil {
		return err
	}
	if err := checkSize(target, r.manifest.DiskSize); err != nil {
		return err
	}
	if d, ok := target.(cacheDropper); ok {
		if err := d.DropCache(); err != nil {
			return &Error{DiskIO, "drop cache of target", err}
		}
	}
	return confirm(ctx, r.index, target, newMeter(p, r.manifest.DiskSize))
}

func confirm(ctx context.Context, x *release.Index, t Target, m *meter) error {
	var bad atomic.Int64
	bad.Store(x.DiskSize)
	err := compare(ctx, x, t, func(i int, ok bool) {
		if !ok {
			lower(&bad, x.Segments[i].Offset)
		}
		m.add(x.Segments[i].Length, 0)
	})
	if err != nil {
		return wrap(ctx, Internal, "confirm", err)
	}
	if at := bad.Load(); at < x.DiskSize {
		return &Error{DiskIO, "confirm", fmt.Errorf("disk gives back other bytes than the release at %d", at)}
	}
	return nil
}

// lower sets v to n if that is less.
func lower(v *atomic.Int64, n int64) {
	for old := v.Load(); n < old && !v.CompareAndSwap(old, n); old = v.Load() {
	}
}
