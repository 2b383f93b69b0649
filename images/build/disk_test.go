package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/images/build"
)

// needTool skips the test if a tool is not installed.
func needTool(t *testing.T, tool, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skipf("needs %s (apt-get install %s)", tool, pkg)
	}
	return path
}

// checkDisk has the partition table and the file system checked by their own tools.
func checkDisk(t *testing.T, disk string) {
	t.Helper()
	t.Run("sgdisk", func(t *testing.T) {
		out, err := exec.Command(needTool(t, "sgdisk", "gdisk"), "-v", disk).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "No problems found") {
			t.Errorf("sgdisk: %v\n%s", err, out)
		}
	})
	t.Run("e2fsck", func(t *testing.T) {
		out, err := exec.Command(needTool(t, "e2fsck", "e2fsprogs"), "-fn", disk+"?offset=1048576").CombinedOutput()
		if err != nil {
			t.Errorf("e2fsck: %v\n%s", err, out)
		}
	})
}

func TestMakeDiskOfFiles(t *testing.T) {
	dir := t.TempDir()
	src := goSource(t)
	roots := []string{filepath.Join(src, "net"), filepath.Join(src, "crypto")}
	path, description, err := build.MakeDisk(t.Context(), build.DiskOptions{
		Path: filepath.Join(dir, "made", "disk.img"), NoDebian: true, Roots: roots, Content: 8 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(description, "files of this machine") {
		t.Errorf("description is %q", description)
	}
	if info, err := os.Stat(path); err != nil || info.Size() < 8<<20 {
		t.Errorf("disk is %v, %v", info, err)
	}
	checkDisk(t, path)
	t.Run("debugfs", func(t *testing.T) { checkContent(t, path, filepath.Join(roots[0], "http", "server.go")) })
}

// goSource gives the folder of Go's own source.
func goSource(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "src")
}

// checkContent reads a file back with e2fsprogs.
func checkContent(t *testing.T, disk, file string) {
	out, err := exec.Command(needTool(t, "debugfs", "e2fsprogs"), "-R", "cat "+file, disk+"?offset=1048576").Output()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(file); err != nil || string(out) != string(want) {
		t.Errorf("%s on the disk has %d bytes, %v; want %d", file, len(out), err, len(want))
	}
}

func TestMakeDiskNeedsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk.img")
	_, _, err := build.MakeDisk(t.Context(), build.DiskOptions{Path: path, NoDebian: true, Roots: []string{t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), "no readable file") {
		t.Errorf("made a disk of no files: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("half a disk is left")
	}
}

// TestMakeDebianDisk downloads packages and takes a minute, so it runs on demand.
func TestMakeDebianDisk(t *testing.T) {
	if os.Getenv("NATTEVAKT_DEBIAN") == "" {
		t.Skip("needs a Debian mirror and a minute: set NATTEVAKT_DEBIAN=1")
	}
	needTool(t, "mmdebstrap", "mmdebstrap")
	path, description, err := build.MakeDisk(t.Context(), build.DiskOptions{Path: filepath.Join(t.TempDir(), "disk.img")})
	if err != nil || !strings.HasPrefix(description, "Debian") {
		t.Fatalf("made %q, %v", description, err)
	}
	checkDisk(t, path)
}
