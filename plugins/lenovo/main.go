// Command nattevakt-vendor-lenovo is the plugin for Lenovo: it knows Lenovo's machines by their machine
// type, the first four characters of the product number, and finds driver packs in catalogv2.xml.
//
// Guarantees: a pack with a graphics driver only is never the answer, though the catalogue lists one
// among the full packs; what the catalogue calls crc is taken as the SHA-256 that it is; firmware and
// store apps (BIOS, HSA) are ignored; a broken element is one problem and leaves the rest.
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

func main() { vendor.Serve(newLenovo()) }

// lenovo is the plugin.
type lenovo struct{ *vendor.Catalogue }

var (
	_ vendor.Vendor      = lenovo{}
	_ vendor.Identifier  = lenovo{}
	_ vendor.DriverPacks = lenovo{}
)

// newLenovo makes the plugin. Some machine types stand under several models with packs of their own.
func newLenovo() lenovo { return lenovo{vendor.NewCatalogue(parse, true)} }

// Info implements vendor.Vendor.
func (lenovo) Info(context.Context) (vendor.Info, error) {
	return vendor.Info{Name: "lenovo", Version: version, Vendors: []string{"Lenovo"}}, nil
}

// machineType is four letters and digits, the start of SMBIOS type 1 Product.
var machineType = regexp.MustCompile(`^[0-9A-Z]{4}$`)

// Identify implements vendor.Identifier. A key may be the whole product number ("20N2CTO1WW").
func (lenovo) Identify(_ context.Context, h vendor.Hardware) (vendor.Identity, error) {
	if !strings.EqualFold(h.Vendor, "Lenovo") {
		return vendor.Identity{}, nil
	}
	key := strings.ToUpper(strings.TrimSpace(h.ModelKey))
	key = key[:min(len(key), 4)]
	if !machineType.MatchString(key) {
		key = ""
	}
	return vendor.Identity{Mine: true, ModelKey: key, Name: vendor.Clip(h.Product)}, nil
}
