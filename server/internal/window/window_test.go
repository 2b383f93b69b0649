package window_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

// night is the usual policy of a charging cabinet.
var night = policy("Europe/Oslo", "22:00", "06:00", "07:45")

func policy(zone, opens, closes, bell string) window.Policy {
	return window.Policy{Zone: zone, Open: clock(opens), Close: clock(closes), Bell: clock(bell)}
}

func clock(s string) window.Clock {
	c, err := window.ParseClock(s)
	if err != nil {
		panic(err)
	}
	return c
}

// wall reads "2026-03-28 22:00" in the zone.
func wall(t testing.TB, zone, s string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", s, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func next(t testing.TB, p window.Policy, at time.Time) window.Span {
	t.Helper()
	span, err := window.Next(p, at)
	if err != nil {
		t.Fatal(err)
	}
	return span
}

func state(t testing.TB, p window.Policy, at time.Time) window.State {
	t.Helper()
	s, err := window.At(p, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const form = "2006-01-02 15:04 -0700"

func show(s window.Span) string {
	return s.Opens.Format(form) + " | " + s.Closes.Format(form) + " | " + s.Bell.Format(form)
}

func TestParseClock(t *testing.T) {
	for s, want := range map[string]window.Clock{"00:00": 0, "07:45": 465, "22:00": 1320, "23:59": 1439} {
		got, err := window.ParseClock(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("ParseClock(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "2200", "22:0", "7:45", "24:00", "22:60", "22.00", "-1:00", "22:00 ", "２２:00", "ab:cd", "0x:10"} {
		if got, err := window.ParseClock(s); err == nil {
			t.Errorf("ParseClock(%q) = %v, want an error", s, got)
		} else if !strings.Contains(err.Error(), "22:00") {
			t.Errorf("the error %q does not show how to write it", err)
		}
	}
}

func TestAt(t *testing.T) {
	for _, tc := range []struct {
		at      string
		open    bool
		changes string
	}{
		{"2026-11-10 21:59", false, "2026-11-10 22:00"},
		{"2026-11-10 22:00", true, "2026-11-11 06:00"},
		{"2026-11-11 00:00", true, "2026-11-11 06:00"},
		{"2026-11-11 05:59", true, "2026-11-11 06:00"},
		{"2026-11-11 06:00", false, "2026-11-11 22:00"},
		{"2026-12-31 23:59", true, "2027-01-01 06:00"},
	} {
		s := state(t, night, wall(t, night.Zone, tc.at))
		if want := wall(t, night.Zone, tc.changes); s.Open != tc.open || !s.ChangesAt.Equal(want) {
			t.Errorf("at %s: open %v until %v, want %v until %v", tc.at, s.Open, s.ChangesAt, tc.open, want)
		}
		if s.Open != (s.Why == reason.None) {
			t.Errorf("at %s: open %v because %v", tc.at, s.Open, s.Why)
		}
	}
}

func TestBellBelongsToTheWindowBeforeIt(t *testing.T) {
	for _, tc := range []struct{ bell, want string }{
		{"07:45", "2026-11-11 07:45"},
		{"06:00", "2026-11-11 06:00"}, // rings as the window closes
		{"12:00", "2026-11-11 12:00"},
		{"22:00", "2026-11-11 22:00"}, // rings as the next one opens
	} {
		span := next(t, policy("Europe/Oslo", "22:00", "06:00", tc.bell), wall(t, night.Zone, "2026-11-11 01:00"))
		if want := wall(t, night.Zone, tc.want); !span.Bell.Equal(want) {
			t.Errorf("bell %s rings %v, want %v", tc.bell, span.Bell, want)
		}
	}
}

func TestDayWindow(t *testing.T) {
	p := policy("Europe/Oslo", "09:00", "15:30", "07:45")
	got := show(next(t, p, wall(t, p.Zone, "2026-11-11 10:00")))
	want := "2026-11-11 09:00 +0100 | 2026-11-11 15:30 +0100 | 2026-11-12 07:45 +0100"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestImmediate(t *testing.T) {
	for _, tc := range []struct{ at, want string }{
		{"2026-11-11 13:10", "2026-11-11 13:10 +0100 | 2026-11-12 06:00 +0100 | 2026-11-12 07:45 +0100"},
		{"2026-11-11 23:30", "2026-11-11 23:30 +0100 | 2026-11-12 06:00 +0100 | 2026-11-12 07:45 +0100"},
		{"2026-11-12 05:59", "2026-11-12 05:59 +0100 | 2026-11-12 06:00 +0100 | 2026-11-12 07:45 +0100"},
		{"2026-11-12 06:00", "2026-11-12 06:00 +0100 | 2026-11-13 06:00 +0100 | 2026-11-13 07:45 +0100"},
	} {
		span, err := window.Immediate(night, wall(t, night.Zone, tc.at))
		if err != nil || show(span) != tc.want {
			t.Errorf("now at %s:\ngot  %s (%v)\nwant %s", tc.at, show(span), err, tc.want)
		}
	}
}

func TestPoliciesThatCouldNeverWorkAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		p    window.Policy
		want string
	}{
		"unknown zone":    {policy("Europe/Olso", "22:00", "06:00", "07:45"), "Europe/Olso"},
		"no zone":         {policy("", "22:00", "06:00", "07:45"), "IANA"},
		"machine's zone":  {policy("Local", "22:00", "06:00", "07:45"), "IANA"},
		"zone is a path":  {policy("Europe//Oslo", "22:00", "06:00", "07:45"), "IANA"},
		"zone goes up":    {policy("../../etc/passwd", "22:00", "06:00", "07:45"), "IANA"},
		"open is close":   {policy("Europe/Oslo", "22:00", "22:00", "07:45"), "never opens"},
		"bell inside":     {policy("Europe/Oslo", "22:00", "06:00", "05:00"), "inside the window"},
		"no time of day":  {window.Policy{Zone: "Europe/Oslo", Open: 1440, Close: 360, Bell: 465}, "1440"},
		"before midnight": {window.Policy{Zone: "Europe/Oslo", Open: 1320, Close: -1, Bell: 465}, "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
			_, errAt := window.At(tc.p, now)
			_, errNow := window.Immediate(tc.p, now)
			for _, err := range []error{tc.p.Validate(), errAt, errNow} {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v does not say %q", err, tc.want)
				}
			}
		})
	}
}

func BenchmarkAt(b *testing.B) {
	at := wall(b, night.Zone, "2026-03-29 01:00")
	for b.Loop() {
		if _, err := window.At(night, at); err != nil {
			b.Fatal(err)
		}
	}
}
