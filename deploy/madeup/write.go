package madeup

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func decimal(n int) string { return strconv.Itoa(n) }

// folder writes files below one root and keeps the first error.
type folder struct {
	root string
	err  error
}

func (f *folder) write(name, content string) {
	if f.err != nil {
		return
	}
	path := filepath.Join(f.root, filepath.FromSlash(name))
	if f.err = os.MkdirAll(filepath.Dir(path), 0o755); f.err == nil {
		f.err = os.WriteFile(path, []byte(content), 0o644)
	}
}

// writeAll writes name/file for each of the files, with the newline that the kernel ends a value with.
func (f *folder) writeAll(name string, files map[string]string) {
	for file, value := range files {
		f.write(name+"/"+file, value+"\n")
	}
}

func (f *folder) mkdir(name string) {
	if f.err == nil {
		f.err = os.MkdirAll(filepath.Join(f.root, filepath.FromSlash(name)), 0o755)
	}
}

func (f *folder) chtimes(name string, at time.Time) {
	if f.err == nil && !at.IsZero() {
		f.err = os.Chtimes(filepath.Join(f.root, filepath.FromSlash(name)), at, at)
	}
}

// Write makes the machine's files below root, which is created if need be.
func (m Machine) Write(root string) error {
	f := &folder{root: root}
	f.mkdir("")
	m.writeFirmware(f)
	m.CPU.write(f)
	m.writeMemory(f)
	f.mkdir("sys/block")
	for _, d := range m.Disks {
		d.write(f)
	}
	f.mkdir("sys/class/power_supply")
	for _, s := range m.Supplies {
		s.write(f)
	}
	f.mkdir("sys/class/net")
	for _, a := range m.Adapters {
		a.write(f)
	}
	m.writeSecurity(f)
	m.writeOS(f)
	if f.err != nil {
		return fmt.Errorf("write machine %s: %w", m.Name, f.err)
	}
	return nil
}

func (m Machine) writeFirmware(f *folder) {
	entryPoint, table := m.Tables()
	switch m.Firmware {
	case NoTables:
		return
	case FilesOnly:
		f.writeAll("sys/class/dmi/id", m.DMI())
		return
	case BrokenTables:
		entryPoint[len(entryPoint)-1]++
		table = table[:len(table)*2/3]
	case FullTables:
		f.writeAll("sys/class/dmi/id", m.DMI())
	}
	f.write("sys/firmware/dmi/tables/smbios_entry_point", string(entryPoint))
	f.write("sys/firmware/dmi/tables/DMI", string(table))
}

func (m Machine) writeMemory(f *folder) {
	total := 0
	for _, module := range m.Memory {
		total += module.SizeMiB
	}
	// The kernel keeps some of it for itself.
	f.write("proc/meminfo", fmt.Sprintf("MemTotal:       %d kB\nMemFree:        %d kB\n", total*1024/100*97, total*1024/3))
}

func (c CPU) write(f *folder) {
	var b strings.Builder
	for i := range c.Threads * c.Sockets {
		socket, thread := i/max(c.Threads, 1), i%max(c.Threads, 1)
		fmt.Fprintf(&b, "processor\t: %d\nmodel name\t: %s\nphysical id\t: %d\ncore id\t\t: %d\ncpu cores\t: %d\nflags\t\t: fpu vme sse2\n\n",
			i, c.Model, socket, thread%max(c.Cores, 1), c.Cores)
	}
	f.write("proc/cpuinfo", b.String())
}

func (d Disk) write(f *folder) {
	base := "sys/block/" + d.Name
	flag := map[bool]string{true: "1", false: "0"}
	f.writeAll(base, map[string]string{"size": strconv.FormatUint(d.SizeBytes/512, 10), "removable": flag[d.Removable]})
	f.writeAll(base+"/queue", map[string]string{"rotational": flag[d.Rotational]})
	switch {
	case strings.HasPrefix(d.Name, "mmcblk"):
		f.writeAll(base+"/device", map[string]string{
			"name": d.Model, "serial": d.Serial, "type": "MMC", "pre_eol_info": "0x01",
			"life_time": fmt.Sprintf("0x%02x 0x01", d.LifeUsed),
		})
	case strings.HasPrefix(d.Name, "sd"):
		f.writeAll(base+"/device", map[string]string{"model": d.Model})
		f.write(base+"/device/vpd_pg80", string([]byte{0, 0x80, 0, uint8(len(d.Serial))})+d.Serial)
	case strings.HasPrefix(d.Name, "vd"):
		f.writeAll(base, map[string]string{"serial": d.Serial})
		f.writeAll(base+"/device", map[string]string{"vendor": "0x1af4"})
	default:
		f.writeAll(base+"/device", map[string]string{"model": d.Model, "serial": d.Serial})
	}
}

