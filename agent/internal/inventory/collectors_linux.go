package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// collectors of Linux. The order matters for memory and processor: SMBIOS knows best what is installed,
// the kernel knows best what it runs on, and both stand in for the other.
func collectors(o Options) []collector {
	r := root(o.Root)
	plain := func(find func(*nattevaktv1.Inventory) error) func(context.Context, *nattevaktv1.Inventory) error {
		return func(_ context.Context, in *nattevaktv1.Inventory) error { return find(in) }
	}
	return []collector{
		{"memory", plain(r.findMemory)},
		{"smbios", plain(r.findFirmware)},
		{"processor", plain(r.findProcessor)},
		{"disks", plain(r.findDisks)},
		{"batteries", plain(r.findBatteries)},
		{"network", plain(r.findAdapters)},
		{"security", plain(r.findSecurity)},
		{"os", plain(func(in *nattevaktv1.Inventory) error { return r.findOS(in, o.Now) })},
		{"packages", r.findPackages},
		{"thin-client", plain(r.findWriteFilter)},
	}
}

// Identity reads what SMBIOS says the machine is, and nothing else: a millisecond's work. With an error,
// what could be read is returned as well; where there is no SMBIOS at all the identity is empty but for
// a form factor that tells a virtual machine.
func Identity(rootPath string) (*nattevaktv1.HardwareIdentity, error) {
	id, _, err := root(rootPath).identity()
	return id, err
}

// BootID returns the kernel's random number of this boot.
func BootID(rootPath string) (id [16]byte, err error) {
	const name = "proc/sys/kernel/random/boot_id"
	text, err := root(rootPath).text(name)
	if err != nil {
		return id, fmt.Errorf("read boot id: %w", err)
	}
	var a, b, c, d, e []byte
	n, err := fmt.Sscanf(text, "%8x-%4x-%4x-%4x-%12x", &a, &b, &c, &d, &e)
	if joined := joinBytes(a, b, c, d, e); err == nil && n == 5 && len(joined) == len(id) && len(text) == 36 {
		return [16]byte(joined), nil
	}
	return id, fmt.Errorf("read boot id: %s holds %.40q, want a uuid", name, text)
}

func joinBytes(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// optional forgives an error that only says that something is not there.
func optional(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// plausible drops times before any machine still in use was made, and those after now.
func plausible(t, now time.Time) bool {
	return t.Year() >= 2005 && !t.After(now)
}
