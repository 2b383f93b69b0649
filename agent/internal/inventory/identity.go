package inventory

import (
	"errors"
	"regexp"
	"strings"

	"github.com/nattevakt/nattevakt/agent/internal/inventory/smbios"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// ErrNoSMBIOS is what Identity's error wraps where the system shows no table at all: the machine is then
// not known by its firmware, however often it is asked.
var ErrNoSMBIOS = errors.New("no smbios table (usual in containers and on some virtual machines and boards)")

// vendors brings manufacturer texts into one form; each pattern is matched at the start, without regard to
// case. A manufacturer that is not here keeps its text.
var vendors = []struct{ prefix, name string }{
	{"dell", "Dell"}, {"alienware", "Dell"}, {"wyse", "Wyse"},
	{"hewlett packard enterprise", "HPE"}, {"hpe", "HPE"},
	{"hewlett-packard", "HP"}, {"hewlett packard", "HP"}, {"hp inc", "HP"}, {"hp", "HP"},
	{"lenovo", "Lenovo"}, {"microsoft", "Microsoft"}, {"fujitsu", "Fujitsu"}, {"acer", "Acer"},
	{"asustek", "ASUS"}, {"asus", "ASUS"}, {"gigabyte", "Gigabyte"}, {"getac", "Getac"},
	{"panasonic", "Panasonic"}, {"dynabook", "Dynabook"}, {"toshiba", "Toshiba"}, {"samsung", "Samsung"},
	{"micro-star", "MSI"}, {"msi", "MSI"}, {"intel", "Intel"}, {"apple", "Apple"}, {"igel", "IGEL"},
	{"vmware", "VMware"}, {"innotek", "VirtualBox"}, {"qemu", "QEMU"}, {"xen", "Xen"},
}

// hexKey is a Dell system id or an HP board id as the vendors' catalogs have them.
var hexKey = regexp.MustCompile(`^[0-9A-Fa-f]{4}$`)

// dellOEM finds the system id in Dell's OEM strings: "1[08AF]".
var dellOEM = regexp.MustCompile(`\[([0-9A-Fa-f]{4})\]`)

// thinClients are product names and families of thin clients; their chassis types say "desktop".
var thinClients = regexp.MustCompile(`(?i)thin ?client|\bwyse\b|^hp (t\d{3}|mt\d{2})\b|^optiplex 3000 thin|^igel|^ud\d+-|^futro\b|thinkcentre m\d+n iot`)

// virtual are manufacturers and products of hypervisors.
var virtual = regexp.MustCompile(`(?i)^(qemu|vmware|innotek|xen|bochs|kvm|bhyve|parallels|amazon ec2|openstack|nutanix|red hat|proxmox)|virtual machine|virtualbox|google compute engine|standard pc \(|hvm domu`)

// identify says what machine an SMBIOS table describes.
func identify(t *smbios.Table) *nattevaktv1.HardwareIdentity {
	vendor := vendorName(t)
	return &nattevaktv1.HardwareIdentity{
		Vendor:     clip(vendor, 128),
		Product:    clip(productName(vendor, t), 256),
		ModelKey:   clip(modelKey(vendor, t), 128),
		Serial:     clip(t.System.Serial, 128),
		SystemUuid: t.System.UUID,
		FormFactor: formFactor(t),
	}
}

func vendorName(t *smbios.Table) string {
	text := first(t.System.Manufacturer, t.Board.Manufacturer, t.Chassis.Manufacturer)
	low := strings.ToLower(text)
	for _, v := range vendors {
		rest, found := strings.CutPrefix(low, v.prefix)
		if found && (rest == "" || !isLetter(rest[0])) {
			return v.name
		}
	}
	return text
}

func isLetter(b byte) bool { return 'a' <= b && b <= 'z' }

// productName is for people. Lenovo has the machine type in Product and the name in Version.
func productName(vendor string, t *smbios.Table) string {
	if vendor == "Lenovo" {
		return first(t.System.Version, t.System.Product)
	}
	return first(t.System.Product, t.Board.Product)
}

// modelKey is the vendor's own key for the model, which its catalogs of drivers use. The rules are those
// of the two common driver tools for Windows deployment (MSEndpointMgr's Invoke-CMApplyDriverPackage and
// OSDCloud): Dell the system SKU, or the OEM string in brackets where the SKU is not an id; HP and those
// named below the board's product; Lenovo the machine type; Surface the SKU. Keys of hexadecimal digits
// and machine types are in upper case, for catalogs mix both.
func modelKey(vendor string, t *smbios.Table) string {
	switch vendor {
	case "Dell":
		return dellKey(t)
	case "HP":
		return strings.ToUpper(first(t.Board.Product, t.System.SKU))
	case "Lenovo":
		return strings.ToUpper(clip(t.System.Product, 4))
	case "Microsoft":
		return first(t.System.SKU, t.System.Product)
	}
	// Fujitsu, Acer, ASUS, Gigabyte, Getac and Panasonic have it in the board; for the rest nothing is better.
	return first(t.Board.Product, t.System.Product)
}

func dellKey(t *smbios.Table) string {
	if hexKey.MatchString(t.System.SKU) {
		return strings.ToUpper(t.System.SKU)
	}
	for _, text := range t.OEMStrings {
		if m := dellOEM.FindStringSubmatch(text); m != nil {
			return strings.ToUpper(m[1])
		}
	}
	return first(t.System.SKU, t.Board.Product)
}

func formFactor(t *smbios.Table) nattevaktv1.FormFactor {
	names := []string{t.System.Manufacturer, t.System.Product, t.System.Version, t.System.Family, t.BIOS.Vendor}
	switch {
	case t.BIOS.Virtual || anyMatch(virtual, names):
		return nattevaktv1.FormFactor_FORM_FACTOR_VIRTUAL
	case anyMatch(thinClients, names):
		return nattevaktv1.FormFactor_FORM_FACTOR_THIN_CLIENT
	}
	return chassisForms[t.Chassis.Type]
}

// chassisForms groups the chassis types of DSP0134 7.4.1; the rest (docking station, expansion, …) says nothing.
var chassisForms = map[uint8]nattevaktv1.FormFactor{
	3: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP, 4: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP,
	5: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP, 6: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP,
	7: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP, 15: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP,
	16: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP, 24: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP,
	34: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP, 35: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP,
	36: nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP,
	8:  nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP, 9: nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
	10: nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP, 14: nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
	31: nattevaktv1.FormFactor_FORM_FACTOR_CONVERTIBLE, 32: nattevaktv1.FormFactor_FORM_FACTOR_CONVERTIBLE,
	30: nattevaktv1.FormFactor_FORM_FACTOR_TABLET, 11: nattevaktv1.FormFactor_FORM_FACTOR_TABLET,
	13: nattevaktv1.FormFactor_FORM_FACTOR_ALL_IN_ONE,
	17: nattevaktv1.FormFactor_FORM_FACTOR_SERVER, 23: nattevaktv1.FormFactor_FORM_FACTOR_SERVER,
	25: nattevaktv1.FormFactor_FORM_FACTOR_SERVER, 28: nattevaktv1.FormFactor_FORM_FACTOR_SERVER,
	29: nattevaktv1.FormFactor_FORM_FACTOR_SERVER,
}

func anyMatch(pattern *regexp.Regexp, texts []string) bool {
	for _, text := range texts {
		if pattern.MatchString(text) {
			return true
		}
	}
	return false
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
