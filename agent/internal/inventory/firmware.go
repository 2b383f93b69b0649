package inventory

import (
	"fmt"

	"github.com/nattevakt/nattevakt/agent/internal/inventory/smbios"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// describe fills in all that an SMBIOS table says.
func describe(in *nattevaktv1.Inventory, t *smbios.Table) {
	in.Identity = identify(t)
	in.Board = &nattevaktv1.Board{
		SystemSku: t.System.SKU, SystemFamily: t.System.Family, SystemVersion: t.System.Version,
		BoardVendor: t.Board.Manufacturer, BoardProduct: t.Board.Product, BoardVersion: t.Board.Version,
		ChassisType: uint32(t.Chassis.Type), AssetTag: t.Chassis.AssetTag,
	}
	if t.Major > 0 {
		in.Board.SmbiosVersion = fmt.Sprintf("%d.%d", t.Major, t.Minor)
	}
	in.Firmware = &nattevaktv1.Firmware{Vendor: t.BIOS.Vendor, Version: t.BIOS.Version, Date: t.BIOS.Date}
	in.Processor = processor(t.Processors)
	in.Memory = memory(t.Memory)
}

func processor(list []smbios.Processor) *nattevaktv1.Processor {
	p := &nattevaktv1.Processor{Sockets: uint32(len(list))}
	for _, cpu := range list {
		p.Model = first(p.Model, cpu.Version)
		p.Cores += cpu.Cores
		p.Threads += cpu.Threads
	}
	return p
}

// memory counts what is installed, which is a little more than what the system has left of it.
func memory(list []smbios.MemoryDevice) *nattevaktv1.Memory {
	m := &nattevaktv1.Memory{}
	for _, d := range list {
		m.TotalBytes += d.SizeBytes
		m.Modules = append(m.Modules, &nattevaktv1.MemoryModule{
			Locator: d.Locator, SizeBytes: d.SizeBytes, Type: d.Type, SpeedMts: d.SpeedMTs, Manufacturer: d.Manufacturer,
		})
	}
	return m
}
