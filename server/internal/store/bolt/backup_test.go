package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// TestBackupUnderLoad takes backups while writers go on: each must be one moment, whole, and hold what
// was acknowledged before it began.
func TestBackupUnderLoad(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "store"))
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var acknowledged [writers]uint64 // guarded by mu
	progress := make(chan struct{}, 1)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			err := write(ctx, s, w, func(b uint64) {
				mu.Lock()
				acknowledged[w] = b
				mu.Unlock()
				select {
				case progress <- struct{}{}:
				default:
				}
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("writer: %v", err)
			}
		})
	}
	for i := range 10 {
		for range 100 {
			<-progress
		}
		mu.Lock()
		promised := acknowledged
		mu.Unlock()
		backup := filepath.Join(dir, "backup"+string(rune('0'+i)))
		if err := s.BackupFile(t.Context(), backup); err != nil {
			t.Fatal(err)
		}
		verifyBackup(t, backup, promised)
	}
	cancel()
	wg.Wait()
	closeStore(t, s)
}

// verifyBackup restores a backup to a new place and holds it to what was promised. A backup may be ahead.
func verifyBackup(t *testing.T, backup string, promised [writers]uint64) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "store")
	done, err := bolt.Restore(t.Context(), backup, to)
	if err != nil || done.Kept != "" {
		t.Fatalf("restore: %+v, %v", done, err)
	}
	s := open(t, to)
	defer closeStore(t, s)
	var stands [writers]uint64
	for w := range stands {
		if stands[w], err = position(t.Context(), s, w); err != nil {
			t.Fatal(err)
		}
		if stands[w] < promised[w] {
			t.Errorf("writer %d stands at %d in the backup, %d was acknowledged before it", w, stands[w], promised[w])
		}
	}
	verifyWriters(t, s, stands)
}

func TestSnapshotSize(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store"))
	defer closeStore(t, s)
	mustPut(t, s, store.Owners, "k", "v")
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, store.Owners, "later", strings.Repeat("v", 1<<20))
	var out bytes.Buffer
	n, err := snap.WriteTo(&out)
	if err != nil || n != snap.Size() || int64(out.Len()) != n {
		t.Errorf("wrote %d bytes, %v; size %d", n, err, snap.Size())
	}
	if err := errors.Join(snap.Close(), snap.Close()); err != nil {
		t.Error(err)
	}
}

func TestBackupIsCancelled(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "store"))
	defer closeStore(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.BackupFile(ctx, filepath.Join(dir, "backup")); !errors.Is(err, context.Canceled) {
		t.Errorf("backup: %v", err)
	}
	onlyFiles(t, dir, "store")
}

func TestBackupReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "store"))
	defer closeStore(t, s)
	backup := filepath.Join(dir, "backup")
	if err := s.BackupFile(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := s.BackupFile(t.Context(), backup); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second backup: %v", err)
	}
	onlyFiles(t, dir, "backup", "store")
}

func onlyFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("folder holds %q, want %q", names, want)
	}
}

func TestRestoreKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "store"), filepath.Join(dir, "backup")
	s := open(t, path)
	mustPut(t, s, store.Owners, "good", "")
	if err := s.BackupFile(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, store.Owners, "mistake", "")
	if _, err := bolt.Restore(t.Context(), backup, path); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("restore over a store in use: %v", err)
	}
	closeStore(t, s)
	for _, kept := range []string{path + ".before-restore", path + ".before-restore.2"} {
		done, err := bolt.Restore(t.Context(), backup, path)
		if err != nil || done.Kept != kept || done.Rows[store.Owners] != 1 {
			t.Fatalf("restored %+v, %v; want the old file kept as %s", done, err, kept)
		}
	}
	onlyFiles(t, dir, "backup", "store", "store.before-restore", "store.before-restore.2")
	for file, rows := range map[string]int{path: 1, path + ".before-restore": 2, path + ".before-restore.2": 1} {
		if c, err := bolt.Verify(t.Context(), file); err != nil || c.Rows[store.Owners] != rows {
			t.Errorf("%s holds %d owners, %v; want %d", file, c.Rows[store.Owners], err, rows)
		}
	}
}

func TestRestoreRefusesBadBackups(t *testing.T) {
	path := filled(t, 100)
	for name, spoil := range map[string]func(string) error{
		"truncated": cutShort,
		"newer":     func(p string) error { return setVersion(p, "9") },
		"missing":   os.Remove,
		"flipped":   flipByte,
	} {
		backup := filled(t, 3000)
		if err := spoil(backup); err != nil {
			t.Fatal(err)
		}
		if _, err := bolt.Restore(t.Context(), backup, path); err == nil || !strings.Contains(err.Error(), backup) {
			t.Errorf("%s: restore: %v, want an error that names %s", name, err, backup)
		}
	}
	onlyFiles(t, filepath.Dir(path), "store")
	if c, err := bolt.Verify(t.Context(), path); err != nil || c.Rows[store.Devices] != 100 {
		t.Errorf("after refused restores: %v, %v", c, err)
	}
}

// flipByte changes one letter of one value.
func flipByte(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	i := bytes.Index(raw, []byte("Latitude"))
	raw[i] ^= 1
	return os.WriteFile(path, raw, 0o600)
}

// TestRestoreOverDamage is the emergency: the store cannot be opened any more.
func TestRestoreOverDamage(t *testing.T) {
	path, backup := filled(t, 10), filled(t, 20)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Restore(t.Context(), backup, path); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	defer closeStore(t, s)
	if n := count(t, s, store.Devices); n != 20 {
		t.Errorf("%d devices, want 20", n)
	}
}
