// Package agent puts the agent together: it opens the state folder, knows the machine, enrols it where
// needed, and runs the loops until it is told to stop.
//
// Guarantees:
//   - One agent per state folder.
//   - A machine that is refused or waits goes on asking slowly; Run ends only with its context, where the
//     machine itself is the trouble (its folder, its key, its bootstrap file), or where the control plane
//     issues what cannot be an identity.
//   - When Run returns, every goroutine it started has ended.
//
// Only the command nattevakt-agent uses this package.
package agent

import (
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/clock"
	"github.com/nattevakt/nattevakt/agent/internal/config"
	"github.com/nattevakt/nattevakt/agent/internal/dial"
	"github.com/nattevakt/nattevakt/agent/internal/enroll"
	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/agent/internal/keys"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/status"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// BootstrapName is the bootstrap file's copy in the state folder.
const BootstrapName = "bootstrap.json"

// Options are the command's flags.
type Options struct {
	// State is the state folder, Root the folder that stands for the machine's "/".
	State, Root string
	// Bootstrap is a bootstrap file; empty uses the copy in the state folder.
	Bootstrap string
	// Token replaces the bootstrap file's site token; a secret.
	Token string
	// TPM is "auto", "off" or a TPM's path.
	TPM string
	// Disk is the imaging target, or empty.
	Disk string
	// Metrics is a loopback address, or empty for none.
	Metrics string
	// ClockOffset pretends that the machine's clock is off.
	ClockOffset time.Duration
	// InventoryEvery and PatchEvery are in real time.
	InventoryEvery, PatchEvery time.Duration
	Version                    string
	Log                        *slog.Logger
	// OnPending hears why the machine waits to be let in; may be nil.
	OnPending func(reason.Code)
}

// Agent is one machine's agent, opened.
type Agent struct {
	options   Options
	log       *slog.Logger
	folder    *state.Folder
	release   func()
	clock     *clock.Keeper
	boot      [16]byte
	hardware  *v1.HardwareIdentity
	key       crypto.Signer
	bootstrap config.Bootstrap
	dialer    *dial.Dialer
	status    *status.Keeper
	identity  atomic.Pointer[enroll.Identity]
}

// Open takes the state folder and reads what is in it. Close must follow.
func Open(o Options) (_ *Agent, err error) {
	a := &Agent{options: o, log: o.Log}
	if a.folder, err = state.Open(o.State); err != nil {
		return nil, err
	}
	if a.release, err = a.folder.Lock(); err != nil {
		return nil, err
	}
	if err := a.open(); err != nil {
		a.release()
		return nil, err
	}
	return a, nil
}

// Close gives the state folder back.
func (a *Agent) Close() { a.release() }

func (a *Agent) open() (err error) {
	if err := a.folder.Sweep(); err != nil {
		return err
	}
	if err := a.know(); err != nil {
		return err
	}
	if a.clock, err = clock.Open(a.folder, clock.Machine(a.boot, a.options.ClockOffset)); err != nil {
		return err
	}
	identity, err := enroll.Load(a.folder)
	if err != nil && !errors.Is(err, enroll.ErrNotEnrolled) {
		return err
	}
	a.identity.Store(identity)
	if err := a.choose(identity != nil); err != nil {
		return err
	}
	if a.key, err = keys.Open(a.folder, a.options.TPM, a.log); err != nil {
		return err
	}
	a.status = status.NewKeeper(a.folder, func() time.Time { return a.clock.Read().Wall }, a.initial())
	return a.connect()
}

// know reads what the machine is. A made-up machine may lack a boot id; it then shares this one's.
func (a *Agent) know() (err error) {
	if a.boot, err = inventory.BootID(a.options.Root); err != nil {
		if a.boot, err = inventory.BootID("/"); err != nil {
			return err
		}
	}
	a.hardware, err = inventory.Identity(a.options.Root)
	if err != nil {
		a.log.Warn("hardware identity is not whole", "error", err)
	}
	return nil
}

// choose settles which bootstrap file counts, and keeps it.
func (a *Agent) choose(enrolled bool) error {
	kept, err := a.kept()
	switch {
	case err != nil:
		return err
	case a.options.Bootstrap == "" && kept == nil:
		return enroll.ErrNotEnrolled
	case a.options.Bootstrap == "":
		a.bootstrap = *kept
	default:
		if a.bootstrap, err = a.given(kept, enrolled); err != nil {
			return err
		}
	}
	if a.options.Token != "" {
		a.bootstrap.SiteToken = a.options.Token
	}
	return a.keep(enrolled)
}

func (a *Agent) kept() (*config.Bootstrap, error) {
	data, err := a.folder.Read(BootstrapName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := config.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (give the bootstrap file again with --bootstrap)", a.folder.Path(BootstrapName), err)
	}
	return &b, nil
}

// given reads the file of the flag. Once the machine is enrolled the file may be gone: a service is
// started with the same flags for ever.
func (a *Agent) given(kept *config.Bootstrap, enrolled bool) (config.Bootstrap, error) {
	given, err := config.Load(a.options.Bootstrap)
	if errors.Is(err, fs.ErrNotExist) && enrolled && kept != nil {
		a.log.Warn("bootstrap file is gone; using the copy in the state folder", "file", a.options.Bootstrap)
		return *kept, nil
	}
	if err != nil {
		return config.Bootstrap{}, err
	}
	return merge(kept, given, enrolled)
}

// merge takes only the addresses from a new file once the machine is enrolled.
func merge(kept *config.Bootstrap, given config.Bootstrap, enrolled bool) (config.Bootstrap, error) {
	if kept == nil || !enrolled {
		return given, nil
	}
	if !kept.SameCA(given) {
		return config.Bootstrap{}, errors.New("this machine is enrolled with another control plane; " +
			"to move it, stop the agent, remove its state folder and enrol it anew")
	}
	merged := *kept
	merged.Server, merged.Servers = given.Server, given.Servers
	return merged, nil
}

// keep writes the bootstrap file's copy, with the token only for as long as it is needed.
func (a *Agent) keep(enrolled bool) error {
	if enrolled {
		a.bootstrap = a.bootstrap.WithoutToken()
	}
	return a.folder.WriteJSON(BootstrapName, a.bootstrap)
}

func (a *Agent) initial() status.Status {
	s := status.Status{State: status.StateNotEnrolled, Servers: a.bootstrap.Addresses(), Version: a.options.Version, KeyHeld: "file"}
	if _, held := a.key.(enroll.Prover); held {
		s.KeyHeld = "tpm"
	}
	if identity := a.identity.Load(); identity != nil {
		s.State, s.Device, s.CertificateNotAfter = "away", identity.Device.String(), identity.NotAfter()
	}
	return s
}

func (a *Agent) connect() error {
	roots, err := a.bootstrap.Roots()
	if err != nil {
		return err
	}
	a.dialer = dial.New(dial.Config{
		Addresses: a.bootstrap.Addresses(), Roots: roots, Clock: a.clock, Certificate: a.certificate,
	})
	return nil
}

func (a *Agent) certificate() *tls.Certificate {
	identity := a.identity.Load()
	if identity == nil {
		return nil
	}
	return identity.Certificate(a.key)
}

// hostname is the machine's; a made-up machine has one of its own.
func (a *Agent) hostname() string {
	if a.options.Root != "" && a.options.Root != "/" {
		if name, err := os.ReadFile(filepath.Join(a.options.Root, "etc", "hostname")); err == nil {
			return strings.TrimSpace(string(name))
		}
	}
	name, err := os.Hostname()
	if err != nil {
		a.log.Warn("hostname not known", "error", err)
	}
	return name
}
