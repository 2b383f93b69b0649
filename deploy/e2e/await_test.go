//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// deadline is how long anything may take; only failure reaches it.
const deadline = 60 * time.Second

// pollEvery is how often a condition is looked at.
const pollEvery = 40 * time.Millisecond

// await looks until check is content. Its last complaint is the failure.
func await(t *testing.T, what string, check func() error) {
	t.Helper()
	awaitEvery(t, pollEvery, what, check)
}

func awaitEvery(t *testing.T, every time.Duration, what string, check func() error) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	late := time.After(deadline)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// tailBytes is how much of a log a failure shows.
const tailBytes = 3000

// showWhenFailed puts the end of a log into the output of a test that failed.
func showWhenFailed(t *testing.T, path string) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of %s:\n%s", filepath.Base(path), tail(path))
		}
	})
}

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-tailBytes):])
}
