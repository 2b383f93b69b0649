// Package table lays out tables and grids of text for a screen of a given width.
//
// Guarantees:
//   - No line is wider than asked, counted in screen columns: a wide rune takes two, a combining one none.
//   - What does not fit is cut with "…", the least important columns first; columns that cannot be cut
//     enough are left out, the least important first. The most important one always stays.
//   - Text from machines and servers cannot move the cursor or change colours: see Clean.
//   - Colour is added to text and never stands for it: the same words are there without.
//
// It is pure: widths and rows in, text out. The commands of operatorcli use it.
package table

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// Cell is one field of a row.
type Cell struct {
	Text  string
	Style Style
}

// Column says how a column gives way.
type Column struct {
	Title string
	// Least is how far it may be cut, in screen columns; 0 is not at all.
	Least int
	// Weight is how important it is: lighter columns are cut and left out first. Of equals, the last.
	Weight int
	// Right aligns numbers.
	Right bool
}

// Table is columns and rows; a row may be shorter than the columns.
type Table struct {
	Columns []Column
	Rows    [][]Cell
}

// gap is between columns.
const gap = 2

// Layout is a table's columns with their widths settled.
type Layout struct {
	columns []Column
	widths  []int // 0: left out
	paint   Paint
}

// Layout settles the widths for the rows of t on a screen of width columns; 0 is no limit.
func (t Table) Layout(width int, paint Paint) Layout {
	natural := t.natural()
	shown := make([]int, 0, len(t.Columns))
	for i := range t.Columns {
		shown = append(shown, i)
	}
	l := Layout{columns: t.Columns, paint: paint}
	for {
		widths, fits := t.squeeze(natural, shown, width)
		if fits {
			l.widths = widths
			return l
		}
		shown = slices.DeleteFunc(shown, func(i int) bool { return i == t.lightest(shown) })
	}
}

// natural gives each column's width if nothing is cut.
func (t Table) natural() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = max(1, Width(c.Title))
	}
	for _, row := range t.Rows {
		for i, c := range row[:min(len(row), len(widths))] {
			widths[i] = max(widths[i], Width(c.Text))
		}
	}
	return widths
}

// squeeze cuts the shown columns, lightest first, until the table is not wider than width. The last
// column that is left is cut as far as it takes.
func (t Table) squeeze(natural, shown []int, width int) ([]int, bool) {
	widths := make([]int, len(natural))
	total := gap * (len(shown) - 1)
	for _, i := range shown {
		widths[i] = natural[i]
		total += natural[i]
	}
	if width <= 0 || total <= width {
		return widths, true
	}
	if len(shown) == 1 {
		widths[shown[0]] = width
		return widths, true
	}
	for _, i := range t.byWeight(shown) {
		if least := t.Columns[i].Least; least > 0 && least < widths[i] {
			cut := min(widths[i]-least, total-width)
			widths[i] -= cut
			total -= cut
		}
	}
	return widths, total <= width
}

// byWeight orders columns, lightest first.
func (t Table) byWeight(shown []int) []int {
	order := slices.Clone(shown)
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(t.Columns[a].Weight, t.Columns[b].Weight), cmp.Compare(b, a))
	})
	return order
}

func (t Table) lightest(shown []int) int { return t.byWeight(shown)[0] }

// Header writes the titles.
func (l Layout) Header(w io.Writer) error {
	cells := make([]Cell, len(l.columns))
	for i, c := range l.columns {
		cells[i] = Cell{Text: c.Title, Style: Title}
	}
	return l.Rows(w, [][]Cell{cells})
}

// Rows writes rows; cells that are wider than what the layout was made for are cut.
func (l Layout) Rows(w io.Writer, rows [][]Cell) error {
	var b bytes.Buffer
	for _, row := range rows {
		l.line(&b, row)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (l Layout) line(b *bytes.Buffer, row []Cell) {
	pending := 0 // spaces that are written only if something follows
	for i, width := range l.widths {
		if width == 0 {
			continue
		}
		c := Cell{}
		if i < len(row) {
			c = row[i]
		}
		text := Cut(c.Text, width)
		after := width - Width(text)
		if text != "" {
			if l.columns[i].Right {
				pending, after = pending+after, 0
			}
			b.WriteString(strings.Repeat(" ", pending))
			b.WriteString(l.paint.Text(c.Style, text))
			pending = 0
		}
		pending += after + gap
	}
	b.WriteByte('\n')
}

// Write lays out the whole table on a screen of width columns and writes it.
func (t Table) Write(w io.Writer, width int, paint Paint) error {
	l := t.Layout(width, paint)
	if err := l.Header(w); err != nil {
		return err
	}
	return l.Rows(w, t.Rows)
}

// Grid writes cells in rows of equally wide places, as many beside each other as fit.
func Grid(w io.Writer, cells []Cell, width int, paint Paint) error {
	widest := 1
	for _, c := range cells {
		widest = max(widest, Width(c.Text))
	}
	if width <= 0 {
		width = 80
	}
	widest = min(widest, width)
	beside := max(1, (width+gap)/(widest+gap))
	t := Table{Columns: make([]Column, min(beside, max(1, len(cells))))}
	l := Layout{columns: t.Columns, widths: slices.Repeat([]int{widest}, len(t.Columns)), paint: paint}
	return l.Rows(w, slices.Collect(slices.Chunk(cells, len(t.Columns))))
}

// Width is how many screen columns s takes after Clean.
func Width(s string) int { return uniseg.StringWidth(Clean(s)) }

// Cut gives s after Clean, and ends it with "…" where it is wider than width.
func Cut(s string, width int) string {
	s = Clean(s)
	if uniseg.StringWidth(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	var b strings.Builder
	used, rest, state := 0, s, -1
	for rest != "" {
		var cluster string
		var wide int
		cluster, rest, wide, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used+wide > width-1 {
			break
		}
		b.WriteString(cluster)
		used += wide
	}
	return strings.TrimRight(b.String(), " ") + "…"
}
