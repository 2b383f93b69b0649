package patch_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/patch"
)

func TestRun(t *testing.T) {
	out, err := patch.Run(t.Context(), "sh", "-c", `echo "$LC_ALL $TZ"; echo noise >&2`)
	if err != nil || string(out) != "C.UTF-8 UTC\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestRunFailure(t *testing.T) {
	_, err := patch.Run(t.Context(), "sh", "-c", `echo half; printf 'E: first\nE: second\n' >&2; exit 100`)
	if err == nil || err.Error() != "sh: exit status 100: E: first E: second" {
		t.Errorf("got %v", err)
	}
	if _, err = patch.Run(t.Context(), "nattevakt-no-such-tool"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// A command that floods is stopped: it would run for ever.
func TestRunBoundsOutput(t *testing.T) {
	out, err := patch.Run(t.Context(), "cat", "/dev/zero")
	if err == nil || !strings.Contains(err.Error(), "more than 16 MiB") || len(out) > 0 {
		t.Errorf("got %d bytes, %v", len(out), err)
	}
}

// The time limit ends the command's children too: the test would wait for the one that holds the output.
func TestRunEndsChildren(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := patch.Run(ctx, "sh", "-c", "sleep 1000 & sleep 1000")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
}
