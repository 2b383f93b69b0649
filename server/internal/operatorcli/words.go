package operatorcli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// speech writes times, ages and amounts as people of one language and zone do.
type speech struct {
	lang
	zone *time.Location
	now  time.Time
}

func (c *CLI) speech(zone *time.Location, now time.Time) speech {
	if zone == nil {
		zone = c.host.Zone
	}
	return speech{lang: c.lang, zone: zone, now: now}
}

// none stands for what is unknown or does not apply.
const none = "–"

// clock writes a time of day: "22.00", in English "22:00".
func (s speech) clock(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.In(s.zone).Format(s.t("15.04", "15:04"))
}

var weekdays = [...]string{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"}

// near writes a time by its nearness: "i dag 22.00", "i morgen 07.45", "fredag 27.11.2026 07.45".
func (s speech) near(t time.Time) string {
	if t.IsZero() {
		return none
	}
	switch s.days(t) {
	case 0:
		return s.t("i dag ", "today ") + s.clock(t)
	case 1:
		return s.t("i morgen ", "tomorrow ") + s.clock(t)
	case -1:
		return s.t("i går ", "yesterday ") + s.clock(t)
	}
	return s.date(t) + " " + s.clock(t)
}

func (s speech) date(t time.Time) string {
	t = t.In(s.zone)
	if s.lang == en {
		return t.Format("Monday 2006-01-02")
	}
	return weekdays[t.Weekday()] + t.Format(" 2.1.2006")
}

// stamp writes a date and time of any age.
func (s speech) stamp(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.In(s.zone).Format(s.t("2.1.2006 15.04", "2006-01-02 15:04"))
}

// days counts calendar days from now to t.
func (s speech) days(t time.Time) int {
	noon := func(t time.Time) time.Time {
		y, m, d := t.In(s.zone).Date()
		return time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
	}
	return int(noon(t).Sub(noon(s.now)) / (24 * time.Hour))
}

// ago writes the age of something: "3 min siden", "om 2 t".
func (s speech) ago(t time.Time) string {
	if t.IsZero() {
		return s.t("aldri", "never")
	}
	d := s.now.Sub(t)
	switch {
	case d.Abs() < 10*time.Second:
		return s.t("nå", "now")
	case d < 0:
		return s.t("om ", "in ") + s.span(-d)
	}
	return s.span(d) + s.t(" siden", " ago")
}

// span writes a duration in its largest unit, rounded down.
func (s speech) span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d ", d/time.Hour) + s.t("t", "h")
	case d < 730*day:
		return fmt.Sprintf("%d ", d/day) + s.t("døgn", "days")
	}
	return fmt.Sprintf("%d ", d/(365*day)) + s.t("år", "years")
}

// bytes writes an amount as disks and networks are sold, in powers of 1000.
func (s speech) bytes(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n)/1000, []string{"kB", "MB", "GB", "TB", "PB"}
	for len(units) > 1 && value >= 999.95 {
		value, units = value/1000, units[1:]
	}
	return s.decimal(value) + " " + units[0]
}

// decimal writes at most one decimal.
func (s speech) decimal(f float64) string {
	text := strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
	return strings.Replace(text, ".", s.t(",", "."), 1)
}

// percent writes done of total, rounded down so that only all is 100 %.
func (s speech) percent(done, total uint64) string {
	if total == 0 {
		return ""
	}
	share := uint64(float64(min(done, total)) / float64(total) * 100)
	if done < total {
		share = min(share, 99)
	}
	return fmt.Sprintf("%d%s", share, s.t(" %", "%"))
}

// many writes a number and the word that goes with it.
func many[N int | uint32 | uint64](n N, one, more string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, more)
}

// bar draws done of total in width columns; the number beside it says the same.
func bar(done, total uint64, width int) string {
	if total == 0 {
		return ""
	}
	full := int(float64(min(done, total)) / float64(total) * float64(width))
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}
