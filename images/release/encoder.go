package release

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/nattevakt/nattevakt/images/chunk"
)

// Magic opens every index.
const Magic = "NVINDEX1"

// The tags of segments.
const (
	tagEnd    = 0
	tagZero   = 1 // length
	tagPlaced = 2 // digest, length, stored, pack, offset
	tagNext   = 3 // digest, length, stored; directly behind the chunk before, in the same pack
	tagRepeat = 4 // how many chunks back, 0 is the latest
)

// state is where an Encoder or Decoder stands: segments, then closed.
type state uint8

const (
	stateSegments state = iota
	stateClosed
)

var errClosed = errors.New("index: already at its end")

// layout is what Encoder and Decoder both must know to judge the next segment.
type layout struct {
	header   Header
	state    state
	at       int64    // bytes of the disk covered
	segments int      // segments seen
	lengths  []uint32 // of the chunks seen
	last     Chunk    // the latest chunk
	wasZero  bool     // the latest segment was zeroes
}

func (h Header) validate() error {
	switch {
	case h.DiskSize < 1 || h.DiskSize > MaxDisk:
		return fmt.Errorf("index: disk size %d, want 1 to %d", h.DiskSize, int64(MaxDisk))
	case len(h.PackSizes) > MaxPacks:
		return fmt.Errorf("index: %d packs, more than %d", len(h.PackSizes), MaxPacks)
	case h.Segments < 1 || h.Segments > MaxSegments:
		return fmt.Errorf("index: %d segments, want 1 to %d", h.Segments, MaxSegments)
	case h.Chunks < 0 || h.Chunks > min(MaxChunks, h.Segments):
		return fmt.Errorf("index: %d chunks, want 0 to %d and at most one per segment", h.Chunks, MaxChunks)
	}
	for i, n := range h.PackSizes {
		if n < 1 || n > MaxPack {
			return fmt.Errorf("index: pack %d of %d bytes, want 1 to %d", i, n, MaxPack)
		}
	}
	return nil
}

// next is called for every segment before it counts.
func (l *layout) next(length int64) error {
	switch {
	case l.state == stateClosed:
		return errClosed
	case l.segments == l.header.Segments:
		return fmt.Errorf("index: more than the %d segments of its header", l.header.Segments)
	case length < 1 || length > l.header.DiskSize-l.at:
		return fmt.Errorf("index: segment %d at %d: length %d does not fit a disk of %d", l.segments, l.at, length, l.header.DiskSize)
	}
	l.segments++
	l.at += length
	return nil
}

func (l *layout) zero(length int64) error {
	if l.wasZero {
		return fmt.Errorf("index: segment %d: zeroes after zeroes", l.segments)
	}
	l.wasZero = true
	return l.next(length)
}

func (l *layout) chunk(c Chunk) error {
	n := len(l.lengths)
	switch {
	case n == l.header.Chunks:
		return fmt.Errorf("index: more than the %d chunks of its header", l.header.Chunks)
	case c.Length < 1 || c.Length > chunk.MaxSize:
		return fmt.Errorf("index: chunk %d of %d bytes, want 1 to %d", n, c.Length, chunk.MaxSize)
	case c.Stored < 1 || c.Stored > c.Length:
		return fmt.Errorf("index: chunk %d of %d bytes is stored in %d", n, c.Length, c.Stored)
	case int(c.Pack) >= len(l.header.PackSizes):
		return fmt.Errorf("index: chunk %d in pack %d of %d", n, c.Pack, len(l.header.PackSizes))
	case int64(c.Offset)+int64(c.Stored) > l.header.PackSizes[c.Pack]:
		return fmt.Errorf("index: chunk %d ends at %d, behind pack %d of %d bytes", n, int64(c.Offset)+int64(c.Stored), c.Pack, l.header.PackSizes[c.Pack])
	}
	l.wasZero = false
	l.last = c
	l.lengths = append(l.lengths, c.Length)
	return l.next(int64(c.Length))
}

func (l *layout) repeat(number int) error {
	if number < 0 || number >= len(l.lengths) {
		return fmt.Errorf("index: segment %d repeats chunk %d of %d", l.segments, number, len(l.lengths))
	}
	l.wasZero = false
	return l.next(int64(l.lengths[number]))
}

func (l *layout) close() error {
	switch {
	case l.state == stateClosed:
		return errClosed
	case l.at != l.header.DiskSize:
		return fmt.Errorf("index: segments end at %d of a disk of %d", l.at, l.header.DiskSize)
	case l.segments != l.header.Segments || len(l.lengths) != l.header.Chunks:
		return fmt.Errorf("index: %d segments and %d chunks, header says %d and %d", l.segments, len(l.lengths), l.header.Segments, l.header.Chunks)
	}
	l.state = stateClosed
	return nil
}

// isNext reports whether c lies directly behind the latest chunk.
func (l *layout) isNext(c Chunk) bool {
	return len(l.lengths) > 0 && c.Pack == l.last.Pack && c.Offset == l.last.Offset+l.last.Stored
}

// Encoder writes an index segment by segment. It belongs to one goroutine. After an error it is of no
// further use.
type Encoder struct {
	w   *bufio.Writer
	buf []byte
	layout
}

// NewEncoder writes the header.
func NewEncoder(w io.Writer, h Header) (*Encoder, error) {
	if err := h.validate(); err != nil {
		return nil, err
	}
	e := &Encoder{w: bufio.NewWriterSize(w, 64<<10), layout: layout{header: h}}
	e.buf = append(e.buf, Magic...)
	e.uvarints(uint64(h.DiskSize), uint64(len(h.PackSizes)))
	for _, n := range h.PackSizes {
		e.uvarints(uint64(n))
	}
	e.uvarints(uint64(h.Chunks), uint64(h.Segments))
	return e, e.flush()
}

// Zero writes a stretch of zeroes. Two in a row are one; writing them apart is an error.
func (e *Encoder) Zero(length int64) error {
	if err := e.zero(length); err != nil {
		return err
	}
	e.uvarints(tagZero, uint64(length))
	return e.flush()
}

// Chunk writes the first use of a chunk.
func (e *Encoder) Chunk(c Chunk) error {
	isNext := e.isNext(c)
	if err := e.chunk(c); err != nil {
		return err
	}
	if isNext {
		e.buf = append(append(e.buf, tagNext), c.Digest[:]...)
		e.uvarints(uint64(c.Length), uint64(c.Stored))
	} else {
		e.buf = append(append(e.buf, tagPlaced), c.Digest[:]...)
		e.uvarints(uint64(c.Length), uint64(c.Stored), uint64(c.Pack), uint64(c.Offset))
	}
	return e.flush()
}

// Repeat writes a further use of the chunk with this number.
func (e *Encoder) Repeat(number int) error {
	if err := e.repeat(number); err != nil {
		return err
	}
	e.uvarints(tagRepeat, uint64(len(e.lengths)-1-number))
	return e.flush()
}

// Close writes the end. The writer below stays open.
func (e *Encoder) Close() error {
	if err := e.close(); err != nil {
		return err
	}
	e.uvarints(tagEnd)
	if err := e.flush(); err != nil {
		return err
	}
	return e.w.Flush()
}

func (e *Encoder) uvarints(values ...uint64) {
	for _, v := range values {
		e.buf = binary.AppendUvarint(e.buf, v)
	}
}

func (e *Encoder) flush() error {
	_, err := e.w.Write(e.buf)
	e.buf = e.buf[:0]
	return err
}
