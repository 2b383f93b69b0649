package release_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/release"
)

var update = flag.Bool("update", false, "write the test vectors")

// example is the index of the test vectors: zeroes, chunks apart and in a row, repeats.
func example() (*release.Index, []int64) {
	c := func(n byte, length, stored, pack, offset uint32) release.Chunk {
		return release.Chunk{Digest: chunk.Sum([]byte{n}), Length: length, Stored: stored, Pack: pack, Offset: offset}
	}
	x := &release.Index{
		Chunks: []release.Chunk{c(0, 65536, 30000, 1, 500), c(1, 100_000, 100_000, 1, 30500), c(2, 20_000, 7, 0, 0)},
	}
	for _, n := range []int32{0, 1, release.Zero, 2, 0, 1, 1, release.Zero} {
		s := release.Segment{Offset: x.DiskSize, Length: 1 << 20, Chunk: n}
		if n != release.Zero {
			s.Length = int64(x.Chunks[n].Length)
		}
		x.Segments = append(x.Segments, s)
		x.DiskSize += s.Length
	}
	return x, []int64{7, 200_000}
}

func encode(t testing.TB, x *release.Index, packs []int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := x.Encode(&b, packs); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestIndexVectors(t *testing.T) {
	x, packs := example()
	m := manifest()
	index := encode(t, x, packs)
	m.DiskSize = x.DiskSize
	m.Index = release.File{Digest: chunk.Sum(index), Size: int64(len(index))}
	m.Packs = []release.File{{Digest: chunk.Sum([]byte("a")), Size: 7}, {Digest: chunk.Sum([]byte("b")), Size: 200_000}}
	vector(t, "index", index)
	vector(t, "index.txt", []byte(strings.Join(describe(x), "\n")+"\n"))
	vector(t, "manifest", seal(t, m, 1, 2))

	sealed, err := os.ReadFile(filepath.Join("testdata", "manifest"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := release.Verify(sealed, trust(2, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if read, err := release.ReadIndex(bytes.NewReader(index), got); err != nil || !reflect.DeepEqual(read, x) {
		t.Errorf("read %v, %v; want %v", read, err, x)
	}
}

func vector(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s changed (%v): a new form needs a new format version", path, err)
	}
}

func TestReadIndexWantsTheManifestsBytes(t *testing.T) {
	x, packs := example()
	index := encode(t, x, packs)
	m := manifest()
	m.DiskSize = x.DiskSize
	m.Index = release.File{Digest: chunk.Sum(index), Size: int64(len(index))}
	m.Packs = []release.File{{Size: 7}, {Size: 200_000}}
	if _, err := release.ReadIndex(bytes.NewReader(index), m); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*release.Manifest){
		"digest":    func(m *release.Manifest) { m.Index.Digest[0]++ },
		"shorter":   func(m *release.Manifest) { m.Index.Size-- },
		"longer":    func(m *release.Manifest) { m.Index.Size++ },
		"disk":      func(m *release.Manifest) { m.DiskSize++ },
		"pack size": func(m *release.Manifest) { m.Packs[1].Size++ },
		"packs":     func(m *release.Manifest) { m.Packs = m.Packs[:1] },
	} {
		bad := m
		bad.Packs = slices.Clone(m.Packs)
		change(&bad)
		if _, err := release.ReadIndex(bytes.NewReader(index), bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestDamagedIndex: every cut and every changed byte is an error or another sound index, and the naive
// reader agrees which.
func TestDamagedIndex(t *testing.T) {
	x, packs := example()
	index := encode(t, x, packs)
	for n := range index {
		if _, _, err := release.DecodeIndex(bytes.NewReader(index[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for i := range index {
		for bit := range 8 {
			b := bytes.Clone(index)
			b[i] ^= 1 << bit
			agree(t, b)
		}
	}
	agree(t, append(bytes.Clone(index), 0))
}

// agree compares the decoder with the naive reader.
func agree(t *testing.T, b []byte) {
	t.Helper()
	x, _, err := release.DecodeIndex(bytes.NewReader(b))
	disk, segments, naiveErr := naive(b)
	if (err == nil) != (naiveErr == nil) {
		t.Fatalf("decoder says %v, naive reader %v, for %x", err, naiveErr, b)
	}
	if err == nil && (uint64(x.DiskSize) != disk || !slices.Equal(describe(x), segments)) {
		t.Fatalf("decoder and naive reader differ:\n%q\n%q", describe(x), segments)
	}
}

// malicious gives a header and whatever follows.
func malicious(body []byte, header ...uint64) []byte {
	b := []byte(release.Magic)
	for _, v := range header {
		b = binary.AppendUvarint(b, v)
	}
	return append(b, body...)
}

func TestMaliciousIndex(t *testing.T) {
	digest := string(make([]byte, 32))
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":            {nil, "ends inside header"},
		"other magic":      {[]byte("NVINDEX2........"), "starts with"},
		"huge disk":        {malicious(nil, release.MaxDisk+1, 0, 0, 1), "disk size"},
		"no disk":          {malicious(nil, 0, 0, 0, 1), "disk size"},
		"many packs":       {malicious(nil, 1, release.MaxPacks+1), "number of packs"},
		"huge pack":        {malicious(nil, 1, 1, release.MaxPack+1), "pack size"},
		"many chunks":      {malicious(nil, 1, 0, release.MaxChunks+1), "number of chunks"},
		"many segments":    {malicious(nil, 1, 0, 0, release.MaxSegments+1), "number of segments"},
		"chunks > segs":    {malicious(nil, 9, 0, 2, 1), "chunks"},
		"long number":      {malicious(bytes.Repeat([]byte{0x80}, 12)), "too long"},
		"overflow":         {malicious([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), "too long"},
		"padded number":    {malicious([]byte{0x81, 0x00}), "shortest form"},
		"zeroes too long":  {malicious([]byte("\x01\x0b\x00"), 10, 0, 0, 1), "does not fit"},
		"zeroes too short": {malicious([]byte("\x01\x09\x00"), 10, 0, 0, 1), "end at 9"},
		"zeroes of none":   {malicious([]byte("\x01\x00\x00"), 10, 0, 0, 1), "does not fit"},
		"zeroes twice":     {malicious([]byte("\x01\x05\x01\x05\x00"), 10, 0, 0, 2), "zeroes after zeroes"},
		"unknown tag":      {malicious([]byte("\x09"), 10, 0, 0, 1), "unknown tag"},
		"repeat of none":   {malicious([]byte("\x04\x00\x00"), 10, 0, 0, 1), "repeats chunk"},
		"no place":         {malicious([]byte("\x03"+digest+"\x0a\x0a\x00"), 10, 1, 10, 1, 1), "no place"},
		"no such pack":     {malicious([]byte("\x02"+digest+"\x0a\x0a\x01\x00\x00"), 10, 1, 10, 1, 1), "in pack 1 of 1"},
		"behind pack":      {malicious([]byte("\x02"+digest+"\x0a\x0a\x00\x01\x00"), 10, 1, 10, 1, 1), "behind pack"},
		"stored longer":    {malicious([]byte("\x02"+digest+"\x0a\x0b\x00\x00\x00"), 10, 1, 20, 1, 1), "stored in 11"},
		"stored nothing":   {malicious([]byte("\x02"+digest+"\x0a\x00\x00\x00\x00"), 10, 1, 20, 1, 1), "stored in 0"},
		"overlap":          {malicious([]byte("\x02"+digest+"\x05\x05\x00\x00\x02"+digest+"\x05\x05\x00\x04\x00"), 10, 1, 20, 2, 2), "overlap"},
		"bytes behind":     {malicious([]byte("\x01\x0a\x00\x00"), 10, 0, 0, 1), "behind its end"},
		"end too early":    {malicious([]byte("\x01\x05\x00"), 10, 0, 0, 2), "end at 5"},
		"one too many":     {malicious([]byte("\x01\x0a\x01\x01\x00"), 10, 0, 0, 1), "zeroes after zeroes"},
	} {
		_, _, err := release.DecodeIndex(bytes.NewReader(c.b))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if _, _, err := naive(c.b); err == nil {
			t.Errorf("%s: naive reader accepts it", name)
		}
	}
}

// drawIndex draws any sound index of small size.
func drawIndex(t *rapid.T) (*release.Index, []int64) {
	x := &release.Index{}
	packs := []int64{}
	for range rapid.IntRange(1, 30).Draw(t, "segments") {
		s := release.Segment{Offset: x.DiskSize, Length: rapid.Int64Range(1, 1<<30).Draw(t, "zeroes"), Chunk: release.Zero}
		switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); {
		case kind == 0 && (len(x.Segments) == 0 || x.Segments[len(x.Segments)-1].Chunk != release.Zero):
		case kind == 1 && len(x.Chunks) > 0:
			s.Chunk = int32(rapid.IntRange(0, len(x.Chunks)-1).Draw(t, "repeat"))
			s.Length = int64(x.Chunks[s.Chunk].Length)
		default:
			packs = drawChunk(t, x, packs)
			s.Chunk = int32(len(x.Chunks) - 1)
			s.Length = int64(x.Chunks[s.Chunk].Length)
		}
		x.Segments = append(x.Segments, s)
		x.DiskSize += s.Length
	}
	return x, packs
}

// drawChunk adds a chunk at the end of a pack, old or new.
func drawChunk(t *rapid.T, x *release.Index, packs []int64) []int64 {
	n := rapid.IntRange(0, min(len(packs), 3)).Draw(t, "pack")
	if n == len(packs) {
		packs = append(packs, 0)
	}
	c := release.Chunk{Digest: chunk.Sum(fmt.Append(nil, len(x.Chunks))), Pack: uint32(n), Offset: uint32(packs[n])}
	c.Length = uint32(rapid.IntRange(1, 2000).Draw(t, "length"))
	c.Stored = uint32(rapid.IntRange(1, int(c.Length)).Draw(t, "stored"))
	packs[n] += int64(c.Stored)
	x.Chunks = append(x.Chunks, c)
	return packs
}

func TestIndexRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, packs := drawIndex(t)
		var b bytes.Buffer
		if err := x.Encode(&b, packs); err != nil {
			t.Fatal(err)
		}
		got, h, err := release.DecodeIndex(bytes.NewReader(b.Bytes()))
		if err != nil || !slices.Equal(got.Segments, x.Segments) || !slices.Equal(got.Chunks, x.Chunks) || !slices.Equal(h.PackSizes, packs) {
			t.Fatalf("decoded %v, %v; want %v", got, err, x)
		}
		_, segments, err := naive(b.Bytes())
		if err != nil || !slices.Equal(segments, describe(x)) {
			t.Fatalf("naive reader: %q, %v; want %q", segments, err, describe(x))
		}
	})
}

func TestIndexIsCompact(t *testing.T) {
	x, packs := &release.Index{}, []int64{0}
	for i := range 1000 {
		c := release.Chunk{Digest: chunk.Sum(fmt.Append(nil, i)), Length: 65536, Stored: 30_000, Offset: uint32(packs[0])}
		packs[0] += int64(c.Stored)
		x.Chunks = append(x.Chunks, c)
		x.Segments = append(x.Segments, release.Segment{Offset: x.DiskSize, Length: 65536, Chunk: int32(i)})
		x.DiskSize += 65536
	}
	if n := len(encode(t, x, packs)); n > 40*1000 {
		t.Errorf("index takes %d bytes for 1000 chunks, want at most 40 each", n)
	}
}

func TestEncoderStates(t *testing.T) {
	header := release.Header{DiskSize: 10, PackSizes: []int64{10}, Chunks: 1, Segments: 2}
	c := release.Chunk{Length: 5, Stored: 5}
	open := func(t *testing.T) *release.Encoder {
		e, err := release.NewEncoder(io.Discard, header)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	t.Run("OK", func(t *testing.T) {
		e := open(t)
		if err := errors.Join(e.Chunk(c), e.Repeat(0), e.Close()); err != nil {
			t.Error(err)
		}
		if e.Close() == nil || e.Zero(1) == nil {
			t.Error("closed encoder goes on")
		}
	})
	t.Run("closed too early", func(t *testing.T) {
		if open(t).Close() == nil {
			t.Error("no error")
		}
	})
	t.Run("second chunk", func(t *testing.T) {
		e := open(t)
		if err := e.Chunk(c); err != nil {
			t.Fatal(err)
		}
		if e.Chunk(c) == nil {
			t.Error("no error")
		}
	})
	t.Run("bad header", func(t *testing.T) {
		for _, h := range []release.Header{{}, {DiskSize: 1, Segments: -1}, {DiskSize: 1, Segments: 1, Chunks: 2}, {DiskSize: 1, Segments: 1, PackSizes: []int64{0}}} {
			if _, err := release.NewEncoder(io.Discard, h); err == nil {
				t.Errorf("header %v accepted", h)
			}
		}
	})
}

func FuzzDecodeIndex(f *testing.F) {
	x, packs := example()
	f.Add(encode(f, x, packs))
	f.Add(malicious([]byte("\x01\x0a\x00"), 10, 0, 0, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 2000 {
			agree(t, b)
		}
		x, h, err := release.DecodeIndex(bytes.NewReader(b))
		if err != nil {
			return
		}
		if again := encode(t, x, h.PackSizes); !bytes.Equal(again, b) {
			t.Fatalf("decoded and encoded to other bytes")
		}
	})
}

func BenchmarkDecodeIndex(b *testing.B) {
	x, packs := &release.Index{}, []int64{0}
	for i := range 100_000 {
		c := release.Chunk{Digest: chunk.Sum(fmt.Append(nil, i)), Length: 65536, Stored: 600, Offset: uint32(packs[0])}
		packs[0] += int64(c.Stored)
		x.Chunks = append(x.Chunks, c)
		x.Segments = append(x.Segments, release.Segment{Offset: x.DiskSize, Length: 65536, Chunk: int32(i)})
		x.DiskSize += 65536
	}
	index := encode(b, x, packs)
	b.SetBytes(int64(len(index)))
	for range b.N {
		if _, _, err := release.DecodeIndex(bytes.NewReader(index)); err != nil {
			b.Fatal(err)
		}
	}
}
