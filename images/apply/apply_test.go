package apply_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/images/apply"
	"github.com/nattevakt/nattevakt/images/build"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// world is a store with two releases of one image behind a real HTTP server, and a place for a machine.
type world struct {
	folder  string
	url     string
	fetched atomic.Int64 // bytes of bodies the server sent
	trust   release.Trust
	key     ed25519.PrivateKey
	old     published
	new     published
	dir     string
}

type published struct {
	disk []byte
	ref  apply.Ref
}

// template is the store that every world gets a copy of; building it takes longer than most tests.
var template struct {
	sync.Mutex
	folder   string // removed by TestMain
	old, new published
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{folder: t.TempDir(), dir: t.TempDir()}
	w.key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	w.trust = release.Trust{Keys: []ed25519.PublicKey{w.key.Public().(ed25519.PublicKey)}, Threshold: 1}
	w.fill(t)
	files := http.FileServer(http.Dir(w.folder))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		files.ServeHTTP(&countingWriter{rw, &w.fetched}, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// fill gives w the two releases.
func (w *world) fill(t testing.TB) {
	t.Helper()
	template.Lock()
	defer template.Unlock()
	if template.folder == "" {
		folder, err := os.MkdirTemp("", "apply-test-")
		if err != nil {
			t.Fatal(err)
		}
		template.folder = folder
		first := &world{folder: folder, key: w.key}
		template.old.disk = oldDisk()
		template.new.disk = newDisk(template.old.disk)
		template.old.ref = first.publish(t, "2026-10", template.old.disk)
		template.new.ref = first.publish(t, "2026-11", template.new.disk)
	}
	if err := os.CopyFS(w.folder, os.DirFS(template.folder)); err != nil {
		t.Fatal(err)
	}
	w.old, w.new = template.old, template.new
}

type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func (w *world) publish(t testing.TB, name string, disk []byte) apply.Ref {
	t.Helper()
	s, err := store.Folder(w.folder)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := build.Build(t.Context(), build.Options{
		Source: bytes.NewReader(disk), Size: int64(len(disk)), Image: "skole", Release: name,
		Created: time.Unix(1_800_000_000, 0), Keys: []ed25519.PrivateKey{w.key}, Store: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	return apply.Ref{Image: "skole", Release: name, ManifestDigest: r.ManifestDigest}
}

func (w *world) http() *store.HTTPStore {
	s := store.HTTP(http.DefaultClient, w.url)
	s.Retry.Base, s.Retry.Max, s.Retry.Attempts = time.Millisecond, 5*time.Millisecond, 3
	return s
}

func (w *world) stage(t testing.TB) *apply.Stage {
	t.Helper()
	s, err := apply.OpenStage(filepath.Join(w.dir, "stage"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) target(t testing.TB, size int64) *apply.FileTarget {
	t.Helper()
	d, err := apply.OpenFileTarget(filepath.Join(w.dir, "disk"), size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// noise gives bytes that do not compress; words give bytes that do.
func noise(seed uint64, n int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return b
}

func words(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString([]string{"skole ", "ladeskap ", "maskin ", "bjelle ", "natt "}[r.IntN(5)])
	}
	return b.Bytes()[:n]
}

// oldDisk has noise, text, repeats, zero runs and a length that is no whole block.
func oldDisk() []byte {
	part := noise(1, 700_000)
	return bytes.Join([][]byte{
		noise(2, 1<<20), make([]byte, 6<<20), words(3, 2<<20), part, make([]byte, 50_000), part, noise(4, 3<<20), []byte("end"),
	}, nil)
}

// newDisk has content moved, changed, added, removed and zeroed.
func newDisk(old []byte) []byte {
	return bytes.Join([][]byte{
		old[:1<<20], noise(5, 500_000), make([]byte, 2<<20), old[7<<20 : 10<<20], words(6, 1<<20), old[10<<20:], make([]byte, 1<<20),
	}, nil)
}

// reimage runs all phases.
func reimage(ctx context.Context, s *apply.Stage, src store.Store, ref apply.Ref, trust release.Trust, t apply.Target) error {
	if err := s.Fetch(ctx, src, ref, trust, t, nil); err != nil {
		return err
	}
	if err := s.Verify(ctx, ref, trust, nil); err != nil {
		return err
	}
	if err := s.Write(ctx, ref, t, nil); err != nil {
		return err
	}
	return s.Confirm(ctx, ref, t, nil)
}

func (w *world) checkDisk(t testing.TB, want []byte) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(w.dir, "disk"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < len(want) || !bytes.Equal(got[:len(want)], want) {
		t.Fatal("disk is not the release")
	}
}

func wantKind(t testing.TB, err error, want apply.Kind) {
	t.Helper()
	var e *apply.Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Fatalf("error %v, want one of kind %v", err, want)
	}
}

const diskSize = 24 << 20

func TestReimageOverHTTP(t *testing.T) {
	w := newWorld(t)
	s, target := w.stage(t), w.target(t, diskSize)
	if err := reimage(t.Context(), s, w.http(), w.old.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	w.checkDisk(t, w.old.disk)
	if err := s.Free(); err != nil {
		t.Fatal(err)
	}

	w.fetched.Store(0)
	if err := reimage(t.Context(), s, w.http(), w.new.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	w.checkDisk(t, w.new.disk)
	// New content is 0.5 MB of noise and 1 MiB of compressible text; the rest is moved or in place.
	if n := w.fetched.Load(); n < 500_000 || n > 1_500_000 {
		t.Errorf("update fetched %d bytes", n)
	}
	m, err := s.Manifest(w.new.ref)
	if err != nil || m.Release != "2026-11" || m.DiskSize != int64(len(w.new.disk)) {
		t.Errorf("staged manifest is %v, %v", m, err)
	}
}

func TestPhasesAreSafeToRunTwice(t *testing.T) {
	w := newWorld(t)
	s, target := w.stage(t), w.target(t, diskSize)
	for range 2 {
		if err := reimage(t.Context(), s, w.http(), w.new.ref, w.trust, target); err != nil {
			t.Fatal(err)
		}
	}
	w.checkDisk(t, w.new.disk)
	w.fetched.Store(0)
	if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, target, nil); err != nil || w.fetched.Load() != 0 {
		t.Errorf("fetch of what is there: %d bytes, %v", w.fetched.Load(), err)
	}
}

func TestProgress(t *testing.T) {
	w := newWorld(t)
	s, target := w.stage(t), w.target(t, diskSize)
	phases := map[string]func(apply.Progress) error{
		"1 fetch":   func(p apply.Progress) error { return s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, target, p) },
		"2 verify":  func(p apply.Progress) error { return s.Verify(t.Context(), w.new.ref, w.trust, p) },
		"3 write":   func(p apply.Progress) error { return s.Write(t.Context(), w.new.ref, target, p) },
		"4 confirm": func(p apply.Progress) error { return s.Confirm(t.Context(), w.new.ref, target, p) },
	}
	for _, name := range []string{"1 fetch", "2 verify", "3 write", "4 confirm"} {
		var last, total, fetched int64
		err := phases[name](func(d, all, f int64) {
			if d < last || d > all || f < fetched {
				t.Errorf("%s: progress %d of %d, %d fetched, after %d and %d", name, d, all, f, last, fetched)
			}
			last, total, fetched = d, all, f
		})
		if err != nil || last != total || total == 0 {
			t.Errorf("%s: ended at %d of %d: %v", name, last, total, err)
		}
		if want := name == "1 fetch"; (fetched > 0) != want {
			t.Errorf("%s: says %d bytes crossed the network", name, fetched)
		}
	}
}

func TestWriteNeedsNoNetwork(t *testing.T) {
	w := newWorld(t)
	s, target := w.stage(t), w.target(t, diskSize)
	if err := reimage(t.Context(), s, w.http(), w.old.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, target, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.folder); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), w.new.ref, target, nil); err != nil {
		t.Fatal(err)
	}
	w.checkDisk(t, w.new.disk)
}

func TestWriteRefusesDiskThatChangedSinceFetch(t *testing.T) {
	w := newWorld(t)
	s, target := w.stage(t), w.target(t, diskSize)
	if err := reimage(t.Context(), s, w.http(), w.old.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, target, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := target.WriteAt([]byte("changed"), 100); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Write(t.Context(), w.new.ref, target, nil), apply.Missing)
	if err := reimage(t.Context(), s, w.http(), w.new.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	w.checkDisk(t, w.new.disk)
}

func TestConfirmFindsOneWrongByte(t *testing.T) {
	w := newWorld(t)
	s, target := w.stage(t), w.target(t, diskSize)
	if err := reimage(t.Context(), s, w.http(), w.new.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 2 << 20, int64(len(w.new.disk)) - 1} {
		if _, err := target.WriteAt([]byte{w.new.disk[at] ^ 1}, at); err != nil {
			t.Fatal(err)
		}
		wantKind(t, s.Confirm(t.Context(), w.new.ref, target, nil), apply.DiskIO)
		if _, err := target.WriteAt(w.new.disk[at:at+1], at); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Confirm(t.Context(), w.new.ref, target, nil); err != nil {
		t.Error(err)
	}
}

func TestHolesStayHoles(t *testing.T) {
	w := newWorld(t)
	s, target := w.stage(t), w.target(t, 1<<30)
	if err := reimage(t.Context(), s, w.http(), w.new.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	if used, ok := allocated(t, filepath.Join(w.dir, "disk")); !ok {
		t.Skip("needs a file system that shows allocated blocks")
	} else if used > int64(len(w.new.disk))-(3<<20) {
		t.Errorf("disk of 1 GiB takes %d bytes", used)
	}
}

func TestCancelGivesContextError(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, target := w.stage(t), w.target(t, diskSize)
	err := s.Fetch(ctx, w.http(), w.new.ref, w.trust, target, nil)
	var e *apply.Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
		t.Errorf("fetch with an ended context gives %v", err)
	}
}

func TestErrorNamesPhaseAndCause(t *testing.T) {
	err := error(&apply.Error{Kind: apply.Network, Op: "fetch chunks", Err: os.ErrDeadlineExceeded})
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "fetch chunks: ") {
		t.Errorf("error reads %q", err)
	}
	if apply.Network.String() != "network" || apply.Internal.String() != "internal" {
		t.Errorf("kinds read %v, %v", apply.Network, apply.Internal)
	}
}
