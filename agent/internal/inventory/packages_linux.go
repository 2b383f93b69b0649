package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// rpmDatabases are where rpm keeps what is installed: sqlite on Fedora and RHEL 9, older Berkeley files.
var rpmDatabases = []string{
	"usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages",
}

// maxRPMOutput bounds what is read of rpm's answer; ten thousand packages are half a megabyte.
const maxRPMOutput = 8 << 20

func (r root) findPackages(ctx context.Context, in *nattevaktv1.Inventory) error {
	in.Packages = &nattevaktv1.Packages{}
	return errors.Join(r.findDpkg(in), r.findRPM(ctx, in))
}

func (r root) findDpkg(in *nattevaktv1.Inventory) error {
	f, err := os.Open(r.path("var/lib/dpkg/status"))
	if err != nil {
		return optional(err)
	}
	defer func() { _ = f.Close() }()
	n, err := countInstalled(f)
	addCount(in, "dpkg", n)
	if err != nil {
		return fmt.Errorf("read dpkg status: %w", err)
	}
	return nil
}

func addCount(in *nattevaktv1.Inventory, manager string, n uint32) {
	in.Packages.Counts = append(in.Packages.Counts, &nattevaktv1.PackageCount{Manager: manager, Installed: n})
}

// findRPM asks the rpm program, for the database has a format of its own; so only on the machine itself.
func (r root) findRPM(ctx context.Context, in *nattevaktv1.Inventory) error {
	if !r.hasRPM() {
		return nil
	}
	rpm, err := exec.LookPath("rpm")
	if !r.isReal() || err != nil {
		return errors.New("rpm database found, but no rpm program that can read it")
	}
	out, err := runLimited(ctx, rpm, "-qa", "--qf", `%{INSTALLTIME} %{NAME}\n`)
	if err != nil {
		return fmt.Errorf("rpm -qa: %w", err)
	}
	// Without the time of the boot nothing can be later.
	booted, err := r.bootTime()
	after := time.Now()
	if err == nil {
		after = booted.AsTime()
	}
	n, causes, err := parseRPM(bytes.NewReader(out), after)
	if n > 0 {
		// The rpm tool alone, on Debian say, makes an empty database.
		addCount(in, "rpm", n)
	}
	if len(causes) > 0 {
		in.Os = &nattevaktv1.OperatingSystem{Reboot: &nattevaktv1.RebootPending{Pending: true, Causes: causes}}
	}
	return err
}

func (r root) hasRPM() bool {
	for _, name := range rpmDatabases {
		if r.exists(name) {
			return true
		}
	}
	return false
}

// runLimited returns what a program writes, which may not be more than maxRPMOutput.
func runLimited(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	out := &limitedBuffer{}
	cmd.Stdout = out
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	return out.buffer.Bytes(), err
}

// limitedBuffer refuses to grow beyond maxRPMOutput, which ends the program that writes to it. The buffer
// is no embedded field, for its ReadFrom would be used in place of Write.
type limitedBuffer struct{ buffer bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.buffer.Len()+len(p) > maxRPMOutput {
		return 0, fmt.Errorf("more than %d bytes of output", maxRPMOutput)
	}
	return b.buffer.Write(p)
}
