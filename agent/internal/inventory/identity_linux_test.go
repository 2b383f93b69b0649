package inventory_test

import (
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/deploy/madeup"
	"github.com/nattevakt/nattevakt/proto/id"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

func TestModelKeys(t *testing.T) {
	tests := map[string]struct {
		smbios               madeup.SMBIOS
		vendor, product, key string
		form                 nattevaktv1.FormFactor
	}{
		"dell without sku": {
			madeup.SMBIOS{Vendor: "Dell Inc.", Product: "Latitude 7400", SKU: "To be filled by O.E.M.", OEMStrings: []string{"Dell System", "1[08af]", "3[1.0]"}, ChassisType: 10},
			"Dell", "Latitude 7400", "08AF", nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
		},
		"dell with a sku that is no id": {
			madeup.SMBIOS{Vendor: "Dell Inc.", Product: "XPS", SKU: "Latitude", OEMStrings: []string{"1[0C87]"}},
			"Dell", "XPS", "0C87", 0,
		},
		"old hp": {
			madeup.SMBIOS{Vendor: "Hewlett-Packard", Product: "HP ProBook 6570b", BoardProduct: "17ab", ChassisType: 10},
			"HP", "HP ProBook 6570b", "17AB", nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
		},
		"hpe is not hp": {
			madeup.SMBIOS{Vendor: "HPE", Product: "ProLiant DL20 Gen10", ChassisType: 23},
			"HPE", "ProLiant DL20 Gen10", "ProLiant DL20 Gen10", nattevaktv1.FormFactor_FORM_FACTOR_SERVER,
		},
		"lenovo without a name": {
			madeup.SMBIOS{Vendor: "LENOVO", Product: "21hes2xx00", Version: "INVALID"},
			"Lenovo", "21hes2xx00", "21HE", 0,
		},
		"surface": {
			madeup.SMBIOS{Vendor: "Microsoft Corporation", Product: "Surface 3", SKU: "Surface_3_US1", ChassisType: 30},
			"Microsoft", "Surface 3", "Surface_3_US1", nattevaktv1.FormFactor_FORM_FACTOR_TABLET,
		},
		"hyper-v": {
			madeup.SMBIOS{Vendor: "Microsoft Corporation", Product: "Virtual Machine", SKU: "None", ChassisType: 3},
			"Microsoft", "Virtual Machine", "Virtual Machine", nattevaktv1.FormFactor_FORM_FACTOR_VIRTUAL,
		},
		"acer": {
			madeup.SMBIOS{Vendor: "Acer", Product: "TravelMate P214-53", BoardProduct: "Forza_TL", ChassisType: 10},
			"Acer", "TravelMate P214-53", "Forza_TL", nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
		},
		"asus": {
			madeup.SMBIOS{Vendor: "ASUSTeK COMPUTER INC.", Product: "BR1100FKA", BoardProduct: "BR1100FKA", ChassisType: 31},
			"ASUS", "BR1100FKA", "BR1100FKA", nattevaktv1.FormFactor_FORM_FACTOR_CONVERTIBLE,
		},
		"dell thin client": {
			madeup.SMBIOS{Vendor: "Dell Inc.", Product: "Wyse 5070 Thin Client", SKU: "080C", ChassisType: 3},
			"Dell", "Wyse 5070 Thin Client", "080C", nattevaktv1.FormFactor_FORM_FACTOR_THIN_CLIENT,
		},
		"unknown vendor with a known start": {
			madeup.SMBIOS{Vendor: "Acerola Systems", Product: "One"}, "Acerola Systems", "One", "One", 0,
		},
		"name too long": {
			madeup.SMBIOS{Vendor: strings.Repeat("v", 200), Product: strings.Repeat("p", 300)},
			strings.Repeat("v", 128), strings.Repeat("p", 256), strings.Repeat("p", 128), 0,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.smbios.Major = 3
			id, err := inventory.Identity(made(t, madeup.Machine{SMBIOS: test.smbios}))
			if err != nil {
				t.Fatal(err)
			}
			if id.Vendor != test.vendor || id.Product != test.product || id.ModelKey != test.key || id.FormFactor != test.form {
				t.Errorf("got %v; want %s, %s, %s, %s", id, test.vendor, test.product, test.key, test.form)
			}
		})
	}
}

// TestFilesInsteadOfTables: both sources name the same machine.
func TestFilesInsteadOfTables(t *testing.T) {
	for _, m := range madeup.Machines()[:6] {
		tables, err := inventory.Identity(made(t, m))
		if err != nil {
			t.Fatal(err)
		}
		m.Firmware = madeup.FilesOnly
		files, err := inventory.Identity(made(t, m))
		if err != nil {
			t.Fatal(err)
		}
		if id.Hardware(tables) != id.Hardware(files) {
			t.Errorf("%s: tables say %v, files say %v", m.Name, tables, files)
		}
	}
}

// TestCabinet: a cabinet's machines are of known models, and each is its own.
func TestCabinet(t *testing.T) {
	digests, keys := map[[16]byte]string{}, map[string]bool{}
	for _, m := range madeup.Cabinet(30, 1) {
		machine, err := inventory.Identity(made(t, m))
		if err != nil {
			t.Fatal(err)
		}
		digest := id.Hardware(machine)
		if digests[digest] != "" || machine.Serial == "" || machine.FormFactor != nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP {
			t.Errorf("%s is %v, like %q", m.Name, machine, digests[digest])
		}
		digests[digest] = m.Name
		keys[machine.Vendor+" "+machine.ModelKey] = true
	}
	want := []string{"Dell 0C00", "Dell 0C0B", "HP 83B2", "HP 880D", "Lenovo 20N2", "Lenovo 21FG", "Lenovo 21HE"}
	if got := slices.Sorted(maps.Keys(keys)); !slices.Equal(got, want) {
		t.Errorf("models %v, want %v", got, want)
	}
}

func TestSilentVirtualMachine(t *testing.T) {
	root := made(t, madeup.NoFirmware())
	if err := os.WriteFile(filepath.Join(root, "proc/cpuinfo"), []byte("processor : 0\nflags : fpu hypervisor\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	id, err := inventory.Identity(root)
	if !errors.Is(err, inventory.ErrNoSMBIOS) || id.FormFactor != nattevaktv1.FormFactor_FORM_FACTOR_VIRTUAL {
		t.Errorf("Identity = %v, %v; want virtual, and ErrNoSMBIOS", id, err)
	}
}

func TestBootID(t *testing.T) {
	m := madeup.NoFirmware()
	m.BootID = "6f1d1a52-0c1c-4c6a-9a3f-6d7a5e0f3b21"
	root := made(t, m)
	if id, err := inventory.BootID(root); err != nil || hex.EncodeToString(id[:]) != strings.ReplaceAll(m.BootID, "-", "") {
		t.Errorf("BootID = %x, %v", id, err)
	}
	for _, text := range []string{"", "6f1d1a52", m.BootID + "0", strings.Repeat("x", 36)} {
		if err := os.WriteFile(filepath.Join(root, "proc/sys/kernel/random/boot_id"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if id, err := inventory.BootID(root); err == nil {
			t.Errorf("BootID of %q = %x, want an error", text, id)
		}
	}
}
