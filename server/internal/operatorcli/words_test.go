package operatorcli_test

import (
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/operatorcli"
)

func oslo(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestTimesOfDay(t *testing.T) {
	zone := oslo(t)
	now := time.Date(2026, 11, 22, 21, 55, 0, 0, zone)
	for _, tc := range []struct {
		at     time.Time
		nb, en string
	}{
		{time.Time{}, "–", "–"},
		{time.Date(2026, 11, 22, 22, 0, 0, 0, zone), "i dag 22.00", "today 22:00"},
		{time.Date(2026, 11, 23, 7, 45, 0, 0, zone), "i morgen 07.45", "tomorrow 07:45"},
		{time.Date(2026, 11, 21, 23, 59, 0, 0, zone), "i går 23.59", "yesterday 23:59"},
		{time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC), "fredag 27.11.2026 07.00", "Friday 2026-11-27 07:00"},
	} {
		if got := operatorcli.Speech("nb", zone, now).Near(tc.at); got != tc.nb {
			t.Errorf("%v: %q, want %q", tc.at, got, tc.nb)
		}
		if got := operatorcli.Speech("en", zone, now).Near(tc.at); got != tc.en {
			t.Errorf("%v: %q, want %q", tc.at, got, tc.en)
		}
	}
}

func TestDaysAcrossTheChangeOfClocks(t *testing.T) {
	zone := oslo(t)
	now := time.Date(2026, 10, 24, 23, 30, 0, 0, zone) // the night of 25 hours
	if got := operatorcli.Speech("nb", zone, now).Near(time.Date(2026, 10, 25, 23, 30, 0, 0, zone)); got != "i morgen 23.30" {
		t.Errorf("got %q", got)
	}
}

func TestAges(t *testing.T) {
	now := evening
	for d, want := range map[time.Duration]string{
		0:                        "nå",
		42 * time.Second:         "42 s siden",
		3 * time.Minute:          "3 min siden",
		90 * time.Minute:         "1 t siden",
		47 * time.Hour:           "47 t siden",
		50 * time.Hour:           "2 døgn siden",
		3 * 365 * 24 * time.Hour: "3 år siden",
		-2 * time.Hour:           "om 2 t",
	} {
		if got := operatorcli.Speech("nb", time.UTC, now).Ago(now.Add(-d)); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := operatorcli.Speech("nb", time.UTC, now).Ago(time.Time{}); got != "aldri" {
		t.Errorf("never: %q", got)
	}
}

func TestAmounts(t *testing.T) {
	s := operatorcli.Speech("nb", time.UTC, evening)
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 1500: "1,5 kB", 999_949: "999,9 kB", 999_950: "1 MB", 21_000_000: "21 MB", 1 << 62: "4611,7 PB"} {
		if got := s.Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := operatorcli.Speech("en", time.UTC, evening).Bytes(1500); got != "1.5 kB" {
		t.Errorf("English: %q", got)
	}
	for _, tc := range []struct {
		done, total uint64
		want        string
	}{{0, 0, ""}, {0, 10, "0 %"}, {999_999, 1_000_000, "99 %"}, {10, 10, "100 %"}, {11, 10, "100 %"}, {1<<64 - 2, 1<<64 - 1, "99 %"}} {
		if got := s.Percent(tc.done, tc.total); got != tc.want {
			t.Errorf("%d of %d: %q, want %q", tc.done, tc.total, got, tc.want)
		}
	}
}
