package delivery

import (
	"strings"
	"unicode"
)

// field is what a column can mean.
type field uint8

const (
	fieldNone field = iota
	fieldSerial
	fieldVendor
	fieldModel
	fieldSupplier
	fieldPurchased
	fieldPrice
	fieldWarranty
	fieldOwner
	fieldSite
	fieldCabinet
	fieldSlot
	fieldRole
	fieldTPM
	fields
)

// headings are the names that suppliers give the columns; the first is the one that help texts show.
var headings = map[field][]string{
	fieldSerial:    {"serienummer", "serienr", "serienumre", "snr", "sn", "s/n", "serial", "serial number", "serial no", "service tag", "servicetag"},
	fieldVendor:    {"produsent", "fabrikat", "merke", "manufacturer", "vendor", "make", "brand"},
	fieldModel:     {"modell", "modellnavn", "produkt", "produktnavn", "model", "model name", "product", "product name"},
	fieldSupplier:  {"leverandør", "forhandler", "supplier", "reseller", "dealer"},
	fieldPurchased: {"kjøpsdato", "innkjøpsdato", "anskaffet", "anskaffelsesdato", "leveringsdato", "fakturadato", "purchase date", "purchased", "delivery date", "invoice date"},
	fieldPrice:     {"pris", "stykkpris", "enhetspris", "beløp", "kostnad", "innkjøpspris", "pris nok", "pris kr", "price", "unit price", "cost", "amount"},
	fieldWarranty:  {"garanti til", "garanti utløper", "garantislutt", "garanti slutt", "garanti", "warranty end", "warranty until", "warranty expires", "warranty"},
	fieldOwner:     {"eier", "kommune", "owner", "municipality"},
	fieldSite:      {"skole", "sted", "lokasjon", "site", "school", "location"},
	fieldCabinet:   {"ladeskap", "skap", "cabinet", "cart", "charging cabinet"},
	fieldSlot:      {"plass", "plassnummer", "plassnr", "slot", "bay"},
	fieldRole:      {"rolle", "bruk", "role", "use", "usage"},
	fieldTPM:       {"tpm-ek sha-256", "tpm ek", "tpm nøkkel", "tpm-ek", "ek sha-256", "tpm ek sha256", "tpm key sha-256", "tpm key"},
}

var fieldByHeading = invert()

func invert() map[string]field {
	m := map[string]field{}
	for f, names := range headings {
		for _, name := range names {
			m[plain(name)] = f
		}
	}
	return m
}

// plain keeps letters and digits, in lower case: "Serie-nr." and "SERIENR" are the same heading.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// header says which column holds which field.
type header struct {
	number int
	column [fields]int // 1 is the first, 0 is none
	name   [fields]string
	again  []string // headings whose field an earlier column has
	rest   []string // headings that mean nothing here
}

func (h header) has(f field) bool { return h.column[f] != 0 }

// cell is the field's text in a line, or empty.
func (h header) cell(l line, f field) string {
	i := h.column[f] - 1
	if i < 0 || i >= len(l.cells) {
		return ""
	}
	return strings.TrimFunc(l.cells[i], unicode.IsSpace)
}

// headerDepth is how many lines of title there may be above the headings.
const headerDepth = 20

// header is the first of the top lines that has a column for serial numbers, or else the first line; next
// is the index of the line after it.
func (t table) header() (h header, next int) {
	for i, l := range t.lines[:min(len(t.lines), headerDepth)] {
		if h := readHeader(l); h.has(fieldSerial) {
			return h, i + 1
		}
	}
	if len(t.lines) == 0 {
		return header{}, 0
	}
	return readHeader(t.lines[0]), 1
}

func readHeader(l line) header {
	h := header{number: l.number}
	for i, name := range l.cells {
		f := fieldByHeading[plain(name)]
		switch {
		case f == fieldNone:
			h.rest = append(h.rest, strings.TrimSpace(name))
		case h.has(f):
			h.again = append(h.again, strings.TrimSpace(name))
		default:
			h.column[f], h.name[f] = i+1, strings.TrimSpace(name)
		}
	}
	return h
}
