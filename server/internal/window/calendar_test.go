package window_test

import (
	"testing"
	"time"
)

// The tests named TestCalendarBug… each keep out a defect that other fleet systems have had.

// A window kept as a UTC offset from the day it was made opens an hour off after the clock change.
func TestCalendarBugOffsetOfTheDayThePolicyWasMade(t *testing.T) {
	winter := next(t, night, wall(t, night.Zone, "2026-01-15 12:00"))
	summer := next(t, night, wall(t, night.Zone, "2026-07-15 12:00"))
	if winter.Opens.Format("15:04") != "22:00" || summer.Opens.Format("15:04") != "22:00" {
		t.Errorf("opens %v in winter, %v in summer", winter.Opens, summer.Opens)
	}
	if winter.Opens.UTC().Hour() != 21 || summer.Opens.UTC().Hour() != 20 {
		t.Errorf("in UTC %v and %v: one hour apart was wanted", winter.Opens.UTC(), summer.Opens.UTC())
	}
}

// A table of month lengths with a mistake in it leaves out a night of April.
func TestCalendarBugMonthLengths(t *testing.T) {
	opened := map[string]int{}
	at := wall(t, night.Zone, "2025-12-31 12:00")
	for end := wall(t, night.Zone, "2028-12-31 12:00"); at.Before(end); {
		span := next(t, night, at)
		opened[span.Opens.Format("2006-01-02")]++
		at = span.Closes
	}
	for d := time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC); !d.After(time.Date(2028, 12, 31, 0, 0, 0, 0, time.UTC)); d = d.AddDate(0, 0, 1) {
		if n := opened[d.Format("2006-01-02")]; n != 1 {
			t.Errorf("the night of %s has %d windows, want 1", d.Format("2006-01-02"), n)
		}
	}
	if len(opened) != 1+365+365+366 { // from the night of 31 December to that of 31 December
		t.Errorf("%d nights in three years", len(opened))
	}
}

// A zone written as "+02:00" is wrong on every winter night: 155 of those in 2026 that open at 22:00.
func TestCalendarBugZoneAsOffset(t *testing.T) {
	fixed := time.FixedZone("+02:00", 2*60*60)
	wrong := 0
	for d := range 365 {
		span := next(t, night, wall(t, night.Zone, "2026-01-01 12:00").AddDate(0, 0, d))
		if span.Opens.In(fixed).Format("15:04") != "22:00" {
			wrong++
		}
	}
	if wrong != 155 {
		t.Errorf("+02:00 is wrong on %d nights of 2026, want 155", wrong)
	}
	if err := policy("+02:00", "22:00", "06:00", "07:45").Validate(); err == nil {
		t.Error("an offset was taken for a zone")
	}
}

// Hours that must lie within one day cannot say "overnight".
func TestCalendarBugOvernightCannotBeSaid(t *testing.T) {
	for _, at := range []string{"2026-11-11 23:00", "2026-11-12 00:00", "2026-11-12 03:00"} {
		s := state(t, night, wall(t, night.Zone, at))
		if want := wall(t, night.Zone, "2026-11-11 22:00"); !s.Open || !s.Span.Opens.Equal(want) {
			t.Errorf("at %s: open %v since %v, want the evening before", at, s.Open, s.Span.Opens)
		}
	}
}

// Comparing days of the month ("31 ≤ today ≤ 1") keeps a window over a month's end shut.
func TestCalendarBugMonthEnd(t *testing.T) {
	for month := time.January; month <= time.December; month++ {
		first := time.Date(2026, month+1, 1, 0, 30, 0, 0, time.UTC) // 01:30 or 02:30 in Oslo
		for _, at := range []time.Time{first, first.Add(-3 * time.Hour)} {
			if s := state(t, night, at); !s.Open {
				t.Errorf("shut at %v", at)
			}
		}
	}
}

// A window that opens on an edge stays shut for the laptop that wakes in its middle.
func TestCalendarBugEdgeInsteadOfState(t *testing.T) {
	opens := wall(t, night.Zone, "2026-11-11 22:00")
	for _, late := range []time.Duration{time.Nanosecond, time.Second, time.Hour, 8*time.Hour - time.Nanosecond} {
		if s := state(t, night, opens.Add(late)); !s.Open {
			t.Errorf("shut %v after opening", late)
		}
	}
}

