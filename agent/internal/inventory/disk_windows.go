package inventory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/windows"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// Control codes and properties of winioctl.h.
const (
	queryProperty       = 0x2d1400 // IOCTL_STORAGE_QUERY_PROPERTY
	driveGeometry       = 0x0700a0 // IOCTL_DISK_GET_DRIVE_GEOMETRY_EX
	propertyDevice      = 0        // StorageDeviceProperty
	propertySeekPenalty = 7        // StorageDeviceSeekPenaltyProperty
	propertyProtocol    = 50       // StorageDeviceProtocolSpecificProperty
	maxDrives           = 32
)

func findDisks(in *nattevaktv1.Inventory) error {
	var errs []error
	for n := range maxDrives {
		name := fmt.Sprintf("PhysicalDrive%d", n)
		d, err := readDrive(name)
		switch {
		case errors.Is(err, windows.ERROR_FILE_NOT_FOUND), errors.Is(err, windows.ERROR_PATH_NOT_FOUND):
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		case d.SizeBytes > 0:
			in.Disks = append(in.Disks, d)
		}
	}
	return errors.Join(errs...)
}

// readDrive opens a drive without any access, which is enough to ask for its properties.
func readDrive(name string) (*nattevaktv1.Disk, error) {
	h, err := openDevice(`\\.\`+name, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	descriptor, err := control(h, queryProperty, propertyQuery(propertyDevice), 4096)
	if err != nil {
		return nil, fmt.Errorf("ask for properties: %w", err)
	}
	d := parseDescriptor(descriptor)
	d.Name = name
	if geometry, err := control(h, driveGeometry, nil, 256); err == nil && len(geometry) >= 32 {
		d.SizeBytes = binary.LittleEndian.Uint64(geometry[24:])
	}
	if d.Kind == "unknown" {
		penalty, err := control(h, queryProperty, propertyQuery(propertySeekPenalty), 64)
		d.Kind = kindBySeek(penalty, err)
	}
	if d.Kind == "nvme" {
		d.Health = nvmeDriveHealth(h)
	}
	return d, nil
}

func openDevice(path string, access uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	return windows.CreateFile(name, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, 0, 0)
}

// control is DeviceIoControl with at most size bytes of answer.
func control(h windows.Handle, code uint32, in []byte, size int) ([]byte, error) {
	var input *byte
	if len(in) > 0 {
		input = &in[0]
	}
	out := make([]byte, size)
	var n uint32
	err := windows.DeviceIoControl(h, code, input, uint32(len(in)), &out[0], uint32(size), &n, nil)
	return out[:min(int(n), size)], err
}

// propertyQuery is STORAGE_PROPERTY_QUERY, with room for its parameters.
func propertyQuery(property uint32) []byte {
	q := make([]byte, 12)
	binary.LittleEndian.PutUint32(q, property)
	return q
}

// busKinds are the bus types (STORAGE_BUS_TYPE) that say by themselves what a disk is.
var busKinds = map[uint32]string{0x0d: "emmc", 0x0e: "virtual", 0x0f: "virtual", 0x11: "nvme"}

// parseDescriptor reads STORAGE_DEVICE_DESCRIPTOR: texts stand at offsets from its start, 0 for none.
func parseDescriptor(b []byte) *nattevaktv1.Disk {
	d := &nattevaktv1.Disk{Kind: "unknown"}
	if len(b) < 32 {
		return d
	}
	text := func(at int) string {
		offset := binary.LittleEndian.Uint32(b[at:])
		if offset == 0 || uint64(offset) >= uint64(len(b)) {
			return ""
		}
		value, _, _ := bytes.Cut(b[offset:], []byte{0})
		return clip(strings.Join(strings.Fields(strings.ToValidUTF8(string(value), "")), " "), 256)
	}
	d.Removable = b[10] != 0
	d.Model = strings.TrimSpace(text(12) + " " + text(16))
	d.Serial = strings.TrimSuffix(text(24), ".")
	if kind, found := busKinds[binary.LittleEndian.Uint32(b[28:])]; found {
		d.Kind = kind
	}
	if virtualModels.MatchString(d.Model) {
		d.Kind = "virtual"
	}
	return d
}

// kindBySeek reads DEVICE_SEEK_PENALTY_DESCRIPTOR.
func kindBySeek(b []byte, err error) string {
	switch {
	case err != nil || len(b) < 9:
		return "unknown"
	case b[8] == 0:
		return "ssd"
	}
	return "hdd"
}

// nvmeDriveHealth asks for log page 02h through STORAGE_PROTOCOL_SPECIFIC_DATA; nil where the driver does not say.
func nvmeDriveHealth(h windows.Handle) *nattevaktv1.DiskHealth {
	const header, data, nvme, logPage, smartLog = 8, 40, 3, 2, 2
	query := make([]byte, header+data)
	put := func(at int, v uint32) { binary.LittleEndian.PutUint32(query[at:], v) }
	put(0, propertyProtocol)
	put(header, nvme)
	put(header+4, logPage)
	put(header+8, smartLog)
	put(header+16, data)
	put(header+20, healthPage)
	answer, err := control(h, queryProperty, query, header+data+healthPage)
	if err != nil || len(answer) < header+data+healthPage {
		return nil
	}
	health, err := parseNVMeHealth(answer[header+data:])
	if err != nil {
		return nil
	}
	return health
}
