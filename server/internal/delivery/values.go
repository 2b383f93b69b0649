package delivery

import (
	"encoding/hex"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const isoDate = "2006-01-02"

// earliest and latest bound what can be the purchase or warranty of a machine in use.
const earliest, latest = "1990-01-01", "2100-01-01"

// dateForms are read as they stand. Those with slashes are left out: 01/02/2026 is two dates.
var dateForms = []string{isoDate, "2.1.2006", "20060102", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2.1.2006 15:04:05"}

// day reads 31.12.2026, 2026-12-31 or, in Excel, a serial number of days.
func (t table) day(s string) (string, bool) {
	for _, form := range dateForms {
		if d, err := time.Parse(form, s); err == nil {
			return inRange(d.Format(isoDate))
		}
	}
	days, err := strconv.ParseFloat(s, 64)
	if err != nil || t.serials == nil {
		return "", false
	}
	day, ok := t.serials(days)
	if !ok {
		return "", false
	}
	return inRange(day)
}

func inRange(day string) (string, bool) { return day, earliest <= day && day < latest }

var (
	// zerosAfter15 are the digits that Excel does not keep, as some programs write them out.
	zerosAfter15 = regexp.MustCompile(`^\d{15}0+$`)
	exponent     = regexp.MustCompile(`^\d([.,]\d+)?[eE]\+?\d+$`)
	currency     = regexp.MustCompile(`(?i)^(nok|kr)\.?|(,-|\.-|nok|kr\.?)$`)
	thousands    = regexp.MustCompile(`^\d{1,3}([.,])\d{3}([.,]\d{3})*$`)
	amount       = regexp.MustCompile(`^(\d+)(?:[.,](\d{1,2}))?$`)
	fraction     = regexp.MustCompile(`^\d+\.\d{4,}$`)
)

const maxKroner = 1_000_000_000

// price gives øre for 12345, "12 345,50 kr", "12.345,50", "12,345.50", "kr 12 345,-" and Excel's own
// numbers. A lone sign before three digits ("12.345") could be either, and is refused.
func price(s string) (ore int64, ok bool) {
	s = strings.Map(dropSpace, s)
	for currency.MatchString(s) {
		s = currency.ReplaceAllString(s, "")
	}
	if fraction.MatchString(s) || exponent.MatchString(s) {
		kroner, err := strconv.ParseFloat(s, 64)
		return int64(math.Round(kroner * 100)), err == nil && kroner < maxKroner
	}
	parts := amount.FindStringSubmatch(withoutThousands(s))
	if parts == nil || len(parts[1]) > len("1000000000") {
		return 0, false
	}
	kroner, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || kroner >= maxKroner {
		return 0, false
	}
	cents, _ := strconv.ParseInt((parts[2] + "00")[:2], 10, 64) // digits by the expression
	return kroner*100 + cents, true
}

// dropSpace takes away every kind of space: Excel puts a no-break space between thousands.
func dropSpace(r rune) rune {
	if unicode.IsSpace(r) || r == '\u202f' || r == '\u2009' || r == '\'' {
		return -1
	}
	return r
}

// withoutThousands takes the signs between thousands away where it is clear that they are that: there is
// another sign for the decimals after them, or more than one of them.
func withoutThousands(s string) string {
	decimals := strings.LastIndexAny(s, ".,")
	if decimals < 0 {
		return s
	}
	whole, rest := s[:decimals], s[decimals:]
	group := "."
	if rest[0] == '.' {
		group = ","
	}
	switch {
	case strings.Contains(whole, group) && thousands.MatchString(whole) && strings.Count(whole, rest[:1]) == 0:
		return strings.ReplaceAll(whole, group, "") + rest
	case strings.Count(s, rest[:1]) > 1 && thousands.MatchString(s) && !strings.Contains(s, group):
		return strings.ReplaceAll(s, rest[:1], "")
	}
	return s
}

// serialForm is what vendors print: Dell has 7 characters, Lenovo 8, HP 10, Surface 12 digits.
var serialForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{2,63}$`)

// rounded: Excel took a long serial number for a number, of which it keeps 15 digits.
func rounded(serial string) bool {
	return strings.Contains(serial, "+") && exponent.MatchString(serial) || zerosAfter15.MatchString(serial)
}

// fingerprint reads the 32 bytes of a SHA-256 in hexadecimal, with or without colons or spaces.
func fingerprint(s string) ([]byte, bool) {
	s = strings.NewReplacer(":", "", " ", "", "-", "").Replace(s)
	sum, err := hex.DecodeString(s)
	return sum, err == nil && len(sum) == 32
}

const maxSlot = 200

func slot(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && 1 <= n && n <= maxSlot
}
