// Package vendortest is the suite that every vendor plugin passes. It puts the plugin behind a real gRPC
// connection on a local socket and asks it there and directly, so that what is proven holds for the
// program that the control plane starts.
//
// A plugin's test is one call of Run with a catalogue of its own making. What Run holds a plugin to:
//
//   - Info, Identify and Find pass the checks that the control plane makes of every answer.
//   - The answer over the wire is the answer.
//   - Identify claims its own machines, in small and capital letters, and no other's; and the key it gives
//     identifies the same model again.
//   - Find before Index says ErrNoCatalogue. A missing, empty, cut-off, packed or HTML file is refused
//     with ErrCatalogue, and the catalogue in use stays.
//   - The order of asking changes nothing, several may ask at once, and asking while a catalogue is being
//     read is safe.
package vendortest

import (
	"context"
	"testing"

	"github.com/hashicorp/go-plugin"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// Plugin is what Run needs to know of a plugin.
type Plugin struct {
	// New makes a plugin as its main does.
	New func() vendor.Vendor
	// Own are machines the plugin must claim, each with a model key; Foreign those it must not.
	Own, Foreign []vendor.Hardware
	// Catalogue is a file that can be used, with at least one pack.
	Catalogue string
	// Want are questions to that catalogue and the ids of the packs to come; at least one has a pack.
	Want []Want
}

// Want is a question and the id of the pack that answers it; empty is none.
type Want struct {
	Query vendor.Query
	ID    string
}

// Run runs the suite.
func Run(t *testing.T, p Plugin) {
	t.Run("info", func(t *testing.T) { info(t, p) })
	if _, ok := vendor.AsIdentifier(p.New()); ok {
		t.Run("identify", func(t *testing.T) { identify(t, p) })
	}
	if _, ok := vendor.AsDriverPacks(p.New()); ok {
		t.Run("find", func(t *testing.T) { find(t, p) })
		t.Run("no catalogue", func(t *testing.T) { noCatalogue(t, p) })
		t.Run("bad catalogues", func(t *testing.T) { badCatalogues(t, p) })
		t.Run("at once", func(t *testing.T) { atOnce(t, p) })
	}
}

// Connect puts v behind a real gRPC connection and returns the client, for as long as the test runs.
func Connect(t *testing.T, v vendor.Vendor) vendor.Vendor {
	t.Helper()
	protocol, _ := plugin.TestPluginGRPCConn(t, false, vendor.Plugins(v)[vendor.ProtocolVersion])
	t.Cleanup(func() { _ = protocol.Close() }) // stops the server, too
	remote, err := vendor.Dispense(t.Context(), protocol)
	if err != nil {
		t.Fatal(err)
	}
	return remote
}

// packs returns the DriverPacks of v, which the caller knows to be there.
func packs(t *testing.T, v vendor.Vendor) vendor.DriverPacks {
	t.Helper()
	p, ok := vendor.AsDriverPacks(v)
	if !ok {
		t.Fatal("the capability to find driver packs was lost on the wire")
	}
	return p
}

func info(t *testing.T, p Plugin) {
	impl := p.New()
	direct := must(impl.Info(t.Context()))(t)
	if err := direct.Check(); err != nil {
		t.Error(err)
	}
	remote := Connect(t, impl)
	same(t, "Info", must(remote.Info(t.Context()))(t), direct)
	_, here := vendor.AsIdentifier(impl)
	if _, there := vendor.AsIdentifier(remote); here != there {
		t.Errorf("identify: %v here, %v over the wire", here, there)
	}
	_, here = vendor.AsDriverPacks(impl)
	if _, there := vendor.AsDriverPacks(remote); here != there {
		t.Errorf("driver packs: %v here, %v over the wire", here, there)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// index reads the plugin's catalogue on both sides of a new pair.
func index(t *testing.T, p Plugin) (direct, remote vendor.DriverPacks) {
	t.Helper()
	impl := p.New()
	direct, remote = packs(t, impl), packs(t, Connect(t, impl))
	got := must(direct.Index(context.Background(), p.Catalogue))(t)
	if got.Packs() == 0 || got.Models == 0 {
		t.Fatalf("Index(%s) found %d packs of %d models", p.Catalogue, got.Packs(), got.Models)
	}
	same(t, "Index", must(remote.Index(t.Context(), p.Catalogue))(t), got)
	return direct, remote
}
