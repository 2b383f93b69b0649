package madeup

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// structure builds one SMBIOS structure: a formatted area and the strings it points to (DSP0134 6.1).
type structure struct {
	area    []byte
	strings []string
}

func newStructure(kind uint8, length int, handle uint16) *structure {
	s := &structure{area: make([]byte, length)}
	s.area[0], s.area[1] = kind, uint8(length)
	binary.LittleEndian.PutUint16(s.area[2:], handle)
	return s
}

// text adds a string and puts its number at offset; an empty text leaves 0, "no string".
func (s *structure) text(offset int, text string) *structure {
	if text != "" {
		s.strings = append(s.strings, text)
		s.area[offset] = uint8(len(s.strings))
	}
	return s
}

func (s *structure) byte(offset int, v uint8) *structure {
	s.area[offset] = v
	return s
}

func (s *structure) word(offset, v int) *structure {
	binary.LittleEndian.PutUint16(s.area[offset:], uint16(v))
	return s
}

func (s *structure) dword(offset, v int) *structure {
	binary.LittleEndian.PutUint32(s.area[offset:], uint32(v))
	return s
}

func (s *structure) bytes() []byte {
	b := append([]byte{}, s.area...)
	for _, text := range s.strings {
		b = append(append(b, text...), 0)
	}
	if len(s.strings) == 0 {
		b = append(b, 0)
	}
	return append(b, 0)
}

// Tables returns the entry point and the table that the machine's firmware shows, whatever
// Machine.Firmware says of them.
func (m Machine) Tables() (entryPoint, table []byte) {
	for _, s := range m.structures() {
		table = append(table, s.bytes()...)
	}
	if m.SMBIOS.Major >= 3 {
		return entryPoint64(m.SMBIOS, len(table)), table
	}
	return entryPoint32(m.SMBIOS, len(table)), table
}

func (m Machine) structures() []*structure {
	list := []*structure{m.SMBIOS.bios(m.UEFI), m.SMBIOS.system(), m.SMBIOS.board(), m.SMBIOS.chassis()}
	for i := range m.CPU.Sockets {
		list = append(list, m.CPU.structure(uint16(0x40+i)))
	}
	if len(m.SMBIOS.OEMStrings) > 0 {
		list = append(list, m.SMBIOS.oem())
	}
	for i, module := range m.Memory {
		list = append(list, module.structure(uint16(0x1100+i)))
	}
	return append(list, newStructure(127, 4, 0xfeff))
}

func (d SMBIOS) bios(uefi bool) *structure {
	s := newStructure(0, 0x18, 0).text(0x04, d.BIOSVendor).text(0x05, d.BIOSVersion).text(0x08, d.BIOSDate)
	var flags uint8
	if uefi {
		flags |= 1 << 3
	}
	if d.Virtual {
		flags |= 1 << 4
	}
	return s.byte(0x13, flags)
}

func (d SMBIOS) system() *structure {
	s := newStructure(1, 0x1b, 1).text(0x04, d.Vendor).text(0x05, d.Product).text(0x06, d.Version)
	s.text(0x07, d.Serial).byte(0x18, 6).text(0x19, d.SKU).text(0x1a, d.Family)
	copy(s.area[0x08:0x18], d.uuid())
	return s
}

// uuid encodes the canonical text as type 1 does: from 2.6 on the first three fields are little-endian.
func (d SMBIOS) uuid() []byte {
	u, err := hex.DecodeString(strings.ReplaceAll(d.UUID, "-", ""))
	if err != nil || len(u) != 16 {
		return make([]byte, 16)
	}
	if d.Major > 2 || d.Major == 2 && d.Minor >= 6 {
		u[0], u[1], u[2], u[3] = u[3], u[2], u[1], u[0]
		u[4], u[5], u[6], u[7] = u[5], u[4], u[7], u[6]
	}
	return u
}

