package main

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/plugins/vendor"
	"github.com/nattevakt/nattevakt/plugins/vendortest"
)

const madeUp = "testdata/packs.json"

func query(key string) vendor.Query {
	return vendor.Query{ModelKey: key, Target: vendor.Target{OS: vendor.Windows11, Version: "24H2", Arch: vendor.AMD64}}
}

func TestConformance(t *testing.T) {
	vendortest.Run(t, vendortest.Plugin{
		New:       func() vendor.Vendor { return newGeneric() },
		Own:       []vendor.Hardware{{Vendor: "Fujitsu", Product: "LIVSBOK E5411", ModelKey: "FJNB2E5"}, {Vendor: "Dell", ModelKey: "0C0B"}},
		Catalogue: madeUp,
		Want: []vendortest.Want{
			{Query: query("FUJITSU/FJNB2E5"), ID: "e5411.zip"},
			{Query: query("MICROSOFT/FLATE_PRO_9_2038"), ID: "https://packs.example/flate.msi"},
			{Query: query("ACER/FJNB2E5")},
		},
	})
}

// Two vendors may have the same model key.
func TestKeysAreTheVendorsOwn(t *testing.T) {
	g := newGeneric()
	for maker, want := range map[string]string{"Fujitsu": "e5411.zip", "ASUS": "https://packs.example/asus.zip"} {
		who, err := g.Identify(t.Context(), vendor.Hardware{Vendor: maker, ModelKey: "fjnb2e5"})
		if err != nil {
			t.Fatal(err)
		}
		if a := vendortest.Ask(t, g, madeUp, query(who.ModelKey)); a.Pack == nil || a.Pack.ID != want {
			t.Errorf("%s: %+v", maker, a.Pack)
		}
	}
}

func TestFilesOfTheOperator(t *testing.T) {
	a := vendortest.Ask(t, newGeneric(), madeUp, query("FUJITSU/FJNB2E5"))
	link, err := url.Parse(a.Pack.URL)
	if err != nil || link.Scheme != "file" || !strings.HasSuffix(link.Path, "/testdata/e5411.zip") || a.Pack.Size == 0 {
		t.Errorf("pack %+v, %v", a.Pack, err)
	}
	if !slices.Contains(a.Rules, vendor.FullBeforePartial) {
		t.Errorf("rules %v", a.Rules)
	}
}

func TestBrokenEntriesSinkNothing(t *testing.T) {
	got, err := newGeneric().Index(t.Context(), madeUp)
	if err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]string{
		"pack 5": "is not in the manifest's folder", "pack 6": "missing.zip", "pack 7": "bytes, not 1",
		"pack 8": "one of file and url", "pack 9": "one of file and url", "pack 10": `unknown field "shasum"`,
		"pack 11": `kind "whole"`, "pack 12": `released "1.5.2026"`, "pack 13": "vendor or models are missing",
		"pack 15": "model 2 is empty",
	} {
		if text := vendortest.Problem(got, entry); !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", entry, text, want)
		}
	}
	// The two more: the system of pack 14 and the missing SHA-256 of pack 15, which name the file.
	if got.ProblemCount != 12 || got.Packs() != 5 {
		t.Errorf("%d problems, %d packs: %+v", got.ProblemCount, got.Packs(), got.Problems)
	}
}

func TestManifestsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		`{"format": 2, "packs": []}`:           `reads "format": 1`,
		`{"format": 1, "pakker": []}`:          `unknown field "pakker"`,
		`{"format": 1, "packs": []} {}`:        "follows its end",
		`{"format": 1, "packs": []}`:           "no driver pack",
		`[]`:                                   "not a manifest",
		`{"format": 1, "packs": [{"os": 11}]}`: "no driver pack",
	} {
		path := filepath.Join(t.TempDir(), "packs.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := newGeneric().Index(t.Context(), path); !errors.Is(err, vendor.ErrCatalogue) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(madeUp)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":1,"packs":[{"vendor":"a","models":["0000"],"url":"https://x/a.zip","os":"windows11","arch":"amd64","released":"2026-01-01"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) { vendortest.Hostile(t, newGeneric(), text) })
}
