package vendor_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// listed is a catalogue of the given packs, each under the model key K and a product.
type listed struct {
	product string
	pack    vendor.Pack
}

func catalogueOf(t interface {
	Fatal(...any)
}, shared bool, dir string, packs ...listed) *vendor.Catalogue {
	c := vendor.NewCatalogue(func(_ *vendor.Source, l *vendor.Listing) error {
		for _, p := range packs {
			l.Add("K", p.product, p.pack)
		}
		return nil
	}, shared)
	path := filepath.Join(dir, "c.xml")
	if err := os.WriteFile(path, []byte("<x/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Index(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	return c
}

var hash = strings.Repeat("ab", 32)

// pack is a full pack for Windows 11 on amd64; the options change it.
func pack(id, release, day string, change ...func(*vendor.Pack)) vendor.Pack {
	released, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	p := vendor.Pack{
		ID: id, URL: "https://vendor.example/" + id + ".exe", SHA256: hash, Released: released,
		Target: vendor.Target{OS: vendor.Windows11, Version: release, Arch: vendor.AMD64},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func kind(k vendor.PackKind) func(*vendor.Pack) { return func(p *vendor.Pack) { p.Kind = k } }

func forOS(os, arch string) func(*vendor.Pack) {
	return func(p *vendor.Pack) { p.Target.OS, p.Target.Arch = os, arch }
}

func noHash(p *vendor.Pack) { p.SHA256 = "" }

func TestFindChooses(t *testing.T) {
	win11 := func(release string) vendor.Target {
		return vendor.Target{OS: vendor.Windows11, Version: release, Arch: vendor.AMD64}
	}
	for _, c := range []struct {
		name    string
		shared  bool
		packs   []listed
		product string
		target  vendor.Target
		want    string
		rules   []vendor.Rule
		passed  map[string]vendor.PassReason
	}{
		{
			name:  "the only one, for exactly this release",
			packs: []listed{{"A", pack("a", "24H2", "2026-01-01")}}, target: win11("24h2"),
			want: "a", rules: []vendor.Rule{vendor.OnlyOne, vendor.ExactVersion},
		},
		{
			name: "fallback goes downward only, to the newest older release",
			packs: []listed{
				{"A", pack("22", "22H2", "2026-01-01")}, {"A", pack("23", "23H2", "2025-01-01")}, {"A", pack("25", "25H2", "2026-01-01")},
			},
			target: win11("24H2"), want: "23", rules: []vendor.Rule{vendor.OlderVersion},
			passed: map[string]vendor.PassReason{"22": vendor.PassOlderVersion, "25": vendor.PassNewerVersion},
		},
		{
			name:  "nothing but a newer release is nothing",
			packs: []listed{{"A", pack("25", "25H2", "2026-01-01")}}, target: win11("24H2"),
			passed: map[string]vendor.PassReason{"25": vendor.PassNewerVersion},
		},
		{
			name:   "Windows 10 is no fallback for Windows 11",
			packs:  []listed{{"A", pack("10", "22H2", "2026-01-01", forOS(vendor.Windows10, vendor.AMD64))}},
			target: win11("22H2"), passed: map[string]vendor.PassReason{"10": vendor.PassOtherOS},
		},
		{
			name:   "another architecture is none",
			packs:  []listed{{"A", pack("arm", "22H2", "2026-01-01", forOS(vendor.Windows11, vendor.ARM64))}},
			target: win11("22H2"), passed: map[string]vendor.PassReason{"arm": vendor.PassOtherArch},
		},
		{
			name:   "no release asked for is the newest",
			packs:  []listed{{"A", pack("any", "", "2026-06-01")}, {"A", pack("23", "23H2", "2026-01-01")}, {"A", pack("25", "25H2", "2025-01-01")}},
			target: win11(""), want: "25", rules: []vendor.Rule{vendor.NewestVersion},
			passed: map[string]vendor.PassReason{"any": vendor.PassEveryVersion, "23": vendor.PassOlderVersion},
		},
		{
			name:   "for every release goes behind exactly this one",
			packs:  []listed{{"A", pack("any", "", "2026-06-01")}, {"A", pack("24", "24H2", "2025-01-01")}},
			target: win11("24H2"), want: "24", rules: []vendor.Rule{vendor.ExactVersion},
			passed: map[string]vendor.PassReason{"any": vendor.PassEveryVersion},
		},
		{
			name:   "for every release goes before an older one",
			packs:  []listed{{"A", pack("any", "", "2024-06-01")}, {"A", pack("23", "23H2", "2026-01-01")}},
			target: win11("24H2"), want: "any", rules: []vendor.Rule{vendor.EveryVersion},
			passed: map[string]vendor.PassReason{"23": vendor.PassOlderVersion},
		},
		{
			name:   "full before partial, though it is for an older release",
			packs:  []listed{{"A", pack("part", "24H2", "2026-06-01", kind(vendor.Partial))}, {"A", pack("full", "23H2", "2025-01-01")}},
			target: win11("24H2"), want: "full", rules: []vendor.Rule{vendor.FullBeforePartial, vendor.OlderVersion},
			passed: map[string]vendor.PassReason{"part": vendor.PassPartial},
		},
		{
			name:   "partial where there is nothing else",
			packs:  []listed{{"A", pack("part", "24H2", "2026-06-01", kind(vendor.Partial))}},
			target: win11("24H2"), want: "part", rules: []vendor.Rule{vendor.OnlyOne, vendor.ExactVersion},
		},
		{
			name:   "never a graphics driver alone",
			packs:  []listed{{"A", pack("gfx", "24H2", "2026-06-01", kind(vendor.Graphics))}},
			target: win11("24H2"), passed: map[string]vendor.PassReason{"gfx": vendor.PassGraphicsOnly},
		},
		{
			name:   "never without a SHA-256",
			packs:  []listed{{"A", pack("bare", "24H2", "2026-06-01", noHash)}, {"A", pack("old", "23H2", "2025-06-01")}},
			target: win11("24H2"), want: "old", rules: []vendor.Rule{vendor.OnlyOne, vendor.OlderVersion},
			passed: map[string]vendor.PassReason{"bare": vendor.PassNoSHA256},
		},
		{
			name: "released last", packs: []listed{{"A", pack("new", "24H2", "2026-06-01")}, {"A", pack("old", "24H2", "2025-06-01")}},
			target: win11("24H2"), want: "new", rules: []vendor.Rule{vendor.ExactVersion, vendor.NewestReleased},
			passed: map[string]vendor.PassReason{"old": vendor.PassOlder},
		},
		{
			name: "the same day", packs: []listed{{"A", pack("x1", "24H2", "2026-06-01")}, {"A", pack("x2", "24H2", "2026-06-01")}},
			target: win11("24H2"), want: "x2", rules: []vendor.Rule{vendor.ExactVersion, vendor.SameDate},
			passed: map[string]vendor.PassReason{"x1": vendor.PassSameDate},
		},
		{
			name: "a shared key: the product breaks the tie against a newer pack", shared: true, product: "pro 14-INCH g2",
			packs:  []listed{{"Pro 14 inch G2", pack("mine", "24H2", "2025-06-01")}, {"Pro 15 inch G2", pack("other", "24H2", "2026-06-01")}},
			target: win11("24H2"), want: "mine", rules: []vendor.Rule{vendor.ExactVersion, vendor.ProductName},
			passed: map[string]vendor.PassReason{"other": vendor.PassOtherProduct},
		},
		{
			name: "a shared key: the product is a tie-break, the release comes first", shared: true, product: "Pro 14",
			packs:  []listed{{"Pro 14", pack("mine", "23H2", "2025-06-01")}, {"Pro 15", pack("other", "24H2", "2026-06-01")}},
			target: win11("24H2"), want: "other", rules: []vendor.Rule{vendor.ExactVersion},
			passed: map[string]vendor.PassReason{"mine": vendor.PassOlderVersion},
		},
		{
			name: "a shared key and a product nobody lists", shared: true, product: "Pro 17",
			packs:  []listed{{"Pro 14", pack("a", "24H2", "2025-06-01")}, {"Pro 15", pack("b", "24H2", "2026-06-01")}},
			target: win11("24H2"), want: "b", rules: []vendor.Rule{vendor.ExactVersion, vendor.ProductUnknown, vendor.NewestReleased},
			passed: map[string]vendor.PassReason{"a": vendor.PassOlder},
		},
		{
			name: "a key of its own: a name with a spelling mistake decides nothing", product: "Latitude 1",
			packs:  []listed{{"Latitude 1", pack("a", "24H2", "2025-06-01")}, {"Latitud 1", pack("b", "24H2", "2026-06-01")}},
			target: win11("24H2"), want: "b", rules: []vendor.Rule{vendor.ExactVersion, vendor.NewestReleased},
			passed: map[string]vendor.PassReason{"a": vendor.PassOlder},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := catalogueOf(t, c.shared, t.TempDir(), c.packs...).
				Find(t.Context(), vendor.Query{ModelKey: " k ", Product: c.product, Target: c.target})
			if err != nil {
				t.Fatal(err)
			}
			if id := idOf(got); id != c.want {
				t.Errorf("pack %q, want %q", id, c.want)
			}
			if !slices.Equal(got.Rules, c.rules) {
				t.Errorf("rules %v, want %v", got.Rules, c.rules)
			}
			if len(got.PassedOver) != len(c.passed) {
				t.Errorf("passed over %d, want %d", len(got.PassedOver), len(c.passed))
			}
			for _, p := range got.PassedOver {
				if c.passed[p.Pack.ID] != p.Reason {
					t.Errorf("%s passed over for %v, want %v", p.Pack.ID, p.Reason, c.passed[p.Pack.ID])
				}
			}
		})
	}
}

func idOf(a vendor.Answer) string {
	if a.Pack == nil {
		return ""
	}
	return a.Pack.ID
}

// Whatever the packs and however they are ordered: the answer passes the host's check, accounts for every
// pack exactly once, and is the same for any order in the file.
func TestFindAccountsForEveryPack(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		packs := rapid.SliceOfN(rapid.Custom(drawPack), 1, 12).Draw(t, "packs")
		slices.SortFunc(packs, func(a, b listed) int { return strings.Compare(a.pack.ID, b.pack.ID) })
		packs = slices.CompactFunc(packs, func(a, b listed) bool { return a.pack.ID == b.pack.ID })
		query := vendor.Query{
			ModelKey: "K", Product: rapid.SampledFrom([]string{"", "P", "Q", "R"}).Draw(t, "product"),
			Target: vendor.Target{
				OS:      rapid.SampledFrom([]string{vendor.Windows10, vendor.Windows11}).Draw(t, "os"),
				Version: rapid.SampledFrom([]string{"", "2004", "22H2", "24H2"}).Draw(t, "release"), Arch: vendor.AMD64,
			},
		}
		shared := rapid.Bool().Draw(t, "shared")
		got, err := catalogueOf(t, shared, dir, packs...).Find(context.Background(), query)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Check(query); err != nil {
			t.Fatal(err)
		}
		ids := []string{idOf(got)}
		for _, p := range got.PassedOver {
			ids = append(ids, p.Pack.ID)
		}
		ids = slices.DeleteFunc(ids, func(s string) bool { return s == "" })
		slices.Sort(ids)
		if len(ids) != len(packs) || len(slices.Compact(ids)) != len(packs) {
			t.Fatalf("%d packs, but the answer accounts for %v", len(packs), ids)
		}
		again, err := catalogueOf(t, shared, dir, rapid.Permutation(packs).Draw(t, "order")...).Find(context.Background(), query)
		if err != nil || idOf(again) != idOf(got) {
			t.Fatalf("in another order %q, %v; before %q", idOf(again), err, idOf(got))
		}
	})
}

func drawPack(t *rapid.T) listed {
	p := pack(rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "id"),
		rapid.SampledFrom([]string{"", "1909", "22H2", "24H2", "25H2"}).Draw(t, "release"),
		rapid.SampledFrom([]string{"2024-01-01", "2025-01-01", "2026-01-01"}).Draw(t, "day"),
		kind(rapid.SampledFrom([]vendor.PackKind{vendor.Full, vendor.Full, vendor.Partial, vendor.Graphics}).Draw(t, "kind")),
		forOS(rapid.SampledFrom([]string{vendor.Windows10, vendor.Windows11, vendor.Windows11}).Draw(t, "os"), vendor.AMD64))
	if rapid.IntRange(0, 5).Draw(t, "hash") == 0 {
		noHash(&p)
	}
	return listed{rapid.SampledFrom([]string{"P", "Q"}).Draw(t, "product"), p}
}

