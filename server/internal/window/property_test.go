package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/server/internal/window"
)

// zones with clock changes of an hour, of half an hour, in the southern half, at midnight, and none.
var zones = []string{
	"Europe/Oslo", "Europe/Dublin", "America/New_York", "America/Santiago", "Africa/Cairo",
	"Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kathmandu", "Africa/Casablanca", "UTC",
}

func policies() *rapid.Generator[window.Policy] {
	return rapid.Custom(func(t *rapid.T) window.Policy {
		clock := rapid.Map(rapid.IntRange(0, 24*60-1), func(n int) window.Clock { return window.Clock(n) })
		return window.Policy{
			Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
			Open: clock.Draw(t, "open"), Close: clock.Draw(t, "close"), Bell: clock.Draw(t, "bell"),
		}
	}).Filter(func(p window.Policy) bool { return p.Validate() == nil })
}

func times() *rapid.Generator[time.Time] {
	from := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	to := time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return rapid.Map(rapid.Int64Range(from, to), func(s int64) time.Time { return time.Unix(s, 0) })
}

func TestEveryAnswerIsSoundAndChangesWhenItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, at := policies().Draw(t, "policy"), times().Draw(t, "at")
		s := mustAt(t, p, at)
		switch {
		case !s.Span.Opens.Before(s.Span.Closes):
			t.Fatalf("empty span %s", show(s.Span))
		case s.Span.Bell.Before(s.Span.Closes):
			t.Fatalf("bell before close: %s", show(s.Span))
		case s.Open != s.Span.Contains(at):
			t.Fatalf("open %v outside %s", s.Open, show(s.Span))
		case !s.ChangesAt.After(at):
			t.Fatalf("the answer at %v ended at %v", at, s.ChangesAt)
		case s.Span.Closes.Sub(at) > 73*time.Hour:
			t.Fatalf("no window for three days after %v: %s", at, show(s.Span))
		}
		before := mustAt(t, p, s.ChangesAt.Add(-time.Nanosecond))
		if before.Open != s.Open || !before.ChangesAt.Equal(s.ChangesAt) {
			t.Fatalf("the answer at %v changed before %v", at, s.ChangesAt)
		}
		if after := mustAt(t, p, s.ChangesAt); after.ChangesAt.Equal(s.ChangesAt) {
			t.Fatalf("nothing changed at %v", s.ChangesAt)
		}
	})
}

func mustAt(t *rapid.T, p window.Policy, at time.Time) window.State {
	s, err := window.At(p, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Away from clock changes the people's clock and a window's edges agree to the minute.
func TestOpensAndClosesAtTheWallClockTimesPeopleSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, at := policies().Draw(t, "policy"), times().Draw(t, "at")
		span := mustAt(t, p, at).Span
		for _, edge := range []struct {
			at   time.Time
			want window.Clock
		}{{span.Opens, p.Open}, {span.Closes, p.Close}, {span.Bell, p.Bell}} {
			if changesClock(edge.at) {
				continue
			}
			if got := edge.at.Format("15:04"); got != edge.want.String() {
				t.Fatalf("%s for %v in %s", show(span), edge.want, p.Zone)
			}
		}
	})
}

// changesClock: the clock was changed within a day before t, so t may stand for a skipped time.
func changesClock(t time.Time) bool {
	_, before := t.Add(-25 * time.Hour).Zone()
	_, now := t.Zone()
	return before != now
}

func TestWindowsFollowEachOtherOverThirtyYears(t *testing.T) {
	for _, zone := range zones {
		p := policy(zone, "22:00", "06:00", "07:45")
		at := time.Date(2015, 1, 1, 12, 0, 0, 0, time.UTC)
		for end := at.AddDate(30, 0, 0); at.Before(end); {
			span := next(t, p, at)
			following := next(t, p, span.Closes)
			if !following.Opens.After(span.Bell) {
				t.Fatalf("%s: %s opens before the bell of %s", zone, show(following), show(span))
			}
			if d := following.Opens.Sub(span.Opens); d < 22*time.Hour || d > 26*time.Hour {
				t.Fatalf("%s: %v between %s and %s", zone, d, show(span), show(following))
			}
			at = span.Closes
		}
	}
}

func TestImmediateEndsWithTheWindowOfThatMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, at := policies().Draw(t, "policy"), times().Draw(t, "at")
		now, err := window.Immediate(p, at)
		if err != nil {
			t.Fatal(err)
		}
		s := mustAt(t, p, at)
		if !now.Opens.Equal(at) || !now.Closes.After(at) || now.Bell.Before(now.Closes) {
			t.Fatalf("now at %v: %s", at, show(now))
		}
		if s.Open && !now.Closes.Equal(s.Span.Closes) && !changesClock(s.Span.Closes) {
			t.Fatalf("inside %s, now closes %v", show(s.Span), now.Closes)
		}
	})
}

func FuzzParseClock(f *testing.F) {
	for _, s := range []string{"22:00", "00:00", "24:00", "7:45", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := window.ParseClock(s); err == nil && c.String() != s {
			t.Errorf("ParseClock(%q).String() = %q", s, c)
		}
	})
}
