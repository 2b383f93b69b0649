// Package storetest is the conformance suite of package store: every Store and WriteStore has to pass it.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nattevakt/nattevakt/images/store"
)

// Objects are what the store under test has to hold when Read starts.
func Objects() map[string][]byte {
	big := make([]byte, 300_000)
	for i := range big {
		big[i] = byte(i * i >> 8)
	}
	return map[string][]byte{
		"skole/2026-11/manifest": []byte("manifest"),
		"skole/2026-11/index":    []byte("index"),
		"packs/big.pack":         big,
		"packs/empty.pack":       {},
	}
}

// BadNames are refused by every method.
var BadNames = []string{
	"", "/", "/etc/passwd", "..", "../x", "a/../b", "a//b", "a/", "./a", ".hidden", "a/.tmp-1", `a\b`, "a b",
	"a\x00b", "C:/x", "a/b/c/d/e", "å", "a?b", "a#b", "%2e%2e", strings.Repeat("a", 300),
}

// Read checks a Store that holds Objects.
func Read(t *testing.T, s store.Store) {
	ReadObjects(t, s)
	t.Run("ErrNotFound", func(t *testing.T) { readMissing(t, s) })
	t.Run("bad names", func(t *testing.T) { readBadNames(t, s) })
	t.Run("bad ranges", func(t *testing.T) { readBadRanges(t, s) })
	t.Run("several readers", func(t *testing.T) { readTogether(t, s) })
	t.Run("ended context", func(t *testing.T) { readEnded(t, s) })
}

// ReadObjects checks only that every object can be read, whole and in parts.
func ReadObjects(t *testing.T, s store.Store) {
	for name, want := range Objects() {
		t.Run("OK "+name, func(t *testing.T) { readObject(t, s, name, want) })
	}
}

func readObject(t *testing.T, s store.Store, name string, want []byte) {
	if size, err := s.Stat(t.Context(), name); err != nil || size != int64(len(want)) {
		t.Errorf("size %d, %v; want %d", size, err, len(want))
	}
	n := int64(len(want))
	for _, r := range [][2]int64{{0, n}, {0, 0}, {n, 0}, {n / 2, n - n/2}, {n / 3, n / 3}, {max(0, n-1), min(1, n)}} {
		got, err := open(t.Context(), s, name, r[0], r[1])
		if err != nil || !bytes.Equal(got, want[r[0]:r[0]+r[1]]) {
			t.Errorf("range %d+%d: %d bytes, %v", r[0], r[1], len(got), err)
		}
	}
	if got, err := store.ReadAll(t.Context(), s, name, n); err != nil || !bytes.Equal(got, want) {
		t.Errorf("whole: %d bytes, %v", len(got), err)
	}
	if n == 0 {
		return
	}
	if _, err := store.ReadAll(t.Context(), s, name, n-1); err == nil {
		t.Error("read an object beyond the limit")
	}
}

func open(ctx context.Context, s store.Store, name string, off, n int64) ([]byte, error) {
	r, err := s.Open(ctx, name, off, n)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func readMissing(t *testing.T, s store.Store) {
	for _, name := range []string{"nothing", "packs/nothing.pack"} {
		if _, err := s.Stat(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("stat %s: %v, want ErrNotFound", name, err)
		}
		if _, err := open(t.Context(), s, name, 0, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("open %s: %v, want ErrNotFound", name, err)
		}
	}
}

func readBadNames(t *testing.T, s store.Store) {
	for _, name := range BadNames {
		if _, err := s.Stat(t.Context(), name); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("stat %q: %v, want it refused", name, err)
		}
		if _, err := open(t.Context(), s, name, 0, 1); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("open %q: %v, want it refused", name, err)
		}
	}
}

func readBadRanges(t *testing.T, s store.Store) {
	n := int64(len(Objects()["packs/big.pack"]))
	for _, r := range [][2]int64{{-1, 1}, {0, -1}, {0, n + 1}, {n, 1}, {n + 5, 1}, {1 << 62, 1 << 62}} {
		if b, err := open(t.Context(), s, "packs/big.pack", r[0], r[1]); err == nil {
			t.Errorf("range %d+%d of %d bytes gave %d", r[0], r[1], n, len(b))
		}
	}
}

