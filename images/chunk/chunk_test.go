package chunk_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/images/chunk"
)

var update = flag.Bool("update", false, "write the golden files")

// split cuts a whole span that is seen through windows of the given size, and joins zero pieces.
func split(span []byte, window int) (pieces []chunk.Piece) {
	s := chunk.NewSplitter(len(span))
	for s.Rest() > 0 {
		b := span[len(span)-s.Rest():]
		p := s.Next(b[:min(len(b), window)])
		pieces = join(pieces, p)
	}
	return pieces
}

func join(pieces []chunk.Piece, p chunk.Piece) []chunk.Piece {
	if n := len(pieces); n > 0 && p.Zero && pieces[n-1].Zero {
		pieces[n-1].Length += p.Length
		return pieces
	}
	return append(pieces, p)
}

// noise gives n bytes that are the same on every platform.
func noise(seed uint64, n int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return b
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func zeroes(n int) []byte { return make([]byte, n) }

// inputs are the contents of the golden tables.
var inputs = []struct {
	name string
	data []byte
}{
	{"one byte", []byte{1}},
	{"zero byte", zeroes(1)},
	{"short noise", noise(1, 5000)},
	{"three zero blocks are data", zeroes(3 * chunk.Block)},
	{"four zero blocks are a hole", zeroes(4 * chunk.Block)},
	{"zeroes with a short last block", zeroes(4*chunk.Block + 100)},
	{"noise", noise(2, 2<<20)},
	{"text", []byte(strings.Repeat("Nattevakt holder vakt om natten. ", 40_000))},
	{"holes between noise", concat(noise(3, 300_000), zeroes(100_000), noise(4, 50_000), zeroes(1<<20), noise(5, 10))},
	{"holes at the edges", concat(zeroes(64<<10), noise(6, 200_000), zeroes(80_000))},
	{"constant", bytes.Repeat([]byte{0xff}, 600_000)},
}

func TestGolden(t *testing.T) {
	var got strings.Builder
	for _, in := range inputs {
		fmt.Fprintf(&got, "# %s\n", in.name)
		at := 0
		for _, p := range split(in.data, len(in.data)) {
			what := "zero"
			if !p.Zero {
				what = chunk.Sum(in.data[at : at+p.Length]).String()
			}
			fmt.Fprintf(&got, "%d %d %s\n", at, p.Length, what)
			at += p.Length
		}
	}
	golden(t, filepath.Join("testdata", "cuts.golden"), got.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("cuts changed: a new cut needs a new chunk.ID (rewrite %s with -update)\n%s", path, got)
	}
}

// diskLike draws a span made of noise, repeats and zeroes, some at block boundaries and some not.
func diskLike(t *rapid.T) []byte {
	var b []byte
	for i := range rapid.IntRange(0, 8).Draw(t, "parts") {
		n := rapid.SampledFrom([]int{1, 100, 4095, 4096, 12288, 16384, 20480, 70_000, 300_000, 524_288}).Draw(t, "length")
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			b = append(b, noise(uint64(i), n)...)
		case 1:
			b = append(b, zeroes(n)...)
		default:
			b = append(b, bytes.Repeat([]byte{byte(i + 1)}, n)...)
		}
	}
	return b
}

func TestPiecesCoverSpanWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := diskLike(t)
		at, pieces := 0, split(span, len(span))
		for i, p := range pieces {
			b := span[at : at+p.Length]
			last := i == len(pieces)-1 || pieces[i+1].Zero
			switch {
			case p.Length <= 0:
				t.Fatalf("piece at %d is empty", at)
			case p.Zero && (!chunk.IsZero(b) || at%chunk.Block != 0 || p.Length < chunk.MinZero):
				t.Fatalf("zero run at %d, length %d is not one", at, p.Length)
			case !p.Zero && (p.Length > chunk.MaxSize || p.Length < chunk.MinSize && !last):
				t.Fatalf("chunk at %d has length %d", at, p.Length)
			}
			at += p.Length
		}
		if at != len(span) {
			t.Fatalf("pieces cover %d of %d bytes", at, len(span))
		}
	})
}

func TestCutsDoNotDependOnWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := diskLike(t)
		window := chunk.Window + rapid.IntRange(0, 100_000).Draw(t, "window")
		want, got := split(span, len(span)), split(span, window)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("window %d: %v, whole span: %v", window, got, want)
		}
	})
}

func TestSkipEqualsLooking(t *testing.T) {
	span := concat(noise(1, 40_000), zeroes(500_000), noise(2, 40_000), zeroes(8192))
	holes := [][2]int{{40_960, 536_576}, {581_632, len(span)}}
	s := chunk.NewSplitter(len(span))
	var got []chunk.Piece
	skipped := 0
	for s.Rest() > 0 {
		at := len(span) - s.Rest()
		p, ok := skip(s, holes, at)
		if !ok {
			p = s.Next(span[at:])
		} else {
			skipped++
		}
		got = join(got, p)
	}
	if want := split(span, len(span)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("with holes %v, without %v", got, want)
	}
	if skipped != 1 {
		t.Errorf("skipped %d holes, want the first only: the second is too short", skipped)
	}
}

func skip(s *chunk.Splitter, holes [][2]int, at int) (chunk.Piece, bool) {
	for _, h := range holes {
		if at >= h[0] && s.CanSkip(h[1]-at) {
			return s.Skip(h[1] - at), true
		}
	}
	return chunk.Piece{}, false
}

// TestChangeStaysLocal is what content-defined cutting is for.
func TestChangeStaysLocal(t *testing.T) {
	old := noise(7, 8<<20)
	changed := concat(old[:1_000_000], []byte("inserted"), old[1_000_000:])
	known := map[chunk.Digest]bool{}
	each(old, func(b []byte) { known[chunk.Sum(b)] = true })
	fresh := 0
	each(changed, func(b []byte) {
		if !known[chunk.Sum(b)] {
			fresh += len(b)
		}
	})
	if fresh == 0 || fresh > 2*chunk.MaxSize {
		t.Errorf("8 inserted bytes made %d bytes of new chunks", fresh)
	}
}

func each(span []byte, f func([]byte)) {
	for _, p := range split(span, len(span)) {
		if !p.Zero {
			f(span[:p.Length])
		}
		span = span[p.Length:]
	}
}

func TestMeanSize(t *testing.T) {
	n := 0
	each(noise(8, 32<<20), func([]byte) { n++ })
	if mean := 32 << 20 / n; mean < 48<<10 || mean > 96<<10 {
		t.Errorf("mean chunk of noise is %d bytes, want about %d", mean, chunk.AvgSize)
	}
}

func TestParseDigest(t *testing.T) {
	d := chunk.Sum([]byte("nattevakt"))
	if got, err := chunk.ParseDigest(d.String()); err != nil || got != d {
		t.Errorf("parse %s: %v, %v", d, got, err)
	}
	// BLAKE3 of nothing, from the test vectors of the BLAKE3 reference implementation.
	const empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
	if got := chunk.Sum(nil).String(); got != empty {
		t.Errorf("digest of nothing is %s, want %s", got, empty)
	}
	for _, bad := range []string{"", "00", strings.ToUpper(d.String()), strings.Repeat("g", 64), d.String() + "0"} {
		if _, err := chunk.ParseDigest(bad); err == nil {
			t.Errorf("digest %q was accepted", bad)
		}
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add(noise(1, 40_000), 8192, uint16(3))
	f.Add([]byte{0}, 70_000, uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, hole int, window uint16) {
		span := concat(data, zeroes(max(0, hole%(1<<20))), data)
		want, got := split(span, len(span)), split(span, chunk.Window+int(window))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("cuts depend on the window: %v, want %v", got, want)
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	for _, in := range []struct {
		name string
		data []byte
	}{{"noise", noise(9, 64<<20)}, {"zero", zeroes(64 << 20)}} {
		b.Run(in.name, func(b *testing.B) {
			b.SetBytes(int64(len(in.data)))
			for range b.N {
				split(in.data, len(in.data))
			}
		})
	}
}

func BenchmarkSum(b *testing.B) {
	data := noise(9, chunk.AvgSize)
	b.SetBytes(int64(len(data)))
	for range b.N {
		chunk.Sum(data)
	}
}
