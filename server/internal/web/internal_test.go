package web

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

func norwegian(t testing.TB) locale {
	oslo, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Skip("needs zone data (apt-get install tzdata)")
	}
	return locale{Lang: bokmål, Now: time.Date(2026, 11, 22, 12, 5, 0, 0, time.UTC), Zone: oslo}
}

func TestWritesAsNorwegiansDo(t *testing.T) {
	nb := norwegian(t)
	en := nb
	en.Lang = english
	now := nb.Now
	for _, c := range []struct{ name, nb, en, wantNB, wantEN string }{
		{"long", nb.Long(now), en.Long(now), "søndag 22. november 2026 kl. 13.05", "Sunday 22 November 2026 at 13:05"},
		{"summer time", nb.Clock(now.AddDate(0, -5, 0)), en.Clock(now.AddDate(0, -5, 0)), "14.05", "14:05"},
		{"today", nb.Near(now.Add(time.Hour)), en.Near(now.Add(time.Hour)), "kl. 14.05", "at 14:05"},
		{"same night", nb.Near(now.Add(11 * time.Hour)), en.Near(now.Add(11 * time.Hour)), "kl. 00.05", "at 00:05"},
		{"tomorrow", nb.Near(now.Add(20 * time.Hour)), en.Near(now.Add(20 * time.Hour)), "i morgen kl. 09.05", "tomorrow at 09:05"},
		{"yesterday", nb.Near(now.Add(-20 * time.Hour)), en.Near(now.Add(-20 * time.Hour)), "i går kl. 17.05", "yesterday at 17:05"},
		{"far", nb.Near(now.AddDate(0, 0, 5)), en.Near(now.AddDate(0, 0, 5)), "27. november 2026 kl. 13.05", "27 November 2026 at 13:05"},
		{"never", nb.Age(time.Time{}), en.Age(time.Time{}), "aldri", "never"},
		{"unknown", nb.Near(time.Time{}), en.Near(time.Time{}), "ukjent", "unknown"},
		{"just now", nb.Age(now.Add(-4 * time.Second)), en.Age(now.Add(-4 * time.Second)), "nå nettopp", "just now"},
		{"seconds", nb.Age(now.Add(-40 * time.Second)), en.Age(now.Add(-40 * time.Second)), "for 40 sekunder siden", "40 seconds ago"},
		{"minutes", nb.Age(now.Add(-3 * time.Minute)), en.Age(now.Add(-3 * time.Minute)), "for 3 minutter siden", "3 minutes ago"},
		{"one hour", nb.Age(now.Add(-90 * time.Minute)), en.Age(now.Add(-90 * time.Minute)), "for 1 time siden", "1 hour ago"},
		{"ahead", nb.Age(now.Add(49 * time.Hour)), en.Age(now.Add(49 * time.Hour)), "om 2 dager", "in 2 days"},
		{"years", nb.Age(now.AddDate(-4, 0, 0)), en.Age(now.AddDate(-4, 0, 0)), "for 4 år siden", "4 years ago"},
		{"million", nb.N(1234567), en.N(1234567), "1 234 567", "1,234,567"},
		{"small", nb.N(999), en.N(999), "999", "999"},
		{"negative", nb.N(-1234), en.N(-1234), "−1 234", "−1,234"},
		{"disk", nb.Disk(15_360_000_000), en.Disk(15_360_000_000), "15,4 GB", "15.4 GB"},
		{"even disk", nb.Disk(128_000_000_000), en.Disk(128_000_000_000), "128 GB", "128 GB"},
		{"memory", nb.RAM(16 << 30), en.RAM(16 << 30), "16 GB", "16 GB"},
		{"nothing", nb.Disk(0), en.Disk(0), "0 B", "0 B"},
		{"kroner", nb.Kroner(899_000), en.Kroner(899_000), "8 990 kr", "NOK 8,990"},
		{"øre", nb.Kroner(642_050), en.Kroner(642_050), "6 420,50 kr", "NOK 6,420.50"},
		{"day", nb.Date("2024-08-12"), en.Date("2024-08-12"), "12. august 2024", "12 August 2024"},
		{"no day", nb.Date("i fjor"), en.Date("i fjor"), "i fjor", "i fjor"},
		{"one", nb.Many(1, "maskin", "maskiner", "device", "devices"), en.Many(2, "maskin", "maskiner", "device", "devices"), "1 maskin", "2 devices"},
	} {
		if got := strings.ReplaceAll(c.nb, hardSpace, " "); got != c.wantNB {
			t.Errorf("%s: %q, want %q", c.name, got, c.wantNB)
		}
		if got := strings.ReplaceAll(c.en, hardSpace, " "); got != c.wantEN {
			t.Errorf("%s: %q, want %q", c.name, got, c.wantEN)
		}
	}
}

func TestAnUnknownZoneIsNamed(t *testing.T) {
	l := norwegian(t)
	p := page{locale: locale{Lang: bokmål, Now: l.Now, Zone: time.UTC}}
	p.at("Mars/Olympus")
	if got := p.Clock(l.Now); got != "12.05"+hardSpace+"UTC" {
		t.Errorf("clock %q, want one that says UTC", got)
	}
}

