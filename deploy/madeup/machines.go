package madeup

import "time"

// Machines returns the named machines below, for golden tests.
func Machines() []Machine {
	return []Machine{
		DellLatitude(), HPEliteBook(), LenovoThinkPad(), SurfacePro(), FujitsuEsprimo(), HPThinClient(), VirtualMachine(),
		BrokenFirmware(), NoFirmware(),
	}
}

var (
	installed = time.Date(2024, 8, 12, 9, 30, 0, 0, time.UTC)
	loopback  = Adapter{Name: "lo", MAC: "00:00:00:00:00:00", Kind: "virtual"}
)

// DellLatitude is a laptop with two batteries, and a mouse whose battery is not the machine's.
func DellLatitude() Machine {
	return Machine{
		Name: "dell-latitude-7440",
		SMBIOS: SMBIOS{
			Major: 3, Minor: 4, BIOSVendor: "Dell Inc.", BIOSVersion: "1.17.0", BIOSDate: "03/18/2025",
			Vendor: "Dell Inc.", Product: "Latitude 7440", Serial: "7XK2Q93", UUID: "4c4c4544-0058-4b10-8032-b7c04f513933",
			SKU: "0C0B", Family: "Latitude", BoardVendor: "Dell Inc.", BoardProduct: "0H2V1M", BoardVersion: "A01",
			ChassisVendor: "Dell Inc.", ChassisType: 10, OEMStrings: []string{"Dell System", "1[0C0B]", "3[1.0]"},
		},
		CPU: CPU{Model: "13th Gen Intel(R) Core(TM) i5-1345U", Sockets: 1, Cores: 10, Threads: 12},
		Memory: []Module{
			{Locator: "Motherboard", Manufacturer: "Micron Technology", SizeMiB: 16384, Type: 0x23, SpeedMTs: 4800},
		},
		Disks: []Disk{
			{Name: "nvme0n1", Model: "KBG50ZNS256G NVMe KIOXIA 256GB", Serial: "93XPB0KZEAB1", SizeBytes: 256060514304},
			{Name: "loop0", SizeBytes: 67108864}, {Name: "zram0", SizeBytes: 4294967296}, {Name: "dm-0", SizeBytes: 255000000000},
		},
		Supplies: []Supply{
			{Name: "ADP1", Type: "Mains", Online: true},
			{Name: "BAT0", Type: "Battery", Model: "DELL 1WWV2B5", Serial: "1423", Technology: "Li-poly", DesignMWh: 57000, FullMWh: 51300, InCharge: true, VoltageMV: 11400, Cycles: 213, Percent: 80},
			{Name: "CMB1", Type: "Battery", Model: "DELL SLICE", Serial: "77", Technology: "Li-ion", DesignMWh: 20000, FullMWh: 17000, VoltageMV: 7600, Cycles: 12, Percent: 20},
			{Name: "hidpp_battery_0", Type: "Battery", Scope: "Device", Model: "Wireless Mouse", VoltageMV: 1500, Percent: 5},
		},
		Adapters: []Adapter{
			loopback,
			{Name: "enp0s31f6", MAC: "a4:bb:6d:12:34:56", Kind: "ethernet", Driver: "e1000e", SpeedMbit: 1000},
			{Name: "wlp0s20f3", MAC: "a4:bb:6d:12:34:57", Kind: "wifi", Driver: "iwlwifi"},
			{Name: "docker0", MAC: "02:42:00:00:00:01", Kind: "virtual"},
		},
		TPM: "2.0", UEFI: true, SecureBoot: true,
		OS: debian("dell-7440", installed, 1712),
	}
}

