// Package build makes releases out of disks, and disks to make releases of.
//
// Build cuts a disk into chunks, compresses those that the store does not hold yet, packs and signs. Work
// flows through three steps, each bounded: spans are cut and hashed in parallel; their chunks are
// compressed in parallel; one writer fills packs in disk order. So the release depends on the disk, the
// store and the options alone, not on the number of cores.
//
// Guarantees: the manifest is published last, so a reader sees a release whole or not at all, and a build
// that failed leaves only packs and an index that nothing refers to; a release that exists is never
// changed; every chunk is read twice and refused if the disk changed in between; memory stays below
// 256 MiB plus about 100 bytes per chunk already in the store.
package build

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/internal/sparse"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// Options say what to build.
type Options struct {
	Source  io.ReaderAt // the disk; holes are skipped if it is an *os.File on a system that shows them
	Size    int64       // of the disk, bytes
	Image   string
	Release string
	Created time.Time
	Keys    []ed25519.PrivateKey // sign the release
	// Trust says whose earlier releases in the store may lend their chunks; without keys, those that
	// any of Keys signed.
	Trust    release.Trust
	Store    store.WriteStore
	Workers  int                     // 0: one per core
	Progress func(done, total int64) // bytes of the disk packed; may be nil; called from one goroutine
}

// ErrExists is wrapped by the error for a release that is already published.
var ErrExists = errors.New("release exists")

// Result is a published release.
type Result struct {
	Manifest       release.Manifest
	ManifestDigest chunk.Digest // of the envelope: what an order names
	Stats          Stats
}

// Stats tell where the bytes of a disk went. Disk = Zero + Repeated + Known + Unique.
type Stats struct {
	Disk     int64
	Zero     int64 // in zero runs
	Repeated int64 // in further uses of a chunk of this release
	Known    int64 // in chunks that earlier releases in the store hold
	Unique   int64 // in chunks that are new to the store
	Stored   int64 // what Unique takes in packs
	Chunks   int   // different chunks of this release
	Packs    int   // new packs
}

// Build publishes the disk as a release.
func Build(ctx context.Context, o Options) (Result, error) {
	if err := o.prepare(ctx); err != nil {
		return Result{}, fmt.Errorf("build %.64s %.64s: %w", o.Image, o.Release, err)
	}
	known, err := readKnown(ctx, o.Store, o.Trust)
	if err != nil {
		return Result{}, fmt.Errorf("build %s %s: read earlier releases: %w", o.Image, o.Release, err)
	}
	b := &builder{Options: o, assembly: newAssembly(o.Size, known)}
	w := &packWriter{store: o.Store, first: len(known.files)}
	sum, err := b.run(ctx, w)
	if err != nil {
		return Result{}, fmt.Errorf("build %s %s: %w", o.Image, o.Release, err)
	}
	r, err := b.publish(ctx, sum, w)
	if err != nil {
		return Result{}, fmt.Errorf("publish %s %s: %w", o.Image, o.Release, err)
	}
	return r, nil
}

// prepare fills in defaults and refuses what cannot succeed.
func (o *Options) prepare(ctx context.Context) error {
	if err := errors.Join(release.CheckName(o.Image), release.CheckName(o.Release)); err != nil {
		return err
	}
	if o.Size < 1 || o.Size > release.MaxDisk {
		return fmt.Errorf("disk of %d bytes, want 1 to %d", o.Size, int64(release.MaxDisk))
	}
	if len(o.Keys) == 0 {
		return errors.New("no key to sign with")
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if len(o.Trust.Keys) == 0 {
		o.Trust = trustOwn(o.Keys)
	}
	_, err := o.Store.Stat(ctx, release.ManifestPath(o.Image, o.Release))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: choose another release name", ErrExists)
}

func trustOwn(keys []ed25519.PrivateKey) release.Trust {
	t := release.Trust{Threshold: 1}
	for _, k := range keys {
		t.Keys = append(t.Keys, k.Public().(ed25519.PublicKey)) // documented to be of this type
	}
	return t
}

// builder is one call of Build.
type builder struct {
	Options
	*assembly
}

// run cuts, compresses and packs the disk. It gives the disk's SHA-256.
func (b *builder) run(ctx context.Context, w *packWriter) (sum release.SHA256, err error) {
	g, ctx := errgroup.WithContext(ctx)
	jobs := make(chan job, b.Workers)
	src := newSource(b.Source, b.Size)
	g.Go(func() (err error) {
		sum, err = src.sha256(ctx)
		return err
	})
	g.Go(func() error {
		defer close(jobs)
		return b.cutAll(ctx, src, jobs)
	})
	g.Go(func() error { return b.packAll(ctx, src, jobs, w) })
	err = g.Wait()
	return sum, err
}

// publish writes index and manifest, in this order.
func (b *builder) publish(ctx context.Context, sum release.SHA256, w *packWriter) (Result, error) {
	packs, err := b.settle(w)
	if err != nil {
		return Result{}, err
	}
	m := release.Manifest{
		Format: release.FormatVersion, Image: b.Image, Release: b.Release,
		Created:  b.Created.UTC().Truncate(time.Second),
		DiskSize: b.Size, DiskSHA256: sum,
		Digest: chunk.DigestID, Chunker: chunk.ID, Compression: release.Compression,
		Packs: packs,
	}
	var index bytes.Buffer
	if err := b.index.Encode(&index, m.PackSizes()); err != nil {
		return Result{}, err
	}
	m.Index = release.File{Digest: chunk.Sum(index.Bytes()), Size: int64(index.Len())}
	sealed, err := release.Seal(m, b.Keys...)
	if err != nil {
		return Result{}, err
	}
	if err := b.Store.Put(ctx, release.IndexPath(b.Image, b.Release), &index); err != nil {
		return Result{}, err
	}
	if err := b.Store.Put(ctx, release.ManifestPath(b.Image, b.Release), bytes.NewReader(sealed)); err != nil {
		return Result{}, err
	}
	return Result{Manifest: m, ManifestDigest: release.Digest(sealed), Stats: b.stats}, nil
}

// source is the disk, read without its holes.
type source struct {
	r    io.ReaderAt
	file *os.File // nil if r is none
	size int64
}

func newSource(r io.ReaderAt, size int64) *source {
	f, _ := r.(*os.File)
	return &source{r, f, size}
}

// hole gives the length of the hole at off, 0 if there is none.
func (s *source) hole(off, limit int64) int64 {
	if s.file == nil {
		return 0
	}
	return sparse.NextData(s.file, off, limit) - off
}

// readAt fills p or fails.
func (s *source) readAt(p []byte, off int64) error {
	if n, err := s.r.ReadAt(p, off); n < len(p) {
		return fmt.Errorf("read disk at %d: %w", off+int64(n), noEOF(err))
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sha256 reads the whole disk in order; it cannot be done in parallel.
func (s *source) sha256(ctx context.Context) (sum release.SHA256, err error) {
	h := sha256.New()
	buf, zeroes := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); off < s.size; {
		if ctx.Err() != nil {
			return sum, ctx.Err()
		}
		n := min(int64(len(buf)), s.size-off)
		if s.hole(off, off+n) == n {
			_, _ = h.Write(zeroes[:n]) // a hash never fails
		} else {
			if err := s.readAt(buf[:n], off); err != nil {
				return sum, err
			}
			_, _ = h.Write(buf[:n])
		}
		off += n
	}
	h.Sum(sum[:0])
	return sum, nil
}
