//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// page is a BENCH.md on its way.
type page struct{ b strings.Builder }

func newPage() *page { return &page{} }

func (p *page) String() string { return p.b.String() }

// text adds a paragraph or a heading.
func (p *page) text(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n\n", args...) }

// table adds a table; every row has as many cells as the head.
func (p *page) table(head []string, rows [][]string) {
	p.line(head)
	fmt.Fprintf(&p.b, "|%s\n", strings.Repeat("---|", len(head)))
	for _, r := range rows {
		p.line(r)
	}
	p.b.WriteString("\n")
}

func (p *page) line(cells []string) { fmt.Fprintf(&p.b, "| %s |\n", strings.Join(cells, " | ")) }

// The two verdicts; a miss must be seen in a long table.
const (
	kept   = "kept"
	missed = "**MISSED**"
)

// verdict of a target.
func verdict(ok bool) string {
	if ok {
		return kept
	}
	return missed
}

const mega = 1_000_000

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/mega) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
