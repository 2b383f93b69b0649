//go:build linux

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDemo runs the demonstration to its end.
func TestDemo(t *testing.T) {
	beside(t)
	d := startDemo(t, "-exit")
	d.program.ended(0)
	said := d.said()
	for _, want := range []string{
		"30 maskiner: 29 ferdig, 1 rakk det ikke. 28 av 30 er klare.",
		"29 of 30 disks equal the release bit by bit.",
		"nothing is left behind.",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the demonstration did not say %q", want)
		}
	}
	d.leftNothing()
}

// TestDemoInterrupted presses Ctrl-C while machines write their disks.
func TestDemoInterrupted(t *testing.T) {
	beside(t)
	d := startDemo(t)
	await(t, "work under way", func() error {
		if !strings.Contains(d.said(), "Utrulling") {
			return fmt.Errorf("no rollout yet")
		}
		return nil
	})
	if n := len(processesOf(t, d.temp)); n < 30 {
		t.Errorf("%d programs run, want those of a cabinet", n)
	}
	if err := d.program.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	d.program.ended(0)
	d.leftNothing()
}

// demo is the demonstration, with a folder for temporary files to itself.
type demo struct {
	t         *testing.T
	program   *program
	temp, log string
}

func startDemo(t *testing.T, flags ...string) *demo {
	t.Helper()
	folder := t.TempDir()
	d := &demo{t: t, temp: filepath.Join(folder, "tmp"), log: filepath.Join(folder, "demo.log")}
	if err := os.Mkdir(d.temp, 0o700); err != nil {
		t.Fatal(err)
	}
	showWhenFailed(t, d.log)
	d.program = startWith(t, []string{"TMPDIR=" + d.temp, "LC_ALL=nb_NO.UTF-8"}, d.log, "demo",
		append([]string{"-bin", programs, "-rate", "600", "-disk-mib", "8"}, flags...)...)
	return d
}

func (d *demo) said() string {
	d.t.Helper()
	b, err := os.ReadFile(d.log)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

// leftNothing demands that there is neither a file nor a program of the demonstration any more.
func (d *demo) leftNothing() {
	d.t.Helper()
	left, err := os.ReadDir(d.temp)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range left {
		d.t.Errorf("left behind: %s", e.Name())
	}
	for _, p := range processesOf(d.t, d.temp) {
		d.t.Errorf("still running: %s", p)
	}
}

// processesOf gives the command lines that name a folder.
func processesOf(t *testing.T, folder string) (lines []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(all) == 0 {
		t.Fatalf("no processes in /proc: %v", err)
	}
	for _, path := range all {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte(folder)) { // it may have ended meanwhile
			lines = append(lines, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return lines
}
