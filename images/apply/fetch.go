package apply

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/codec"
	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
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

// Fetch brings into the stage what the target lacks of the release: manifest, index, and each chunk that
// is not already in its place on the target everywhere it is used. Content of other releases leaves the stage.
func (s *Stage) Fetch(ctx context.Context, src store.Store, ref Ref, trust release.Trust, target Target, p Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.fetchManifest(ctx, src, ref, trust)
	if err != nil {
		return wrap(ctx, Internal, "fetch manifest", err)
	}
	if err := checkSize(target, m.DiskSize); err != nil {
		return err
	}
	if err := s.drop(ref.digest().String()); err != nil {
		return wrap(ctx, DiskIO, "free stage", err)
	}
	x, err := s.fetchIndex(ctx, src, ref, m)
	if err != nil {
		return wrap(ctx, Internal, "fetch index", err)
	}
	log, err := openLog(s.path(ref, chunksFile), x)
	if err != nil {
		return wrap(ctx, stageKind(err), "open stage", err)
	}
	f := &fetch{stage: s, src: src, manifest: m, index: x, target: target, log: log}
	f.meter = newMeter(p, x.ContentSize())
	err = f.run(ctx)
	return wrap(ctx, Internal, "fetch", errors.Join(err, log.close()))
}

func checkSize(t Target, want int64) error {
	size, err := t.Size()
	if err != nil {
		return &Error{DiskIO, "measure target", err}
	}
	if size < want {
		return &Error{DiskTooSmall, "measure target", fmt.Errorf("%d bytes, release needs %d", size, want)}
	}
	return nil
}

// fetchManifest gives the manifest from the stage or else the store. Signatures are checked each time:
// trust may have changed.
func (s *Stage) fetchManifest(ctx context.Context, src store.Store, ref Ref, trust release.Trust) (release.Manifest, error) {
	if _, sealed, err := s.manifest(ref); err == nil {
		return checkSigned(sealed, ref, trust)
	}
	if err := errors.Join(release.CheckName(ref.Image), release.CheckName(ref.Release)); err != nil {
		return release.Manifest{}, &Error{Internal, "order", err}
	}
	sealed, err := store.ReadAll(ctx, src, release.ManifestPath(ref.Image, ref.Release), release.MaxEnvelope)
	if err != nil {
		return release.Manifest{}, wrap(ctx, storeKind(err), "fetch manifest", err)
	}
	m, err := checkSigned(sealed, ref, trust)
	if err != nil {
		return release.Manifest{}, err
	}
	if err := s.makeDir(ref); err != nil {
		return release.Manifest{}, wrap(ctx, stageKind(err), "stage manifest", err)
	}
	err = durable.WriteFile(s.path(ref, manifestFile), sealed, 0o600)
	return m, wrap(ctx, stageKind(err), "stage manifest", err)
}

// fetchIndex gives the index from the stage or else the store.
func (s *Stage) fetchIndex(ctx context.Context, src store.Store, ref Ref, m release.Manifest) (*release.Index, error) {
	if x, err := s.loadIndex(ref, m); err == nil {
		return x, nil
	}
	r, err := src.Open(ctx, release.IndexPath(ref.Image, ref.Release), 0, m.Index.Size)
	if err != nil {
		return nil, wrap(ctx, storeKind(err), "fetch index", err)
	}
	defer r.Close()
	temp := s.path(ref, indexFile) + ".tmp"
	if err := copyTo(temp, r); err != nil {
		return nil, wrap(ctx, err.kind, "fetch index", err.error)
	}
	if err := checkIndexFile(temp, m); err != nil {
		return nil, errors.Join(&Error{Corrupt, "fetch index", err}, os.Remove(temp))
	}
	if err := durable.Rename(temp, s.path(ref, indexFile)); err != nil {
		return nil, wrap(ctx, stageKind(err), "stage index", err)
	}
	return s.loadIndex(ref, m)
}

func checkIndexFile(path string, m release.Manifest) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = release.ReadIndex(f, m)
	return err
}

// copyError says on which side of a copy the trouble was.
type copyError struct {
	error
	kind Kind
}

// copyTo writes what r gives to a file and makes its content durable.
func copyTo(path string, r io.Reader) *copyError {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return &copyError{err, stageKind(err)}
	}
	source := &noteError{r: r}
	_, err = io.Copy(f, source)
	if source.err != nil {
		return &copyError{errors.Join(source.err, f.Close()), storeKind(source.err)}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return &copyError{err, stageKind(err)}
	}
	return nil
}

// noteError remembers what went wrong with reading.
type noteError struct {
	r   io.Reader
	err error
}

