package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/plugins/vendor"
	"github.com/nattevakt/nattevakt/plugins/vendortest"
)

const madeUp = "testdata/DriverPackCatalog.xml"

var windows11 = vendor.Target{OS: vendor.Windows11, Version: "24H2", Arch: vendor.AMD64}

func query(key, product string) vendor.Query {
	return vendor.Query{ModelKey: key, Product: product, Target: windows11}
}

func TestConformance(t *testing.T) {
	vendortest.Run(t, vendortest.Plugin{
		New:       func() vendor.Vendor { return newDell() },
		Own:       []vendor.Hardware{{Vendor: "Dell", Product: "Breidde 7000", ModelKey: "1A0B"}},
		Foreign:   []vendor.Hardware{{Vendor: "HP", ModelKey: "1A0B"}, {Vendor: "Lenovo", Product: "Dell", ModelKey: "1A0B"}},
		Catalogue: madeUp,
		Want: []vendortest.Want{
			{Query: query("1A0B", ""), ID: "AA11"},
			{Query: query("1C02", ""), ID: "BADID"},
			{Query: query("1A0F", "")},
			{Query: query("0631", "")},
			{Query: vendor.Query{ModelKey: "0631", Target: vendor.Target{OS: vendor.Windows10, Arch: vendor.X86}}, ID: "X86"},
		},
	})
}

func TestSystemIDThatIsNone(t *testing.T) {
	for _, key := range []string{"", "To be filled by O.E.M.", "0C0", "0C0B0", "0C0G"} {
		got, err := newDell().Identify(t.Context(), vendor.Hardware{Vendor: "Dell", Product: "Breidde", ModelKey: key})
		if want := (vendor.Identity{Mine: true, Name: "Breidde"}); err != nil || got != want {
			t.Errorf("Identify(%q) = %+v, %v", key, got, err)
		}
	}
}

// One model name has several system IDs, and an old model has the name of a new one: only IDs count.
func TestTrapOneNameSeveralIDs(t *testing.T) {
	for _, id := range []string{"1A0B", "1A0C", "1A0D"} {
		if a := vendortest.Ask(t, newDell(), madeUp, query(id, "Another name")); a.Pack == nil || a.Pack.ID != "AA11" {
			t.Errorf("%s: %+v", id, a)
		}
	}
	if a := vendortest.Ask(t, newDell(), madeUp, query("0645", "Breidde 7000")); a.Pack != nil || !a.Known {
		t.Errorf("a machine of 2014 gets the pack of its namesake: %+v", a.Pack)
	}
}

// Four real IDs carry two names, one of them misspelt: the newer pack wins, whatever SMBIOS calls the machine.
func TestTrapTwoNamesForOneID(t *testing.T) {
	for _, product := range []string{"Breidde 3300", "Bredde 3300", ""} {
		a := vendortest.Ask(t, newDell(), madeUp, query("1B01", product))
		if a.Pack == nil || a.Pack.ID != "NEW11" || !slices.Contains(a.Rules, vendor.NewestReleased) {
			t.Errorf("%q: %+v, rules %v", product, a.Pack, a.Rules)
		}
		if why, _ := vendortest.Passed(a, "OLD11"); why != vendor.PassOlder {
			t.Errorf("OLD11 passed over for %v", why)
		}
		if !slices.Equal(a.Names, []string{"Bredde 3300", "Breidde 3300"}) {
			t.Errorf("names %q", a.Names)
		}
	}
}

// A package has hashes of its metadata file beside its own.
func TestTrapHashOfTheMetadata(t *testing.T) {
	a := vendortest.Ask(t, newDell(), madeUp, query("1A0B", ""))
	text, err := os.ReadFile(madeUp)
	if err != nil {
		t.Fatal(err)
	}
	_, own, _ := strings.Cut(string(text), `releaseID="AA11"`)
	_, own, _ = strings.Cut(own, `<Hash algorithm="SHA256">`)
	if a.Pack.SHA256 != strings.ToLower(own[:64]) {
		t.Errorf("SHA-256 %s, want %s", a.Pack.SHA256, own[:64])
	}
	if want := "https://downloads.dell.com/FOLDER0AA11M/1/AA11_1.0_A07.exe"; a.Pack.URL != want {
		t.Errorf("address %s, want %s", a.Pack.URL, want)
	}
	if a.Pack.Version != "A07" || a.Pack.Size != 1000 || a.Pack.Released.Year() != 2026 {
		t.Errorf("pack %+v", a.Pack)
	}
}

func TestBrokenEntriesSinkNothing(t *testing.T) {
	got, err := newDell().Index(t.Context(), madeUp)
	if err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]string{
		"BADSIZE": `size "many" is not a number`, "BADDATE": `dateTime "soon" is not a time`,
		"BADID": `"XPS" (Fot 1) is not a system ID`, "BADARCH": `architecture "ia64" is not known`,
		"NOMODEL": "it names no model", "README": "is not a driver pack", "NOHASH": "no SHA-256",
	} {
		if text := vendortest.Problem(got, entry); !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", entry, text, want)
		}
	}
	file := got.Files[0]
	if got.ProblemCount != 7 || file.Ignored != 2 || file.Packs != 13 || got.Models != 8 || file.Version != "2026.06.04" {
		t.Errorf("Index = %+v", got)
	}
	a := vendortest.Ask(t, newDell(), madeUp, query("1C03", ""))
	if why, _ := vendortest.Passed(a, "NOHASH"); a.Pack != nil || why != vendor.PassNoSHA256 {
		t.Errorf("a pack without a hash: %+v", a)
	}
}

func TestRealCatalogue(t *testing.T) {
	path := vendortest.RealSample(t, "dell/DriverPackCatalog.subset.xml")
	got := vendortest.Golden(t, newDell(), path, windows11, "testdata/windows11-24H2.golden")
	if got.ProblemCount != 0 {
		t.Errorf("problems in the real catalogue: %+v", got.Problems)
	}
	if _, err := newDell().Index(t.Context(), filepath.Dir(path)); err != nil {
		t.Errorf("the folder, which has a firmware catalogue, too: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(madeUp)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`<DriverPackManifest baseLocation="a b/c"><DriverPackage type="win" size="1" dateTime="2026-01-01T00:00:00" path="../x.exe"/></DriverPackManifest>`))
	f.Fuzz(func(t *testing.T, text []byte) { vendortest.Hostile(t, newDell(), text) })
}

// A catalogue of twice the real size: 2,258 packages.
func BenchmarkFind(b *testing.B) {
	var text bytes.Buffer
	text.WriteString(`<DriverPackManifest baseLocation="downloads.dell.com" version="1" xmlns="openmanage/cm/dm">`)
	for i := range 2258 {
		fmt.Fprintf(&text, `<DriverPackage format="exe" size="1" dateTime="2026-01-01T00:00:00" dellVersion="A1" path="F/%d.exe" releaseID="R%d" type="win">
<SupportedOperatingSystems><OperatingSystem osCode="Windows%d" osArch="x64"/></SupportedOperatingSystems><SupportedSystems><Brand>`, i, i, 10+i%2)
		for k := range 3 {
			fmt.Fprintf(&text, `<Model systemID="%04X" name="Breidde %d"/>`, i/2*3+k, i/2)
		}
		fmt.Fprintf(&text, `</Brand></SupportedSystems><Cryptography><Hash algorithm="SHA256">%064X</Hash></Cryptography></DriverPackage>`, i)
	}
	text.WriteString(`</DriverPackManifest>`)
	vendortest.BenchmarkFind(b, newDell(), text.Bytes(), query("0100", "Breidde 85"))
}
