package smbios

import (
	"fmt"
	"time"
)

// take copies what one structure says into the table. Offsets and codes are those of DSP0134 3.7.
func (t *Table) take(s structure, first bool) {
	switch s.kind {
	case 4:
		t.takeProcessor(s)
	case 11:
		for _, text := range s.strings {
			t.OEMStrings = append(t.OEMStrings, printable(string(text)))
		}
	case 17:
		t.takeMemory(s)
	}
	if !first {
		return
	}
	switch s.kind {
	case 0:
		t.BIOS = BIOS{
			Vendor: s.text(0x04), Version: s.text(0x05), Date: ParseDate(s.raw(0x08)),
			UEFI: s.byte(0x13)&(1<<3) != 0, Virtual: s.byte(0x13)&(1<<4) != 0,
		}
	case 1:
		t.System = System{
			Manufacturer: s.text(0x04), Product: s.text(0x05), Version: s.text(0x06), Serial: s.text(0x07),
			UUID: t.uuid(s), SKU: s.text(0x19), Family: s.text(0x1a),
		}
	case 2:
		t.Board = Board{Manufacturer: s.text(0x04), Product: s.text(0x05), Version: s.text(0x06), Serial: s.text(0x07)}
	case 3:
		t.Chassis = Chassis{
			Manufacturer: s.text(0x04), Type: s.byte(0x05) &^ 0x80, Serial: s.text(0x07), AssetTag: s.text(0x08),
		}
	}
}

// uuid reads the sixteen bytes at 0x08 of type 1. Since 2.6 the first three fields are little-endian (7.2.1).
func (t *Table) uuid(s structure) string {
	if len(s.data) < 0x18 {
		return ""
	}
	u := [16]byte(s.data[0x08:0x18])
	if t.atLeast(2, 6) {
		u[0], u[1], u[2], u[3] = u[3], u[2], u[1], u[0]
		u[4], u[5] = u[5], u[4]
		u[6], u[7] = u[7], u[6]
	}
	return CleanUUID(fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16]))
}

func (t *Table) takeProcessor(s structure) {
	const centralProcessor, populated = 3, 1 << 6
	if s.byte(0x05) != centralProcessor || s.byte(0x18)&populated == 0 {
		return
	}
	t.Processors = append(t.Processors, Processor{
		Version: s.text(0x10),
		Cores:   count(s.byte(0x23), s.word(0x2a)),
		Threads: count(s.byte(0x25), s.word(0x2e)),
	})
}

// count joins a byte-sized count with the word that replaces it from 255 on (7.5.6, 7.5.8).
func count(small uint8, large uint16) uint32 {
	if small == 0xff && large != 0 {
		return uint32(large)
	}
	return uint32(small)
}

func (t *Table) takeMemory(s structure) {
	size := memorySize(s)
	if size == 0 {
		return
	}
	t.Memory = append(t.Memory, MemoryDevice{
		Locator: s.text(0x10), Manufacturer: s.text(0x17), SizeBytes: size,
		Type: memoryTypes[s.byte(0x12)], SpeedMTs: memorySpeed(s),
	})
}

// memorySize is 0 for an empty slot and for an unknown size (7.18, offsets 0Ch and 1Ch).
func memorySize(s structure) uint64 {
	const unknown, extended, kilobytes = 0xffff, 0x7fff, 0x8000
	switch size := s.word(0x0c); {
	case size == unknown:
		return 0
	case size == extended:
		return uint64(s.dword(0x1c)&0x7fffffff) << 20
	case size&kilobytes != 0:
		return uint64(size&^kilobytes) << 10
	default:
		return uint64(size) << 20
	}
}

// memorySpeed prefers the configured speed (20h, 58h) to the rated one (15h, 54h).
func memorySpeed(s structure) uint32 {
	for _, at := range [][2]int{{0x20, 0x58}, {0x15, 0x54}} {
		switch speed := s.word(at[0]); speed {
		case 0:
		case 0xffff:
			return s.dword(at[1]) & 0x7fffffff
		default:
			return uint32(speed)
		}
	}
	return 0
}

// memoryTypes names those of 7.18.2 that machines of this century have.
var memoryTypes = map[uint8]string{
	0x0f: "SDRAM", 0x12: "DDR", 0x13: "DDR2", 0x18: "DDR3", 0x1a: "DDR4", 0x1b: "LPDDR", 0x1c: "LPDDR2",
	0x1d: "LPDDR3", 0x1e: "LPDDR4", 0x20: "HBM", 0x21: "HBM2", 0x22: "DDR5", 0x23: "LPDDR5", 0x24: "HBM3",
}

// ParseDate turns a BIOS date (7.1: mm/dd/yyyy, or mm/dd/yy before 2.3) into YYYY-MM-DD; empty if it is none.
func ParseDate(text string) string {
	for _, layout := range []string{"01/02/2006", "01/02/06", "2006-01-02"} {
		if d, err := time.Parse(layout, Clean(text)); err == nil {
			return d.Format(time.DateOnly)
		}
	}
	return ""
}