func TestNearest(t *testing.T) {
	c := vendor.NewCatalogue(func(_ *vendor.Source, l *vendor.Listing) error {
		for key, product := range map[string]string{
			"0C0B": "Latitude 7440", "0C0C": "Latitude 7440", "0C01": "Latitude 5440", "0AC3": "OptiPlex 5000",
			"0AC5": "OptiPlex 3000", "0C8C": "Precision 3680 Tower", "FFFF": "Other",
		} {
			l.Add(key, product, pack("p", "", "2026-01-01"))
		}
		return nil
	}, false)
	if _, err := c.Index(t.Context(), write(t, "c.xml", []byte("<x/>"))); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		key, product string
		want         []string
	}{
		{"0C0D", "Latitude 7440", []string{"0C0B", "0C0C", "0C01", "0C8C"}},
		{"0c0d", "", []string{"0C01", "0C0B", "0C0C", "0C8C"}},
		{"1234", "optiplex 3000", []string{"0AC5", "0AC3"}},
		{"1234", "", nil},
		{"", "", nil},
	} {
		got, err := c.Find(t.Context(), vendor.Query{ModelKey: x.key, Product: x.product, Target: vendor.Target{OS: vendor.Windows11, Arch: vendor.AMD64}})
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, m := range got.Nearest {
			keys = append(keys, m.Key)
		}
		if got.Known || !slices.Equal(keys[:min(len(keys), len(x.want))], x.want) || len(keys) > vendor.MaxNearest {
			t.Errorf("nearest to %q %q: %v, want %v", x.key, x.product, keys, x.want)
		}
	}
}

func TestRelease(t *testing.T) {
	order := []string{"", "1607", "1703", "1709", "1903", "1909", "2004", "20H2", "21H1", "21H2", "22h2", "25H2", "26H1"}
	for i, name := range order[1:] {
		if !vendor.NewerRelease(name, order[i]) || vendor.NewerRelease(order[i], name) {
			t.Errorf("%q is not newer than %q", name, order[i])
		}
	}
	for _, name := range []string{"*", "24H3", "24H0", "2413", "2400", "24", "24H22", "LTSC", "-9H2", "１９０９"} {
		if n := vendor.Release(name); n != 0 {
			t.Errorf("Release(%q) = %d", name, n)
		}
	}
}
