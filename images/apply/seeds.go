package apply

import (
	"bufio"
	"context"
	"iter"
	"os"
	"slices"

	"github.com/nattevakt/nattevakt/images/release"
)

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
	find := f.finder(seeds)
	for at, c := range hinted(f.stage.hintPath()) {
		if number, ok := find(c); ok {
			if err := f.copySeed(ctx, seed{number, at}, buf); err != nil {
				return err
			}
		}
	}
	return nil
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
	_, err := f.target.ReadAt(content, s.at)
	held := err == nil && matches(f.index, release.Segment{Chunk: s.number}, content)
	if !held {
		return nil
	}
	if err := f.log.append(s.number, record); err != nil {
		return wrap(ctx, stageKind(err), "stage chunk", err)
	}
	f.meter.add(int64(c.Length), 0)
	return nil
}

// hinted gives the chunks that were written last and their places on the disk. A hint that is absent or
// damaged is no hint.
func hinted(path string) iter.Seq2[int64, release.Chunk] {
	return func(yield func(int64, release.Chunk) bool) {
		file, err := os.Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		d, err := release.NewDecoder(bufio.NewReaderSize(file, 64<<10))
		if err != nil {
			return
		}
		for s, c, err := d.Next(); err == nil; s, c, err = d.Next() {
			if c.Length > 0 && !yield(s.Offset, c) {
				return
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