func (d SMBIOS) board() *structure {
	s := newStructure(2, 0x0f, 2).text(0x04, d.BoardVendor).text(0x05, d.BoardProduct)
	return s.text(0x06, d.BoardVersion).text(0x07, d.BoardSerial).byte(0x0d, 0x0a)
}

func (d SMBIOS) chassis() *structure {
	s := newStructure(3, 0x16, 3).text(0x04, d.ChassisVendor).byte(0x05, d.ChassisType)
	return s.text(0x06, d.ChassisVersion).text(0x07, d.ChassisSerial).text(0x08, d.ChassisAssetTag)
}

func (d SMBIOS) oem() *structure {
	s := newStructure(11, 5, 11).byte(0x04, uint8(len(d.OEMStrings)))
	s.strings = d.OEMStrings
	return s
}

func (c CPU) structure(handle uint16) *structure {
	const centralProcessor, populatedEnabled = 3, 0x41
	s := newStructure(4, 0x30, handle).text(0x04, "U3E1").byte(0x05, centralProcessor).text(0x10, c.Model)
	s.byte(0x18, populatedEnabled).byte(0x23, uint8(c.Cores)).byte(0x24, uint8(c.Cores)).byte(0x25, uint8(c.Threads))
	return s.word(0x2a, c.Cores).word(0x2c, c.Cores).word(0x2e, c.Threads)
}

func (m Module) structure(handle uint16) *structure {
	s := newStructure(17, 0x28, handle).text(0x10, m.Locator).text(0x17, m.Manufacturer)
	s.byte(0x12, m.Type).word(0x15, m.SpeedMTs).word(0x20, m.SpeedMTs)
	if m.SizeMiB >= 0x7fff {
		return s.word(0x0c, 0x7fff).dword(0x1c, m.SizeMiB)
	}
	return s.word(0x0c, m.SizeMiB)
}

// entryPoint64 is 5.2.2, entryPoint32 is 5.2.1.
func entryPoint64(d SMBIOS, length int) []byte {
	ep := make([]byte, 0x18)
	copy(ep, "_SM3_")
	ep[6], ep[7], ep[8], ep[0x0a] = 0x18, uint8(d.Major), uint8(d.Minor), 1
	binary.LittleEndian.PutUint32(ep[0x0c:], uint32(length))
	ep[5] = -checksum(ep)
	return ep
}

func entryPoint32(d SMBIOS, length int) []byte {
	ep := make([]byte, 0x1f)
	copy(ep, "_SM_")
	ep[5], ep[6], ep[7] = 0x1f, uint8(d.Major), uint8(d.Minor)
	copy(ep[0x10:], "_DMI_")
	binary.LittleEndian.PutUint16(ep[0x16:], uint16(length))
	ep[0x15] = -checksum(ep[0x10:])
	ep[4] = -checksum(ep)
	return ep
}

func checksum(b []byte) (sum uint8) {
	for _, v := range b {
		sum += v
	}
	return sum
}

// DMI returns the files of /sys/class/dmi/id that the kernel would show.
func (m Machine) DMI() map[string]string {
	d := m.SMBIOS
	files := map[string]string{
		"bios_vendor": d.BIOSVendor, "bios_version": d.BIOSVersion, "bios_date": d.BIOSDate,
		"sys_vendor": d.Vendor, "product_name": d.Product, "product_version": d.Version,
		"product_serial": d.Serial, "product_uuid": d.UUID, "product_sku": d.SKU, "product_family": d.Family,
		"board_vendor": d.BoardVendor, "board_name": d.BoardProduct, "board_version": d.BoardVersion,
		"board_serial": d.BoardSerial, "chassis_vendor": d.ChassisVendor, "chassis_type": decimal(int(d.ChassisType)),
		"chassis_version": d.ChassisVersion, "chassis_serial": d.ChassisSerial, "chassis_asset_tag": d.ChassisAssetTag,
	}
	for name, value := range files {
		if value == "" {
			delete(files, name)
		}
	}
	return files
}
