package winreg_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/inventory/winreg"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// registry is a made-up one: values by key and name; a key is there if it or one below it has an entry.
type registry map[string]map[string]any

func value[T any](r registry, key, name string) (T, bool) {
	v, found := r[key][name].(T)
	return v, found
}

func (r registry) Text(key, name string) (string, bool)    { return value[string](r, key, name) }
func (r registry) Number(key, name string) (uint64, bool)  { return value[uint64](r, key, name) }
func (r registry) Texts(key, name string) ([]string, bool) { return value[[]string](r, key, name) }

func (r registry) Keys(key string) (names []string, found bool) {
	_, found = r[key]
	for other := range r {
		if rest, below := strings.CutPrefix(other, key+`\`); below {
			name, _, _ := strings.Cut(rest, `\`)
			names = append(names, name)
			found = true
		}
	}
	return names, found
}

const version = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`

func TestOS(t *testing.T) {
	tests := map[string]struct {
		registry                              registry
		build                                 uint32
		name, version, wantBuild, edition, at string
	}{
		"windows 11": {
			registry{version: {
				"ProductName": "Windows 10 Education", "DisplayVersion": "24H2", "ReleaseId": "2009", "CurrentBuild": "26100",
				"UBR": uint64(4061), "EditionID": "Education", "InstallationType": "Client", "InstallDate": uint64(1723455000),
			}}, 26100, "Windows 11 Education", "24H2", "26100.4061", "Education", "2024-08-12T09:30:00Z",
		},
		"windows 10": {
			registry{version: {"ProductName": "Windows 10 Pro", "DisplayVersion": "22H2", "CurrentBuild": "19045", "UBR": uint64(5854)}},
			0, "Windows 10 Pro", "22H2", "19045.5854", "", "",
		},
		"ltsc without display version": {
			registry{version: {"ProductName": "Windows 10 Enterprise LTSC 2019", "ReleaseId": "1809", "CurrentBuild": "17763"}},
			0, "Windows 10 Enterprise LTSC 2019", "1809", "17763", "", "",
		},
		"server": {
			registry{version: {"ProductName": "Windows Server 2025", "CurrentBuild": "26100", "InstallationType": "Server"}},
			0, "Windows Server 2025", "", "26100", "", "",
		},
		"empty": {registry{}, 0, "Windows", "", "", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			os := winreg.OS(test.registry, test.build)
			at := ""
			if os.InstalledAt != nil {
				at = os.InstalledAt.AsTime().Format("2006-01-02T15:04:05Z")
			}
			if os.Name != test.name || os.Version != test.version || os.Build != test.wantBuild || os.Edition != test.edition || at != test.at {
				t.Errorf("got %v (installed %s); want %+v", os, at, test)
			}
		})
	}
}

func TestRebootPending(t *testing.T) {
	const session, names = `SYSTEM\CurrentControlSet\Control\Session Manager`, `SYSTEM\CurrentControlSet\Control\ComputerName\`
	renames := func(paths ...string) registry {
		return registry{session: {"PendingFileRenameOperations": paths}}
	}
	tests := map[string]struct {
		registry registry
		causes   []string
	}{
		"nothing": {registry{}, nil},
		"servicing and update": {registry{
			`SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending`:  {},
			`SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired`: {},
		}, []string{"RebootPending", "RebootRequired"}},
		"a browser's leftovers": {renames(`\??\C:\Program Files\Browser\old.exe`, "", `\??\C:\Windows\Temp\x`, ""), nil},
		"a system file":         {renames(`\??\C:\Windows\System32\new.dll`, `!\??\C:\Windows\System32\a.dll`), []string{"PendingFileRenameOperations"}},
		"renamed": {registry{
			names + "ActiveComputerName": {"ComputerName": "ELEV-1"}, names + "ComputerName": {"ComputerName": "ELEV-2"},
		}, []string{"ComputerName"}},
		"same name in other case": {registry{
			names + "ActiveComputerName": {"ComputerName": "ELEV-1"}, names + "ComputerName": {"ComputerName": "elev-1"},
		}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := winreg.RebootPending(test.registry)
			if p.Pending != (len(test.causes) > 0) || !slices.Equal(p.Causes, test.causes) {
				t.Errorf("got %v; want %v", p, test.causes)
			}
		})
	}
}

func TestSecureBoot(t *testing.T) {
	const control, state = `SYSTEM\CurrentControlSet\Control`, `SYSTEM\CurrentControlSet\Control\SecureBoot\State`
	tests := map[string]struct {
		registry registry
		want     nattevaktv1.SecureBoot
		uefi     bool
	}{
		"on":      {registry{state: {"UEFISecureBootEnabled": uint64(1)}}, nattevaktv1.SecureBoot_SECURE_BOOT_ENABLED, true},
		"off":     {registry{state: {"UEFISecureBootEnabled": uint64(0)}}, nattevaktv1.SecureBoot_SECURE_BOOT_DISABLED, true},
		"bios":    {registry{control: {"PEFirmwareType": uint64(1)}}, nattevaktv1.SecureBoot_SECURE_BOOT_UNSUPPORTED, false},
		"unknown": {registry{}, nattevaktv1.SecureBoot_SECURE_BOOT_UNSPECIFIED, false},
	}
	for name, test := range tests {
		if got, uefi := winreg.SecureBoot(test.registry); got != test.want || uefi != test.uefi {
			t.Errorf("%s: %v, %t; want %v, %t", name, got, uefi, test.want, test.uefi)
		}
	}
}

func TestPrograms(t *testing.T) {
	const wide, narrow = `SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\`, `SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\`
	r := registry{
		wide + "{A}": {"DisplayName": "LibreOffice"}, wide + "{B}": {"DisplayName": "Hidden", "SystemComponent": uint64(1)},
		wide + "KB1": {"DisplayName": "Update", "ParentKeyName": "{A}"}, wide + "Nameless": {"Version": "1"},
		narrow + "Geo": {"DisplayName": "GeoGebra"},
	}
	if got := winreg.Programs(r); got != 2 {
		t.Errorf("%d programs, want 2", got)
	}
}

func TestHasWriteFilter(t *testing.T) {
	if winreg.HasWriteFilter(registry{}) || !winreg.HasWriteFilter(registry{`SYSTEM\CurrentControlSet\Services\uwfvol`: {}}) {
		t.Error("want a write filter exactly where its driver is")
	}
}
