package patch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	fwupdName = "org.freedesktop.fwupd"
	// systemBus is the D-Bus specification's address of the system bus.
	systemBus = "unix:path=/run/dbus/system_bus_socket"
	// deviceUpdatable is FWUPD_DEVICE_FLAG_UPDATABLE of libfwupd's enumeration.
	deviceUpdatable = uint64(1) << 1
	// remoteDownload and remoteLocal are FWUPD_REMOTE_KIND_DOWNLOAD, whose metadata is fetched, and
	// FWUPD_REMOTE_KIND_LOCAL, whose metadata came with a package.
	remoteDownload = uint32(1)
	remoteLocal    = uint32(2)
	// maxDevices bounds how many devices are asked about; a docked laptop has some 40.
	maxDevices = 512
)

// urgencyCritical is FWUPD_RELEASE_URGENCY_CRITICAL: "critical, e.g. a security fix".
const urgencyCritical = uint32(4)

// fwupd asks the firmware update daemon over D-Bus, which starts it where it does not run and lets it end by
// itself. It only asks; installing firmware is another matter.
type fwupd struct {
	address string
}

// NewFwupd gives the provider for the daemon on the bus at a D-Bus address; empty is the system bus.
func NewFwupd(address string) Provider { return fwupd{address: address} }

func (fwupd) Name() string { return "fwupd" }

func (f fwupd) Missing(ctx context.Context) (Result, error) {
	conn, err := f.connect(ctx)
	if err != nil {
		return Result{}, err
	}
	defer conn.Close()
	if err := present(ctx, conn); err != nil {
		return Result{}, err
	}
	return firmware(ctx, conn.Object(fwupdName, "/"))
}

// firmware asks the daemon. Where no device can be updated nothing is missing, whatever remotes there are;
// where one can, no metadata means not knowing.
func firmware(ctx context.Context, daemon dbus.BusObject) (Result, error) {
	devices, err := call(ctx, daemon, "GetDevices")
	if err != nil {
		return Result{}, err
	}
	if len(devices) > maxDevices {
		return Result{}, fmt.Errorf("fwupd lists %d devices, more than %d", len(devices), maxDevices)
	}
	devices = slices.DeleteFunc(devices, notUpdatable)
	if len(devices) == 0 {
		return Result{}, nil
	}
	remotes, err := call(ctx, daemon, "GetRemotes")
	if err != nil {
		return Result{}, err
	}
	if !slices.ContainsFunc(remotes, hasMetadata) {
		return Result{}, errors.New("fwupd knows no firmware yet; run fwupdmgr refresh")
	}
	updates, err := upgrades(ctx, daemon, devices)
	if err != nil {
		return Result{}, err
	}
	return Result{RefreshedAt: oldestRemote(remotes), Updates: updates}, nil
}

// connect opens a connection of its own: it is used for seconds, once in hours. A machine without a bus has
// no fwupd.
func (f fwupd) connect(ctx context.Context) (*dbus.Conn, error) {
	address := cmp.Or(f.address, os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"), systemBus)
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("connect to D-Bus: %w", err)
	}
	return conn, nil
}

// present asks the bus whether fwupd runs or can be started.
func present(ctx context.Context, conn *dbus.Conn) error {
	for _, method := range []string{"ListNames", "ListActivatableNames"} {
		var names []string
		if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus."+method, 0).Store(&names); err != nil {
			return fmt.Errorf("ask D-Bus for fwupd: %w", err)
		}
		if slices.Contains(names, fwupdName) {
			return nil
		}
	}
	return ErrAbsent
}

// properties is how fwupd describes a device, a release or a remote.
type properties map[string]dbus.Variant

func call(ctx context.Context, daemon dbus.BusObject, method string, args ...any) ([]properties, error) {
	var answer []properties
	err := daemon.CallWithContext(ctx, fwupdName+"."+method, 0, args...).Store(&answer)
	if err != nil && !isNone(err) {
		return nil, fmt.Errorf("fwupd %s: %w", method, err)
	}
	return answer, nil
}

// isNone recognises the two errors by which fwupd says that a device has no upgrade.
func isNone(err error) bool {
	var answer dbus.Error
	return errors.As(err, &answer) &&
		(answer.Name == fwupdName+".NothingToDo" || answer.Name == fwupdName+".NotSupported")
}

func notUpdatable(device properties) bool {
	return get[string](device, "DeviceId") == "" || get[uint64](device, "Flags")&deviceUpdatable == 0
}

func upgrades(ctx context.Context, daemon dbus.BusObject, devices []properties) ([]Update, error) {
	var updates []Update
	for _, device := range devices {
		releases, err := call(ctx, daemon, "GetUpgrades", get[string](device, "DeviceId"))
		if err != nil {
			return nil, err
		}
		if len(releases) > 0 {
			updates = append(updates, firmwareUpdate(device, releases))
		}
	}
	return updates, nil
}

// firmwareUpdate describes a device's upgrade to the newest release, which fwupd puts first. It is as grave as
// the gravest release on the way: critical if the vendor says so, security if it fixes listed issues (CVEs).
func firmwareUpdate(device properties, releases []properties) Update {
	newest := releases[0]
	u := Update{
		Name:           get[string](device, "Name"),
		Installed:      get[string](device, "Version"),
		Available:      get[string](newest, "Version"),
		Severity:       Other,
		Origin:         get[string](newest, "RemoteId"),
		Summary:        get[string](newest, "Summary"),
		AvailableSince: unix(newest, "Created"),
	}
	if u.Name == "" {
		u.Name = get[string](device, "DeviceId")
	}
	for _, release := range releases {
		u.Severity = max(u.Severity, urgency(release))
		u.MissedSince = earliest(u.MissedSince, unix(release, "Created"))
	}
	return u
}

func urgency(release properties) Severity {
	switch {
	case get[uint32](release, "Urgency") == urgencyCritical:
		return Critical
	case len(get[[]string](release, "Issues")) > 0:
		return Security
	}
	return Other
}

// hasMetadata tells whether a remote has told the daemon of any firmware; one never fetched has no time.
func hasMetadata(remote properties) bool {
	switch get[uint32](remote, "Type") {
	case remoteLocal:
		return get[bool](remote, "Enabled")
	case remoteDownload:
		return get[bool](remote, "Enabled") && !unix(remote, "ModificationTime").IsZero()
	}
	return false
}

// oldestRemote is when the stalest enabled source of firmware was last fetched: the daemon knows nothing newer
// from there.
func oldestRemote(remotes []properties) time.Time {
	var oldest time.Time
	for _, remote := range remotes {
		if get[bool](remote, "Enabled") && get[uint32](remote, "Type") == remoteDownload {
			oldest = earliest(oldest, unix(remote, "ModificationTime"))
		}
	}
	return oldest
}

// get reads a property, and is the zero value where it is absent, empty or of another type.
func get[T any](p properties, name string) T {
	value, _ := p[name].Value().(T)
	return value
}

func unix(p properties, name string) time.Time {
	seconds := get[uint64](p, name)
	if seconds == 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}
