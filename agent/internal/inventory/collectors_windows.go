package inventory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/nattevakt/nattevakt/agent/internal/inventory/smbios"
	"github.com/nattevakt/nattevakt/agent/internal/inventory/winreg"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

var (
	kernel32              = windows.NewLazySystemDLL("kernel32.dll")
	getFirmwareTable      = kernel32.NewProc("GetSystemFirmwareTable")
	globalMemoryStatus    = kernel32.NewProc("GlobalMemoryStatusEx")
	systemPowerStatus     = kernel32.NewProc("GetSystemPowerStatus")
	logicalProcessorsInfo = kernel32.NewProc("GetLogicalProcessorInformationEx")
	advapi32              = windows.NewLazySystemDLL("advapi32.dll")
	regCreateKeyEx        = advapi32.NewProc("RegCreateKeyExW")
	tbs                   = windows.NewLazySystemDLL("tbs.dll")
	tpmDeviceInfo         = tbs.NewProc("Tbsi_GetDeviceInfo")
)

// call calls a system function that may not be there, in which case LazyProc.Call would panic. The error
// is never nil: it is for where the result says failure.
func call(p *windows.LazyProc, args ...uintptr) (result uintptr, err error) {
	if err := p.Find(); err != nil {
		return 0, err
	}
	result, _, err = p.Call(args...)
	return result, fmt.Errorf("%s: %w", p.Name, err)
}

// collectors of Windows, in the order that collectors of Linux have and for the same reason.
func collectors(Options) []collector {
	reg := localMachine{}
	plain := func(find func(*nattevaktv1.Inventory) error) func(context.Context, *nattevaktv1.Inventory) error {
		return func(_ context.Context, in *nattevaktv1.Inventory) error { return find(in) }
	}
	return []collector{
		{"memory", plain(findMemory)},
		{"smbios", plain(findFirmware)},
		{"processor", plain(findProcessor)},
		{"disks", plain(findDisks)},
		{"batteries", plain(findBatteries)},
		{"network", plain(findAdapters)},
		{"security", plain(func(in *nattevaktv1.Inventory) error { return findSecurity(in, reg) })},
		{"os", plain(func(in *nattevaktv1.Inventory) error { return findOS(in, reg) })},
		{"packages", plain(func(in *nattevaktv1.Inventory) error {
			in.Packages = &nattevaktv1.Packages{Counts: []*nattevaktv1.PackageCount{
				{Manager: "windows-programs", Installed: winreg.Programs(reg)},
			}}
			return nil
		})},
		{"thin-client", plain(func(in *nattevaktv1.Inventory) error { return findWriteFilter(in, reg) })},
	}
}

// Identity reads what SMBIOS says the machine is, and nothing else. The root has no meaning on Windows.
func Identity(string) (*nattevaktv1.HardwareIdentity, error) {
	t, err := readTable()
	return identify(t), err
}

func findFirmware(in *nattevaktv1.Inventory) error {
	t, err := readTable()
	describe(in, t)
	return err
}

// readTable asks for the raw SMBIOS table. It is never nil.
func readTable() (*smbios.Table, error) {
	const rawSMBIOS = 'R'<<24 | 'S'<<16 | 'M'<<8 | 'B'
	size, err := call(getFirmwareTable, rawSMBIOS, 0, 0, 0)
	if size == 0 {
		return &smbios.Table{}, fmt.Errorf("%w: %w", ErrNoSMBIOS, err)
	}
	raw := make([]byte, min(size, 1<<20))
	n, err := call(getFirmwareTable, rawSMBIOS, 0, uintptr(unsafe.Pointer(&raw[0])), uintptr(len(raw)))
	if n == 0 {
		return &smbios.Table{}, err
	}
	return smbios.ParseRaw(raw[:min(int(n), len(raw))])
}

// bootKey is created volatile: Windows forgets it when it shuts down.
const bootKey = `SOFTWARE\Nattevakt\Boot`

// BootID returns a number drawn at the first call since the machine was started, and kept in a volatile
// key of the registry. Windows has no such number of its own, and one made of the boot time would change
// when the clock is put right. The first call needs the right to write to HKEY_LOCAL_MACHINE.
func BootID(string) (id [16]byte, err error) {
	k, err := openVolatile(bootKey)
	if err != nil {
		return id, fmt.Errorf("boot id: %w (run as the service or as administrator)", err)
	}
	defer func() { _ = k.Close() }()
	kept, _, err := k.GetBinaryValue("ID")
	if err == nil && len(kept) == len(id) {
		return [16]byte(kept), nil
	}
	// Read never fails (crypto/rand ends the program instead).
	_, _ = rand.Read(id[:])
	if err := k.SetBinaryValue("ID", id[:]); err != nil {
		return id, fmt.Errorf("keep boot id: %w", err)
	}
	return id, nil
}

// openVolatile is RegCreateKeyEx with REG_OPTION_VOLATILE, which package registry does not offer.
func openVolatile(path string) (registry.Key, error) {
	const volatile = 1
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE|registry.SET_VALUE); err == nil {
		return k, nil
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	if err := regCreateKeyEx.Find(); err != nil {
		return 0, err
	}
	var k registry.Key
	status, _, _ := regCreateKeyEx.Call(uintptr(registry.LOCAL_MACHINE), uintptr(unsafe.Pointer(name)), 0, 0, volatile,
		uintptr(registry.QUERY_VALUE|registry.SET_VALUE), 0, uintptr(unsafe.Pointer(&k)), 0)
	if status != 0 {
		return 0, windows.Errno(status)
	}
	return k, nil
}

// bootTime is when Windows was started, to the minute. It is kept by the kernel and moves only when the
// clock is set.
func bootTime() (time.Time, error) {
	var info struct {
		boot, current, zoneBias int64
		zone, _                 uint32
		bootBias, sleepBias     uint64
	}
	err := windows.NtQuerySystemInformation(windows.SystemTimeOfDayInformation, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil)
	if err != nil {
		return time.Time{}, fmt.Errorf("boot time: %w", err)
	}
	if info.boot <= 0 {
		return time.Time{}, errors.New("boot time: none")
	}
	ft := windows.Filetime{LowDateTime: uint32(info.boot), HighDateTime: uint32(info.boot >> 32)}
	return time.Unix(0, ft.Nanoseconds()).UTC().Truncate(time.Minute), nil
}
