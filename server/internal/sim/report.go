package sim

import (
	"crypto/sha256"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// report is what every device has reported, in the form in which it is stored: a school laptop's
// inventory, and some updates that it misses.
func report(now time.Time) ([]byte, error) {
	r := record.Report{Digest: reportDigest(), At: now}
	for _, s := range sections(now) {
		content, err := proto.Marshal(s)
		if err != nil {
			return nil, err
		}
		digest := sha256.Sum256(content)
		s.Digest = digest[:16]
		if content, err = proto.Marshal(s); err != nil {
			return nil, err
		}
		r.Sections = append(r.Sections, record.Section{Name: s.GetName(), Digest: s.GetDigest(), Content: content})
	}
	return record.EncodeReport(r)
}

func sections(now time.Time) []*nattevaktv1.Section {
	inventory := func(name string, i *nattevaktv1.Inventory) *nattevaktv1.Section {
		return &nattevaktv1.Section{Name: name, Content: &nattevaktv1.Section_Inventory{Inventory: i}}
	}
	return []*nattevaktv1.Section{
		inventory("identity", &nattevaktv1.Inventory{Identity: &nattevaktv1.HardwareIdentity{
			Vendor: vendor, Product: product, ModelKey: modelKey, Serial: "SIM0000000",
		}}),
		inventory("board", &nattevaktv1.Inventory{Board: &nattevaktv1.Board{
			SystemSku: modelKey, SystemFamily: "Latitude", BoardVendor: vendor, BoardProduct: "0YWXF1", BoardVersion: "A00", ChassisType: 10,
		}}),
		inventory("firmware", &nattevaktv1.Inventory{Firmware: &nattevaktv1.Firmware{
			Vendor: vendor, Version: "1.24.0", Date: "2026-03-17", Uefi: true,
		}}),
		inventory("processor", &nattevaktv1.Inventory{Processor: &nattevaktv1.Processor{
			Model: "13th Gen Intel(R) Core(TM) i3-1315U", Sockets: 1, Cores: 6, Threads: 8, Architecture: "amd64",
		}}),
		inventory("memory", &nattevaktv1.Inventory{Memory: &nattevaktv1.Memory{TotalBytes: 8 << 30, Modules: []*nattevaktv1.MemoryModule{
			{Locator: "Motherboard", SizeBytes: 8 << 30, Type: "LPDDR5", SpeedMts: 4800, Manufacturer: "Samsung"},
		}}}),
		inventory("disks", &nattevaktv1.Inventory{Disks: []*nattevaktv1.Disk{{
			Name: "nvme0n1", Model: "BC901 NVMe SK hynix 256GB", Serial: "SSC7N4422I2507R4O", SizeBytes: 256 << 30, Kind: "nvme",
			Health: &nattevaktv1.DiskHealth{Passed: true, WearPercent: 4, PowerOnHours: 2210, Source: "nvme"},
		}}}),
		inventory("batteries", &nattevaktv1.Inventory{Batteries: []*nattevaktv1.Battery{{
			Name: "BAT0", Model: "DELL 8G3XR31", Serial: "4417", Technology: "lithium polymer", DesignMwh: 54_000, FullMwh: 47_300, Cycles: 211,
		}}}),
		inventory("adapters", &nattevaktv1.Inventory{Adapters: []*nattevaktv1.NetworkAdapter{
			{Name: "enp0s31f6", Mac: "08:92:04:6a:51:0e", Kind: "ethernet", SpeedMbit: 1000, Driver: "e1000e"},
			{Name: "wlp0s20f3", Mac: "f4:26:79:8b:e0:c4", Kind: "wifi", Driver: "iwlwifi"},
		}}),
		inventory("security", &nattevaktv1.Inventory{Security: &nattevaktv1.Security{
			TpmVersion: "2.0", TpmPresent: true, SecureBoot: nattevaktv1.SecureBoot_SECURE_BOOT_ENABLED,
		}}),
		inventory("os", &nattevaktv1.Inventory{Os: &nattevaktv1.OperatingSystem{
			Family: "linux", Id: "debian", Name: osName, Version: osVersion, Kernel: "6.1.0-44-amd64",
			InstalledAt: timestamppb.New(now.AddDate(0, -3, 0)), BootedAt: timestamppb.New(now), Hostname: "sim-0000000",
		}}),
		inventory("packages", &nattevaktv1.Inventory{Packages: &nattevaktv1.Packages{
			Counts: []*nattevaktv1.PackageCount{{Manager: "dpkg", Installed: 1748}},
		}}),
		{Name: "patch", Content: &nattevaktv1.Section_Patch{Patch: &nattevaktv1.PatchState{
			Sources: []*nattevaktv1.PatchSource{{Name: "apt", RefreshedAt: timestamppb.New(now)}}, Missing: updates(now),
		}}},
	}
}

// missing is how many updates each device lacks: a fleet that is updated at night lacks few.
const missing = 5

func updates(now time.Time) []*nattevaktv1.Update {
	var out []*nattevaktv1.Update
	for i := range missing {
		d := digest(uint64(i), "update")
		out = append(out, &nattevaktv1.Update{
			Source: "apt", Name: fmt.Sprintf("lib%x%d", d[:3], d[3]%10), Severity: nattevaktv1.Severity_SEVERITY_SECURITY, Origin: "Debian-Security:12/stable",
			InstalledVersion: fmt.Sprintf("%d.%d.%d-%d+deb12u1", d[4]%9, d[5]%30, d[6]%10, d[7]%5+1),
			AvailableVersion: fmt.Sprintf("%d.%d.%d-%d+deb12u2", d[4]%9, d[5]%30, d[6]%10, d[7]%5+1),
			InstalledSince:   timestamppb.New(now.AddDate(0, -3, 0)), DaysBehind: uint32(d[8] % 30),
			Summary: fmt.Sprintf("shared library for %x (run-time files)", d[9:14]),
		})
	}
	return out
}
