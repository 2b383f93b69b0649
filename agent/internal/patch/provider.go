package patch

import (
	"context"
	"errors"
	"time"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// ErrAbsent says that the machine does not have this update service at all.
var ErrAbsent = errors.New("no such update service on this machine")

// A Provider is one update service. patchtest holds every provider to the same behaviour.
type Provider interface {
	// Name is the source's name in reports: "apt", "dnf", "fwupd".
	Name() string
	// Missing gives the updates the machine lacks. It changes nothing, heeds ctx, and may be called by
	// several goroutines. The error is ErrAbsent where there is no such service; any other error means
	// that the updates are unknown, and the Result is empty.
	Missing(ctx context.Context) (Result, error)
}

// A Runner runs a command and gives its standard output. An error holds what the command said on standard
// error; one that matches exec.ErrNotFound means that the command is not installed.
type Runner func(ctx context.Context, name string, args ...string) ([]byte, error)

// Result is what a provider knows. Updates may stand in any order.
type Result struct {
	// RefreshedAt is when the service last renewed its lists; zero where unknown.
	RefreshedAt time.Time
	Updates     []Update
}

// Update is one missing update. Times are zero where unknown.
type Update struct {
	// Name is the package ("openssl", "libc6:i386" where the architecture is foreign) or the device.
	Name      string
	Installed string
	Available string
	Severity  Severity
	// Origin is the repository, as the service itself writes it.
	Origin  string
	Summary string
	// Held: an administrator has put the package on hold.
	Held bool
	// InstalledSince is when the installed version came onto the machine.
	InstalledSince time.Time
	// AvailableSince is when the available version was published.
	AvailableSince time.Time
	// MissedSince is a time at which some update of the installed version, perhaps an older one than
	// Available, is known to have existed already.
	MissedSince time.Time
}

// Severity tells how much an update matters; the numbers are those of the contract.
type Severity int32

// The severities, from the least.
const (
	Other    = Severity(nattevaktv1.Severity_SEVERITY_OTHER)
	Security = Severity(nattevaktv1.Severity_SEVERITY_SECURITY)
	Critical = Severity(nattevaktv1.Severity_SEVERITY_CRITICAL)
)
