package smbios_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/agent/internal/inventory/smbios"
	"github.com/nattevakt/nattevakt/deploy/madeup"
)

// TestParseReadsBack builds tables of any content, in both entry point forms and both UUID orders, and
// reads the same content from them.
func TestParseReadsBack(t *testing.T) {
	text := rapid.StringMatching(`[A-Za-z][A-Za-z0-9()/.-]{3,19}Q`)
	rapid.Check(t, func(t *rapid.T) {
		m := madeup.Machine{UEFI: rapid.Bool().Draw(t, "uefi")}
		d := &m.SMBIOS
		d.Major, d.Minor = rapid.IntRange(2, 3).Draw(t, "major"), rapid.IntRange(3, 8).Draw(t, "minor")
		d.Vendor, d.Product, d.Serial = text.Draw(t, "vendor"), text.Draw(t, "product"), text.Draw(t, "serial")
		d.SKU, d.BoardProduct, d.ChassisAssetTag = text.Draw(t, "sku"), text.Draw(t, "board"), text.Draw(t, "tag")
		d.UUID = rapid.StringMatching(`[0-9a-f]{7}1(-[0-9a-f]{4}){3}-[0-9a-f]{11}2`).Draw(t, "uuid")
		d.ChassisType = uint8(rapid.IntRange(1, 36).Draw(t, "chassis"))
		m.Memory = []madeup.Module{{Locator: "A", SizeMiB: rapid.IntRange(1, 1<<20).Draw(t, "size"), Type: 0x22, SpeedMTs: 4800}, {Locator: "B"}}

		got, err := smbios.Parse(m.Tables())
		if err != nil {
			t.Fatalf("Parse: %v", err)
		}
		want := smbios.System{Manufacturer: d.Vendor, Product: d.Product, Serial: d.Serial, SKU: d.SKU, UUID: d.UUID}
		if got.System != want || got.Board.Product != d.BoardProduct || got.Chassis.AssetTag != d.ChassisAssetTag {
			t.Errorf("read back %+v %+v %+v; want %+v", got.System, got.Board, got.Chassis, *d)
		}
		if got.Chassis.Type != d.ChassisType || got.BIOS.UEFI != m.UEFI || got.Major != d.Major || got.Minor != d.Minor {
			t.Errorf("read back %+v %+v %d.%d; want %+v", got.Chassis, got.BIOS, got.Major, got.Minor, *d)
		}
		if len(got.Memory) != 1 || got.Memory[0].SizeBytes != uint64(m.Memory[0].SizeMiB)<<20 || got.Memory[0].Type != "DDR5" {
			t.Errorf("memory %+v; want one module of %d MiB", got.Memory, m.Memory[0].SizeMiB)
		}
	})
}

// TestTruncated cuts a table at every byte: what comes before the cut is still read.
func TestTruncated(t *testing.T) {
	entryPoint, table := madeup.HPEliteBook().Tables()
	systemEnd := bytes.Index(table, []byte("103C_5336AN HP EliteBook\x00\x00")) + len("103C_5336AN HP EliteBook\x00\x00")
	for n := range len(table) - 1 {
		got, err := smbios.Parse(entryPoint, table[:n])
		if whole := n == 0 || bytes.HasSuffix(table[:n], []byte{0, 0}); !whole && err == nil {
			t.Fatalf("cut at %d of %d: no error", n, len(table))
		}
		if n >= systemEnd && got.System.Serial != "5CG1234ABC" {
			t.Fatalf("cut at %d, behind the system structure: lost its serial number", n)
		}
	}
}

func TestBroken(t *testing.T) {
	entryPoint, table := madeup.DellLatitude().Tables()
	shortLength := bytes.Clone(table)
	shortLength[1] = 3
	tooLong := bytes.Clone(table)
	tooLong[1] = 0xff
	for name, c := range map[string]struct {
		entryPoint, table []byte
		want              string
	}{
		"no anchor":       {bytes.Repeat([]byte{'x'}, 24), table, "no _SM_ or _SM3_ anchor"},
		"short entry":     {entryPoint[:10], table, "in 10 bytes"},
		"length below 4":  {entryPoint, shortLength, "structure 0: type 0 has length 3"},
		"length too long": {nil, tooLong[:100], "structure 0: type 0 has length 255 but 100"},
		"rest of three":   {nil, append(bytes.Clone(table[:len(table)-6]), 1, 2, 3), "3 bytes left"},
		"huge":            {nil, make([]byte, 2<<20), "read the first 1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := smbios.Parse(c.entryPoint, c.table); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want %q in it", err, c.want)
			}
		})
	}
}

// raw puts the header of Windows before a table.
func raw(major, minor uint8, length int, table []byte) []byte {
	b := []byte{0, major, minor, 0, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(b[4:], uint32(length))
	return append(b, table...)
}

func TestParseRaw(t *testing.T) {
	_, table := madeup.LenovoThinkPad().Tables()
	got, err := smbios.ParseRaw(raw(3, 4, len(table), append(table, "rubbish behind the table"...)))
	if err != nil || got.System.Version != "ThinkPad T14 Gen 4" || got.Minor != 4 {
		t.Errorf("ParseRaw = %+v, %v", got, err)
	}
	for name, c := range map[string][]byte{"no header": {1, 2, 3}, "says too much": raw(3, 4, len(table)+1, table)} {
		if _, err := smbios.ParseRaw(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"To be filled by O.E.M.": "", "Default string": "", "  System Serial Number ": "", "NONE": "", "0123456789": "",
		"00000000": "", "xxxx": "", "FFFFFFFF": "", "5CG1234ABC": "5CG1234ABC", " a \t b\x00\x07": "a b", "\xff\xfeX1": "X1",
		"F2": "F2", "ÆØÅ": "ÆØÅ",
	} {
		if got := smbios.Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"00000000-0000-0000-0000-000000000000": "", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF": "", "Not Settable": "",
		"03000200-0400-0500-0006-000700080009": "", "4C4C4544-0058-4B10-8032-B7C04F513933": "4c4c4544-0058-4b10-8032-b7c04f513933",
	} {
		if got := smbios.CleanUUID(text); got != want {
			t.Errorf("CleanUUID(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, m := range madeup.Machines() {
		entryPoint, table := m.Tables()
		f.Add(entryPoint, table)
	}
	f.Add([]byte(nil), []byte{1, 4, 0, 0, 'x'})
	f.Fuzz(func(t *testing.T, entryPoint, table []byte) {
		got, _ := smbios.Parse(entryPoint, table)
		for _, text := range append(got.OEMStrings, got.System.Serial, got.System.UUID, got.BIOS.Date, got.Board.Product) {
			if !utf8.ValidString(text) {
				t.Errorf("%q is not UTF-8", text)
			}
		}
		if len(got.Memory)+len(got.Processors) > len(table)/4 {
			t.Errorf("%d structures from %d bytes", len(got.Memory)+len(got.Processors), len(table))
		}
		if _, err := smbios.ParseRaw(table); len(table) < 8 && err == nil {
			t.Error("ParseRaw took less than a header")
		}
	})
}
