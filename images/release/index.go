package release

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/nattevakt/nattevakt/images/chunk"
)

// Chunk is one chunk of a release and its place.
type Chunk struct {
	Digest chunk.Digest // of the content
	Length uint32       // of the content, bytes
	Stored uint32       // in the pack, bytes; equal to Length where it is not compressed
	Pack   uint32       // number in Manifest.Packs
	Offset uint32       // in the pack
}

// Segment is one stretch of the disk: zeroes, or the content of one chunk.
type Segment struct {
	Offset int64 // on the disk
	Length int64
	Chunk  int32 // number in Index.Chunks; Zero for zeroes
}

// Zero is the Segment.Chunk of a stretch of zeroes.
const Zero = -1

// Header opens an index.
type Header struct {
	DiskSize  int64
	PackSizes []int64
	Chunks    int // number of different chunks
	Segments  int
}

// Index is a decoded index, about 75 bytes of memory per chunk.
type Index struct {
	DiskSize int64
	Chunks   []Chunk   // in the order of their first use
	Segments []Segment // in disk order, without gaps
}

// ContentSize is the number of bytes of all different chunks.
func (x *Index) ContentSize() (n int64) {
	for _, c := range x.Chunks {
		n += int64(c.Length)
	}
	return n
}

// Encode writes the canonical encoding. packSizes are those of the manifest.
func (x *Index) Encode(w io.Writer, packSizes []int64) error {
	e, err := NewEncoder(w, Header{x.DiskSize, packSizes, len(x.Chunks), len(x.Segments)})
	if err != nil {
		return err
	}
	next := int32(0)
	for _, s := range x.Segments {
		switch s.Chunk {
		case Zero:
			err = e.Zero(s.Length)
		case next:
			err = e.Chunk(x.Chunks[next])
			next++
		default:
			err = e.Repeat(int(s.Chunk))
		}
		if err != nil {
			return err
		}
	}
	return e.Close()
}

// ReadIndex reads the index that m names and refuses any other bytes.
func ReadIndex(r io.Reader, m Manifest) (*Index, error) {
	hash := blake3.New()
	counted := &io.LimitedReader{R: r, N: m.Index.Size}
	x, h, err := DecodeIndex(io.TeeReader(counted, hash))
	if err != nil {
		return nil, err
	}
	if got := chunk.Digest(hash.Sum(nil)); counted.N != 0 || got != m.Index.Digest {
		return nil, fmt.Errorf("index of %s %s: digest %s, manifest says %s", m.Image, m.Release, got, m.Index.Digest)
	}
	if h.DiskSize != m.DiskSize || !slices.Equal(h.PackSizes, m.PackSizes()) {
		return nil, fmt.Errorf("index of %s %s: disk or packs differ from the manifest", m.Image, m.Release)
	}
	return x, nil
}

// PackSizes gives the sizes that the index has to agree with.
func (m Manifest) PackSizes() []int64 {
	sizes := make([]int64, 0, len(m.Packs))
	for _, p := range m.Packs {
		sizes = append(sizes, p.Size)
	}
	return sizes
}

// DecodeIndex reads a whole index into memory and checks it.
func DecodeIndex(r io.Reader) (*Index, Header, error) {
	d, err := NewDecoder(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return nil, Header{}, err
	}
	h := d.Header()
	x := &Index{
		DiskSize: h.DiskSize,
		Chunks:   make([]Chunk, 0, min(h.Chunks, firstAlloc)),
		Segments: make([]Segment, 0, min(h.Segments, firstAlloc)),
	}
	for {
		s, c, err := d.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, Header{}, err
		}
		x.Segments = append(x.Segments, s)
		if int(s.Chunk) == len(x.Chunks) {
			x.Chunks = append(x.Chunks, c)
		}
	}
	return x, h, x.checkOverlap()
}

// firstAlloc bounds what a header alone can make a reader allocate; more must be earned by content.
const firstAlloc = 1 << 12

// checkOverlap refuses chunks that share bytes of a pack.
func (x *Index) checkOverlap() error {
	order := make([]int32, len(x.Chunks))
	for i := range order {
		order[i] = int32(i)
	}
	place := func(i int32) uint64 { return uint64(x.Chunks[i].Pack)<<32 | uint64(x.Chunks[i].Offset) }
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(place(a), place(b)) })
	for i := 1; i < len(order); i++ {
		a, b := order[i-1], order[i]
		if place(a)+uint64(x.Chunks[a].Stored) > place(b) {
			return fmt.Errorf("index: chunks %d and %d overlap in pack %d", a, b, x.Chunks[a].Pack)
		}
	}
	return nil
}
