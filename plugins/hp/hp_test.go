package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/plugins/vendor"
	"github.com/nattevakt/nattevakt/plugins/vendortest"
)

const madeUp = "testdata/HPClientDriverPackCatalog.xml"

var windows11 = vendor.Target{OS: vendor.Windows11, Version: "24H2", Arch: vendor.AMD64}

func query(key, product string) vendor.Query {
	return vendor.Query{ModelKey: key, Product: product, Target: windows11}
}

// Products of the fixture that share the board 9B41.
const (
	book   = "HP ElvBook 840 14 inch G10 Notebook PC"
	x360   = "HP Elv x360 830 13 inch G10 2-in-1 Notebook PC"
	zBook  = "HP ZElv Fjell 14 inch G10 Mobile Workstation PC"
	newest = "sp3"
)

func TestConformance(t *testing.T) {
	vendortest.Run(t, vendortest.Plugin{
		New:       func() vendor.Vendor { return newHP() },
		Own:       []vendor.Hardware{{Vendor: "HP", Product: book, ModelKey: "9b41"}},
		Foreign:   []vendor.Hardware{{Vendor: "HPE", ModelKey: "9B41"}, {Vendor: "Dell", Product: "HP", ModelKey: "9B41"}},
		Catalogue: madeUp,
		Want: []vendortest.Want{
			{Query: query("9b41", book), ID: "sp2"},
			{Query: query("970C", ""), ID: "sp4"},
			{Query: query("9B42", book)},
			{Query: vendor.Query{ModelKey: "970d", Target: vendor.Target{OS: vendor.Windows10, Arch: vendor.X86}}, ID: "sp4"},
		},
	})
}

// The real catalogue writes one board as 8B41 and 8b41, and firmware writes what it likes.
func TestTrapMixedCase(t *testing.T) {
	for _, id := range []string{"9B41", "9b41"} {
		a := vendortest.Ask(t, newHP(), madeUp, query(id, ""))
		if !slices.Equal(a.Names, []string{x360, book, zBook}) {
			t.Errorf("%s: names %q", id, a.Names)
		}
	}
}

// 169 real boards have more than one product; 55 have several SoftPaqs for one system.
func TestTrapOneBoardSeveralProducts(t *testing.T) {
	for product, want := range map[string]string{book: "sp2", zBook: "sp3", strings.ToUpper(book): "sp2"} {
		a := vendortest.Ask(t, newHP(), madeUp, query("9B41", product))
		if a.Pack == nil || a.Pack.ID != want || !slices.Contains(a.Rules, vendor.ProductName) {
			t.Errorf("%s: %+v, rules %v", product, a.Pack, a.Rules)
		}
	}
	a := vendortest.Ask(t, newHP(), madeUp, query("9B41", x360))
	if a.Pack == nil || a.Pack.ID != newest || !slices.Contains(a.Rules, vendor.ProductUnknown) {
		t.Errorf("a product without a pack of its own for the release: %+v, rules %v", a.Pack, a.Rules)
	}
	if why, ok := vendortest.Passed(a, "sp2"); !ok || why != vendor.PassOlder {
		t.Errorf("sp2 passed over for %v, %v", why, ok)
	}
}

func TestTrapEditionsAreOtherSystems(t *testing.T) {
	a := vendortest.Ask(t, newHP(), madeUp, query("970B", ""))
	if a.Pack == nil || a.Pack.Target.Version != "22H2" || !slices.Contains(a.Rules, vendor.OlderVersion) {
		t.Errorf("the pack of the IoT edition was taken for 24H2: %+v", a.Pack)
	}
}

func TestPackIsReadWhole(t *testing.T) {
	p := vendortest.Ask(t, newHP(), madeUp, query("9B41", book)).Pack
	if p.URL != "https://ftp.hp.com/pub/softpaq/sp2.exe" || p.Size != 2000 || p.Version != "2.00 A 1" ||
		p.Released.Format("2006-01-02") != "2025-11-27" || len(p.SHA256) != 64 || p.Format != "exe" {
		t.Errorf("pack %+v", p)
	}
}

