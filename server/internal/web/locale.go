package web

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

// locale writes words, numbers and times as people of one language and zone do. The zero time is written
// as a word, never as year 1. Norwegian forms follow Språkrådet's advice: full stop in times of day, no
// capital in months, hard space between groups of three digits, comma before decimals.
type locale struct {
	Lang string
	Now  time.Time
	Zone *time.Location
}

const hardSpace = "\u00a0"

// T chooses between the two languages.
func (l locale) T(nb, en string) string { return words{nb, en}.in(l.Lang) }

// N writes a whole number with its digits in groups: 1 234 567.
func (l locale) N(n any) string { return l.group(fmt.Sprint(n)) }

func (l locale) group(s string) string {
	sep := l.T(hardSpace, ",")
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	var b strings.Builder
	for i, d := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// Many writes a number and the word that goes with it: "1 maskin", "30 maskiner".
func (l locale) Many(n int, nbOne, nbMany, enOne, enMany string) string {
	word := l.T(nbMany, enMany)
	if n == 1 {
		word = l.T(nbOne, enOne)
	}
	return l.N(n) + hardSpace + word
}

// decimal writes n with at most one decimal.
func (l locale) decimal(n float64) string {
	whole, frac := math.Modf(math.Round(n*10) / 10)
	s := l.group(fmt.Sprintf("%.0f", whole))
	if frac == 0 {
		return s
	}
	return s + l.T(",", ".") + fmt.Sprintf("%.0f", math.Round(frac*10))
}

// Disk writes bytes as disks and networks are sold: powers of 1000.
func (l locale) Disk(n uint64) string { return l.bytes(float64(n), 1000) }

// RAM writes bytes as memory is sold: powers of 1024 under the same names.
func (l locale) RAM(n uint64) string { return l.bytes(float64(n), 1024) }

func (l locale) bytes(n, step float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	i := 0
	for i < len(units)-1 && n >= step {
		n /= step
		i++
	}
	return l.decimal(n) + hardSpace + units[i]
}

// Kroner writes an amount given in øre: "8 990 kr", "NOK 8,990.50".
func (l locale) Kroner(øre int64) string {
	s := l.group(fmt.Sprint(øre / 100))
	if rest := øre % 100; rest != 0 {
		s += l.T(",", ".") + fmt.Sprintf("%02d", rest)
	}
	return l.T(s+hardSpace+"kr", "NOK"+hardSpace+s)
}

// Why is the sentence for a reason.
func (l locale) Why(c reason.Code) string { return c.Sentence(l.Lang) }

// Next is the next step for a reason.
func (l locale) Next(c reason.Code) string { return c.NextStep(l.Lang) }

var (
	monthsNB   = [...]string{"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"}
	weekdaysNB = [...]string{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"}
)

func (l locale) day(t time.Time) string {
	if l.Lang == english {
		return t.Format("2 January 2006")
	}
	return fmt.Sprintf("%d. %s %d", t.Day(), monthsNB[t.Month()-1], t.Year())
}

func (l locale) weekday(t time.Time) string {
	return l.T(weekdaysNB[t.Weekday()], t.Weekday().String())
}

// never is how the zero time is written.
func (l locale) never() string { return l.T("ukjent", "unknown") }

// Long writes a time in full: "søndag 22. november 2026 kl. 13.05".
func (l locale) Long(t time.Time) string {
	if t.IsZero() {
		return l.never()
	}
	t = t.In(l.Zone)
	return l.weekday(t) + " " + l.day(t) + l.T(" kl."+hardSpace, " at ") + l.Clock(t)
}

// Clock writes a time of day: "07.45". A zone that is not Norway's is named.
func (l locale) Clock(t time.Time) string {
	if t.IsZero() {
		return l.never()
	}
	t = t.In(l.Zone)
	s := t.Format(l.T("15.04", "15:04"))
	if _, offset := t.Zone(); l.Zone == time.UTC && offset == 0 {
		return s + hardSpace + zoneName(t)
	}
	return s
}

// Near writes a time by its nearness to now: "kl. 07.45" on the same day or in the same night, "i morgen
// kl. 07.45", "27. november 2026 kl. 07.45".
func (l locale) Near(t time.Time) string {
	if t.IsZero() {
		return l.never()
	}
	at := l.T("kl."+hardSpace, "at ") + l.Clock(t)
	days := l.daysFrom(t)
	switch {
	case days == 0 || t.Sub(l.Now).Abs() < sameNight:
		return at
	case days == 1:
		return l.T("i morgen ", "tomorrow ") + at
	case days == -1:
		return l.T("i går ", "yesterday ") + at
	}
	return l.day(t.In(l.Zone)) + " " + at
}

// Window writes a span of work: "i morgen kl. 22.00–06.00".
func (l locale) Window(s window.Span) string { return l.Near(s.Opens) + "–" + l.Clock(s.Closes) }

// Percent writes a number of percent.
func (l locale) Percent(n any) string { return l.N(n) + l.T(hardSpace, "") + "%" }

// Share writes part of whole in percent; whole must not be 0.
func (l locale) Share(part, whole uint32) string {
	return l.Percent(uint64(part) * 100 / uint64(whole))
}

// Days writes a number of days.
func (l locale) Days(n uint32) string { return l.Many(int(n), "dag", "dager", "day", "days") }

// sameNight is how near a time must be for its clock alone to say which day is meant.
const sameNight = 12 * time.Hour

// daysFrom counts calendar days from now to t, in the zone.
func (l locale) daysFrom(t time.Time) int {
	midnight := func(t time.Time) time.Time {
		y, m, d := t.In(l.Zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(midnight(t).Sub(midnight(l.Now)) / (24 * time.Hour))
}

// Date writes a day given as YYYY-MM-DD; anything else is shown as it is.
func (l locale) Date(s string) string {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return s
	}
	return l.day(t)
}

// age is one step of how old a thing is said to be: up to limit, in units of unit.
type age struct {
	limit, unit      time.Duration
	nb, nbs, en, ens string
}

const day = 24 * time.Hour

var ages = []age{
	{time.Minute, time.Second, "sekund", "sekunder", "second", "seconds"},
	{time.Hour, time.Minute, "minutt", "minutter", "minute", "minutes"},
	{day, time.Hour, "time", "timer", "hour", "hours"},
	{60 * day, day, "dag", "dager", "day", "days"},
	{730 * day, 30 * day, "måned", "måneder", "month", "months"},
	{math.MaxInt64, 365 * day, "år", "år", "year", "years"},
}

// Age writes how long ago t was, or how far ahead it is: "for 3 minutter siden", "om 2 timer".
func (l locale) Age(t time.Time) string {
	if t.IsZero() {
		return l.T("aldri", "never")
	}
	d := l.Now.Sub(t)
	switch {
	case d.Abs() < 5*time.Second:
		return l.T("nå nettopp", "just now")
	case d < 0:
		return l.T("om ", "in ") + l.Span(-d)
	default:
		return l.T("for ", "") + l.Span(d) + l.T(" siden", " ago")
	}
}

// Span writes a duration in its largest unit, rounded down.
func (l locale) Span(d time.Duration) string {
	for _, a := range ages {
		if d < a.limit {
			return l.Many(int(d/a.unit), a.nb, a.nbs, a.en, a.ens)
		}
	}
	return ""
}

// Ago is Age as an element that carries the exact time, for people who point at it and for machines.
func (l locale) Ago(t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(template.HTMLEscapeString(l.Age(t)))
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		t.UTC().Format(time.RFC3339), template.HTMLEscapeString(l.Long(t)), template.HTMLEscapeString(l.Age(t))))
}
