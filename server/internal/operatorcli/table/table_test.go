package table_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", path, got, want)
	}
}

func devices() table.Table {
	row := func(slot, name, model, state, why string, style table.Style) []table.Cell {
		return []table.Cell{{Text: slot}, {Text: name}, {Text: model, Style: table.Dim}, {Text: state, Style: style}, {Text: why}}
	}
	return table.Table{
		Columns: []table.Column{
			{Title: "PLASS", Weight: 9, Right: true},
			{Title: "MASKIN", Weight: 8, Least: 8},
			{Title: "MODELL", Weight: 1, Least: 6},
			{Title: "TILSTAND", Weight: 7},
			{Title: "ÅRSAK", Weight: 3, Least: 12},
		},
		Rows: [][]table.Cell{
			row("1", "NV-ELEV-0001", "Dell Latitude 3140 2-in-1", "✓ ferdig", "", table.Good),
			row("2", "学校-パソコン-02", "Lenovo 300w Yoga Gen 4", "… skriver", "Maskinen jobber nå.", table.Busy),
			row("3", "e\u0301le\u0301ve-3", "HP ProBook x360 11 G7", "✗ feilet", "Disken er for liten for imaget.", table.Bad),
			row("30", "👩🏽‍🏫-pc", "", "– tom", "", table.Plain),
			row("31", "ond\x1b[2Jmaskin\nlinje", "a\u202eb", "✗", "x", table.Plain),
		},
	}
}

func TestTableAtSeveralWidths(t *testing.T) {
	for _, width := range []int{0, 120, 80, 60, 40, 20, 8} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			var b bytes.Buffer
			if err := devices().Write(&b, width, false); err != nil {
				t.Fatal(err)
			}
			golden(t, fmt.Sprintf("devices-%d.txt", width), b.Bytes())
		})
	}
}

func TestGridAtSeveralWidths(t *testing.T) {
	var cells []table.Cell
	for i := range 30 {
		cells = append(cells, table.Cell{Text: fmt.Sprintf("%2d ✓ NV-%04d klar", i+1, i+1), Style: table.Good})
	}
	for _, width := range []int{0, 120, 80, 40, 12} {
		var b bytes.Buffer
		if err := table.Grid(&b, cells, width, false); err != nil {
			t.Fatal(err)
		}
		golden(t, fmt.Sprintf("grid-%d.txt", width), b.Bytes())
	}
}

var escape = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestColourAddsNothingButColour(t *testing.T) {
	var plain, painted bytes.Buffer
	for _, p := range []struct {
		b     *bytes.Buffer
		paint table.Paint
	}{{&plain, false}, {&painted, true}} {
		if err := devices().Write(p.b, 80, p.paint); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(painted.String(), "\x1b[31m✗ feilet\x1b[0m") {
		t.Errorf("not coloured: %q", painted.String())
	}
	if got := escape.ReplaceAllString(painted.String(), ""); got != plain.String() {
		t.Errorf("with the colours taken out:\n%s\nwithout colours:\n%s", got, plain.String())
	}
}

func TestRowsAfterTheFirstPageKeepTheLayout(t *testing.T) {
	one := table.Table{Columns: []table.Column{{Title: "A"}, {Title: "B"}}, Rows: [][]table.Cell{{{Text: "abc"}, {Text: "x"}}}}
	l := one.Layout(0, false)
	var b bytes.Buffer
	if err := l.Rows(&b, [][]table.Cell{{{Text: "abcdef"}, {Text: "y"}}, {{Text: "a"}}}); err != nil {
		t.Fatal(err)
	}
	if want := "ab…  y\na\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestNoLineIsWiderThanTheScreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		tab := table.Table{}
		for range columns {
			tab.Columns = append(tab.Columns, table.Column{
				Title: rapid.String().Draw(t, "title"), Least: rapid.IntRange(0, 10).Draw(t, "least"),
				Weight: rapid.IntRange(0, 3).Draw(t, "weight"), Right: rapid.Bool().Draw(t, "right"),
			})
		}
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			var row []table.Cell
			for range rapid.IntRange(0, columns+1).Draw(t, "cells") {
				row = append(row, table.Cell{Text: rapid.String().Draw(t, "text")})
			}
			tab.Rows = append(tab.Rows, row)
		}
		width := rapid.IntRange(1, 100).Draw(t, "width")
		var b bytes.Buffer
		if err := tab.Write(&b, width, false); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != len(tab.Rows)+1 {
			t.Fatalf("%d lines for %d rows and a header: %q", len(lines), len(tab.Rows), lines)
		}
		for _, line := range lines {
			if n := uniseg.StringWidth(line); n > width {
				t.Fatalf("line of %d columns on a screen of %d: %q", n, width, line)
			}
		}
	})
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"blåbærsyltetøy": "blåbærsyltetøy",
		"a\x1b[31mb":     "a\ufffd[31mb",
		"a\nb\tc":        "a b c",
		"a\u202eb":       "a\ufffdb",
		"a\x00\x7fb":     "a\ufffd\ufffdb",
		"a\xffb":         "a\ufffdb",
	} {
		if got := table.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}
