// Package statetest gives tests a state folder of their own. It is t.TempDir for tests that also run under
// Wine, where os.RemoveAll does not work (it deletes the POSIX way, which Wine 8 lacks).
//
// Only tests may use it.
package statetest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/state"
)

// Open gives a new, empty folder that is removed when the test ends.
func Open(tb testing.TB) *state.Folder {
	tb.Helper()
	folder, err := state.Open(Dir(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return folder
}

// Dir is t.TempDir.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "nattevakt-test-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { remove(tb, dir) })
	return dir
}

// remove deletes what is deepest first.
func remove(tb testing.TB, dir string) {
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		tb.Errorf("remove %s: %v", dir, err)
	}
	for _, path := range slices.Backward(all) {
		if err := os.Remove(path); err != nil {
			tb.Errorf("remove: %v", err)
		}
	}
}
