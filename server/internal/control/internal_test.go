package control

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
)

func TestClock(t *testing.T) {
	real := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	start := time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)
	fast := Clock{Real: real, Start: start, Rate: 60, Until: start.Add(10 * time.Hour)}
	for _, tc := range []struct {
		name  string
		clock Clock
		after time.Duration // real
		want  time.Time
		rate  float64
	}{
		{"the machine's own", Clock{}, time.Hour, real.Add(time.Hour), 1},
		{"a demonstration begins", fast, 0, start, 60},
		{"a minute is an hour", fast, time.Minute, start.Add(time.Hour), 60},
		{"the morning", fast, 10 * time.Minute, start.Add(10 * time.Hour), 1},
		{"and then as in life", fast, 15 * time.Minute, start.Add(10*time.Hour + 5*time.Minute), 1},
	} {
		got := tc.clock.at(real.Add(tc.after))
		if !got.Equal(tc.want) || tc.clock.RateAt(got) != tc.rate {
			t.Errorf("%s: %v at rate %v, want %v at %v", tc.name, got, tc.clock.RateAt(got), tc.want, tc.rate)
		}
	}
	if got := fast.real(start.Add(9*time.Hour), 2*time.Hour); got != time.Minute+time.Hour {
		t.Errorf("an hour fast and an hour slow are %v of real time", got)
	}
}

func TestSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presence.snap")
	a, never := id.NewDevice(), id.NewDevice()
	saved := newHotTable()
	want := row{id: a, seen: 1, due: 2, seq: 3, boot: [16]byte{4}, previousBoot: [16]byte{5}, offset: -6, localReason: 7, battery: 8, flags: onAC}
	saved.put(a).with(func(r *row) { *r = want })
	saved.put(never)
	if err := saved.saveSnapshot(path); err != nil {
		t.Fatal(err)
	}
	loaded := newHotTable()
	loaded.put(a)
	if err := loaded.loadSnapshot(path); err != nil {
		t.Fatal(err)
	}
	if h, _ := loaded.find(a); h.copy() != want {
		t.Errorf("got %+v, want %+v", h.copy(), want)
	}
	if loaded.len() != 1 {
		t.Error("the snapshot brought in a device that the store does not know")
	}
	if err := loaded.loadSnapshot(path + "-missing"); err != nil {
		t.Errorf("no snapshot yet: %v", err)
	}
}

func TestDamagedSnapshotIsLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presence.snap")
	table := newHotTable()
	dev := id.NewDevice()
	table.put(dev).with(func(r *row) { r.seen = 1 })
	if err := table.saveSnapshot(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"cut": good[:len(good)-9], "flipped": flip(good, 20), "empty": nil, "foreign": []byte(strings.Repeat("x", 100))} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		fresh := newHotTable()
		fresh.put(dev)
		if err := fresh.loadSnapshot(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want an error that names the file", name, err)
		}
		if h, _ := fresh.find(dev); h.copy().seen != 0 {
			t.Errorf("%s: was believed in part", name)
		}
	}
}

func flip(b []byte, at int) []byte {
	out := append([]byte(nil), b...)
	out[at] ^= 1
	return out
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(snapshotMagic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if rows, err := snapshotRows(b); err == nil && len(rows)%snapshotRow != 0 {
			t.Error("half a row")
		}
	})
}

func FuzzTokenID(f *testing.F) {
	f.Add("nv1-abcdefgh-" + strings.Repeat("a", 32))
	f.Add("nv1-")
	f.Add("")
	f.Fuzz(func(t *testing.T, secret string) {
		if name, ok := TokenID(secret); ok && (len(name) != 8 || !strings.HasPrefix(secret, tokenPrefix+name+"-")) {
			t.Errorf("%q names token %q", secret, name)
		}
	})
}

func TestRowsAreFound(t *testing.T) {
	table := newHotTable()
	ids := make([]id.Device, 10_000)
	for i := range ids {
		ids[i] = id.NewDevice()
		table.put(ids[i]).with(func(r *row) { r.seq = uint64(i) })
	}
	for i, dev := range ids {
		h, ok := table.find(dev)
		if !ok || h.copy().seq != uint64(i) || h.copy().id != dev {
			t.Fatalf("device %d is not where it was put", i)
		}
	}
	if table.len() != len(ids) {
		t.Errorf("%d rows for %d devices", table.len(), len(ids))
	}
}
