package release_test

import (
	"encoding/binary"
	"fmt"

	"github.com/nattevakt/nattevakt/images/release"
)

// naive is a second reader of the index, written from FORMAT.md with none of the package's code, as
// another implementation would be. Whatever is wrong makes it panic, which becomes the error.
func naive(b []byte) (disk uint64, segments []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("naive reader: %v", r)
		}
	}()
	disk, segments = naiveIndex(b)
	return disk, segments, nil
}

type naiveReader struct{ b []byte }

func (r *naiveReader) bytes(n int) []byte {
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *naiveReader) number(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || len(binary.AppendUvarint(nil, v)) != n || v > limit {
		panic("bad number")
	}
	r.b = r.b[n:]
	return v
}

func must(ok bool) {
	if !ok {
		panic("rule of the format broken")
	}
}

type naivePlace struct{ length, stored, pack, offset uint64 }

func naiveIndex(b []byte) (disk uint64, out []string) {
	r := &naiveReader{b}
	must(string(r.bytes(8)) == "NVINDEX1")
	disk = r.number(1 << 46)
	must(disk > 0)
	packs := make([]uint64, r.number(4096))
	for i := range packs {
		packs[i] = r.number(64 << 20)
		must(packs[i] > 0)
	}
	chunks, segments := r.number(1<<20), r.number(1<<22)
	must(segments > 0 && chunks <= segments)
	var places []naivePlace
	at, zeroes := uint64(0), false
	for range segments {
		tag := r.bytes(1)[0]
		var length uint64
		switch tag {
		case 1:
			must(!zeroes)
			length = r.number(1 << 46)
			out = append(out, fmt.Sprintf("%d+%d zero", at, length))
		case 2, 3:
			digest := fmt.Sprintf("%x", r.bytes(32))
			p := naivePlace{length: r.number(1<<32 - 1), stored: r.number(1<<32 - 1)}
			if tag == 2 {
				p.pack, p.offset = r.number(1<<32-1), r.number(1<<32-1)
			}
			if n := len(places); n > 0 {
				last := places[n-1]
				behind := last.offset + last.stored
				must(tag == 3 || p.pack != last.pack || p.offset != behind)
				if tag == 3 {
					p.pack, p.offset = last.pack, behind
				}
			} else {
				must(tag == 2)
			}
			must(p.length >= 1 && p.length <= 256<<10 && p.stored >= 1 && p.stored <= p.length)
			must(p.pack < uint64(len(packs)) && p.offset+p.stored <= packs[p.pack])
			for _, q := range places {
				must(p.pack != q.pack || p.offset >= q.offset+q.stored || q.offset >= p.offset+p.stored)
			}
			places = append(places, p)
			must(uint64(len(places)) <= chunks)
			length = p.length
			out = append(out, fmt.Sprintf("%d+%d %s stored %d in %d at %d", at, length, digest, p.stored, p.pack, p.offset))
		case 4:
			n := len(places) - 1 - int(r.number(1<<20))
			length = places[n].length
			out = append(out, fmt.Sprintf("%d+%d repeat %d", at, length, n))
		default:
			panic("bad tag")
		}
		zeroes = tag == 1
		must(length >= 1 && length <= disk-at)
		at += length
	}
	must(at == disk && uint64(len(places)) == chunks)
	must(r.bytes(1)[0] == 0 && len(r.b) == 0)
	return disk, out
}

// describe gives the segments of a decoded index in the words of the naive reader.
func describe(x *release.Index) (out []string) {
	seen := int32(0)
	for _, s := range x.Segments {
		switch s.Chunk {
		case release.Zero:
			out = append(out, fmt.Sprintf("%d+%d zero", s.Offset, s.Length))
		case seen:
			c := x.Chunks[s.Chunk]
			out = append(out, fmt.Sprintf("%d+%d %s stored %d in %d at %d", s.Offset, s.Length, c.Digest, c.Stored, c.Pack, c.Offset))
			seen++
		default:
			out = append(out, fmt.Sprintf("%d+%d repeat %d", s.Offset, s.Length, s.Chunk))
		}
	}
	return out
}
