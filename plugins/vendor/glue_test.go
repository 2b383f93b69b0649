package vendor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	pluginv1 "github.com/nattevakt/nattevakt/proto/nattevakt/plugin/v1"

	"github.com/nattevakt/nattevakt/plugins/vendor"
	"github.com/nattevakt/nattevakt/plugins/vendortest"
)

// bare is a plugin that can do nothing but say what it is.
type bare struct{}

func (bare) Info(context.Context) (vendor.Info, error) {
	return vendor.Info{Name: "bare", Version: "1"}, nil
}

// failing is a plugin whose every call fails with err.
type failing struct {
	bare
	err error
}

func (f failing) Identify(context.Context, vendor.Hardware) (vendor.Identity, error) {
	return vendor.Identity{}, f.err
}

func (f failing) Index(context.Context, string) (vendor.Indexed, error) {
	return vendor.Indexed{}, f.err
}

func (f failing) Find(context.Context, vendor.Query) (vendor.Answer, error) {
	return vendor.Answer{}, f.err
}

// whole is a plugin of the kit, with one model.
type whole struct {
	bare
	*vendor.Catalogue
}

func (whole) Identify(_ context.Context, h vendor.Hardware) (vendor.Identity, error) {
	if h.Vendor != "Test" {
		return vendor.Identity{}, nil
	}
	return vendor.Identity{Mine: true, ModelKey: strings.ToUpper(h.ModelKey), Name: h.Product}, nil
}

func TestConformance(t *testing.T) {
	win11 := vendor.Target{OS: vendor.Windows11, Arch: vendor.AMD64}
	vendortest.Run(t, vendortest.Plugin{
		New:       func() vendor.Vendor { return whole{Catalogue: vendor.NewCatalogue(parseTest, false)} },
		Own:       []vendor.Hardware{{Vendor: "Test", ModelKey: "K1", Product: "A"}},
		Foreign:   []vendor.Hardware{{Vendor: "Dell", ModelKey: "K1"}},
		Catalogue: write(t, "c.xml", []byte(sample)),
		Want: []vendortest.Want{
			{Query: vendor.Query{ModelKey: "K1", Target: win11}, ID: "1"},
			{Query: vendor.Query{ModelKey: "K9", Target: win11}},
		},
	})
}

func TestCapabilitiesAreWhatIsThere(t *testing.T) {
	for _, v := range []vendor.Vendor{bare{}, vendortest.Connect(t, bare{})} {
		if _, ok := vendor.AsIdentifier(v); ok {
			t.Errorf("%T identifies", v)
		}
		if _, ok := vendor.AsDriverPacks(v); ok {
			t.Errorf("%T finds packs", v)
		}
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	for _, want := range []error{vendor.ErrCatalogue, vendor.ErrNoCatalogue, context.DeadlineExceeded, context.Canceled} {
		v := vendortest.Connect(t, failing{err: errors.Join(errors.New("file x.xml"), want)})
		packs, _ := vendor.AsDriverPacks(v)
		if _, err := packs.Index(t.Context(), ""); !errors.Is(err, want) || !strings.Contains(err.Error(), "x.xml") {
			t.Errorf("Index: %v, want %v", err, want)
		}
		if _, err := packs.Find(t.Context(), vendor.Query{}); !errors.Is(err, want) {
			t.Errorf("Find: %v, want %v", err, want)
		}
		i, _ := vendor.AsIdentifier(v)
		if _, err := i.Identify(t.Context(), vendor.Hardware{}); !errors.Is(err, want) {
			t.Errorf("Identify: %v, want %v", err, want)
		}
	}
}

func TestNonsense(t *testing.T) {
	target := vendor.Target{OS: vendor.Windows11, Version: "24H2", Arch: vendor.AMD64}
	good := func() vendor.Answer {
		p := pack("p", "24H2", "2026-01-01", kind(vendor.Full))
		p.Format = "exe"
		return vendor.Answer{Known: true, Pack: &p, Rules: []vendor.Rule{vendor.OnlyOne}}
	}
	if err := good().Check(vendor.Query{Target: target}); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*vendor.Answer){
		"unknown with a pack": func(a *vendor.Answer) { a.Known = false },
		"no rules":            func(a *vendor.Answer) { a.Rules = nil },
		"no reason":           func(a *vendor.Answer) { a.PassedOver = make([]vendor.PassedOver, 1) },
		"too many":            func(a *vendor.Answer) { a.PassedOver = make([]vendor.PassedOver, vendor.MaxPerModel+1) },
		"neighbours":          func(a *vendor.Answer) { a.Nearest = make([]vendor.Model, 1) },
		"id":                  func(a *vendor.Answer) { a.Pack.ID = "a\nb" },
		"address":             func(a *vendor.Answer) { a.Pack.URL = "javascript:alert(1)" },
		"hash":                func(a *vendor.Answer) { a.Pack.SHA256 = strings.ToUpper(hash) },
		"size":                func(a *vendor.Answer) { a.Pack.Size = -1 },
		"format":              func(a *vendor.Answer) { a.Pack.Format = "sh" },
		"kind":                func(a *vendor.Answer) { a.Pack.Kind = vendor.Graphics },
		"os":                  func(a *vendor.Answer) { a.Pack.Target.OS = vendor.Windows10 },
		"release":             func(a *vendor.Answer) { a.Pack.Target.Version = "25H2" },
	} {
		a := good()
		spoil(&a)
		if err := a.Check(vendor.Query{Target: target}); !errors.Is(err, vendor.ErrNonsense) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, i := range []vendor.Info{{}, {Name: "Dell", Version: "1"}, {Name: "a/b", Version: "1"}, {Name: "a"}, {Name: "a", Version: "1", Vendors: []string{""}}} {
		if err := i.Check(); !errors.Is(err, vendor.ErrNonsense) {
			t.Errorf("%+v: %v", i, err)
		}
	}
	for _, i := range []vendor.Identity{{ModelKey: "x"}, {Name: "x"}, {Mine: true, Name: "a\x00"}, {Mine: true, ModelKey: strings.Repeat("x", 300)}} {
		if err := i.Check(); !errors.Is(err, vendor.ErrNonsense) {
			t.Errorf("%+v: %v", i, err)
		}
	}
}

// Every code of the contract can be read by people.
func TestTexts(t *testing.T) {
	for n := range pluginv1.Rule_name {
		if r := vendor.Rule(n); n != 0 && (r.Text("nb") == "" || r.Text("en") == "" || r.Text("nb") == r.Text("en")) {
			t.Errorf("rule %d: %q, %q", n, r.Text("nb"), r.Text("en"))
		}
	}
	for n := range pluginv1.PassReason_name {
		if r := vendor.PassReason(n); n != 0 && (r.Text("nb") == "" || r.Text("en") == "" || r.Text("nb") == r.Text("en")) {
			t.Errorf("reason %d: %q, %q", n, r.Text("nb"), r.Text("en"))
		}
	}
}
