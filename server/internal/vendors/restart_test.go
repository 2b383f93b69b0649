package vendors

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRestart(t *testing.T) {
	r := restart{first: time.Second, most: 10 * time.Second}
	for i, step := range []struct{ up, want int }{ // seconds
		{0, 1}, {0, 2}, {5, 4}, {0, 8}, {10, 10}, {0, 10}, {11, 1}, {0, 2},
	} {
		if got := r.failed(time.Duration(step.up) * time.Second); got != time.Duration(step.want)*time.Second {
			t.Errorf("step %d: %v, want %d s", i, got, step.want)
		}
	}
}

// However a plugin fails, the waits stay within their bounds and never shrink while it keeps failing.
func TestRestartIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := restart{first: time.Second, most: 5 * time.Minute}
		last := time.Duration(0)
		for _, up := range rapid.SliceOfN(rapid.Int64Range(0, int64(10*time.Minute)), 1, 40).Draw(t, "ups") {
			wait := r.failed(time.Duration(up))
			if wait < r.first || wait > r.most || time.Duration(up) <= r.most && wait < last {
				t.Fatalf("after %v up: %v, before it %v", time.Duration(up), wait, last)
			}
			last = wait
		}
	})
}
