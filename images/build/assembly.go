package build

import (
	"context"
	"fmt"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/release"
)

// assembly puts the index together. While the disk is read it belongs to the cutting step.
//
// Packs are numbered in one row: first those of known, then the new ones. settle gives them the numbers
// of the manifest.
type assembly struct {
	index  release.Index
	known  known
	number map[chunk.Digest]int32 // of the chunks in index
	stats  Stats
}

func newAssembly(size int64, k known) *assembly {
	return &assembly{
		index:  release.Index{DiskSize: size},
		known:  k,
		number: map[chunk.Digest]int32{},
		stats:  Stats{Disk: size},
	}
}

// job is a piece on its way to the packing step.
type job struct {
	piece
	number int32 // of the chunk, if it has to be written; else release.Zero
}

// take adds the next piece of the disk and passes it on.
func (b *builder) take(ctx context.Context, p piece, jobs chan<- job) error {
	s := release.Segment{Offset: p.offset, Length: int64(p.length), Chunk: release.Zero}
	j := job{p, release.Zero}
	if p.zero {
		b.stats.Zero += s.Length
	} else {
		s.Chunk, j.number = b.addChunk(p)
	}
	b.addSegment(s)
	if len(b.index.Chunks) > release.MaxChunks || len(b.index.Segments) > release.MaxSegments {
		return fmt.Errorf("disk has more than %d chunks or %d segments: too large for one release", release.MaxChunks, release.MaxSegments)
	}
	select {
	case jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// addSegment joins zeroes that meet at the border of two spans.
func (a *assembly) addSegment(s release.Segment) {
	if n := len(a.index.Segments); n > 0 && s.Chunk == release.Zero && a.index.Segments[n-1].Chunk == release.Zero {
		a.index.Segments[n-1].Length += s.Length
		return
	}
	a.index.Segments = append(a.index.Segments, s)
}

// addChunk gives the number of a chunk, and once more if it has to be written.
func (a *assembly) addChunk(p piece) (number, write int32) {
	length := int64(p.length)
	if n, ok := a.number[p.digest]; ok {
		a.stats.Repeated += length
		return n, release.Zero
	}
	number, write = int32(len(a.index.Chunks)), release.Zero
	a.number[p.digest] = number
	a.stats.Chunks++
	c := release.Chunk{Digest: p.digest, Length: uint32(p.length)}
	if at, ok := a.known.places[p.digest]; ok {
		c.Stored, c.Pack, c.Offset = at.stored, at.pack, at.offset
		a.stats.Known += length
	} else {
		a.stats.Unique += length
		write = number
	}
	a.index.Chunks = append(a.index.Chunks, c)
	return number, write
}

// settle enters where new chunks were written, and gives the packs of the manifest: those that are used,
// in the order of their first use.
func (a *assembly) settle(w *packWriter) ([]release.File, error) {
	for _, p := range w.placed {
		c := &a.index.Chunks[p.number]
		c.Stored, c.Pack, c.Offset = p.stored, p.pack, p.offset
		a.stats.Stored += int64(p.stored)
	}
	a.stats.Packs = len(w.files)
	all := append(a.known.files[:len(a.known.files):len(a.known.files)], w.files...)
	files, renumbered := []release.File{}, map[uint32]uint32{}
	for i := range a.index.Chunks {
		c := &a.index.Chunks[i]
		n, ok := renumbered[c.Pack]
		if !ok {
			n = uint32(len(files))
			renumbered[c.Pack] = n
			files = append(files, all[c.Pack])
		}
		c.Pack = n
	}
	if len(files) > release.MaxPacks {
		return nil, fmt.Errorf("release needs %d packs, at most %d: publish it into a new store", len(files), release.MaxPacks)
	}
	return files, nil
}
