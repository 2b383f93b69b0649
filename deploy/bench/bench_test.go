//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCPUOf(t *testing.T) {
	for stat, want := range map[string]time.Duration{
		"7 (nattevakt) S 1 7 7 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 8 0": 1680 * time.Millisecond,
		"7 (a) b (c d)) S 1 7 7 0 -1 4194560 9 0 0 0 1 0 0 0 20 0 8 0":   10 * time.Millisecond,
		"7 (short) S 1 7": -1,
		"7 (x) S 1 7 7 0 -1 4194560 9 0 0 0 many 45 0 0 20": -1,
	} {
		got, err := cpuOf(stat)
		if want < 0 {
			if err == nil {
				t.Errorf("%q: no error", stat)
			}
			continue
		}
		if got != want || err != nil {
			t.Errorf("%q: %v, %v; want %v", stat, got, err, want)
		}
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	u, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if u.rss < u.anon || u.peak < u.rss || u.file == 0 || u.wakes == 0 {
		t.Errorf("%+v", u)
	}
	if _, err := usageOf(1 << 30); err == nil {
		t.Error("no error for a process that cannot be")
	}
}

func TestBenchmarkLine(t *testing.T) {
	name, values, ok := benchmarkLine("BenchmarkNight/30-cab-2 \t   25101\t     18687 ns/op\t 3 B/op\n")
	if !ok || name != "Night/30-cab" || values != "18687 ns/op, 3 B/op" {
		t.Errorf("%q %q %v", name, values, ok)
	}
	for _, line := range []string{"goos: linux", "ok  \tx\t1.2s", "BenchmarkX", "PASS", ""} {
		if _, _, ok := benchmarkLine(line); ok {
			t.Errorf("%q is no result", line)
		}
	}
}

// A load's verdict must show a failure whatever the rate, and a rate that was not reached whatever the
// latency.
func TestKeeps(t *testing.T) {
	due := load{what: "due", rate: leastRate}
	for _, x := range []struct {
		c      called
		missed bool
	}{
		{called{PerSecond: leastRate}, false},
		{called{PerSecond: leastRate - 1}, true},
		{called{PerSecond: leastRate, Failed: 1, FirstError: "reset"}, true},
		{called{load: due, PerSecond: leastRate - 1, P99: time.Millisecond}, false},
		{called{load: due, PerSecond: leastRate, P99: mostP99}, true},
		{called{load: due, PerSecond: leastRate / 2, P99: time.Millisecond}, true},
		{called{load: load{rotate: 1}, PerSecond: 1, Failed: 1}, true},
	} {
		if got := strings.Contains(x.c.keeps(), missed); got != x.missed {
			t.Errorf("%+v: %q", x.c, x.c.keeps())
		}
	}
}

func TestRatios(t *testing.T) {
	own := called{CheckIns: 1000, server: 20 * time.Millisecond, load: load{what: "500 devices", connections: 500}}
	paced := called{CheckIns: 1000, server: 90 * time.Millisecond, load: load{what: "paced", connections: 500, rate: 1}}
	peer := called{CheckIns: 1000, server: 30 * time.Millisecond, load: load{what: "peer: 500", connections: 500}}
	if got := ratios([]called{paced, own, peer}); got != "1.50 (500 devices)" {
		t.Error(got)
	}
}

// TestPeer serves and calls in this process.
func TestPeer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "peer")
	if err := makePeerCA(dir); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- servePeer(t.Context(), dir) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for there := exists(filepath.Join(dir, peerAddress)); ; time.Sleep(time.Millisecond) {
		if ok, err := there(); err != nil {
			t.Fatal(err)
		} else if ok {
			break
		}
	}
	address, err := os.ReadFile(filepath.Join(dir, peerAddress))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := openPeerCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, rotate := range []int{0, 1} {
		c := &caller{address: string(address), authority: authority, rotate: rotate}
		got, err := c.run(4, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if got.Failed != 0 || got.CheckIns == 0 || got.P50 <= 0 || got.P99 > got.Max {
			t.Errorf("rotate %d: %+v", rotate, got)
		}
		if moves := rotate > 0; (got.Dialled > 4) != moves {
			t.Errorf("rotate %d: %d connections for 4 devices", rotate, got.Dialled)
		}
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := makePeerCA(foreign); err != nil {
		t.Fatal(err)
	}
	other, err := openPeerCA(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&caller{address: string(address), authority: other}).run(1, time.Millisecond); err == nil {
		t.Error("a server with another authority's certificate was believed")
	}
}

// What the generators print must be what call reads.
func TestCalledJSON(t *testing.T) {
	b, err := json.Marshal(called{CheckIns: 3, P99: time.Second, FirstError: "x", server: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var got called
	if err := json.Unmarshal(b, &got); err != nil || got.CheckIns != 3 || got.P99 != time.Second || got.FirstError != "x" || got.server != 0 {
		t.Errorf("%+v %v from %s", got, err, b)
	}
}
