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

const madeUp = "testdata/catalogv2.xml"

func windows11(release string) vendor.Target {
	return vendor.Target{OS: vendor.Windows11, Version: release, Arch: vendor.AMD64}
}

func query(key, product, release string) vendor.Query {
	return vendor.Query{ModelKey: key, Product: product, Target: windows11(release)}
}

func TestConformance(t *testing.T) {
	vendortest.Run(t, vendortest.Plugin{
		New:       func() vendor.Vendor { return newLenovo() },
		Own:       []vendor.Hardware{{Vendor: "Lenovo", Product: "TankePad T490", ModelKey: "30N2"}, {Vendor: "Lenovo", ModelKey: "30n2cto1ww"}},
		Foreign:   []vendor.Hardware{{Vendor: "Dell", ModelKey: "30N2"}},
		Catalogue: madeUp,
		Want: []vendortest.Want{
			{Query: query("30N3", "", "24H2"), ID: "tp_t490_w11_24.exe"},
			{Query: query("32AD", "", ""), ID: "tp_32ad_w11_24.exe"},
			{Query: query("30N4", "TankePad T490", "24H2")},
		},
	})
}

// The real catalogue lists an NVIDIA pack among the full ones for one system of the ThinkPad P1 Gen 6;
// choosing the newest date picked it (github.com/OSDeploy/OSD issue 323).
func TestTrapGraphicsPackAmongFullOnes(t *testing.T) {
	a := vendortest.Ask(t, newLenovo(), madeUp, query("31FV", "TankePad P1 Gen 6", "23H2"))
	if a.Pack == nil || a.Pack.ID != "tp_p1_w11_22.exe" || !slices.Contains(a.Rules, vendor.OlderVersion) {
		t.Errorf("%+v, rules %v", a.Pack, a.Rules)
	}
	for id, want := range map[string]vendor.PassReason{
		"tp_p1_nvidia_w11_23.exe": vendor.PassGraphicsOnly, "tp_p1_nvidia_w11_24.exe": vendor.PassNewerVersion,
	} {
		if why, _ := vendortest.Passed(a, id); why != want {
			t.Errorf("%s passed over for %v, want %v", id, why, want)
		}
	}
	if a := vendortest.Ask(t, newLenovo(), madeUp, query("31FV", "", "")); a.Pack == nil || a.Pack.ID != "tp_p1_w11_24.exe" {
		t.Errorf("the graphics pack (GFX) of the newest release was taken: %+v", a.Pack)
	}
}

// What the catalogue calls crc is a SHA-256; a shorter one, or an MD5 in its place, is none.
func TestTrapCrcIsSHA256(t *testing.T) {
	a := vendortest.Ask(t, newLenovo(), madeUp, query("32AB", "", "24H2"))
	if a.Pack == nil || a.Pack.ID != "tp_32ab_w11_22.exe" || len(a.Pack.SHA256) != 64 {
		t.Errorf("%+v", a.Pack)
	}
	if why, _ := vendortest.Passed(a, "tp_32ab_w11_24.exe"); why != vendor.PassNoSHA256 {
		t.Errorf("the pack without a hash was passed over for %v", why)
	}
	if why, ok := vendortest.Passed(a, "tp_32ab_w11_23.exe"); ok {
		t.Errorf("the pack with an MD5 for a SHA-256 was listed, and passed over for %v", why)
	}
}

// 55 real machine types stand under more than one model.
func TestTrapOneTypeSeveralModels(t *testing.T) {
	for product, want := range map[string]string{
		"TankeStasjon P3 Tower": "ts_p3tower_w11_24.exe", "TankeStasjon P3 Ultra": "ts_p3ultra_w11_24.exe", "": "ts_p3ultra_w11_24.exe",
	} {
		if a := vendortest.Ask(t, newLenovo(), madeUp, query("30GS", product, "24H2")); a.Pack == nil || a.Pack.ID != want {
			t.Errorf("%q: %+v", product, a.Pack)
		}
	}
}

func TestTrapStarIsEveryRelease(t *testing.T) {
	q := query("30BG", "", "22H2")
	q.Target.OS = vendor.Windows10
	if a := vendortest.Ask(t, newLenovo(), madeUp, q); a.Pack == nil || !slices.Contains(a.Rules, vendor.EveryVersion) {
		t.Errorf("%+v, rules %v", a.Pack, a.Rules)
	}
}

