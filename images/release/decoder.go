package release

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// Input is what a Decoder reads: a bufio.Reader or bytes.Reader.
type Input interface {
	io.Reader
	io.ByteReader
}

// Decoder reads an index segment by segment with memory for the chunks' lengths only. It belongs to one
// goroutine. After an error it is of no further use.
type Decoder struct {
	r Input
	layout
}

// NewDecoder reads and checks the header.
func NewDecoder(r Input) (*Decoder, error) {
	d := &Decoder{r: r}
	magic := make([]byte, len(Magic))
	if _, err := io.ReadFull(r, magic); err != nil {
		return nil, truncated("header", err)
	}
	if string(magic) != Magic {
		return nil, fmt.Errorf("index: starts with %q, want %q", magic, Magic)
	}
	var err error
	if d.header, err = d.readHeader(); err != nil {
		return nil, err
	}
	return d, d.header.validate()
}

func (d *Decoder) readHeader() (h Header, err error) {
	if h.DiskSize, err = d.int64("disk size", MaxDisk); err != nil {
		return h, err
	}
	packs, err := d.int64("number of packs", MaxPacks)
	if err != nil {
		return h, err
	}
	for range packs {
		n, err := d.int64("pack size", MaxPack)
		if err != nil {
			return h, err
		}
		h.PackSizes = append(h.PackSizes, n)
	}
	chunks, err := d.int64("number of chunks", MaxChunks)
	if err != nil {
		return h, err
	}
	segments, err := d.int64("number of segments", MaxSegments)
	h.Chunks, h.Segments = int(chunks), int(segments)
	return h, err
}

// Header gives what NewDecoder read.
func (d *Decoder) Header() Header { return d.header }

// Next gives the next segment and, at the first use of a chunk, that chunk. io.EOF is the proper end;
// every other error means that the index is damaged.
func (d *Decoder) Next() (Segment, Chunk, error) {
	if d.state == stateClosed {
		return Segment{}, Chunk{}, io.EOF
	}
	tag, err := d.r.ReadByte()
	if err != nil {
		return Segment{}, Chunk{}, truncated("segment", err)
	}
	offset := d.at
	number, c, err := d.segment(tag)
	if err != nil {
		return Segment{}, Chunk{}, err
	}
	return Segment{Offset: offset, Length: d.at - offset, Chunk: int32(number)}, c, nil
}

// segment reads what follows the tag. It gives the chunk's number or Zero.
func (d *Decoder) segment(tag byte) (int, Chunk, error) {
	switch tag {
	case tagZero:
		n, err := d.int64("length of zeroes", MaxDisk)
		if err != nil {
			return 0, Chunk{}, err
		}
		return Zero, Chunk{}, d.zero(n)
	case tagPlaced, tagNext:
		c, err := d.readChunk(tag)
		if err != nil {
			return 0, Chunk{}, err
		}
		number := len(d.lengths)
		return number, c, d.chunk(c)
	case tagRepeat:
		back, err := d.int64("repeat", MaxChunks)
		if err != nil {
			return 0, Chunk{}, err
		}
		number := len(d.lengths) - 1 - int(back)
		return number, Chunk{}, d.repeat(number)
	case tagEnd:
		return 0, Chunk{}, d.end()
	default:
		return 0, Chunk{}, fmt.Errorf("index: segment %d has unknown tag %d", d.segments, tag)
	}
}

func (d *Decoder) readChunk(tag byte) (c Chunk, err error) {
	if _, err := io.ReadFull(d.r, c.Digest[:]); err != nil {
		return c, truncated("chunk", err)
	}
	fields := []*uint32{&c.Length, &c.Stored, &c.Pack, &c.Offset}
	if tag == tagNext {
		fields = fields[:2]
	}
	for _, f := range fields {
		n, err := d.int64("chunk", math.MaxUint32)
		if err != nil {
			return c, err
		}
		*f = uint32(n)
	}
	return c, d.checkPlace(tag, &c)
}

// checkPlace fills in the place of a tagNext chunk and refuses tagPlaced where tagNext would do.
func (d *Decoder) checkPlace(tag byte, c *Chunk) error {
	if tag == tagPlaced {
		if d.isNext(*c) {
			return fmt.Errorf("index: chunk %d: not in canonical form", len(d.lengths))
		}
		return nil
	}
	if len(d.lengths) == 0 {
		return errors.New("index: first chunk has no place")
	}
	c.Pack, c.Offset = d.last.Pack, d.last.Offset+d.last.Stored
	return nil
}

// end checks that nothing follows and gives io.EOF.
func (d *Decoder) end() error {
	if err := d.close(); err != nil {
		return err
	}
	_, err := d.r.ReadByte()
	if err == nil {
		return errors.New("index: bytes behind its end")
	}
	return err
}

// int64 reads a canonical uvarint (unsigned LEB128, shortest form) of at most limit.
func (d *Decoder) int64(what string, limit int64) (int64, error) {
	var v uint64
	for shift := uint(0); shift < 63; shift += 7 {
		b, err := d.r.ReadByte()
		if err != nil {
			return 0, truncated(what, err)
		}
		v |= uint64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if b == 0 && shift > 0 {
			return 0, fmt.Errorf("index: %s: number not in its shortest form", what)
		}
		if v > uint64(limit) {
			return 0, fmt.Errorf("index: %s %d, more than %d", what, v, limit)
		}
		return int64(v), nil
	}
	return 0, fmt.Errorf("index: %s: number too long", what)
}

func truncated(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("index: ends inside %s: %w", what, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("index: read %s: %w", what, err)
}
