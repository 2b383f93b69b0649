// Command nattevakt-vendor-generic is the plugin for vendors without a catalogue that a machine can read
// and verify: Fujitsu, Acer, ASUS, Panasonic, Surface and the rest. An operator puts driver packs into a
// folder with a manifest that names the models, by the vendor and the model key of the inventory.
//
// Guarantees: it is asked only where no other plugin knows the vendor; a pack needs a SHA-256; a file the
// manifest names must lie in the manifest's folder; an unknown word in the manifest is told, not ignored.
//
// The control plane starts it; it is of no use by hand.
package main

import (
	"context"
	"strings"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// version is of the plugin.
const version = "1.0"

func main() { vendor.Serve(newGeneric()) }

// generic is the plugin.
type generic struct{ *vendor.Catalogue }

var (
	_ vendor.Vendor      = generic{}
	_ vendor.Identifier  = generic{}
	_ vendor.DriverPacks = generic{}
)

func newGeneric() generic { return generic{vendor.NewCatalogue(parse, false)} }

// Info implements vendor.Vendor. No vendors: any that no other plugin knows.
func (generic) Info(context.Context) (vendor.Info, error) {
	return vendor.Info{Name: "generic", Version: version}, nil
}

// Identify implements vendor.Identifier. The key has the vendor in front, since the manifest serves many.
func (generic) Identify(_ context.Context, h vendor.Hardware) (vendor.Identity, error) {
	maker, key := strings.TrimSpace(h.Vendor), strings.TrimSpace(h.ModelKey)
	if maker == "" {
		return vendor.Identity{}, nil
	}
	if key != "" {
		key = keyOf(maker, key)
	}
	return vendor.Identity{Mine: true, ModelKey: key, Name: vendor.Clip(h.Product)}, nil
}

// keyOf puts the vendor before a model key that does not have it yet.
func keyOf(maker, key string) string {
	prefix := strings.ToUpper(vendor.Clip(maker)) + "/"
	return prefix + strings.TrimPrefix(strings.ToUpper(vendor.Clip(key)), prefix)
}
