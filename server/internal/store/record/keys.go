package record

import (
	"fmt"
	"slices"

	"github.com/nattevakt/nattevakt/proto/id"
)

// NameKey is the key of an owner, a site or a cabinet.
func NameKey(n id.Name) []byte { return []byte(n) }

// DeviceKey is the key of a device and of its report.
func DeviceKey(d id.Device) []byte { return slices.Clone(d[:]) }

// JobKey is the key of a job; DeviceKey is the prefix of all jobs of a device.
func JobKey(d id.Device, j id.Job) []byte { return append(d[:len(d):len(d)], j[:]...) }

// SerialKey is the key of an index row, whose value is empty: serial, NUL, device id. control writes "s:",
// "u:" or "h:" before a serial number, UUID or host name in lower case. Several machines may claim one.
func SerialKey(serial string, d id.Device) []byte { return append(SerialPrefix(serial), d[:]...) }

// SerialPrefix begins the keys of all devices with a serial number. A serial with a NUL in it may match
// too: compare what ParseSerialKey gives.
func SerialPrefix(serial string) []byte { return append([]byte(serial), 0) }

// ParseSerialKey is the inverse of SerialKey.
func ParseSerialKey(key []byte) (serial string, d id.Device, err error) {
	end := len(key) - len(d) - 1
	if end < 0 || key[end] != 0 {
		return "", d, fmt.Errorf("serial index: key %x of %d bytes: want serial, NUL and 16 bytes", key[:min(len(key), 64)], len(key))
	}
	copy(d[:], key[end+1:])
	return string(key[:end]), d, nil
}