// HPEliteBook waits for a restart; Secure Boot is off.
func HPEliteBook() Machine {
	os := debian("hp-840", installed, 1533)
	os.RebootFor = []string{"linux-image-6.1.0-32-amd64", "dbus"}
	os.Kernels = append(os.Kernels, "6.1.0-32-amd64")
	return Machine{
		Name: "hp-elitebook-840-g8",
		SMBIOS: SMBIOS{
			Major: 3, Minor: 3, BIOSVendor: "HP", BIOSVersion: "T37 Ver. 01.15.00", BIOSDate: "11/07/2023",
			Vendor: "Hewlett-Packard", Product: "HP EliteBook 840 G8 Notebook PC", Version: "SBKPF", Serial: "5CG1234ABC",
			UUID: "d9f2c1a0-5b3e-11ec-8d3d-0242ac130003", SKU: "5P6A1EA#ABN", Family: "103C_5336AN HP EliteBook",
			BoardVendor: "HP", BoardProduct: "880d", BoardVersion: "KBC Version 30.37.00", BoardSerial: "PLEHC0A1B2",
			ChassisVendor: "HP", ChassisSerial: "5CG1234ABC", ChassisAssetTag: "KOM-10442", ChassisType: 10,
		},
		CPU: CPU{Model: "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz", Sockets: 1, Cores: 4, Threads: 8},
		Memory: []Module{
			{Locator: "Bottom-Slot 1(left)", Manufacturer: "Samsung", SizeMiB: 8192, Type: 0x1a, SpeedMTs: 3200},
			{Locator: "Bottom-Slot 2(right)"},
		},
		Disks: []Disk{
			{Name: "nvme0n1", Model: "SAMSUNG MZVLQ256HBJD-000H1", Serial: "S65ANX0R123456", SizeBytes: 256060514304},
			{Name: "sda", Model: "USB DISK 3.0", SizeBytes: 15728640000, Removable: true},
		},
		Supplies: []Supply{
			{Name: "AC", Type: "Mains"},
			{Name: "BAT0", Type: "Battery", Model: "Primary", Serial: "31337", Technology: "Li-ion", DesignMWh: 53000, FullMWh: 45500, VoltageMV: 11550, Cycles: 301, Percent: 64},
			{Name: "ucsi-source-psy-USBC000:001", Type: "USB"},
		},
		Adapters: []Adapter{
			loopback,
			{Name: "wlo1", MAC: "f8:b5:4d:aa:bb:01", Kind: "wifi", Driver: "iwlwifi"},
			{Name: "wwan0", MAC: "f8:b5:4d:aa:bb:02", Kind: "mobile", Driver: "cdc_mbim"},
		},
		TPM: "2.0", UEFI: true, OS: os,
	}
}

