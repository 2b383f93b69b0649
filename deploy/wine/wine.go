//go:build unix

// Package wine runs Windows programs and Windows test binaries under Wine, for tests only.
//
// Guarantees:
//   - Every function that needs a tool skips the test, naming the tool and how to get it, where it is absent.
//   - One prefix serves all tests of a user: it is made once, under a lock, and reused. It lies in the
//     folder NATTEVAKT_WINE_PREFIX names, else in the user's cache folder.
//   - The prefix says it is Windows 10 and holds the small shim DLL that Go programs need under Wine 8.
//
// Tests of any package may use it. What Wine answers is not always what Windows answers: a test should
// claim only what Wine really does (files, registry, SMBIOS, sockets), not drivers, events or updates.
package wine

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

//go:embed testdata/bcryptprimitives.c
var shimSource []byte

// fakeDMI runs a command ("$@") in a mount namespace whose /sys/class/dmi/id holds the files of folder $0.
// Wine builds the SMBIOS table of its Windows from those files.
const fakeDMI = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /sys/class
mkdir -p /sys/class/dmi/id
cp "$0"/* /sys/class/dmi/id/
exec "$@"`

const (
	compiler   = "x86_64-w64-mingw32-gcc"
	ready      = "nattevakt-ready"
	runLimit   = 3 * time.Minute
	needWine   = "needs wine64 (apt-get install wine64)"
	needMinGW  = "needs " + compiler + " (apt-get install gcc-mingw-w64-x86-64)"
	needMounts = "needs a mount namespace of its own (run as root)"
)

// BuildTest compiles the tests of the package in folder dir for Windows into a file and returns its path.
func BuildTest(t testing.TB, dir string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "package.test.exe")
	cmd := exec.Command("go", "test", "-c", "-o", exe, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compile tests for Windows: %v\n%s", err, out)
	}
	return exe
}

// Run runs a Windows program and returns what it wrote and how it ended. Its working folder is that of
// the test. It is stopped after three minutes.
func Run(t testing.TB, exe string, args ...string) (string, error) {
	t.Helper()
	return run(t, append([]string{binary(t), exe}, args...))
}

// RunAs is Run on a machine whose /sys/class/dmi/id holds the given files (sys_vendor, product_name, …).
func RunAs(t testing.TB, dmi map[string]string, exe string, args ...string) (string, error) {
	t.Helper()
	wine64 := binary(t)
	if err := exec.Command("unshare", "-m", "mount", "--make-rprivate", "/").Run(); err != nil {
		t.Skip(needMounts)
	}
	folder := t.TempDir()
	for name, value := range dmi {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return run(t, append([]string{"unshare", "-m", "sh", "-c", fakeDMI, folder, wine64, exe}, args...))
}

func run(t testing.TB, argv []string) (string, error) {
	t.Helper()
	return runIn(Prefix(t), argv)
}

func runIn(prefix string, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "WINEPREFIX="+prefix, "WINEARCH=win64", "WINEDEBUG=-all", "DISPLAY=")
	// Wine's server outlives the program for some seconds and may hold its pipes.
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return string(out), err
}

// Prefix returns the folder of the shared prefix, making it first if need be (about ten seconds).
func Prefix(t testing.TB) string {
	t.Helper()
	wine64 := binary(t)
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skip(needMinGW)
	}
	prefix, err := folder()
	if err != nil {
		t.Fatalf("find folder for the Wine prefix: %v (set NATTEVAKT_WINE_PREFIX)", err)
	}
	unlock, err := lock(prefix + ".lock")
	if err != nil {
		t.Fatalf("lock Wine prefix: %v", err)
	}
	defer unlock()
	if err := prepare(prefix, wine64); err != nil {
		t.Fatalf("make Wine prefix %s: %v", prefix, err)
	}
	return prefix
}

func folder() (string, error) {
	if named := os.Getenv("NATTEVAKT_WINE_PREFIX"); named != "" {
		return filepath.Abs(named)
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "nattevakt-wine"), err
}

// prepare makes the prefix unless its marker, the last file written, is there. Each step may be run again
// over what an interrupted one left.
func prepare(prefix, wine64 string) error {
	if _, err := os.Stat(filepath.Join(prefix, ready)); err == nil {
		return nil
	}
	if err := os.MkdirAll(prefix, 0o755); err != nil {
		return err
	}
	if out, err := runIn(prefix, []string{wine64, "wineboot", "--init"}); err != nil {
		return fmt.Errorf("wineboot: %w\n%s", err, out)
	}
	if out, err := runIn(prefix, []string{wine64, "winecfg", "-v", "win10"}); err != nil {
		return fmt.Errorf("winecfg: %w\n%s", err, out)
	}
	if err := buildShim(prefix); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(prefix, ready), nil, 0o644)
}

func buildShim(prefix string) error {
	source := filepath.Join(prefix, "bcryptprimitives.c")
	if err := os.WriteFile(source, shimSource, 0o644); err != nil {
		return err
	}
	dll := filepath.Join(prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll")
	out, err := exec.Command(compiler, "-O2", "-shared", "-s", "-o", dll, source, "-ladvapi32").CombinedOutput()
	if err != nil {
		return fmt.Errorf("compile bcryptprimitives.dll: %w\n%s", err, out)
	}
	return nil
}

// binary finds wine64; Debian keeps it outside PATH.
func binary(t testing.TB) string {
	t.Helper()
	candidates := []string{"wine64", "/usr/lib/wine/wine64"}
	i := slices.IndexFunc(candidates, func(c string) bool { _, err := exec.LookPath(c); return err == nil })
	if i < 0 {
		t.Skip(needWine)
	}
	return candidates[i]
}

// lock takes an exclusive lock on a file, waiting for whoever holds it.
func lock(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