func TestBrokenEntriesSinkNothing(t *testing.T) {
	got, err := newHP().Index(t.Context(), madeUp)
	if err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]string{
		"HP Dangling": `no SoftPaq "sp404"`, "HP Nameless": `"" is not a board id`, "HP Half": `"ELVBOOK" is not a board id`,
		"HP Date": `DateReleased "yesterday"`, "HP Size": `Size "?" is not a number`, "HP Arch": `"128-bit" is not known`,
		"sp7": "no SHA-256", "sp8": "is not a driver pack",
	} {
		if text := vendortest.Problem(got, entry); !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", entry, text, want)
		}
	}
	file := got.Files[0]
	if got.ProblemCount != 8 || file.Ignored != 1 || file.Packs != 11 || file.Version != "2026-06-30" {
		t.Errorf("Index = %+v", got)
	}
}

// Rows may stand before the SoftPaqs they name.
func TestOrderOfListsDoesNotMatter(t *testing.T) {
	text, err := os.ReadFile(madeUp)
	if err != nil {
		t.Fatal(err)
	}
	from, to := bytes.Index(text, []byte("<SoftPaqList>")), bytes.Index(text, []byte("<ProductOSDriverPackList>"))
	softPaqs := string(text[from:to])
	turned := strings.Replace(string(text), softPaqs, "", 1)
	turned = strings.Replace(turned, "</HPClientDriverPackCatalog>", softPaqs+"</HPClientDriverPackCatalog>", 1)
	path := t.TempDir() + "/turned.xml"
	if err := os.WriteFile(path, []byte(turned), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := vendortest.Ask(t, newHP(), path, query("9B41", book)); a.Pack == nil || a.Pack.ID != "sp2" {
		t.Errorf("%+v", a)
	}
}

func TestRealCatalogue(t *testing.T) {
	path := vendortest.RealSample(t, "hp/HPClientDriverPackCatalog.subset.xml")
	got := vendortest.Golden(t, newHP(), path, windows11, "testdata/windows11-24H2.golden")
	if got.ProblemCount != 0 {
		t.Errorf("problems in the real catalogue: %+v", got.Problems)
	}
	a := vendortest.Ask(t, newHP(), path, query("8b41", ""))
	if len(a.Names) != 3 {
		t.Errorf("board 8B41 has the names %q; three were counted", a.Names)
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(madeUp)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`<NewDataSet><SoftPaq><Id>a</Id></SoftPaq><ProductOSDriverPack><SoftPaqId>A</SoftPaqId><SystemId>,,</SystemId></ProductOSDriverPack></NewDataSet>`))
	f.Fuzz(func(t *testing.T, text []byte) { vendortest.Hostile(t, newHP(), text) })
}

// A catalogue of twice the real size: 8,510 rows.
func BenchmarkFind(b *testing.B) {
	var soft, rows bytes.Buffer
	for i := range 8510 {
		if i%5 == 0 {
			fmt.Fprintf(&soft, `<SoftPaq><Id>sp%d</Id><Name>HP Pack %d</Name><Version>1</Version><DateReleased>1/2/2026 12:00:00 AM</DateReleased><Url>https://ftp.hp.com/sp%d.exe</Url><Size>1</Size><SHA256>%064X</SHA256></SoftPaq>`, i, i, i, i)
		}
		fmt.Fprintf(&rows, `<ProductOSDriverPack><Architecture>64-bit</Architecture><SystemId>%04x,%04X</SystemId><SystemName>HP ElvBook %d 14 inch G%d Notebook PC</SystemName><OSName>Windows 11 64-bit, %dH2</OSName><SoftPaqId>sp%d</SoftPaqId></ProductOSDriverPack>`,
			i/8*2, i/8*2+1, i/16, i%12, 21+i%5, i-i%5)
	}
	text := `<NewDataSet><HPClientDriverPackCatalog DateReleased="2026-01-01"><SoftPaqList>` + soft.String() +
		`</SoftPaqList><ProductOSDriverPackList>` + rows.String() + `</ProductOSDriverPackList></HPClientDriverPackCatalog></NewDataSet>`
	vendortest.BenchmarkFind(b, newHP(), []byte(text), query("0100", "HP ElvBook 64 14 inch G3 Notebook PC"))
}
