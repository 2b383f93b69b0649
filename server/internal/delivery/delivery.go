// Package delivery reads a supplier's delivery list: one row for each machine, in CSV or Excel (XLSX), as
// people send them, with columns named in Norwegian or English.
//
// Guarantees:
//   - Parse works on the bytes alone: it opens no file, asks no clock, and writes nothing to disk.
//   - Every row is read or has a problem that names the row as the person sees it, the column, the value
//     and the way out, in Norwegian and English. A row with a problem is not in the list.
//   - What cannot be known is asked about, not guessed: 01/02/2026 is no date, and 12.345 is no price.
//   - Rows, columns, cells, problems and what a ZIP archive unpacks to are bounded; no input makes Parse panic.
//
// control calls it for `delivery import` and decides what the rows mean for the fleet.
package delivery

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
)

// The bounds of a list.
const (
	MaxBytes    = 16 << 20
	MaxUnpacked = 128 << 20
	MaxRows     = 100_000
	MaxColumns  = 200
	MaxCell     = 1000 // characters
	MaxProblems = 1000
)

// Defaults fill rows that name no owner or site; empty ones fill nothing.
type Defaults struct {
	Owner id.Name
	Site  id.Name
}

// List is what was read.
type List struct {
	// Format is "CSV" or "XLSX"; Encoding is how a CSV was written, as in "UTF-8".
	Format   string
	Encoding string
	// RowsRead counts the rows that hold a machine, those with problems too.
	RowsRead int
	Rows     []Row
	// Ignored are the headings of columns that say nothing to Nattevakt.
	Ignored []string
}

// Row is one machine.
type Row struct {
	// Number is that of the row as the person sees it, the first being 1.
	Number   int
	Vendor   string
	Model    string
	Serial   string
	Role     string
	Place    fleet.Place
	Delivery fleet.Delivery
}

// Parse reads a list. Without problems, every machine of the file is in List.Rows. fileName is only
// consulted where the content does not tell what it is.
func Parse(fileName string, content []byte, opt Defaults) (List, []Problem) {
	var found problems
	sheet := readTable(fileName, content, &found)
	list := List{Format: sheet.format, Encoding: sheet.encoding}
	switch {
	case len(sheet.lines) > 0:
		readRows(sheet, opt, &list, &found)
	case len(found.list) == 0:
		found.file("filen har ingen rader", "the file has no rows")
	}
	return list, found.list
}

// table is a file's cells before they mean anything.
type table struct {
	format   string
	encoding string
	lines    []line
	// serials reads an Excel serial date; nil in formats that have none.
	serials func(float64) (string, bool)
}

// line is one row with at least one cell that is not blank.
type line struct {
	number int
	cells  []string
}

var (
	zipMagic = []byte("PK\x03\x04")
	oleMagic = []byte{0xD0, 0xCF, 0x11, 0xE0}
)

func readTable(fileName string, content []byte, found *problems) table {
	switch {
	case len(content) > MaxBytes:
		found.file("filen er større enn 16 MiB: del den opp", "the file is larger than 16 MiB: split it")
	case len(bytes.TrimSpace(content)) == 0:
		found.file("filen er tom", "the file is empty")
	case bytes.HasPrefix(content, oleMagic):
		found.file("filen er i gammelt Excel-format (.xls) eller har passord: lagre den som .xlsx uten passord",
			"the file is in the old Excel format (.xls) or has a password: save it as .xlsx without one")
	case bytes.HasPrefix(content, zipMagic):
		return readXLSX(content, found)
	case strings.EqualFold(filepath.Ext(fileName), ".xlsx"):
		found.file("filen heter .xlsx, men er ikke en Excel-fil: lagre den på nytt fra Excel",
			"the file is named .xlsx but is no Excel file: save it again from Excel")
	default:
		return readCSV(content, found)
	}
	return table{}
}

// add keeps a line within the bounds; it reports false once there are too many.
func (t *table) add(number int, cells []string, found *problems) bool {
	last := len(cells)
	for last > 0 && strings.TrimSpace(cells[last-1]) == "" {
		last--
	}
	switch {
	case last == 0:
		return true
	case last > MaxColumns:
		found.row(number, "raden har flere enn 200 kolonner", "the row has more than 200 columns")
		return true
	case len(t.lines) > MaxRows:
		found.row(number, "listen har flere enn 100 000 rader: del den opp", "the list has more than 100,000 rows: split it")
		return false
	}
	t.lines = append(t.lines, line{number, slices.Clone(cells[:last])}) // a copy: the rest may be long
	return true
}
