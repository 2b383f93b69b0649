//go:build linux

package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programs is the folder of the programs under test.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// atOnce is how many tests run beside each other unless -parallel says it: they wait more than they work.
const atOnce = "4"

func run(m *testing.M) int {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	flag.Parse()
	if testing.Short() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "nattevakt-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := buildPrograms(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	programs = dir
	return m.Run()
}

// buildPrograms makes the programs as the Makefile does, but for what costs time and changes nothing here.
func buildPrograms(dir string) error {
	for _, args := range [][]string{
		{"-o", dir, "./server/cmd/nattevakt", "./deploy/demo"},
		{"-o", dir, "-tags", "grpcnotrace", "./agent/cmd/nattevakt-agent"},
	} {
		cmd := exec.Command("go", append([]string{"build", "-buildvcs=false"}, args...)...)
		cmd.Dir = filepath.Join("..", "..")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %v: %w\n%s", args, err, out)
		}
	}
	return nil
}

// beside marks a test that runs the real programs, beside other tests.
func beside(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the real programs; not with -short")
	}
	t.Parallel()
}