// LenovoThinkPad runs Fedora; its battery has outlived its rated capacity.
func LenovoThinkPad() Machine {
	return Machine{
		Name: "lenovo-thinkpad-t14",
		SMBIOS: SMBIOS{
			Major: 3, Minor: 4, BIOSVendor: "LENOVO", BIOSVersion: "N3QET42W (1.42 )", BIOSDate: "01/22/2025",
			Vendor: "LENOVO", Product: "21HES2XX00", Version: "ThinkPad T14 Gen 4", Serial: "PF4ABC12",
			UUID: "8f7a3bcc-2f1e-11b2-a85c-c0a4e5d6f708", SKU: "LENOVO_MT_21HE_BU_Think_FM_ThinkPad T14 Gen 4", Family: "ThinkPad T14 Gen 4",
			BoardVendor: "LENOVO", BoardProduct: "21HES2XX00", BoardVersion: "SDK0T76530 WIN",
			ChassisVendor: "LENOVO", ChassisVersion: "None", ChassisAssetTag: "No Asset Information", ChassisType: 10,
		},
		CPU: CPU{Model: "13th Gen Intel(R) Core(TM) i5-1335U", Sockets: 1, Cores: 10, Threads: 12},
		Memory: []Module{
			{Locator: "Controller0-ChannelA-DIMM0", Manufacturer: "Samsung", SizeMiB: 8192, Type: 0x22, SpeedMTs: 5200},
			{Locator: "Controller1-ChannelA-DIMM0", Manufacturer: "Samsung", SizeMiB: 32768, Type: 0x22, SpeedMTs: 5200},
		},
		Disks: []Disk{{Name: "nvme0n1", Model: "UMIS RPJTJ256MEE1OWX", Serial: "SS0L25218X1RC23F0123", SizeBytes: 256060514304}},
		Supplies: []Supply{
			{Name: "AC", Type: "Mains", Online: true},
			{Name: "BAT0", Type: "Battery", Model: "5B11H56431", Serial: "442", Technology: "Li-poly", DesignMWh: 52500, FullMWh: 53020, VoltageMV: 15480, Cycles: 20, Percent: 100},
		},
		Adapters: []Adapter{
			loopback,
			{Name: "enp0s31f6", MAC: "c4:ef:bb:00:11:22", Kind: "ethernet", Driver: "e1000e", SpeedMbit: 1000},
			{Name: "wlp0s20f3", MAC: "c4:ef:bb:00:11:23", Kind: "wifi", Driver: "iwlwifi"},
		},
		TPM: "2.0", UEFI: true, SecureBoot: true,
		OS: OS{
			Release: []string{
				`NAME="Fedora Linux"`, `VERSION="40 (Workstation Edition)"`, `ID=fedora`, `VERSION_ID=40`,
				`PRETTY_NAME="Fedora Linux 40 (Workstation Edition)"`, `VARIANT="Workstation Edition"`, `VARIANT_ID=workstation`,
			},
			Kernel: "6.8.5-301.fc40.x86_64", Kernels: []string{"6.8.5-301.fc40.x86_64", "0-rescue-0123456789abcdef"},
			Hostname: "lenovo-t14", Installed: installed, Booted: installed.Add(time.Hour),
		},
	}
}

// SurfacePro is a detachable: its chassis says so.
func SurfacePro() Machine {
	return Machine{
		Name: "surface-pro-7",
		SMBIOS: SMBIOS{
			Major: 3, Minor: 2, BIOSVendor: "Microsoft Corporation", BIOSVersion: "18.101.140", BIOSDate: "08/15/2023",
			Vendor: "Microsoft Corporation", Product: "Surface Pro 7", Version: "124I:00040T:000M:0200000R:0B", Serial: "012345678953",
			UUID: "b1d38d6b-8b0f-7b0a-8c4e-3d5e0a9a2c11", SKU: "Surface_Pro_7_1866", Family: "Surface",
			BoardVendor: "Microsoft Corporation", BoardProduct: "Surface Pro 7",
			ChassisVendor: "Microsoft Corporation", ChassisType: 32,
		},
		CPU: CPU{Model: "Intel(R) Core(TM) i5-1035G4 CPU @ 1.10GHz", Sockets: 1, Cores: 4, Threads: 8},
		Memory: []Module{
			{Locator: "ChannelA-DIMM0", Manufacturer: "Hynix", SizeMiB: 4096, Type: 0x1e, SpeedMTs: 3733},
			{Locator: "ChannelB-DIMM0", Manufacturer: "Hynix", SizeMiB: 4096, Type: 0x1e, SpeedMTs: 3733},
		},
		Disks: []Disk{{Name: "nvme0n1", Model: "KBG40ZNS128G NVMe TOSHIBA 128GB", Serial: "50VPG0KUQB8N", SizeBytes: 128035676160}},
		Supplies: []Supply{
			{Name: "ADP1", Type: "Mains"},
			{Name: "BAT1", Type: "Battery", Model: "M1087273", Serial: "0000012", Technology: "Li-ion", DesignMWh: 43200, FullMWh: 38000, VoltageMV: 7570, Cycles: 402, Percent: 41},
		},
		Adapters: []Adapter{loopback, {Name: "wlp0s20f3", MAC: "28:16:a8:01:02:03", Kind: "wifi", Driver: "iwlwifi"}},
		TPM:      "2.0", UEFI: true, SecureBoot: true, OS: debian("surface-7", installed, 1400),
	}
}

