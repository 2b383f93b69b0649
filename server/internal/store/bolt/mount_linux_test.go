package bolt_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// mount mounts or skips the test, and unmounts at its end.
func mount(t *testing.T, dir string, args ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a file system")
	}
	if _, err := exec.LookPath("mount"); err != nil {
		t.Skip("needs mount (apt-get install mount)")
	}
	if out, err := exec.Command("mount", append(args, dir)...).CombinedOutput(); err != nil {
		t.Skipf("needs leave to mount: %v: %s", err, out)
	}
	t.Cleanup(func() { unmount(t, dir) })
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Unmount(dir, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		t.Errorf("unmount %s: %v", dir, err)
	}
}

// TestPowerCut pulls the plug of a file system: ext4 on a loop device is shut down under load without
// writing anything more, so that all that was not flushed is gone, and mounted again. The order in which
// a disk empties its own cache is not part of this.
func TestPowerCut(t *testing.T) {
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip("needs mkfs.ext4 (apt-get install e2fsprogs)")
	}
	t.Setenv(killChildWaits, "1")
	dir := t.TempDir()
	image, disk := filepath.Join(dir, "image"), filepath.Join(dir, "disk")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 64<<20), os.Mkdir(disk, 0o700)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	path := filepath.Join(disk, "store")
	var acknowledged [writers]uint64
	for round := range 30 {
		mount(t, disk, "-o", "loop", image)
		if round > 0 {
			acknowledged = verifyKilled(t, path, acknowledged)
		}
		at := make(chan struct{})
		acknowledged = runWriters(t, path, at, acknowledged, func(child *os.Process) {
			<-at
			time.Sleep(time.Duration(20+rand.IntN(60)) * time.Millisecond)
			if err := shutDown(disk); err != nil {
				t.Errorf("shut down the file system: %v", err)
			}
			_ = child.Kill() // Wait tells if it was dead
		})
		unmount(t, disk)
	}
	mount(t, disk, "-o", "loop", image)
	verifyKilled(t, path, acknowledged)
	if acknowledged == [writers]uint64{} {
		t.Error("no batch was ever acknowledged: nothing was tested")
	}
	t.Logf("30 power cuts, writers at %d", acknowledged)
}

// shutDown is EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (Linux, fs/ext4/ext4.h).
func shutDown(dir string) error {
	const ioctlShutdown, noLogFlush = 0x8004587d, 2
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.IoctlSetPointerInt(int(d.Fd()), ioctlShutdown, noLogFlush)
}

// TestFullDisk fills a small disk with commits, sees them refused, and goes on when there is room again.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	mount(t, disk, "-t", "tmpfs", "-o", "size=8m", "nattevakt-test")
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(disk, "store")
	s := open(t, path)
	held := fillUp(t, s, 0)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	held = fillUp(t, s, held)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	found, err := bolt.Verify(t.Context(), path)
	if err != nil || found.Rows[store.Devices] != held || found.Rows[store.Reports] != held {
		t.Errorf("%v, %v; want %d rows each", found.Rows, err, held)
	}
}

// fillUp commits pairs of rows from number n on until the store is full for the third time in a row,
// checks that it holds just what was acknowledged, and gives the next number.
func fillUp(t *testing.T, s *bolt.Store, n int) int {
	t.Helper()
	start := n
	for refused := 0; refused < 3; {
		key := fmt.Appendf(nil, "%06d", n)
		_, err := s.Commit(t.Context(), store.Batch{Ops: []store.Op{
			store.Put(store.Devices, key, make([]byte, 20_000)),
			store.Put(store.Reports, key, make([]byte, 20_000)),
		}})
		switch {
		case err == nil:
			n++
		case errors.Is(err, store.ErrFull):
			refused++
		default:
			t.Fatalf("commit on a full disk: %v, want ErrFull", err)
		}
	}
	if n == start {
		t.Fatal("no commit succeeded: there was room")
	}
	for _, table := range []store.Table{store.Devices, store.Reports} {
		count := 0
		for _, err := range s.Scan(t.Context(), table, store.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			count++
		}
		if count != n {
			t.Errorf("%d rows in %s, %d were acknowledged", count, table, n)
		}
	}
	return n
}
