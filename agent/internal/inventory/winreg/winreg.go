// Package winreg tells what the registry of a Windows machine says of its system: release, waiting
// restarts, Secure Boot, installed programs.
//
// Guarantees: it is pure but for the Reader it is given, so every rule is tested on any platform with made-up
// registries; a missing key or value means "not known", never an error, for releases of Windows differ.
//
// Package inventory calls it on Windows with the real registry. Keys are below HKEY_LOCAL_MACHINE. Where
// they come from is said at each rule; names are Microsoft's.
package winreg

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// Reader reads HKEY_LOCAL_MACHINE. Keys use single backslashes.
type Reader interface {
	// Text returns a REG_SZ or REG_EXPAND_SZ value.
	Text(key, name string) (value string, found bool)
	// Number returns a REG_DWORD or REG_QWORD value.
	Number(key, name string) (value uint64, found bool)
	// Texts returns a REG_MULTI_SZ value.
	Texts(key, name string) (value []string, found bool)
	// Keys returns the names of a key's subkeys; found tells whether the key is there.
	Keys(key string) (names []string, found bool)
}

const (
	currentVersion = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`
	sessionManager = `SYSTEM\CurrentControlSet\Control\Session Manager`
	computerName   = `SYSTEM\CurrentControlSet\Control\ComputerName\`
	// firstWindows11 is the build of its first release; ProductName still says "Windows 10" there.
	firstWindows11 = 22000
)

// OS describes the installed release. build is the number the kernel reports, 0 to take the registry's.
func OS(r Reader, build uint32) *nattevaktv1.OperatingSystem {
	text := func(name string) string { v, _ := r.Text(currentVersion, name); return v }
	os := &nattevaktv1.OperatingSystem{
		Family: "windows", Id: "windows", Edition: text("EditionID"), Build: text("CurrentBuild"), Version: text("DisplayVersion"),
	}
	if os.Version == "" {
		os.Version = text("ReleaseId")
	}
	if build > 0 {
		os.Build = fmt.Sprint(build)
	}
	os.Name = productName(text("ProductName"), os.Build, text("InstallationType"))
	if revision, found := r.Number(currentVersion, "UBR"); found {
		os.Build += fmt.Sprintf(".%d", revision)
	}
	if seconds, found := r.Number(currentVersion, "InstallDate"); found && seconds > 0 && seconds < 1<<33 {
		os.InstalledAt = timestamppb.New(time.Unix(int64(seconds), 0).UTC())
	}
	return os
}

// productName puts right what Microsoft left at "Windows 10" for compatibility.
func productName(name, build, kind string) string {
	if name == "" {
		name = "Windows"
	}
	var number int
	if _, err := fmt.Sscan(build, &number); err != nil || number < firstWindows11 || kind == "Server" {
		return name
	}
	return strings.Replace(name, "Windows 10", "Windows 11", 1)
}

// restartKeys exist only while servicing or Windows Update waits for a restart.
var restartKeys = []string{
	`SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending`,
	`SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired`,
}

// RebootPending gathers what asks for a restart: servicing, Windows Update, files of Windows itself that
// are to be replaced, and a new computer name. Files of other programs that wait to be deleted are not
// counted: browsers and printer drivers leave them behind every week.
func RebootPending(r Reader) *nattevaktv1.RebootPending {
	p := &nattevaktv1.RebootPending{}
	for _, key := range restartKeys {
		if _, found := r.Keys(key); found {
			p.Causes = append(p.Causes, key[strings.LastIndex(key, `\`)+1:])
		}
	}
	renames, _ := r.Texts(sessionManager, "PendingFileRenameOperations")
	if slices.ContainsFunc(renames, isSystemFile) {
		p.Causes = append(p.Causes, "PendingFileRenameOperations")
	}
	active, _ := r.Text(computerName+"ActiveComputerName", "ComputerName")
	next, _ := r.Text(computerName+"ComputerName", "ComputerName")
	if active != "" && next != "" && !strings.EqualFold(active, next) {
		p.Causes = append(p.Causes, "ComputerName")
	}
	p.Pending = len(p.Causes) > 0
	return p
}

// isSystemFile tells paths like \??\C:\Windows\System32\x.dll, which name a volume in front.
func isSystemFile(path string) bool {
	low := strings.ToLower(path)
	return strings.Contains(low, `:\windows\system32\`) || strings.Contains(low, `:\windows\winsxs\`)
}

// SecureBoot reads the state that Windows was started in; PEFirmwareType is 1 for BIOS, 2 for UEFI.
func SecureBoot(r Reader) (state nattevaktv1.SecureBoot, uefi bool) {
	kind, known := r.Number(`SYSTEM\CurrentControlSet\Control`, "PEFirmwareType")
	enabled, found := r.Number(`SYSTEM\CurrentControlSet\Control\SecureBoot\State`, "UEFISecureBootEnabled")
	switch {
	case found && enabled == 1:
		return nattevaktv1.SecureBoot_SECURE_BOOT_ENABLED, true
	case found:
		return nattevaktv1.SecureBoot_SECURE_BOOT_DISABLED, true
	case known:
		return nattevaktv1.SecureBoot_SECURE_BOOT_UNSUPPORTED, kind == 2
	}
	return nattevaktv1.SecureBoot_SECURE_BOOT_UNSPECIFIED, false
}

// uninstallKeys list what installers registered, for 64 and for 32 bits.
var uninstallKeys = []string{
	`SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall`,
	`SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall`,
}

// Programs counts what "Installed apps" shows: entries with a name that are neither parts of the system
// nor updates of another entry.
func Programs(r Reader) (count uint32) {
	for _, key := range uninstallKeys {
		names, _ := r.Keys(key)
		for _, name := range names {
			if isProgram(r, key+`\`+name) {
				count++
			}
		}
	}
	return count
}

func isProgram(r Reader, key string) bool {
	name, _ := r.Text(key, "DisplayName")
	hidden, _ := r.Number(key, "SystemComponent")
	parent, _ := r.Text(key, "ParentKeyName")
	return name != "" && hidden == 0 && parent == ""
}

// HasWriteFilter tells whether the driver of the Unified Write Filter is installed; whether it is on, only
// the filter itself can say.
func HasWriteFilter(r Reader) bool {
	_, found := r.Keys(`SYSTEM\CurrentControlSet\Services\uwfvol`)
	return found
}

// Processor is the model name of the first processor.
func Processor(r Reader) string {
	name, _ := r.Text(`HARDWARE\DESCRIPTION\System\CentralProcessor\0`, "ProcessorNameString")
	return strings.Join(strings.Fields(name), " ")
}
