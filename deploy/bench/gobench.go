//go:build linux

package main

import (
	"context"
	"strings"
)

// goBenchmarks runs the Go benchmarks of what decides and what stores.
func (b bench) goBenchmarks(ctx context.Context, p *page) error {
	rows := [][]string{}
	for _, x := range []struct{ pkg, bench string }{
		{"./server/internal/store/bolt", "Commit|Get"},
		{"./server/internal/store/record", "."},
		{"./server/internal/readiness", "."},
		{"./server/internal/window", "."},
		{"./server/internal/plan", "."},
		{"./server/internal/rollout", "."},
	} {
		say("go test -bench in %s", x.pkg)
		s, err := command(ctx, "go", "test", "-run", "^$", "-bench", x.bench, "-benchtime", "500ms", x.pkg)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(s.out)) {
			if name, values, ok := benchmarkLine(line); ok {
				rows = append(rows, []string{strings.TrimPrefix(x.pkg, "./server/internal/"), name, values})
			}
		}
	}
	p.text("## Go benchmarks\n\n`go test -run '^$' -bench . -benchtime 500ms ./server/internal/...`, one process a package. \"store\" is Nattevakt's store on bbolt,\nwhere a commit is durable; \"bbolt\" is the engine used directly, in the same run on an equal file. Images have a table of their own: `images/BENCH.md`.")
	p.table([]string{"package", "benchmark", "measured"}, rows)
	return nil
}

// benchmarkLine takes a line of `go test -bench` apart: name, iterations, then values with their units.
func benchmarkLine(line string) (name, values string, ok bool) {
	f := strings.Fields(line)
	if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
		return "", "", false
	}
	name = strings.TrimPrefix(f[0], "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		name = name[:i] // the number of cores
	}
	var parts []string
	for i := 2; i+1 < len(f); i += 2 {
		parts = append(parts, f[i]+" "+f[i+1])
	}
	return name, strings.Join(parts, ", "), true
}
