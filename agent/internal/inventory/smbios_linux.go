package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/nattevakt/nattevakt/agent/internal/inventory/smbios"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

func (r root) findFirmware(in *nattevaktv1.Inventory) error {
	id, t, err := r.identity()
	describe(in, t)
	in.Identity = id
	return err
}

func (r root) identity() (*nattevaktv1.HardwareIdentity, *smbios.Table, error) {
	t, err := r.table()
	id := identify(t)
	if errors.Is(err, ErrNoSMBIOS) && r.underHypervisor() {
		id.FormFactor = nattevaktv1.FormFactor_FORM_FACTOR_VIRTUAL
	}
	return id, t, err
}

// table reads the binary table, or where that cannot be read or says nothing of the system, the files that
// the kernel made of it. It is never nil.
func (r root) table() (*smbios.Table, error) {
	const folder = "sys/firmware/dmi/tables/"
	raw, err := r.bytes(folder + "DMI")
	if err != nil {
		return r.tableFromFiles(optional(err))
	}
	// Without the entry point only the version is unknown.
	entryPoint, _ := r.bytes(folder + "smbios_entry_point")
	t, err := smbios.Parse(entryPoint, raw)
	if t.System == (smbios.System{}) && t.Board == (smbios.Board{}) {
		return r.tableFromFiles(err)
	}
	return t, err
}

// tableFromFiles reads sys/class/dmi/id. The serial numbers there are readable by root only: not being
// allowed to read one is an error, for it changes who the machine is.
func (r root) tableFromFiles(cause error) (*smbios.Table, error) {
	const folder = "sys/class/dmi/id"
	t := &smbios.Table{}
	if !r.exists(folder) {
		if cause == nil {
			cause = ErrNoSMBIOS
		}
		return t, cause
	}
	errs := []error{cause}
	get := func(name string) string {
		text, err := r.text(folder + "/" + name)
		if errors.Is(err, fs.ErrPermission) {
			errs = append(errs, fmt.Errorf("%w (run as root)", err))
		}
		return smbios.Clean(text)
	}
	t.BIOS = smbios.BIOS{Vendor: get("bios_vendor"), Version: get("bios_version"), Date: smbios.ParseDate(get("bios_date"))}
	t.System = smbios.System{
		Manufacturer: get("sys_vendor"), Product: get("product_name"), Version: get("product_version"),
		Serial: get("product_serial"), UUID: smbios.CleanUUID(get("product_uuid")), SKU: get("product_sku"), Family: get("product_family"),
	}
	t.Board = smbios.Board{Manufacturer: get("board_vendor"), Product: get("board_name"), Version: get("board_version"), Serial: get("board_serial")}
	chassis, _ := r.number(folder + "/chassis_type")
	t.Chassis = smbios.Chassis{
		Type: uint8(chassis) &^ 0x80, Manufacturer: get("chassis_vendor"), Serial: get("chassis_serial"), AssetTag: get("chassis_asset_tag"),
	}
	return t, errors.Join(errs...)
}

// underHypervisor asks the kernel where firmware is silent.
func (r root) underHypervisor() bool {
	if r.exists("sys/hypervisor/type") {
		return true
	}
	text, _ := r.text("proc/cpuinfo")
	for line := range strings.Lines(text) {
		if name, flags, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "flags" {
			return strings.Contains(flags+" ", " hypervisor ")
		}
	}
	return false
}
