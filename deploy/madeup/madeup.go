// Package madeup makes the root folder of a machine that does not exist: the files of /proc, /sys, /etc
// and /var that the agent reads, from a plain description. The demonstration's cabinet, golden tests and
// virtual machines get their hardware here.
//
// Guarantees:
//   - Write is deterministic: the same Machine gives the same bytes and times in each file, except
//     proc/sys/kernel/random/boot_id, which is new with each Write unless Machine.BootID is set.
//   - Cabinet is deterministic by its seed, and no two of its machines share a serial number, UUID,
//     MAC address or hostname.
//   - Write only creates files below the folder it is given.
//
// The binary SMBIOS table is built by a builder of its own, so that the agent's parser is tested
// against something that is not its mirror. Anybody but the shipped agent and control plane may use it.
package madeup

import "time"

// Machine describes one machine. The zero value of a field means that the machine has no such thing.
type Machine struct {
	// Name is for people and file names: "dell-latitude-7440".
	Name string
	// Firmware says how much of SMBIOS the machine shows.
	Firmware Firmware
	SMBIOS   SMBIOS
	CPU      CPU
	Memory   []Module
	Disks    []Disk
	Supplies []Supply
	Adapters []Adapter
	// TPM is "2.0", "1.2" or empty.
	TPM        string
	UEFI       bool
	SecureBoot bool
	OS         OS
	// BootID is the text of proc/sys/kernel/random/boot_id; random for each Write if empty.
	BootID string
}

// Firmware says how much of SMBIOS a machine shows.
type Firmware int

// The kinds of firmware met in the field.
const (
	// FullTables has the binary table, as for root on a normal machine.
	FullTables Firmware = iota
	// FilesOnly has /sys/class/dmi/id but not the tables.
	FilesOnly
	// BrokenTables has a table that is cut off in the middle and an entry point with a wrong checksum.
	BrokenTables
	// NoTables has neither.
	NoTables
)

// SMBIOS is what firmware says of the machine, as raw strings: types 0 to 3 and 11.
type SMBIOS struct {
	// Major and Minor are the version; from 3.0 on the entry point is _SM3_.
	Major, Minor                                                  int
	BIOSVendor, BIOSVersion, BIOSDate                             string
	Vendor, Product, Version, Serial, UUID, SKU, Family           string
	BoardVendor, BoardProduct, BoardVersion, BoardSerial          string
	ChassisVendor, ChassisVersion, ChassisSerial, ChassisAssetTag string
	ChassisType                                                   uint8
	OEMStrings                                                    []string
	// Virtual sets the BIOS characteristic "SMBIOS table describes a virtual machine".
	Virtual bool
}

// CPU is type 4 and /proc/cpuinfo.
type CPU struct {
	Model                   string
	Sockets, Cores, Threads int
}

// Module is one memory slot, type 17; SizeMiB 0 is an empty slot.
type Module struct {
	Locator, Manufacturer string
	SizeMiB               int
	// Type is the number of DSP0134 7.18.2: 0x1a DDR4, 0x22 DDR5, 0x23 LPDDR5.
	Type     uint8
	SpeedMTs int
}

// Disk is one block device below /sys/block.
type Disk struct {
	// Name is the kernel's: nvme0n1, sda, mmcblk0, vda.
	Name, Model, Serial string
	SizeBytes           uint64
	Rotational          bool
	Removable           bool
	// LifeUsed is the eMMC life_time estimate (1 to 11, tenths of the life used); only for mmcblk.
	LifeUsed int
}

// Supply is one folder of /sys/class/power_supply. Type is "Battery", "Mains" or "USB".
type Supply struct {
	Name, Type string
	// Scope "Device" marks the battery of a mouse or pen.
	Scope                     string
	Online                    bool
	Model, Serial, Technology string
	DesignMWh, FullMWh        int
	// InCharge gives capacities in µAh at VoltageMV instead of µWh, as many firmwares do.
	InCharge  bool
	VoltageMV int
	Cycles    int
	Percent   int
}

// Adapter is one folder of /sys/class/net. Kind is ethernet, wifi, mobile, or virtual (without hardware).
type Adapter struct {
	Name, MAC, Kind, Driver string
	SpeedMbit               int
}

// OS is the operating system's part of the root.
type OS struct {
	// Release holds the lines of etc/os-release, in order.
	Release []string
	Kernel  string
	// Kernels are the versions in /boot, the running one among them.
	Kernels  []string
	Hostname string
	// Installed is the time stamp of etc/machine-id; Booted is btime of /proc/stat.
	Installed, Booted time.Time
	// Packages is how many packages dpkg has installed; 0 is no dpkg.
	Packages int
	// RebootFor are the packages of run/reboot-required.pkgs.
	RebootFor []string
	// RootMount is the line of / in /proc/mounts; an ext4 that may be written if empty.
	RootMount string
}
