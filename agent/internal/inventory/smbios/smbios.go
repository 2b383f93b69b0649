// Package smbios reads the SMBIOS table (DMTF DSP0134), in which firmware says what a machine is.
//
// Guarantees:
//   - Parse is pure and never panics, whatever bytes it gets; its work is bounded by their length.
//   - A broken structure costs only itself: what can be read is returned, together with an error that
//     names the structure.
//   - Text is valid UTF-8 without control characters, and empty where firmware left a placeholder
//     ("To be filled by O.E.M."); a UUID of all zeroes or ones is empty.
//
// Anybody in the agent may use it; it knows nothing of vendors or models.
package smbios

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits on what is read; real tables have below 300 structures in below 64 KiB.
const (
	maxTable      = 1 << 20
	maxStructures = 4096
	maxErrors     = 8
)

// Table is what the agent needs of an SMBIOS table. Where a type occurs several times and one value is
// held, the first counts.
type Table struct {
	// Major and Minor are the specification's version; both 0 where the entry point is missing.
	Major, Minor int
	BIOS         BIOS
	System       System
	Board        Board
	Chassis      Chassis
	Processors   []Processor
	// OEMStrings are those of type 11, unfiltered.
	OEMStrings []string
	Memory     []MemoryDevice
}

// BIOS is type 0 (7.1).
type BIOS struct {
	Vendor, Version string
	// Date is YYYY-MM-DD, or empty.
	Date string
	// UEFI and Virtual are bits 3 and 4 of the second extension byte.
	UEFI, Virtual bool
}

// System is type 1 (7.2).
type System struct {
	Manufacturer, Product, Version, Serial, SKU, Family string
	// UUID is in canonical lower-case text form, or empty.
	UUID string
}

// Board is type 2 (7.3).
type Board struct {
	Manufacturer, Product, Version, Serial string
}

// Chassis is type 3 (7.4). Type is the number of 7.4.1 without the lock bit.
type Chassis struct {
	Type                           uint8
	Manufacturer, Serial, AssetTag string
}

// Processor is a type 4 (7.5) whose socket is populated.
type Processor struct {
	Version        string
	Cores, Threads uint32
}

// MemoryDevice is a type 17 (7.18) with memory in it.
type MemoryDevice struct {
	Locator, Manufacturer string
	SizeBytes             uint64
	// Type is the short name, "DDR4"; empty where unknown.
	Type string
	// SpeedMTs is the configured speed in megatransfers per second, else the rated one; 0 is unknown.
	SpeedMTs uint32
}

// atLeast tells whether the table follows the version or a later one; an unknown version counts as new.
func (t *Table) atLeast(major, minor int) bool {
	return t.Major == 0 || t.Major > major || t.Major == major && t.Minor >= minor
}

// Parse reads an entry point (32-bit _SM_ or 64-bit _SM3_, as in /sys/firmware/dmi/tables/smbios_entry_point)
// and the table it belongs to. An empty entry point is allowed. The table is never nil; the error joins
// what was broken.
func Parse(entryPoint, table []byte) (*Table, error) {
	t := &Table{}
	var errs []error
	if len(entryPoint) > 0 {
		if err := t.readEntryPoint(entryPoint); err != nil {
			errs = append(errs, err)
		}
	}
	return t, errors.Join(append(errs, t.readStructures(table)...)...)
}

// ParseRaw reads what Windows' GetSystemFirmwareTable('RSMB') returns: RawSMBIOSData, eight bytes of
// header (calling method, major, minor, revision, little-endian length) before the table.
func ParseRaw(raw []byte) (*Table, error) {
	if len(raw) < 8 {
		return &Table{}, fmt.Errorf("raw smbios data: %d bytes, want at least 8", len(raw))
	}
	t := &Table{Major: int(raw[1]), Minor: int(raw[2])}
	table := raw[8:]
	var errs []error
	if length := binary.LittleEndian.Uint32(raw[4:]); uint64(length) > uint64(len(table)) {
		errs = append(errs, fmt.Errorf("raw smbios data: header says %d bytes, %d follow", length, len(table)))
	} else {
		table = table[:length]
	}
	return t, errors.Join(append(errs, t.readStructures(table)...)...)
}

// readEntryPoint takes the version from an entry point (5.2.1, 5.2.2).
func (t *Table) readEntryPoint(ep []byte) error {
	var version, length int
	switch {
	case len(ep) >= 0x18 && string(ep[:5]) == "_SM3_":
		version, length = 7, int(ep[6])
	case len(ep) >= 0x1f && string(ep[:4]) == "_SM_":
		version, length = 6, int(ep[5])
	default:
		return fmt.Errorf("entry point: no _SM_ or _SM3_ anchor in %d bytes", len(ep))
	}
	t.Major, t.Minor = int(ep[version]), int(ep[version+1])
	if length > len(ep) || checksum(ep[:length]) != 0 {
		return errors.New("entry point: wrong checksum")
	}
	return nil
}

func checksum(b []byte) (sum byte) {
	for _, v := range b {
		sum += v
	}
	return sum
}

func (t *Table) readStructures(table []byte) (errs []error) {
	if len(table) > maxTable {
		errs = append(errs, fmt.Errorf("table: %d bytes, read the first %d", len(table), maxTable))
		table = table[:maxTable]
	}
	seen := map[uint8]bool{}
	for n := 0; len(table) > 0 && n < maxStructures && len(errs) < maxErrors; n++ {
		s, rest, err := next(table)
		if err != nil {
			errs = append(errs, fmt.Errorf("structure %d: %w", n, err))
		}
		if s.kind == endOfTable {
			break
		}
		t.take(s, !seen[s.kind])
		seen[s.kind] = true
		table = rest
	}
	return errs
}
