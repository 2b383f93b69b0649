// Command nattevakt-vendor-dell is the plugin for Dell: it knows Dell's machines by their system ID and
// finds driver packs in Dell's DriverPackCatalog.
//
// Guarantees: a pack is found by the system ID alone, never by a name (names differ by spelling mistakes,
// and one name has several IDs); WinPE packs and packs for systems before Windows 10 are ignored; a
// broken package is one problem and leaves the rest.
//
// The control plane starts it; it is of no use by hand.
package main

import (
	"context"
	"regexp"
	"strings"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// version is of the plugin.
const version = "1.0"

func main() { vendor.Serve(newDell()) }

// dell is the plugin.
type dell struct{ *vendor.Catalogue }

var (
	_ vendor.Vendor      = dell{}
	_ vendor.Identifier  = dell{}
	_ vendor.DriverPacks = dell{}
)

// newDell makes the plugin. System IDs are never shared between products, so names decide nothing.
func newDell() dell { return dell{vendor.NewCatalogue(parse, false)} }

// Info implements vendor.Vendor.
func (dell) Info(context.Context) (vendor.Info, error) {
	return vendor.Info{Name: "dell", Version: version, Vendors: []string{"Dell"}}, nil
}

// systemID is SMBIOS type 1 SKU on Dell's machines: four hexadecimal digits.
var systemID = regexp.MustCompile(`^[0-9A-F]{4}$`)

// Identify implements vendor.Identifier.
func (dell) Identify(_ context.Context, h vendor.Hardware) (vendor.Identity, error) {
	if !strings.EqualFold(h.Vendor, "Dell") {
		return vendor.Identity{}, nil
	}
	key := strings.ToUpper(strings.TrimSpace(h.ModelKey))
	if !systemID.MatchString(key) {
		key = ""
	}
	return vendor.Identity{Mine: true, ModelKey: key, Name: vendor.Clip(h.Product)}, nil
}