// FujitsuEsprimo is an old office desktop: legacy BIOS, a hard disk, SMBIOS 2.4 (UUID in the old byte
// order, 32-bit entry point), TPM 1.2 and placeholders.
func FujitsuEsprimo() Machine {
	return Machine{
		Name: "fujitsu-esprimo",
		SMBIOS: SMBIOS{
			Major: 2, Minor: 4, BIOSVendor: "FUJITSU // American Megatrends Inc.", BIOSVersion: "V4.6.5.4 R1.36.0 for D3222-A1x", BIOSDate: "10/13/2016",
			Vendor: "FUJITSU", Product: "ESPRIMO E720", Version: "System Version", Serial: "YLNL012345", UUID: "a1b2c3d4-e5f6-1122-3344-556677889900",
			SKU: "To be filled by O.E.M.", BoardVendor: "FUJITSU", BoardProduct: "D3222-A1", BoardVersion: "S26361-D3222-A1",
			ChassisVendor: "FUJITSU", ChassisVersion: "ESPE5X2C64", ChassisAssetTag: "System Asset Tag", ChassisType: 4 | 0x80,
		},
		CPU: CPU{Model: "Intel(R) Core(TM) i3-4130 CPU @ 3.40GHz", Sockets: 1, Cores: 2, Threads: 4},
		Memory: []Module{
			{Locator: "ChannelA-DIMM0", Manufacturer: "Kingston", SizeMiB: 4096, Type: 0x18, SpeedMTs: 1600},
			{Locator: "ChannelA-DIMM1"}, {Locator: "ChannelB-DIMM0"},
		},
		Disks: []Disk{
			{Name: "sda", Model: "ST500DM002-1BD142", Serial: "Z6E1ABCD", SizeBytes: 500107862016, Rotational: true},
			{Name: "sr0", Model: "DVD-RAM GHB0N", SizeBytes: 1073741312, Removable: true, Rotational: true},
		},
		Adapters: []Adapter{loopback, {Name: "eno1", MAC: "90:1b:0e:11:22:33", Kind: "ethernet", Driver: "e1000e", SpeedMbit: 1000}},
		TPM:      "1.2", OS: debian("esprimo", installed, 1204),
	}
}

// HPThinClient has 32 GB of eMMC and a root that forgets what is written to it.
func HPThinClient() Machine {
	os := debian("t640", installed, 612)
	os.RootMount = "overlay / overlay rw,lowerdir=/lower,upperdir=/upper 0 0"
	return Machine{
		Name: "hp-t640-thin-client",
		SMBIOS: SMBIOS{
			Major: 3, Minor: 1, BIOSVendor: "AMI", BIOSVersion: "M44 v01.15", BIOSDate: "04/21/2022",
			Vendor: "HP", Product: "HP t640 Thin Client", Serial: "8CN0450ABC", UUID: "00fcd3e1-1d2a-4c64-9b46-2c58b9a1f0e7",
			SKU: "6TV40EA", Family: "103C_53302M HP Thin Client", BoardVendor: "HP", BoardProduct: "8619", BoardVersion: "MVB, A",
			ChassisVendor: "HP", ChassisType: 3,
		},
		CPU:      CPU{Model: "AMD Ryzen Embedded R1505G with Radeon Vega Gfx", Sockets: 1, Cores: 2, Threads: 4},
		Memory:   []Module{{Locator: "DIMM 0", Manufacturer: "Samsung", SizeMiB: 8192, Type: 0x1a, SpeedMTs: 2400}},
		Disks:    []Disk{{Name: "mmcblk0", Model: "DF4032", Serial: "0x1a2b3c4d", SizeBytes: 31268536320, LifeUsed: 4}, {Name: "mmcblk0boot0", SizeBytes: 4194304}},
		Adapters: []Adapter{loopback, {Name: "enp1s0", MAC: "b0:22:7a:44:55:66", Kind: "ethernet", Driver: "r8169", SpeedMbit: 1000}},
		TPM:      "2.0", UEFI: true, OS: os,
	}
}

