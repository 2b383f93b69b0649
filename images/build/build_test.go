package build_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/images/build"
	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/codec"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

var key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

func noise(seed uint64, n int) []byte {
	var k [32]byte
	binary.LittleEndian.PutUint64(k[:], seed)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(k).Read(b) // never fails
	return b
}

func folder(t *testing.T) *store.FolderStore {
	t.Helper()
	s, err := store.Folder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// options are those of a sound build.
func options(disk []byte, name string, s store.WriteStore) build.Options {
	return build.Options{
		Source: bytes.NewReader(disk), Size: int64(len(disk)), Image: "skole", Release: name,
		Created: time.Unix(1_800_000_000, 5), Keys: []ed25519.PrivateKey{key}, Store: s,
	}
}

func mustBuild(t *testing.T, o build.Options) build.Result {
	t.Helper()
	r, err := build.Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// twoSpans is a disk longer than a span: a hole and content over the border, repeats, odd length.
func twoSpans() []byte {
	disk := make([]byte, chunk.Span+(6<<20)+1003)
	part := noise(1, 1<<20)
	copy(disk, part)
	copy(disk[10<<20:], noise(2, 1<<20))
	copy(disk[chunk.Span-(1<<19):], noise(3, 1<<20))
	copy(disk[chunk.Span+(3<<20):], part)
	copy(disk[chunk.Span+(6<<20)+900:], "the end")
	return disk
}

// TestSameForAnyNumberOfCores is what parallel spans must not break.
func TestSameForAnyNumberOfCores(t *testing.T) {
	disk := twoSpans()
	var want build.Result
	for i, workers := range []int{1, 2, 8} {
		o := options(disk, "2026-11", folder(t))
		o.Workers = workers
		got := mustBuild(t, o)
		if i == 0 {
			want = got
		}
		if got.ManifestDigest != want.ManifestDigest || got.Stats != want.Stats {
			t.Errorf("%d workers give %v %v, one gives %v %v", workers, got.ManifestDigest, got.Stats, want.ManifestDigest, want.Stats)
		}
	}
}

func TestHolesOfFilesChangeNothing(t *testing.T) {
	disk := twoSpans()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(len(disk))); err != nil {
		t.Fatal(err)
	}
	for off := 0; off < len(disk); off += 4096 {
		if b := disk[off:min(off+4096, len(disk))]; !chunk.IsZero(b) {
			if _, err := f.WriteAt(b, int64(off)); err != nil {
				t.Fatal(err)
			}
		}
	}
	o := options(disk, "2026-11", folder(t))
	sparse := o
	sparse.Source, sparse.Store = f, folder(t)
	if a, b := mustBuild(t, o), mustBuild(t, sparse); a.ManifestDigest != b.ManifestDigest {
		t.Error("a sparse file and its content give different releases")
	}
}

// restore puts a disk together from a store, with nothing of package apply.
func restore(t *testing.T, s store.Store, m release.Manifest) []byte {
	t.Helper()
	read := func(name string, size int64) []byte {
		b, err := store.ReadAll(t.Context(), s, name, size)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	x, err := release.ReadIndex(bytes.NewReader(read(release.IndexPath(m.Image, m.Release), m.Index.Size)), m)
	if err != nil {
		t.Fatal(err)
	}
	var packs [][]byte
	for _, p := range m.Packs {
		b := read(release.PackPath(p.Digest), p.Size)
		if chunk.Sum(b) != p.Digest || int64(len(b)) != p.Size {
			t.Fatalf("pack %s has other content", p.Digest)
		}
		packs = append(packs, b)
	}
	dec, err := codec.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	disk := make([]byte, m.DiskSize)
	for _, seg := range x.Segments {
		if seg.Chunk == release.Zero {
			continue
		}
		c := x.Chunks[seg.Chunk]
		content, err := dec.Decode(nil, packs[c.Pack][c.Offset:][:c.Stored], int(c.Length), c.Digest)
		if err != nil {
			t.Fatal(err)
		}
		copy(disk[seg.Offset:], content)
	}
	return disk
}

func TestBuild(t *testing.T) {
	disk, s := twoSpans(), folder(t)
	r := mustBuild(t, options(disk, "2026-11", s))
	if !bytes.Equal(restore(t, s, r.Manifest), disk) {
		t.Error("store gives another disk")
	}
	if r.Manifest.DiskSHA256 != sha256.Sum256(disk) {
		t.Error("SHA-256 of the disk is wrong")
	}
	st := r.Stats
	if st.Disk != int64(len(disk)) || st.Zero+st.Repeated+st.Known+st.Unique != st.Disk {
		t.Errorf("stats do not add up: %+v", st)
	}
	if st.Known != 0 || st.Zero < 60<<20 || st.Repeated < 1<<19 || st.Stored > st.Unique || st.Packs != 1 {
		t.Errorf("stats are %+v", st)
	}
	sealed, err := store.ReadAll(t.Context(), s, release.ManifestPath("skole", "2026-11"), release.MaxEnvelope)
	if err != nil || release.Digest(sealed) != r.ManifestDigest {
		t.Errorf("published manifest: %v", err)
	}
	trust := release.Trust{Keys: []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}, Threshold: 1}
	if _, err := release.Verify(sealed, trust); err != nil {
		t.Error(err)
	}
}

func TestSecondReleaseStoresOnlyWhatIsNew(t *testing.T) {
	disk, s := twoSpans(), folder(t)
	first := mustBuild(t, options(disk, "2026-10", s))
	same := mustBuild(t, options(disk, "2026-11", s))
	if same.Stats.Unique != 0 || same.Stats.Packs != 0 || same.Stats.Known != first.Stats.Unique {
		t.Errorf("same disk again: %+v", same.Stats)
	}
	copy(disk[10<<20:], noise(9, 1<<20))
	changed := mustBuild(t, options(disk, "2026-12", s))
	if u := changed.Stats.Unique; u < 1<<20 || u > (1<<20)+4*chunk.MaxSize {
		t.Errorf("1 MiB changed, %d bytes are new", u)
	}
	if !bytes.Equal(restore(t, s, changed.Manifest), disk) {
		t.Error("store gives another disk")
	}
}

func TestStrangersReleasesLendNothing(t *testing.T) {
	disk, s := twoSpans(), folder(t)
	o := options(disk, "2026-10", s)
	o.Keys = []ed25519.PrivateKey{ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
	mustBuild(t, o)
	if r := mustBuild(t, options(disk, "2026-11", s)); r.Stats.Known != 0 {
		t.Errorf("%d bytes taken from a release of another signer", r.Stats.Known)
	}
}

func TestLostPackIsStoredAgain(t *testing.T) {
	disk, dir := twoSpans(), t.TempDir()
	s, err := store.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustBuild(t, options(disk, "2026-10", s))
	if err := os.RemoveAll(filepath.Join(dir, "packs")); err != nil {
		t.Fatal(err)
	}
	r := mustBuild(t, options(disk, "2026-11", s))
	if r.Stats.Known != 0 || !bytes.Equal(restore(t, s, r.Manifest), disk) {
		t.Errorf("after a lost pack: %+v", r.Stats)
	}
}

func TestReleaseIsNeverChanged(t *testing.T) {
	s := folder(t)
	mustBuild(t, options([]byte("disk"), "2026-11", s))
	if _, err := build.Build(t.Context(), options([]byte("other"), "2026-11", s)); !errors.Is(err, build.ErrExists) {
		t.Errorf("built over a release: %v", err)
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, change := range map[string]func(*build.Options){
		"name":      func(o *build.Options) { o.Image = "../x" },
		"release":   func(o *build.Options) { o.Release = "" },
		"no disk":   func(o *build.Options) { o.Size = 0 },
		"huge disk": func(o *build.Options) { o.Size = release.MaxDisk + 1 },
		"no key":    func(o *build.Options) { o.Keys = nil },
		"short":     func(o *build.Options) { o.Size += 100 },
	} {
		s := folder(t)
		o := options([]byte("disk"), "2026-11", s)
		change(&o)
		if _, err := build.Build(t.Context(), o); err == nil {
			t.Errorf("%s: built", name)
		}
		wantNothingPublished(t, s)
	}
}

func wantNothingPublished(t *testing.T, s store.WriteStore) {
	t.Helper()
	names, err := s.List(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.HasSuffix(n, "/manifest") {
			t.Errorf("%s is published", n)
		}
	}
}

// failing is a store whose n-th Put fails.
type failing struct {
	store.WriteStore
	left int
}

var errFull = errors.New("store is full")

func (f *failing) Put(ctx context.Context, name string, r io.Reader) error {
	if f.left--; f.left < 0 {
		return errFull
	}
	return f.WriteStore.Put(ctx, name, r)
}

func TestFullStorePublishesNothing(t *testing.T) {
	disk := twoSpans()
	for n := range 3 { // pack, index, manifest
		s := folder(t)
		_, err := build.Build(t.Context(), options(disk, "2026-11", &failing{s, n}))
		if !errors.Is(err, errFull) {
			t.Errorf("put %d fails: %v", n, err)
		}
		wantNothingPublished(t, s)
		mustBuild(t, options(disk, "2026-11", s))
	}
}

// restless is a disk whose content changes with every read.
type restless struct{ reads atomic.Int64 }

func (r *restless) ReadAt(p []byte, _ int64) (int, error) {
	copy(p, noise(uint64(r.reads.Add(1)), len(p)))
	return len(p), nil
}

func TestDiskInUseIsRefused(t *testing.T) {
	s := folder(t)
	o := options(nil, "2026-11", s)
	o.Source, o.Size = &restless{}, 1<<20
	if _, err := build.Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), "disk changed") {
		t.Errorf("error %v", err)
	}
	wantNothingPublished(t, s)
}

func TestProgressAndCancel(t *testing.T) {
	disk, last := twoSpans(), int64(0)
	o := options(disk, "2026-11", folder(t))
	o.Progress = func(done, total int64) {
		if done < last || total != int64(len(disk)) {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}
	mustBuild(t, o)
	if last != int64(len(disk)) {
		t.Errorf("progress ended at %d", last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o = options(disk, "2026-11", folder(t))
	o.Progress = func(int64, int64) { cancel() }
	if _, err := build.Build(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled build: %v", err)
	}
}
