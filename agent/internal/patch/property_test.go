package patch

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func release(t *rapid.T, label string) string {
	return rapid.StringMatching(`[0-9]{1,3}(\.[0-9]{1,3}){0,2}(-[0-9]{1,3})?(-(amd64|rc1))?`).Draw(t, label)
}

func TestCompareVersionsIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := release(t, "a"), release(t, "b"), release(t, "c")
		if compareVersions(a, a) != 0 || compareVersions(a, b) != -compareVersions(b, a) {
			t.Fatalf("not symmetric: %q %q", a, b)
		}
		if compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0 && compareVersions(a, c) > 0 {
			t.Fatalf("not transitive: %q %q %q", a, b, c)
		}
	})
}

// The memory never holds more than is missing, never a later date than before, and settles at once.
func TestAdvance(t *testing.T) {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	day := rapid.Custom(func(t *rapid.T) time.Time {
		return epoch.AddDate(0, 0, rapid.IntRange(0, 300).Draw(t, "day"))
	})
	update := rapid.Custom(func(t *rapid.T) Update {
		u := Update{Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"), Installed: "1"}
		if rapid.Bool().Draw(t, "dated") {
			u.MissedSince = day.Draw(t, "missed")
		}
		return u
	})
	rapid.Check(t, func(t *rapid.T) {
		old := firsts{"apt a 1": day.Draw(t, "old"), "apt gone 1": epoch, "dnf x 1": epoch}
		answers := []answer{{source: "apt", result: Result{Updates: rapid.SliceOf(update).Draw(t, "updates")}}}
		now := epoch.AddDate(1, 0, 0)
		next := advance(old, answers, now)
		for k, since := range next {
			if before, ok := old[k]; ok && since.After(before) {
				t.Fatalf("%s went from %v to %v", k, before, since)
			}
		}
		if len(next) > len(answers[0].result.Updates) {
			t.Fatalf("remembers %v", next)
		}
		again := advance(next, answers, now.AddDate(0, 0, 1))
		for k := range next {
			if !again[k].Equal(next[k]) {
				t.Fatalf("%s moved from %v to %v", k, next[k], again[k])
			}
		}
	})
}
