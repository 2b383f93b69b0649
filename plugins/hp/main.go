// Command nattevakt-vendor-hp is the plugin for HP: it knows HP's machines by the product id of their
// board and finds driver packs in HP's client driver pack catalogue.
//
// Guarantees: ids are compared without regard to case (the catalogue mixes both); several products share
// a board, so the product name breaks ties, and only ties; IoT and LTSC editions of Windows are ignored;
// a row without its SoftPaq is one problem and leaves the rest.
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

func main() { vendor.Serve(newHP()) }

// hp is the plugin.
type hp struct{ *vendor.Catalogue }

var (
	_ vendor.Vendor      = hp{}
	_ vendor.Identifier  = hp{}
	_ vendor.DriverPacks = hp{}
)

func newHP() hp { return hp{vendor.NewCatalogue(parse, true)} }

// Info implements vendor.Vendor.
func (hp) Info(context.Context) (vendor.Info, error) {
	return vendor.Info{Name: "hp", Version: version, Vendors: []string{"HP"}}, nil
}

// boardID is SMBIOS type 2 Product on HP's machines: four hexadecimal digits.
var boardID = regexp.MustCompile(`^[0-9A-F]{4}$`)

// Identify implements vendor.Identifier.
func (hp) Identify(_ context.Context, h vendor.Hardware) (vendor.Identity, error) {
	if !strings.EqualFold(h.Vendor, "HP") {
		return vendor.Identity{}, nil
	}
	key := strings.ToUpper(strings.TrimSpace(h.ModelKey))
	if !boardID.MatchString(key) {
		key = ""
	}
	return vendor.Identity{Mine: true, ModelKey: key, Name: vendor.Clip(h.Product)}, nil
}
