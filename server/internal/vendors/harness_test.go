//go:build unix

package vendors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/plugins/vendor"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/vendors"
)

// programs are built once for all tests.
var programs = struct {
	sync.Once
	dir string
	err error
}{}

func TestMain(m *testing.M) {
	if folder := os.Getenv("NATTEVAKT_TEST_HOST"); folder != "" {
		hostToBeKilled(folder)
		return
	}
	code := m.Run()
	if programs.dir != "" {
		os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

// program is the path of a built plugin program: "misbehave" or a real vendor's.
func program(t testing.TB, name string) string {
	t.Helper()
	programs.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "nattevakt-plugins-"); programs.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", programs.dir+"/", "./testdata/misbehave",
			"../../../plugins/dell", "../../../plugins/hp", "../../../plugins/lenovo", "../../../plugins/generic")
		if out, err := build.CombinedOutput(); err != nil {
			programs.err = fmt.Errorf("build plugins: %w\n%s", err, out)
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return filepath.Join(programs.dir, name)
}

// folder makes a plugin folder with a checksum file. Names of real vendors get the real plugin, others
// the one that misbehaves.
func folder(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	var sums bytes.Buffer
	for _, name := range names {
		source := "misbehave"
		switch name {
		case "dell", "hp", "lenovo", "generic":
			source = name
		}
		content, err := os.ReadFile(program(t, source))
		if err != nil {
			t.Fatal(err)
		}
		file := "nattevakt-vendor-" + name
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o700); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), file)
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), sums.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// quick has limits for tests, except that a machine under load gets time to start a process.
func quick(folder string) vendors.Config {
	c := vendors.Defaults(folder)
	c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	c.Call, c.Heartbeat, c.Pause, c.MaxPause = 3*time.Second, 100*time.Millisecond, 10*time.Millisecond, time.Minute
	return c
}

func open(t testing.TB, c vendors.Config) *vendors.Host {
	t.Helper()
	h, err := vendors.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

var windows11 = vendor.Target{OS: vendor.Windows11, Version: "24H2", Arch: vendor.AMD64}

func testMachine(key string) fleet.Hardware {
	return fleet.Hardware{Vendor: "Test", Product: "Test 1", ModelKey: key, Serial: "SECRET"}
}

func explain(t *testing.T, h *vendors.Host, hardware fleet.Hardware) vendors.Answer {
	t.Helper()
	a, err := h.Explain(t.Context(), hardware, windows11)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func status(t *testing.T, h *vendors.Host, name string) vendors.Status {
	t.Helper()
	for _, s := range h.List() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no plugin %s in %+v", name, h.List())
	return vendors.Status{}
}

func silent(a vendors.Answer, name string) string {
	for _, v := range a.Voices {
		if v.Plugin == name {
			return v.Silent
		}
	}
	return "not asked"
}

// await waits until a condition holds that another process brings about.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// hostToBeKilled opens a host in a process of its own, says the plugin's id, and waits for its death.
func hostToBeKilled(folder string) {
	h, err := vendors.Open(context.Background(), vendors.Defaults(folder))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(h.List()[0].PID)
	select {}
}