func readTogether(t *testing.T, s store.Store) {
	want := Objects()["packs/big.pack"]
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			got, err := open(t.Context(), s, "packs/big.pack", int64(i), 200_000)
			if err != nil || !bytes.Equal(got, want[i:i+200_000]) {
				t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
}

func readEnded(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Open(ctx, "packs/big.pack", 0, 300_000)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Write checks an empty WriteStore.
func Write(t *testing.T, s store.WriteStore) {
	t.Run("empty", func(t *testing.T) { wantList(t, s, "") })
	t.Run("put", func(t *testing.T) { putObjects(t, s) })
	Read(t, s)
	t.Run("list", func(t *testing.T) { listObjects(t, s) })
	t.Run("replace", func(t *testing.T) { replace(t, s) })
	t.Run("failed put", func(t *testing.T) { failPut(t, s) })
	t.Run("bad names put", func(t *testing.T) { putBadNames(t, s) })
	t.Run("several writers", func(t *testing.T) { putTogether(t, s) })
}

func putObjects(t *testing.T, s store.WriteStore) {
	for name, b := range Objects() {
		if err := s.Put(t.Context(), name, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	}
}

func listObjects(t *testing.T, s store.WriteStore) {
	wantList(t, s, "", "packs/big.pack", "packs/empty.pack", "skole/2026-11/index", "skole/2026-11/manifest")
	wantList(t, s, "skole/", "skole/2026-11/index", "skole/2026-11/manifest")
	wantList(t, s, "nothing/")
	if _, err := s.List(t.Context(), "../"); err == nil {
		t.Error("listed outside the store")
	}
}

func wantList(t *testing.T, s store.WriteStore, prefix string, want ...string) {
	t.Helper()
	if got, err := s.List(t.Context(), prefix); err != nil || !slices.Equal(got, want) {
		t.Errorf("list %q: %q, %v; want %q", prefix, got, err, want)
	}
}

func replace(t *testing.T, s store.WriteStore) {
	for _, content := range []string{"first, long", "second"} {
		if err := s.Put(t.Context(), "replaced", strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := store.ReadAll(t.Context(), s, "replaced", 100); err != nil || string(got) != content {
			t.Errorf("read %q, %v; want %q", got, err, content)
		}
	}
}

// brokenReader fails after some bytes.
type brokenReader struct{ left int }

var errBroken = errors.New("broken on purpose")

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errBroken
	}
	n := min(b.left, len(p))
	b.left -= n
	return n, nil
}

func failPut(t *testing.T, s store.WriteStore) {
	before, err := s.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"replaced", "half"} {
		if err := s.Put(t.Context(), name, &brokenReader{100_000}); !errors.Is(err, errBroken) {
			t.Errorf("put of a broken reader: %v", err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(ended, "half", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("put with an ended context: %v", err)
	}
	wantList(t, s, "", before...)
	if got, err := store.ReadAll(t.Context(), s, "replaced", 100); err != nil || string(got) != "second" {
		t.Errorf("object is %q, %v after a failed put", got, err)
	}
}

func putBadNames(t *testing.T, s store.WriteStore) {
	for _, name := range BadNames {
		if err := s.Put(t.Context(), name, strings.NewReader("x")); err == nil {
			t.Errorf("put %q succeeded", name)
		}
	}
}

func putTogether(t *testing.T, s store.WriteStore) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			content := strings.Repeat(fmt.Sprint(i), 50_000)
			if err := s.Put(t.Context(), "together/one", strings.NewReader(content)); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	got, err := store.ReadAll(t.Context(), s, "together/one", 100_000)
	if err != nil || len(got) != 50_000 || strings.Trim(string(got), string(got[:1])) != "" {
		t.Errorf("object of several writers is mixed: %d bytes, %v", len(got), err)
	}
}
