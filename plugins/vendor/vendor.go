// Package vendor is the kit for vendor plugins: what a plugin is (Vendor), what it may know besides
// (Identifier, DriverPacks), and the glue that makes a Go value with these methods a program of its own
// and a program of its own such a Go value.
//
// A plugin is a main of one line, vendor.Serve(impl). The control plane starts it with the client
// configuration of Client and gets the same interfaces back from Dispense, so that code and tests need
// not know on which side of a process border they are.
//
// Guarantees:
//   - The wire is gRPC over a local socket, with mutual TLS by keys that live as long as the process.
//   - Versions are negotiated at the handshake; a plugin and a host without a common one never talk.
//   - What a plugin can do is computed from its methods, never claimed; As tells the host.
//   - Errors keep their kind over the wire: ErrCatalogue, ErrNoCatalogue, context.DeadlineExceeded and
//     context.Canceled are found by errors.Is on both sides.
//   - A served plugin ends within seconds of the program that started it, however that one ended.
//
// The kit also reads catalogue files (Catalogue, Source, Listing) and holds the one set of rules by which
// every vendor's packs are chosen (choose.go); a plugin of a known kind is a Parse and an Identify.
//
// Package plugins/vendortest is the suite that every plugin passes; it lies beside this folder, for what
// lies in a folder named vendor cannot be imported. Plugins import nothing else of this repository but
// proto, the server imports this package alone.
package vendor

import (
	"context"
	"errors"
)

// Info is what a plugin says of itself.
type Info struct {
	// Name is the plugin's: lower-case letters and digits, "dell" for nattevakt-vendor-dell.
	Name string
	// Version is of the plugin, not of a catalogue.
	Version string
	// Vendors are those it answers for, as the agent names them (proto HardwareIdentity.vendor); empty is
	// any vendor that no other plugin knows.
	Vendors []string
}

// Vendor is what every plugin is. Info must not depend on a catalogue and may be called at any time.
type Vendor interface {
	Info(ctx context.Context) (Info, error)
}

// Hardware is the part of a machine's identity that names its model, as the agent reports it. A plugin
// does not learn which machine is meant.
type Hardware struct {
	Vendor   string
	Product  string
	ModelKey string
}

// Identity is what a plugin makes of Hardware.
type Identity struct {
	// Mine is set where the machine is of this vendor.
	Mine bool
	// ModelKey is in the form the vendor's catalogue has; empty where SMBIOS does not carry it.
	ModelKey string
	// Name is what people call the model.
	Name string
}

// Identifier knows the vendor's machines by what SMBIOS says. It needs no catalogue, decides by the key
// and the vendor, never by the product, and gives the same answer for the key it gave.
type Identifier interface {
	Identify(ctx context.Context, hardware Hardware) (Identity, error)
}

// DriverPacks finds the vendor's driver pack for a model. Both methods may be called at the same time
// from several goroutines; a Find meets the old catalogue or the new one, never a part of one.
type DriverPacks interface {
	// Index reads the catalogue at path, a file or a folder, and replaces the one in use. It fails with
	// ErrCatalogue where nothing at path can be used, and the one in use then stays.
	Index(ctx context.Context, path string) (Indexed, error)
	// Find fails with ErrNoCatalogue before the first Index. That no pack fits is an Answer.
	Find(ctx context.Context, query Query) (Answer, error)
}

// Errors that keep their kind over the wire.
var (
	// ErrCatalogue: what the path holds cannot be used as this vendor's catalogue; the text says why.
	ErrCatalogue = errors.New("not a usable catalogue")
	// ErrNoCatalogue: Find was called before a catalogue was indexed.
	ErrNoCatalogue = errors.New("no catalogue has been indexed")
)

// AsIdentifier returns the Identifier of v, if it has that capability. Use it instead of a type
// assertion: the client of a plugin in another process has what that plugin has.
func AsIdentifier(v Vendor) (Identifier, bool) {
	if c, ok := v.(*client); ok {
		return c.identifier, c.identifier != nil
	}
	i, ok := v.(Identifier)
	return i, ok
}

// AsDriverPacks returns the DriverPacks of v, if it has that capability; see AsIdentifier.
func AsDriverPacks(v Vendor) (DriverPacks, bool) {
	if c, ok := v.(*client); ok {
		return c.packs, c.packs != nil
	}
	p, ok := v.(DriverPacks)
	return p, ok
}
