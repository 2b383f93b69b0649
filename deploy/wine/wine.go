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
	prefix, wine64 := Prefix(t), binary(t)
	defer hold(t, prefix, syscall.LOCK_SH)()
	return run(prefix, append([]string{wine64, exe}, args...))
}

// RunAs is Run on a machine whose /sys/class/dmi/id holds the given files (sys_vendor, product_name, …).
// It has the prefix for itself, and Wine starts and ends with it: what Wine reads at its start is fresh.
func RunAs(t testing.TB, dmi map[string]string, exe string, args ...string) (string, error) {
	t.Helper()
	prefix, wine64 := Prefix(t), binary(t)
	if err := exec.Command("unshare", "-m", "mount", "--make-rprivate", "/").Run(); err != nil {
		t.Skip(needMounts)
	}
	folder := t.TempDir()
	for name, value := range dmi {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	defer hold(t, prefix, syscall.LOCK_EX)()
	stop(prefix, wine64)
	defer stop(prefix, wine64)
	return run(prefix, append([]string{"unshare", "-m", "sh", "-c", fakeDMI, folder, wine64, exe}, args...))
}

// stop ends the server of the prefix and all that runs in it. That none is running is no failure.
func stop(prefix, wine64 string) {
	_, _ = run(prefix, []string{filepath.Join(filepath.Dir(wine64), "wineserver"), "-k"})
}

// run collects the output in a file, not through a pipe: Wine's server outlives the program for seconds
// and would keep a pipe open.
func run(prefix string, argv []string) (string, error) {
	out, err := os.CreateTemp("", "wine-output-")
	if err != nil {
		return "", err
	}
	defer func() { _ = errors.Join(out.Close(), os.Remove(out.Name())) }()
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "WINEPREFIX="+prefix, "WINEARCH=win64", "WINEDEBUG=-all", "DISPLAY=")
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	written, readErr := os.ReadFile(out.Name())
	return string(written), errors.Join(err, readErr)
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
	if err := os.MkdirAll(filepath.Dir(prefix), 0o755); err != nil {
		t.Fatal(err)
	}
	defer hold(t, prefix, syscall.LOCK_EX)()
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
	if out, err := run(prefix, []string{wine64, "wineboot", "--init"}); err != nil {
		return fmt.Errorf("wineboot: %w\n%s", err, out)
	}
	if out, err := run(prefix, []string{wine64, "winecfg", "-v", "win10"}); err != nil {
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
	for _, candidate := range []string{"wine64", "/usr/lib/wine/wine64"} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skip(needWine)
	return ""
}

// hold waits for the lock of the prefix, shared or exclusive, and returns what gives it back.
func hold(t testing.TB, prefix string, how int) (release func()) {
	t.Helper()
	f, err := os.OpenFile(prefix+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		_ = f.Close()
		t.Fatalf("lock Wine prefix: %v", err)
	}
	return func() { _ = f.Close() }
}
