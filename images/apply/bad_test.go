package apply_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nattevakt/nattevakt/images/apply"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// readOnlyDisk counts what is written to it.
type readOnlyDisk struct {
	*cutDisk
	writes atomic.Int64
}

func (d *readOnlyDisk) WriteAt(p []byte, off int64) (int, error) {
	d.writes.Add(1)
	return d.cutDisk.WriteAt(p, off)
}

// flip changes one byte in the middle of each file that matches.
func flip(t *testing.T, pattern string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file %s: %v", pattern, err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 0x40
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTamperedStoreNeverReachesTheDisk changes each kind of file in the store.
func TestTamperedStoreNeverReachesTheDisk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tamper func(t *testing.T, w *world)
		want   apply.Kind
	}{
		"manifest":       {func(t *testing.T, w *world) { flip(t, w.folder+"/skole/2026-11/manifest") }, apply.Corrupt},
		"index":          {func(t *testing.T, w *world) { flip(t, w.folder+"/skole/2026-11/index") }, apply.Corrupt},
		"packs":          {func(t *testing.T, w *world) { flip(t, w.folder+"/packs/*") }, apply.Corrupt},
		"other manifest": {func(t *testing.T, w *world) { w.copy(t, "skole/2026-10/manifest", "skole/2026-11/manifest") }, apply.Corrupt},
		"other index":    {func(t *testing.T, w *world) { w.copy(t, "skole/2026-10/index", "skole/2026-11/index") }, apply.Network},
		"no manifest":    {func(t *testing.T, w *world) { remove(t, w.folder+"/skole/2026-11/manifest") }, apply.Missing},
		"no index":       {func(t *testing.T, w *world) { remove(t, w.folder+"/skole/2026-11/index") }, apply.Missing},
		"no packs":       {func(t *testing.T, w *world) { remove(t, w.folder+"/packs") }, apply.Missing},
		"stranger's key": {func(_ *testing.T, w *world) { w.trust.Keys = []ed25519.PublicKey{make([]byte, 32)} }, apply.Signature},
		"two keys asked": {func(_ *testing.T, w *world) { w.trust.Threshold = 2 }, apply.Signature},
		"other release":  {func(_ *testing.T, w *world) { w.new.ref.ManifestDigest = w.old.ref.ManifestDigest }, apply.Corrupt},
		"bad name":       {func(_ *testing.T, w *world) { w.new.ref.Image = "../skole" }, apply.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.tamper(t, w)
			d := &readOnlyDisk{cutDisk: newCutDisk(w.old.disk, diskSize)}
			err := reimage(t.Context(), w.stage(t), w.http(), w.new.ref, w.trust, d)
			wantKind(t, err, c.want)
			if err := w.stage(t).Write(t.Context(), w.new.ref, d, nil); err == nil {
				t.Error("write after a failed fetch succeeded")
			}
			if d.writes.Load() != 0 || !bytes.HasPrefix(d.durable, w.old.disk) {
				t.Error("the disk was written")
			}
		})
	}
}

func (w *world) copy(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(w.folder, from))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.folder, to), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// TestSignedForAnotherName: a sound release under another name is not the one that was ordered.
func TestSignedForAnotherName(t *testing.T) {
	w := newWorld(t)
	if err := os.Rename(filepath.Join(w.folder, "skole"), filepath.Join(w.folder, "kontor")); err != nil {
		t.Fatal(err)
	}
	w.new.ref.Image = "kontor"
	err := w.stage(t).Fetch(t.Context(), w.http(), w.new.ref, w.trust, newCutDisk(nil, diskSize), nil)
	wantKind(t, err, apply.Signature)
}

// TestTamperedStageNeverReachesTheDisk changes each staged file between Fetch and Write.
func TestTamperedStageNeverReachesTheDisk(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"manifest", "index", "chunks"} {
		t.Run(file, func(t *testing.T) {
			w := newWorld(t)
			s := w.stage(t)
			d := &readOnlyDisk{cutDisk: newCutDisk(w.old.disk, diskSize)}
			if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, d, nil); err != nil {
				t.Fatal(err)
			}
			flip(t, filepath.Join(w.dir, "stage", "*", file))
			wantKind(t, s.Verify(t.Context(), w.new.ref, w.trust, nil), apply.Corrupt)
			wantKind(t, s.Write(t.Context(), w.new.ref, d, nil), apply.Corrupt)
			if d.writes.Load() != 0 {
				t.Error("the disk was written")
			}
			if err := reimage(t.Context(), s, w.http(), w.new.ref, w.trust, d); err != nil {
				t.Errorf("fetching again does not heal the stage: %v", err)
			}
		})
	}
}