func (s Supply) write(f *folder) {
	base := "sys/class/power_supply/" + s.Name
	f.writeAll(base, map[string]string{"type": s.Type})
	if s.Scope != "" {
		f.writeAll(base, map[string]string{"scope": s.Scope})
	}
	if s.Type != "Battery" {
		f.writeAll(base, map[string]string{"online": map[bool]string{true: "1", false: "0"}[s.Online]})
		return
	}
	f.writeAll(base, map[string]string{
		"present": "1", "model_name": s.Model, "serial_number": s.Serial, "technology": s.Technology,
		"cycle_count": decimal(s.Cycles), "capacity": decimal(s.Percent), "voltage_min_design": decimal(s.VoltageMV * 1000),
	})
	if s.InCharge {
		f.writeAll(base, s.capacities("charge", func(mwh int) int { return mwh * 1_000_000 / s.VoltageMV }))
		return
	}
	f.writeAll(base, s.capacities("energy", func(mwh int) int { return mwh * 1000 }))
}

func (s Supply) capacities(prefix string, unit func(mwh int) int) map[string]string {
	return map[string]string{
		prefix + "_full_design": decimal(unit(s.DesignMWh)),
		prefix + "_full":        decimal(unit(s.FullMWh)),
		prefix + "_now":         decimal(unit(s.FullMWh * s.Percent / 100)),
	}
}

func (a Adapter) write(f *folder) {
	base := "sys/class/net/" + a.Name
	f.writeAll(base, map[string]string{"address": a.MAC, "addr_assign_type": "0", "type": "1", "speed": decimal(a.SpeedMbit)})
	if a.Kind == "virtual" {
		return
	}
	f.writeAll(base+"/device", map[string]string{"uevent": "DRIVER=" + a.Driver})
	switch a.Kind {
	case "wifi":
		f.mkdir(base + "/wireless")
	case "mobile":
		f.writeAll(base, map[string]string{"uevent": "DEVTYPE=wwan\nINTERFACE=" + a.Name})
	}
}

func (m Machine) writeSecurity(f *folder) {
	if m.TPM != "" {
		f.writeAll("sys/class/tpm/tpm0", map[string]string{"tpm_version_major": m.TPM[:1]})
	}
	if m.UEFI {
		const attributes = "\x06\x00\x00\x00"
		state := map[bool]string{true: "\x01", false: "\x00"}[m.SecureBoot]
		f.write("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", attributes+state)
	}
}

func (m Machine) writeOS(f *folder) {
	o := m.OS
	f.write("etc/os-release", strings.Join(o.Release, "\n")+"\n")
	f.write("etc/machine-id", strings.Repeat("0", 32)+"\n")
	f.chtimes("etc/machine-id", o.Installed)
	f.write("proc/stat", fmt.Sprintf("cpu  1 2 3 4\nbtime %d\nprocesses 4711\n", o.Booted.Unix()))
	f.writeAll("proc/sys/kernel", map[string]string{"osrelease": o.Kernel, "hostname": o.Hostname})
	f.write("proc/sys/kernel/random/boot_id", m.bootID()+"\n")
	mount := o.RootMount
	if mount == "" {
		mount = "/dev/root / ext4 rw,relatime 0 0"
	}
	f.write("proc/mounts", "proc /proc proc rw 0 0\n"+mount+"\n")
	for _, kernel := range o.Kernels {
		f.write("boot/vmlinuz-"+kernel, "")
	}
	if len(o.RebootFor) > 0 {
		f.write("run/reboot-required", "*** System restart required ***\n")
		f.write("run/reboot-required.pkgs", strings.Join(o.RebootFor, "\n")+"\n")
	}
	if o.Packages > 0 {
		f.write("var/lib/dpkg/status", dpkgStatus(o.Packages))
	}
}

func (m Machine) bootID() string {
	if m.BootID != "" {
		return m.BootID
	}
	var b [16]byte
	// Read never fails (crypto/rand ends the program instead).
	_, _ = rand.Read(b[:])
	return uuidText(b)
}

// uuidText makes a random (version 4) UUID of sixteen bytes.
func uuidText(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
