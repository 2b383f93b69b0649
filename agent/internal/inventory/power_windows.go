package inventory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// Vitals asks GetSystemPowerStatus, which has all batteries together. A charge that Windows does not know
// is an error, with the rest returned. The root has no meaning on Windows.
func Vitals(string) (*nattevaktv1.Vitals, error) {
	var status struct {
		line, flag, percent, saver uint8
		life, fullLife             uint32
	}
	if ok, err := call(systemPowerStatus, uintptr(unsafe.Pointer(&status))); ok == 0 {
		return &nattevaktv1.Vitals{}, err
	}
	return powerVitals(status.line, status.flag, status.percent)
}

// powerVitals reads SYSTEM_POWER_STATUS: 255 is "unknown" in each of the three, and bit 7 of the flag is
// "no system battery".
func powerVitals(line, flag, percent uint8) (*nattevaktv1.Vitals, error) {
	const unknown, noBattery = 255, 128
	v := &nattevaktv1.Vitals{OnAc: line == 1, HasBattery: flag&noBattery == 0}
	if !v.HasBattery {
		return v, nil
	}
	if percent > 100 {
		return v, fmt.Errorf("battery: reports %d %%, want 0 to 100", percent)
	}
	v.BatteryPercent = uint32(percent)
	return v, nil
}

// batteryClass is GUID_DEVCLASS_BATTERY, the interface of each battery.
var batteryClass = windows.GUID{
	Data1: 0x72631e54, Data2: 0x78a4, Data3: 0x11d0, Data4: [8]byte{0xbc, 0xf7, 0x00, 0xaa, 0x00, 0xb7, 0xb3, 0x2a},
}

// Control codes and information levels of batclass.h.
const (
	batteryTag        = 0x294040 // IOCTL_BATTERY_QUERY_TAG
	batteryQuery      = 0x294044 // IOCTL_BATTERY_QUERY_INFORMATION
	levelInformation  = 0
	levelDeviceName   = 4
	levelSerialNumber = 8
	systemBattery     = 0x80000000 // BATTERY_SYSTEM_BATTERY
	relativeCapacity  = 0x40000000 // BATTERY_CAPACITY_RELATIVE
	maxBatteries      = 8
)

func findBatteries(in *nattevaktv1.Inventory) error {
	paths, err := windows.CM_Get_Device_Interface_List("", &batteryClass, windows.CM_GET_DEVICE_INTERFACE_LIST_PRESENT)
	var code windows.CONFIGRET
	if errors.As(err, &code) {
		// Its Error method calls a function that not every cfgmgr32.dll has, and panics then.
		return fmt.Errorf("list batteries: configuration manager error %#x", uint32(code))
	}
	if err != nil {
		return fmt.Errorf("list batteries: %w", err)
	}
	var errs []error
	for i, path := range paths[:min(len(paths), maxBatteries)] {
		b, err := readBattery(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("battery %d: %w", i, err))
			continue
		}
		if b != nil {
			b.Name = fmt.Sprintf("BAT%d", i)
			in.Batteries = append(in.Batteries, b)
		}
	}
	return errors.Join(errs...)
}

// readBattery returns nil for an empty bay and for a battery that does not feed the machine.
func readBattery(path string) (*nattevaktv1.Battery, error) {
	h, err := openDevice(path, windows.GENERIC_READ|windows.GENERIC_WRITE)
	if err != nil {
		return nil, err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	tag, err := control(h, batteryTag, make([]byte, 4), 4)
	if err != nil || len(tag) < 4 || binary.LittleEndian.Uint32(tag) == 0 {
		return nil, nil
	}
	ask := func(level uint32) ([]byte, error) {
		query := make([]byte, 12)
		copy(query, tag)
		binary.LittleEndian.PutUint32(query[4:], level)
		return control(h, batteryQuery, query, 512)
	}
	info, err := ask(levelInformation)
	if err != nil {
		return nil, fmt.Errorf("ask for its capacity: %w", err)
	}
	b := parseBattery(info)
	if b != nil {
		// A battery without a name or number leaves them empty.
		name, _ := ask(levelDeviceName)
		serial, _ := ask(levelSerialNumber)
		b.Model, b.Serial = wideText(name), wideText(serial)
	}
	return b, nil
}

// parseBattery reads BATTERY_INFORMATION: capacities are in mWh unless they are relative; 0xffffffff is unknown.
func parseBattery(b []byte) *nattevaktv1.Battery {
	if len(b) < 36 {
		return nil
	}
	capabilities := binary.LittleEndian.Uint32(b)
	if capabilities&systemBattery == 0 {
		return nil
	}
	number := func(at int) uint32 {
		if v := binary.LittleEndian.Uint32(b[at:]); v < 10_000_000 {
			return v
		}
		return 0
	}
	battery := &nattevaktv1.Battery{
		Technology: clip(strings.Trim(strings.ToValidUTF8(string(b[8:12]), ""), "\x00 "), 16), Cycles: number(32),
	}
	if capabilities&relativeCapacity == 0 {
		battery.DesignMwh, battery.FullMwh = number(12), number(16)
	}
	return battery
}

// wideText reads UTF-16 up to a zero.
func wideText(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return clip(strings.TrimSpace(string(utf16.Decode(units))), 128)
}
