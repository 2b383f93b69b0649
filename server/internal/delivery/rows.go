package delivery

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nattevakt/nattevakt/proto/id"
)

// readRows turns the lines under the headings into machines.
func readRows(t table, opt Defaults, list *List, found *problems) {
	h, next := t.header()
	if !checkHeader(h, found) {
		return
	}
	for _, name := range h.rest {
		if name != "" {
			list.Ignored = append(list.Ignored, shorten(name))
		}
	}
	seen := repeats{}
	for _, l := range t.lines[next:] {
		if found.full() {
			return
		}
		list.RowsRead++
		r := reader{table: t, header: h, line: l, found: found}
		row := r.row(opt)
		seen.check(&r, row)
		if !r.bad {
			list.Rows = append(list.Rows, row)
		}
	}
	if list.RowsRead == 0 && len(found.list) == 0 {
		found.row(h.number, "det er ingen rader under overskriften", "there are no rows under the headings")
	}
}

func checkHeader(h header, found *problems) bool {
	before := len(found.list)
	if !h.has(fieldSerial) {
		found.row(max(h.number, 1), "listen har ingen kolonne for serienummer: gi den overskriften «Serienummer»",
			"the list has no column for serial numbers: head it \"Serial number\"")
	}
	for _, name := range h.again {
		found.add(Problem{Row: h.number, Column: name, Value: name,
			Text: "to kolonner betyr det samme: behold den ene", English: "two columns mean the same: keep one of them"})
	}
	return len(found.list) == before
}

// reader reads one line; bad is set by its first problem.
type reader struct {
	table
	header header
	line   line
	found  *problems
	bad    bool
}

func (r *reader) problem(f field, nb, en string) {
	r.bad = true
	r.found.add(Problem{Row: r.line.number, Column: r.header.name[f], Value: r.header.cell(r.line, f), Text: nb, English: en})
}

func (r *reader) row(opt Defaults) Row {
	row := Row{
		Number: r.line.number,
		Vendor: r.text(fieldVendor),
		Model:  r.text(fieldModel),
		Serial: r.serial(),
		Role:   r.text(fieldRole),
	}
	row.Delivery.Supplier = r.text(fieldSupplier)
	row.Delivery.Purchased = r.date(fieldPurchased)
	row.Delivery.WarrantyEnd = r.date(fieldWarranty)
	row.Delivery.PriceOre = r.price()
	row.Delivery.TPMKeySHA256 = r.tpm()
	// A cabinet names its site, and a site its owner; control looks them up.
	row.Place.Cabinet = r.name(fieldCabinet, "", "ladeskap", "cabinet", false)
	row.Place.Site = r.name(fieldSite, opt.Site, "skole", "site", row.Place.Cabinet == "")
	row.Place.Owner = r.name(fieldOwner, opt.Owner, "eier", "owner", false)
	row.Place.Slot = r.slot(row.Place.Cabinet)
	if p, w := row.Delivery.Purchased, row.Delivery.WarrantyEnd; p != "" && w != "" && w < p {
		r.problem(fieldWarranty, "garantien slutter før kjøpsdatoen "+p, "the warranty ends before the purchase date "+p)
	}
	return row
}

// errorValues are what Excel shows where a formula failed.
var errorValues = map[string]bool{"#N/A": true, "#I/T": true, "#REF!": true, "#VALUE!": true, "#VERDI!": true, "#NAME?": true, "#NAVN?": true, "#DIV/0!": true}

func (r *reader) text(f field) string {
	s := r.header.cell(r.line, f)
	switch {
	case utf8.RuneCountInString(s) > MaxCell:
		r.problem(f, "teksten er lengre enn 1000 tegn", "the text is longer than 1000 characters")
	case !isText(s) || strings.ContainsAny(s, "\r\n\t"):
		r.problem(f, "cellen har linjeskift eller styretegn: skriv den på én linje", "the cell has line breaks or control characters: write it on one line")
	case garbled(s):
		r.problem(f, "bokstavene er ødelagt av feil tegnkoding: lagre listen på nytt som CSV UTF-8 eller .xlsx",
			"the letters were garbled by a wrong encoding: save the list again as CSV UTF-8 or .xlsx")
	case errorValues[strings.ToUpper(s)]:
		r.problem(f, "cellen har en formel som ikke gikk opp: skriv inn verdien", "the cell has a formula that failed: write the value")
	default:
		return s
	}
	return ""
}

