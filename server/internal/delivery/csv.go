package delivery

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// readCSV reads text with cells between commas, semicolons or tabs (RFC 4180, and what Excel makes of it
// in Norwegian). A row's number is that of the line it begins on.
func readCSV(content []byte, found *problems) table {
	text, encoding, ok := decode(content)
	t := table{format: "CSV", encoding: encoding}
	if !ok {
		found.file("filen er ikke tekst, eller bokstavene er skadet: lagre den på nytt som CSV UTF-8 eller .xlsx",
			"the file is no text, or its letters are damaged: save it again as CSV UTF-8 or .xlsx")
		return t
	}
	comma, rest, skipped := separator(text)
	r := csv.NewReader(strings.NewReader(rest))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, false
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t
		}
		if err != nil {
			badQuotes(err, skipped, found)
			return t
		}
		number, _ := r.FieldPos(0)
		if !t.add(number+skipped, cells, found) {
			return t
		}
	}
}

func badQuotes(err error, skipped int, found *problems) {
	row := 0
	if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
		row = parse.StartLine + skipped
	}
	found.row(row, `anførselstegnene (") på linjen går ikke opp: rett dem, eller lagre som .xlsx`,
		`the quotation marks (") on the line do not match: correct them, or save as .xlsx`)
}

// separator is the sign between cells: what Excel's first line "sep=;" says, or else the one of the three
// that the first line with any of them has most of; a heading alone on its line is the only column, and
// the commas below are part of its values. skipped is how many lines it took away from text.
func separator(text string) (comma rune, rest string, skipped int) {
	first, after, _ := strings.Cut(text, "\n")
	if sign, ok := strings.CutPrefix(strings.TrimRight(first, "\r"), "sep="); ok && strings.ContainsAny(sign, ",;\t") && len(sign) == 1 {
		return rune(sign[0]), after, 1
	}
	for remaining, line := text, ""; remaining != ""; {
		line, remaining, _ = strings.Cut(remaining, "\n")
		if comma, ok := mostFrequent(line); ok {
			return comma, text, 0
		}
		if fieldByHeading[plain(line)] == fieldSerial {
			break
		}
	}
	return ';', text, 0
}

// mostFrequent counts outside quotation marks; in a tie the order is semicolon, tab, comma, since a comma
// may be part of a price.
func mostFrequent(line string) (comma rune, ok bool) {
	counts := map[rune]int{}
	quoted := false
	for _, r := range line {
		if r == '"' {
			quoted = !quoted
		}
		if !quoted {
			counts[r]++
		}
	}
	most := 0
	for _, sign := range []rune{';', '\t', ','} {
		if counts[sign] > most {
			comma, most = sign, counts[sign]
		}
	}
	return comma, most > 0
}