// VirtualMachine is QEMU with UEFI and a virtio disk.
func VirtualMachine() Machine {
	return Machine{
		Name: "qemu-q35",
		SMBIOS: SMBIOS{
			Major: 2, Minor: 8, BIOSVendor: "EFI Development Kit II / OVMF", BIOSVersion: "0.0.0", BIOSDate: "02/06/2015",
			Vendor: "QEMU", Product: "Standard PC (Q35 + ICH9, 2009)", Version: "pc-q35-7.2", Serial: "Not Specified",
			UUID: "6f1d1a52-0c1c-4c6a-9a3f-6d7a5e0f3b21", ChassisVendor: "QEMU", ChassisVersion: "pc-q35-7.2", ChassisType: 1, Virtual: true,
		},
		CPU:      CPU{Model: "QEMU Virtual CPU version 2.5+", Sockets: 2, Cores: 1, Threads: 1},
		Memory:   []Module{{Locator: "DIMM 0", Manufacturer: "QEMU", SizeMiB: 2048, Type: 0x07}},
		Disks:    []Disk{{Name: "vda", Serial: "nattevakt-0", SizeBytes: 21474836480, Rotational: true}},
		Adapters: []Adapter{loopback, {Name: "ens3", MAC: "52:54:00:12:34:56", Kind: "ethernet", Driver: "virtio_net"}},
		UEFI:     true, OS: debian("vm", installed, 380),
	}
}

// BrokenFirmware is a no-name desktop whose table is cut off and whose fields nobody filled in.
func BrokenFirmware() Machine {
	const nobody = "To be filled by O.E.M."
	return Machine{
		Name: "broken-smbios", Firmware: BrokenTables,
		SMBIOS: SMBIOS{
			Major: 3, Minor: 0, BIOSVendor: "American Megatrends Inc.", BIOSVersion: "F2", BIOSDate: "99/99/2019",
			Vendor: "Default string", Product: nobody, Version: nobody, Serial: "System Serial Number",
			UUID: "ffffffff-ffff-ffff-ffff-ffffffffffff", SKU: nobody, Family: "None",
			BoardVendor: "Gigabyte Technology Co., Ltd.", BoardProduct: "B360M D2V-CF", BoardVersion: "x.x", BoardSerial: "0123456789",
			ChassisVendor: nobody, ChassisSerial: nobody, ChassisType: 3,
		},
		CPU:      CPU{Model: "Intel(R) Core(TM) i3-8100 CPU @ 3.60GHz", Sockets: 1, Cores: 4, Threads: 4},
		Memory:   []Module{{Locator: "ChannelA-DIMM0", Manufacturer: "Crucial", SizeMiB: 8192, Type: 0x1a, SpeedMTs: 2400}},
		Disks:    []Disk{{Name: "sda", Model: "CT240BX500SSD1", Serial: "1912E1ABCDEF", SizeBytes: 240057409536}},
		Adapters: []Adapter{loopback, {Name: "enp2s0", MAC: "b4:2e:99:0a:0b:0c", Kind: "ethernet", Driver: "r8169", SpeedMbit: 1000}},
		UEFI:     true, OS: debian("whitebox", installed, 998),
	}
}

// NoFirmware has no SMBIOS at all and next to nothing else: a board computer, or a container.
func NoFirmware() Machine {
	return Machine{
		Name: "no-smbios", Firmware: NoTables,
		CPU:    CPU{Model: "Intel(R) Celeron(R) N4000 CPU @ 1.10GHz", Sockets: 1, Cores: 2, Threads: 2},
		Memory: []Module{{Locator: "onboard", SizeMiB: 4096}},
		Disks:  []Disk{{Name: "sda", Model: "KINGSTON SA400S37120G", Serial: "50026B7282ABCDEF", SizeBytes: 120034123776}},
		OS:     debian("nameless", installed, 700),
	}
}
