package codec_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/codec"
)

func encoder(t testing.TB) *codec.Encoder {
	t.Helper()
	e, err := codec.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func decoder(t testing.TB) *codec.Decoder {
	t.Helper()
	d, err := codec.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestRoundTrip(t *testing.T) {
	e, d := encoder(t), decoder(t)
	rapid.Check(t, func(t *rapid.T) {
		var key [32]byte
		binary.LittleEndian.PutUint64(key[:], rapid.Uint64().Draw(t, "seed"))
		content := make([]byte, rapid.IntRange(1, chunk.MaxSize).Draw(t, "length"))
		noise := rapid.IntRange(0, len(content)).Draw(t, "noise")
		_, _ = rand.NewChaCha8(key).Read(content[:noise]) // never fails
		stored := e.Encode(nil, content)
		if len(stored) > len(content) {
			t.Fatalf("stored form of %d bytes has %d", len(content), len(stored))
		}
		got, err := d.Decode(make([]byte, 0, chunk.MaxSize), stored, len(content), chunk.Sum(content))
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("decoded %d bytes, %v; want %d", len(got), err, len(content))
		}
	})
}

func TestEncodeAppends(t *testing.T) {
	for _, content := range [][]byte{bytes.Repeat([]byte("a"), 1000), []byte("x")} {
		got := encoder(t).Encode([]byte("before"), content)
		if !bytes.HasPrefix(got, []byte("before")) || len(got) > len("before")+len(content) {
			t.Errorf("%d bytes of content gave %q", len(content), got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	content := bytes.Repeat([]byte("nattevakt "), 1000)
	stored := encoder(t).Encode(nil, content)
	sum := chunk.Sum(content)
	bomb := bombOf(t, 64<<20)
	for name, c := range map[string]struct {
		stored []byte
		length int
		digest chunk.Digest
	}{
		"other digest":        {stored, len(content), chunk.Digest{}},
		"longer than said":    {stored, len(content) - 1, sum},
		"shorter than said":   {stored, len(content) + 1, sum},
		"truncated":           {stored[:len(stored)-1], len(content), sum},
		"no frame":            {[]byte("no frame"), len(content), sum},
		"nothing":             {nil, len(content), sum},
		"raw of other digest": {bytes.Repeat([]byte{1}, len(content)), len(content), sum},
		"bomb":                {bomb, chunk.MaxSize, sum},
	} {
		if _, err := decoder(t).Decode(nil, c.stored, c.length, c.digest); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBombTakesNoMemory(t *testing.T) {
	d, bomb := decoder(t), bombOf(t, 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := d.Decode(nil, bomb, chunk.MaxSize, chunk.Digest{}); err == nil {
		t.Error("accepted")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("a bomb of 64 MiB allocated %d bytes", n)
	}
}

// bombOf gives a small frame of n zeroes.
func bombOf(t *testing.T, n int) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(make([]byte, n), nil)
}

// TestZstdReadsChunks: the reference implementation agrees that these are frames.
func TestZstdReadsChunks(t *testing.T) {
	tool, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("needs zstd (apt-get install zstd)")
	}
	content := bytes.Repeat([]byte("nattevakt "), 20_000)
	cmd := exec.Command(tool, "-dc")
	cmd.Stdin = bytes.NewReader(encoder(t).Encode(nil, content))
	if out, err := cmd.Output(); err != nil || !bytes.Equal(out, content) {
		t.Errorf("zstd gives %d bytes, %v", len(out), err)
	}
}

func FuzzDecode(f *testing.F) {
	e, d := encoder(f), decoder(f)
	content := bytes.Repeat([]byte("nattevakt "), 100)
	f.Add(e.Encode(nil, content), len(content))
	f.Add([]byte("raw"), 3)
	f.Fuzz(func(t *testing.T, stored []byte, length int) {
		if length < 1 || length > chunk.MaxSize {
			return
		}
		if got, err := d.Decode(make([]byte, 0, length), stored, length, chunk.Sum(stored)); err == nil && !bytes.Equal(got, stored) {
			t.Error("digest did not bind the content")
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	e, content := encoder(b), bytes.Repeat([]byte("skole ladeskap maskin bjelle natt "), 2000)[:chunk.AvgSize]
	b.SetBytes(int64(len(content)))
	buf := make([]byte, 0, chunk.MaxSize)
	for range b.N {
		e.Encode(buf, content)
	}
}
