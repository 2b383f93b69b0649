package apply_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nattevakt/nattevakt/images/apply"
)

// TestFullStage fills a real file system.
func TestFullStage(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "tmpfs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("needs root to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := apply.OpenStage(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := newCutDisk(nil, diskSize)
	for range 2 {
		wantKind(t, s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, d, nil), apply.DiskFull)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	w.fetched.Store(0)
	if err := reimage(t.Context(), s, w.http(), w.new.ref, w.trust, d); err != nil {
		t.Fatal(err)
	}
	if n := w.fetched.Load(); n > int64(len(w.new.disk))-(5<<20) {
		t.Errorf("fetched %d bytes after there was room again: what had been staged was lost", n)
	}
}