func (r *reader) serial() string {
	s := r.header.cell(r.line, fieldSerial)
	switch {
	case s == "":
		r.problem(fieldSerial, "raden mangler serienummer", "the row has no serial number")
	case rounded(s):
		r.problem(fieldSerial, "Excel har avrundet serienummeret: sett kolonnen til Tekst og skriv det inn på nytt",
			"Excel has rounded the serial number: format the column as Text and enter it again")
	case !serialForm.MatchString(s):
		r.problem(fieldSerial, "dette er ikke et serienummer: bruk 3–64 bokstaver, tall, punktum, skråstrek og bindestrek",
			"this is no serial number: use 3–64 letters, digits, dots, slashes and hyphens")
	}
	return s
}

func (r *reader) date(f field) string {
	s := r.header.cell(r.line, f)
	if s == "" {
		return ""
	}
	day, ok := r.day(s)
	if !ok {
		r.problem(f, "dette er ikke en dato fra 1990 til 2099: skriv 31.12.2026 eller 2026-12-31",
			"this is no date from 1990 to 2099: write 31.12.2026 or 2026-12-31")
		return ""
	}
	return day
}

func (r *reader) price() int64 {
	s := r.header.cell(r.line, fieldPrice)
	if s == "" {
		return 0
	}
	ore, ok := price(s)
	if !ok {
		r.problem(fieldPrice, "dette er ikke en entydig pris: skriv 12345,50", "this is no clear price: write 12345.50")
	}
	return ore
}

func (r *reader) tpm() []byte {
	s := r.header.cell(r.line, fieldTPM)
	if s == "" {
		return nil
	}
	sum, ok := fingerprint(s)
	if !ok {
		r.problem(fieldTPM, "dette er ikke en SHA-256: den har 64 tegn 0–9 og a–f", "this is no SHA-256: it has 64 characters 0–9 and a–f")
		return nil
	}
	return sum
}

// name reads a short name, or takes the default.
func (r *reader) name(f field, otherwise id.Name, nb, en string, must bool) id.Name {
	s := r.header.cell(r.line, f)
	if s == "" {
		if must && otherwise == "" {
			r.problem(f, fmt.Sprintf("raden har ingen %s: fyll inn kolonnen, eller oppgi %s for hele listen", nb, nb),
				fmt.Sprintf("the row has no %s: fill in the column, or give the %s for the whole list", en, en))
		}
		return otherwise
	}
	name, err := id.ParseName(strings.ToLower(s))
	if err != nil {
		r.problem(f, "bruk kortnavnet: 1–63 små bokstaver a–z, tall og bindestrek", "use the short name: 1–63 lower-case letters a–z, digits and hyphens")
	}
	return name
}

func (r *reader) slot(cabinet id.Name) int {
	s := r.header.cell(r.line, fieldSlot)
	if s == "" {
		return 0
	}
	n, ok := slot(s)
	switch {
	case !ok:
		r.problem(fieldSlot, "plassen er et tall fra 1 til 200", "the slot is a number from 1 to 200")
	case cabinet == "":
		r.problem(fieldSlot, "raden har en plass, men ikke noe ladeskap", "the row has a slot, but no cabinet")
	}
	return n
}

// repeats remembers on which row a serial number or a place was first seen.
type repeats map[string]int

func (seen repeats) check(r *reader, row Row) {
	if row.Serial != "" {
		if first, again := seen.first("serial "+strings.ToLower(row.Serial), row.Number); again {
			r.problem(fieldSerial, fmt.Sprintf("serienummeret står på rad %d også (her rad %d)", first, row.Number),
				fmt.Sprintf("the serial number is on row %d too (this is row %d)", first, row.Number))
		}
	}
	if row.Place.Cabinet == "" || row.Place.Slot == 0 {
		return
	}
	place := fmt.Sprintf("place %s %d", row.Place.Cabinet, row.Place.Slot)
	if first, again := seen.first(place, row.Number); again {
		r.problem(fieldSlot, fmt.Sprintf("plassen er opptatt av maskinen på rad %d", first),
			fmt.Sprintf("the slot is taken by the machine on row %d", first))
	}
}

func (seen repeats) first(key string, number int) (row int, again bool) {
	if row, again = seen[key]; !again {
		seen[key] = number
	}
	return row, again
}