// A formula that wraps around midnight by remainder gives other hours than its comment.
func TestCalendarBugHoursByRemainder(t *testing.T) {
	p := policy("Europe/Oslo", "00:30", "05:30", "07:45")
	open := 0
	for minute := range 24 * 60 {
		at := wall(t, p.Zone, "2026-11-11 00:00").Add(time.Duration(minute) * time.Minute)
		s := state(t, p, at)
		if want := 30 <= minute && minute < 330; s.Open != want {
			t.Fatalf("at %s: open %v", at.Format("15:04"), s.Open)
		}
		if s.Open {
			open++
		}
	}
	if open != 300 {
		t.Errorf("open for %d minutes, want 300", open)
	}
}

// A window that is a start and a duration ends at 07:00 on the spring night and at 05:00 in autumn.
func TestCalendarBugDurationInsteadOfEnd(t *testing.T) {
	for _, tc := range []struct {
		evening string
		length  time.Duration
	}{
		{"2026-03-28 22:00", 7 * time.Hour},
		{"2027-03-27 22:00", 7 * time.Hour},
		{"2026-10-24 22:00", 9 * time.Hour},
		{"2027-10-30 22:00", 9 * time.Hour},
		{"2026-11-11 22:00", 8 * time.Hour},
	} {
		span := next(t, night, wall(t, night.Zone, tc.evening))
		if got := span.Closes.Sub(span.Opens); got != tc.length {
			t.Errorf("night of %s lasts %v, want %v", tc.evening, got, tc.length)
		}
		if span.Closes.Format("15:04") != "06:00" || span.Bell.Format("15:04") != "07:45" {
			t.Errorf("night of %s: %s", tc.evening, show(span))
		}
	}
}

// A skipped time stands for the first instant after the gap; a repeated one stands for the first when a
// window opens and for the second when it closes.
func TestTimesThatTheClockChangeSkipsOrRepeats(t *testing.T) {
	for _, tc := range []struct{ zone, opens, closes, at, want string }{
		{"Europe/Oslo", "02:30", "06:00", "2026-03-29 00:00",
			"2026-03-29 03:00 +0200 | 2026-03-29 06:00 +0200 | 2026-03-29 07:45 +0200"},
		{"Europe/Oslo", "22:00", "02:30", "2026-03-28 12:00",
			"2026-03-28 22:00 +0100 | 2026-03-29 03:00 +0200 | 2026-03-29 07:45 +0200"},
		{"Europe/Oslo", "02:30", "06:00", "2026-10-25 00:00",
			"2026-10-25 02:30 +0200 | 2026-10-25 06:00 +0100 | 2026-10-25 07:45 +0100"},
		{"Europe/Oslo", "22:00", "02:30", "2026-10-24 12:00",
			"2026-10-24 22:00 +0200 | 2026-10-25 02:30 +0100 | 2026-10-25 07:45 +0100"},
		// All of 02:10–02:50 is skipped: that night has no window, the next has.
		{"Europe/Oslo", "02:10", "02:50", "2026-03-29 00:00",
			"2026-03-30 02:10 +0200 | 2026-03-30 02:50 +0200 | 2026-03-30 07:45 +0200"},
		// The last day of a leap year after 2037, where time.Time.ZoneBounds errs.
		{"Europe/Oslo", "22:00", "06:00", "2040-12-31 12:00",
			"2040-12-31 22:00 +0100 | 2041-01-01 06:00 +0100 | 2041-01-01 07:45 +0100"},
		// Half an hour's change.
		{"Australia/Lord_Howe", "22:00", "02:15", "2026-10-03 12:00",
			"2026-10-03 22:00 +1030 | 2026-10-04 02:30 +1100 | 2026-10-04 07:45 +1100"},
		// Samoa had no 30 December 2011: all of its times stand for the first instant of the 31st.
		{"Pacific/Apia", "22:00", "06:00", "2011-12-29 21:00",
			"2011-12-29 22:00 -1000 | 2011-12-31 00:00 +1400 | 2011-12-31 00:00 +1400"},
	} {
		p := policy(tc.zone, tc.opens, tc.closes, "07:45")
		if got := show(next(t, p, wall(t, tc.zone, tc.at))); got != tc.want {
			t.Errorf("%s %s–%s:\ngot  %s\nwant %s", tc.zone, tc.opens, tc.closes, got, tc.want)
		}
	}
}

func TestAnswerDoesNotDependOnTheCallersZone(t *testing.T) {
	at := wall(t, night.Zone, "2026-11-11 23:00")
	want := show(next(t, night, at))
	for _, zone := range []string{"UTC", "Asia/Tokyo", "America/Los_Angeles"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(next(t, night, at.In(loc))); got != want {
			t.Errorf("asked from %s: %s, want %s", zone, got, want)
		}
	}
}