// anyNight is a cabinet whose devices stand in any state.
func anyNight(t *rapid.T) control.CabinetNight {
	var n control.CabinetNight
	var jobs []rollout.Job
	n.Cabinet.Slots = rapid.IntRange(-1, 40).Draw(t, "slots")
	for i := range rapid.IntRange(0, 40).Draw(t, "devices") {
		var d control.DeviceNight
		d.Place.Slot = rapid.IntRange(-1, 45).Draw(t, "slot")
		d.Readiness.Ready = rapid.Bool().Draw(t, "ready")
		if !d.Readiness.Ready {
			d.Readiness.Reason = reason.Code(rapid.IntRange(0, 130).Draw(t, "reason"))
		}
		if rapid.Bool().Draw(t, "job") {
			d.Job = &rollout.Job{State: rollout.JobState(rapid.IntRange(1, 7).Draw(t, "state")), Attempt: i}
			jobs = append(jobs, *d.Job)
		}
		n.Devices = append(n.Devices, d)
	}
	n.Total = len(n.Devices)
	n.Jobs = rollout.Rollout{}.Sum(jobs)
	return n
}

func TestOutcomesSumToTheCabinet(t *testing.T) {
	p := page{locale: norwegian(t)}
	rapid.Check(t, func(t *rapid.T) {
		n := anyNight(t)
		v := newCabinetView(p, n)
		sum := 0
		for _, o := range v.Outcomes() {
			sum += o.Count
		}
		if sum != n.Total {
			t.Errorf("outcomes sum to %d of %d", sum, n.Total)
		}
	})
}

func TestEveryDeviceHasAPlaceOnThePage(t *testing.T) {
	p := page{locale: norwegian(t)}
	rapid.Check(t, func(t *rapid.T) {
		n := anyNight(t)
		v := newCabinetView(p, n)
		shown := map[*control.DeviceNight]bool{}
		for _, s := range v.Slots {
			if s.Device != nil {
				shown[s.Device] = true
			}
		}
		if len(shown) != len(n.Devices) || len(v.Slots) < max(n.Cabinet.Slots, len(n.Devices)) {
			t.Errorf("%d places show %d of %d devices", len(v.Slots), len(shown), len(n.Devices))
		}
	})
}

func TestEveryLookHasIconAndWord(t *testing.T) {
	sheet := string(mustRead(t, "templates/layout.html"))
	l := norwegian(t)
	var all []look
	for s := range 9 {
		all = append(all, l.JobLook(&rollout.Job{State: rollout.JobState(s)}))
	}
	for c := range 130 {
		var d control.DeviceRow
		d.Readiness.Reason = reason.Code(c)
		d.State, d.Alarm = 3, reason.Code(c)
		all = append(all, l.Status(d)...)
	}
	for _, k := range all {
		if k.Word == "" || !strings.Contains(sheet, `id="i-`+k.Icon+`"`) {
			t.Errorf("%+v: no word, or an icon the layout does not have", k)
		}
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	b, err := templates.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newTestHub is a hub whose pieces are numbered, each a new one.
func newTestHub(max int, changed chan struct{}) (*hub, *int) {
	made := 0
	return &hub{
		max: max, log: slog.New(slog.DiscardHandler), feeds: map[topic]*feed{},
		watch:  func(context.Context, id.Name) <-chan struct{} { return changed },
		render: func(context.Context, topic) ([]byte, error) { made++; return fmt.Append(nil, made), nil },
	}, &made
}

func TestFeedMakesAtMostTwoPiecesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changed := make(chan struct{}, 1)
		h, made := newTestHub(10, changed)
		pieces, leave, _ := h.join(topic{})
		for range 1000 { // ten seconds of a change every hundredth
			select {
			case changed <- struct{}{}:
			default:
			}
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		if *made < 19 || *made > 21 {
			t.Errorf("%d pieces in ten seconds, want 20", *made)
		}
		if got := string(<-pieces); got != fmt.Sprint(*made) {
			t.Errorf("a slow watcher gets piece %s, want the newest, %d", got, *made)
		}
		leave()
		leave()
		synctest.Wait()
	})
}

func TestOnePieceServesAllWhoWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, made := newTestHub(200, make(chan struct{}))
		var leaves []func()
		for range 200 {
			pieces, leave, ok := h.join(topic{section: "natt", cabinet: "a", lang: bokmål})
			if !ok {
				t.Fatal("no place")
			}
			if got := string(<-pieces); got != "1" {
				t.Errorf("piece %s, want the first", got)
			}
			leaves = append(leaves, leave)
		}
		if _, _, ok := h.join(topic{}); ok {
			t.Errorf("a place over the limit")
		}
		for _, leave := range leaves {
			leave()
		}
		synctest.Wait()
		if *made != 1 || len(h.feeds) != 0 || h.streams != 0 {
			t.Errorf("%d pieces made, %d feeds and %d streams left", *made, len(h.feeds), h.streams)
		}
	})
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "//x", "/\\x", "/natt?x=1#y", "/%2f%2fx", "http://x", "/a\x00", "/\t/x", "/..//x", "/%2f "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := localPath(s)
		u, err := url.Parse(got)
		if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\") || strings.ContainsAny(got, "\r\n\t") {
			t.Errorf("localPath(%q) = %q", s, got)
		}
	})
}

func FuzzPreferredLanguage(f *testing.F) {
	f.Add("en-GB,en;q=0.9,nb;q=0.8")
	f.Add(";q=,;;")
	f.Fuzz(func(t *testing.T, header string) {
		if lang := preferred(header); lang != bokmål && lang != english {
			t.Errorf("language %q", lang)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte("<p>a</p>\r\nb\rdata: c\n\n"))
	f.Fuzz(func(t *testing.T, piece []byte) {
		framed := event(piece)
		for line := range bytes.Lines(bytes.TrimSuffix(framed, []byte("\n"))) {
			if !bytes.HasPrefix(line, []byte("data: ")) || bytes.ContainsRune(line, '\r') {
				t.Errorf("line %q", line)
			}
		}
	})
}