func TestNamesAreAsInSMBIOS(t *testing.T) {
	for catalogue, want := range map[string]string{
		"ThinkPad T490 Type 20N2 20N3": "ThinkPad T490", "ThinkCentre M75Q Gen 2 Type 11JN 11JQ": "ThinkCentre M75Q Gen 2",
		"ThinkStation P3 TINY": "ThinkStation P3 TINY", "Prototype 20N2": "Prototype 20N2",
	} {
		if got := typeList.ReplaceAllString(catalogue, ""); got != want {
			t.Errorf("%q: %q, want %q", catalogue, got, want)
		}
	}
}

func TestBrokenEntriesSinkNothing(t *testing.T) {
	got, err := newLenovo().Index(t.Context(), madeUp)
	if err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]string{
		"n32aa.txt": "is not a driver pack", "tp_32ab_w11_24.exe": "no SHA-256", "tp_32ab_w11_23.exe": "is not a SHA-256",
		"tp_32ac_w11_24.exe": `date "01/02/2025"`, "Broken type": `"32A" is not a machine type`, "Typeless": "no machine type",
		"Other processor": `"RISC-V" is not known`,
	} {
		if text := vendortest.Problem(got, entry); !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", entry, text, want)
		}
	}
	file := got.Files[0]
	// Ignored: the BIOS of each of the 12 models, a store app, and a pack for Windows 8.
	if got.ProblemCount != 7 || file.Ignored != 14 || file.Packs != 22 {
		t.Errorf("%d problems, %d ignored, %d packs", got.ProblemCount, file.Ignored, file.Packs)
	}
}

func TestRealCatalogue(t *testing.T) {
	path := vendortest.RealSample(t, "lenovo/catalogv2.subset.xml")
	got := vendortest.Golden(t, newLenovo(), path, windows11("24H2"), "testdata/windows11-24H2.golden")
	if got.ProblemCount != 0 {
		t.Errorf("problems in the real catalogue: %+v", got.Problems)
	}
	a := vendortest.Ask(t, newLenovo(), path, query("21FV", "ThinkPad P1 Gen 6", "23H2"))
	if a.Pack == nil || strings.Contains(a.Pack.URL, "nvidia") || a.Pack.Target.Version != "22H2" {
		t.Errorf("the real NVIDIA pack: %+v", a.Pack)
	}
	for _, other := range []string{"systemupdate_20QG_Win10.broken.xml", "package_nz3gs05w_2_.xml"} {
		if _, err := newLenovo().Index(t.Context(), filepath.Join(filepath.Dir(path), other)); err == nil {
			t.Errorf("%s was taken for a catalogue of driver packs", other)
		}
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(madeUp)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`<ModelList><Model name=" Type 20N2"><Types><Type>0000</Type></Types><SCCM os="win11" version="*" date="2026-01-01" crc="">https://x/a.exe</SCCM></Model></ModelList>`))
	f.Fuzz(func(t *testing.T, text []byte) { vendortest.Hostile(t, newLenovo(), text) })
}

// A catalogue of twice the real size: 1,010 models, 6,060 packs, 2,020 machine types.
func BenchmarkFind(b *testing.B) {
	var text bytes.Buffer
	text.WriteString(`<ModelList version="1.0">`)
	for i := range 1010 {
		fmt.Fprintf(&text, `<Model name="TankePad T%d Gen %d" arch="Intel"><Types><Type>%04X</Type><Type>%04X</Type></Types>`, i/4, i%4, 2*i, 2*i+1)
		for k, release := range []string{"21H2", "22H2", "23H2", "24H2", "25H2", "*"} {
			fmt.Fprintf(&text, `<SCCM os="win11" version="%s" date="2026-01-01" crc="%064x">https://download.lenovo.com/tp_%d_%d.exe</SCCM>`, release, i, i, k)
		}
		text.WriteString(`</Model>`)
	}
	text.WriteString(`</ModelList>`)
	vendortest.BenchmarkFind(b, newLenovo(), text.Bytes(), query("0100", "TankePad T32 Gen 0", "24H2"))
}