func (n *noteError) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return k, err
}

// fetch is one call of Fetch, once manifest and index are there.
type fetch struct {
	stage    *Stage
	src      store.Store
	manifest release.Manifest
	index    *release.Index
	target   Target
	log      *chunkLog
	meter    *meter
}

// run stages first what the target holds at other places, then what only the store has.
func (f *fetch) run(ctx context.Context) error {
	seeds, err := f.missing(ctx)
	if err != nil {
		return err
	}
	if err := f.copySeeds(ctx, seeds); err != nil {
		return err
	}
	if err := f.download(ctx, f.ranges(seeds)); err != nil {
		return err
	}
	err = f.log.sync()
	return wrap(ctx, stageKind(err), "sync stage", err)
}

// seed is a chunk the stage needs, and where the target holds it, -1 for nowhere.
type seed struct {
	number int32
	at     int64
}

// missing gives the chunks that are to be staged: each that some segment lacks and the log does not hold.
func (f *fetch) missing(ctx context.Context) ([]seed, error) {
	held := make([]bool, len(f.index.Segments))
	err := compare(ctx, f.index, f.target, func(i int, ok bool) {
		held[i] = ok // each i is set once, by one goroutine
		f.meter.add(0, 0)
	})
	if err != nil {
		return nil, err
	}
	lacking := make([]bool, len(f.index.Chunks))
	at := make([]int64, len(f.index.Chunks))
	for i, s := range f.index.Segments {
		switch {
		case s.Chunk == release.Zero:
		case held[i]:
			at[s.Chunk] = s.Offset + 1
		default:
			lacking[s.Chunk] = true
		}
	}
	var seeds []seed
	for n, c := range f.index.Chunks {
		if lacking[n] && !f.log.holds(int32(n)) {
			seeds = append(seeds, seed{int32(n), at[n] - 1})
			continue
		}
		f.meter.add(int64(c.Length), 0)
	}
	return seeds, nil
}

// copySeeds stages the chunks that the target holds: where this release has them too, or where the index
// of what was written last says. Write may overwrite those places, so they are copied now.
func (f *fetch) copySeeds(ctx context.Context, seeds []seed) error {
	buf := make([]byte, maxRecord)
	for _, s := range seeds {
		if s.at < 0 {
			continue
		}
		if err := f.copySeed(ctx, s, buf); err != nil {
			return err
		}
	}
	return f.eachOldPlace(seeds, func(s seed) error { return f.copySeed(ctx, s, buf) })
}

// copySeed stages one chunk from the target if the target really holds it.
func (f *fetch) copySeed(ctx context.Context, s seed, buf []byte) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c := f.index.Chunks[s.number]
	record := buf[:recordHead+c.Length]
	content := record[recordHead:]
	if f.log.holds(s.number) {
		return nil
	}
	if _, err := f.target.ReadAt(content, s.at); err != nil || !matches(f.index, release.Segment{Chunk: s.number}, content) {
		return nil
	}
	if err := f.log.append(s.number, record); err != nil {
		return wrap(ctx, stageKind(err), "stage chunk", err)
	}
	f.meter.add(int64(c.Length), 0)
	return nil
}

// eachOldPlace gives the seeds that the hint about the disk knows a place for. A hint that is absent or
// damaged is no hint.
func (f *fetch) eachOldPlace(seeds []seed, use func(seed) error) error {
	file, err := os.Open(f.stage.hintPath())
	if err != nil {
		return nil
	}
	defer file.Close()
	d, err := release.NewDecoder(bufio.NewReaderSize(file, 64<<10))
	if err != nil {
		return nil
	}
	find := f.finder(seeds)
	for {
		s, c, err := d.Next()
		if err != nil {
			return nil
		}
		if c.Length == 0 {
			continue
		}
		if number, ok := find(c); ok {
			if err := use(seed{number, s.Offset}); err != nil {
				return err
			}
		}
	}
}

// finder finds seeds by digest, by binary search: a map would take more memory.
func (f *fetch) finder(seeds []seed) func(release.Chunk) (int32, bool) {
	digest := func(s seed) []byte { return f.index.Chunks[s.number].Digest[:] }
	sorted := slices.SortedFunc(slices.Values(seeds), func(a, b seed) int { return slices.Compare(digest(a), digest(b)) })
	return func(c release.Chunk) (int32, bool) {
		i, ok := slices.BinarySearchFunc(sorted, c.Digest[:], func(s seed, want []byte) int { return slices.Compare(digest(s), want) })
		if !ok || f.index.Chunks[sorted[i].number].Length != c.Length {
			return 0, false
		}
		return sorted[i].number, true
	}
}

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