// TestVerifyAsksForTodaysTrust: a key revoked after Fetch counts no more.
func TestVerifyAsksForTodaysTrust(t *testing.T) {
	w := newWorld(t)
	s := w.stage(t)
	if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, newCutDisk(nil, diskSize), nil); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Verify(t.Context(), w.new.ref, release.Trust{Threshold: 1}, nil), apply.Signature)
}

func TestDamagedHintIsNoHint(t *testing.T) {
	w := newWorld(t)
	s, target := w.stage(t), w.target(t, diskSize)
	if err := reimage(t.Context(), s, w.http(), w.old.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(w.dir, "stage", "disk.index"))
	if err := reimage(t.Context(), s, w.http(), w.new.ref, w.trust, target); err != nil {
		t.Fatal(err)
	}
	w.checkDisk(t, w.new.disk)
}

func TestDiskTooSmall(t *testing.T) {
	w := newWorld(t)
	s := w.stage(t)
	small := newCutDisk(nil, len(w.new.disk)-1)
	wantKind(t, s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, small, nil), apply.DiskTooSmall)
	if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, newCutDisk(nil, diskSize), nil); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Write(t.Context(), w.new.ref, small, nil), apply.DiskTooSmall)
	wantKind(t, s.Confirm(t.Context(), w.new.ref, small, nil), apply.DiskTooSmall)
}

func TestNothingStaged(t *testing.T) {
	w := newWorld(t)
	s, d := w.stage(t), newCutDisk(nil, diskSize)
	wantKind(t, s.Verify(t.Context(), w.new.ref, w.trust, nil), apply.Missing)
	wantKind(t, s.Write(t.Context(), w.new.ref, d, nil), apply.Missing)
	wantKind(t, s.Confirm(t.Context(), w.new.ref, d, nil), apply.Missing)
	if _, err := s.Manifest(w.new.ref); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("manifest: %v", err)
	}
	if err := s.Free(); err != nil {
		t.Error(err)
	}
}

func TestNetworkAway(t *testing.T) {
	w := newWorld(t)
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	w.url = dead.URL
	err := w.stage(t).Fetch(t.Context(), w.http(), w.new.ref, w.trust, newCutDisk(nil, diskSize), nil)
	wantKind(t, err, apply.Network)
	var s store.Store = w.http()
	if _, err := s.Stat(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "connect") {
		t.Errorf("error %v does not say what is wrong", err)
	}
}

func TestTargetMustBeThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	if _, err := apply.OpenFileTarget(path, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened a disk that is not there: %v", err)
	}
	made, err := apply.OpenFileTarget(path, 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	if size, err := made.Size(); err != nil || size != 1000 {
		t.Errorf("size %d, %v", size, err)
	}
}

// badDisk fails to read its second MiB until it is written.
type badDisk struct {
	*cutDisk
	healed atomic.Bool
}

func (d *badDisk) ReadAt(p []byte, off int64) (int, error) {
	if !d.healed.Load() && off < 2<<20 && off+int64(len(p)) > 1<<20 {
		return 0, errors.New("unreadable sector")
	}
	return d.cutDisk.ReadAt(p, off)
}

func (d *badDisk) WriteAt(p []byte, off int64) (int, error) {
	if off < 2<<20 && off+int64(len(p)) > 1<<20 {
		d.healed.Store(true)
	}
	return d.cutDisk.WriteAt(p, off)
}

func TestUnreadableSectorsAreWritten(t *testing.T) {
	w := newWorld(t)
	d := &badDisk{cutDisk: newCutDisk(w.new.disk, diskSize)}
	if err := reimage(t.Context(), w.stage(t), w.http(), w.new.ref, w.trust, d); err != nil {
		t.Fatal(err)
	}
	if !d.healed.Load() {
		t.Error("unreadable sectors were not written")
	}
}
