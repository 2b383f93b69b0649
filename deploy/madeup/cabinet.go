package madeup

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// model is a laptop of the cabinet. Key is the vendor's own key, as the vendors' catalogs have it.
type model struct {
	vendor, key, product, cpu, bios string
	design                          int
	// make fills in what the vendor's firmware says where.
	make func(m model, serial string) SMBIOS
}

// models are school laptops of three vendors. The keys and names are those of DriverPackCatalog.xml (Dell),
// HPClientDriverPackCatalog.xml (HP) and catalogv2.xml (Lenovo; a product name begins with a type of the model).
var models = []model{
	{"dell", "0C0B", "Latitude 7440", "13th Gen Intel(R) Core(TM) i5-1345U", "1.17.0", 57000, dell},
	{"hp", "880D", "HP EliteBook 840 G8 Notebook PC", "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz", "T37 Ver. 01.15.00", 53000, hp},
	{"lenovo", "21HES2XX00", "ThinkPad T14 Gen 4", "13th Gen Intel(R) Core(TM) i5-1335U", "N3QET42W (1.42 )", 52500, lenovo},
	{"dell", "0C00", "Latitude 5440", "13th Gen Intel(R) Core(TM) i5-1335U", "1.16.0", 54000, dell},
	{"hp", "83B2", "HP EliteBook 840 G5", "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", "Q78 Ver. 01.27.00", 50000, hp},
	{"lenovo", "20N2S0XX00", "ThinkPad T490", "Intel(R) Core(TM) i5-8265U CPU @ 1.60GHz", "N2IETA5W (1.83 )", 50000, lenovo},
	{"lenovo", "21FGS0XX00", "ThinkPad L13 Gen 4", "13th Gen Intel(R) Core(TM) i5-1335U", "R24ET36W (1.19 )", 46000, lenovo},
}

func dell(m model, serial string) SMBIOS {
	return SMBIOS{
		Major: 3, Minor: 4, BIOSVendor: "Dell Inc.", BIOSVersion: m.bios, BIOSDate: "03/18/2025",
		Vendor: "Dell Inc.", Product: m.product, Serial: serial[:7], SKU: m.key, Family: "Latitude",
		BoardVendor: "Dell Inc.", BoardProduct: "0" + serial[1:6], BoardVersion: "A01",
		ChassisVendor: "Dell Inc.", ChassisType: 10,
		OEMStrings: []string{"Dell System", "1[" + m.key + "]", "3[1.0]", "4[0001]"},
	}
}

func hp(m model, serial string) SMBIOS {
	return SMBIOS{
		Major: 3, Minor: 3, BIOSVendor: "HP", BIOSVersion: m.bios, BIOSDate: "11/07/2024",
		Vendor: "HP", Product: m.product, Version: "SBKPF,SBKPFV2", Serial: "5CG" + serial[:7],
		SKU: "5P6" + serial[:2] + "EA#ABN", Family: "103C_5336AN HP EliteBook",
		BoardVendor: "HP", BoardProduct: m.key, BoardVersion: "KBC Version 30.37.00",
		ChassisVendor: "HP", ChassisType: 10,
	}
}

func lenovo(m model, serial string) SMBIOS {
	return SMBIOS{
		Major: 3, Minor: 4, BIOSVendor: "LENOVO", BIOSVersion: m.bios, BIOSDate: "01/22/2025",
		Vendor: "LENOVO", Product: m.key, Version: m.product, Serial: "PF" + serial[:6],
		SKU: "LENOVO_MT_" + m.key[:4] + "_BU_Think_FM_" + m.product, Family: m.product,
		BoardVendor: "LENOVO", BoardProduct: m.key, BoardVersion: "SDK0T76530 WIN",
		ChassisVendor: "LENOVO", ChassisVersion: "None", ChassisAssetTag: "No Asset Information", ChassisType: 10,
	}
}

// Cabinet returns n machines of mixed Dell, HP and Lenovo models, each with its own serial number, UUID,
// MAC addresses, hostname and wear; n is at most 27,000.
func Cabinet(n int, seed uint64) []Machine {
	machines := make([]Machine, n)
	for i := range machines {
		// A source for each place keeps machine i the same whatever n is.
		machines[i] = laptop(models[i%len(models)], i, rand.New(rand.NewPCG(seed, uint64(i))))
	}
	return machines
}

func laptop(m model, place int, r *rand.Rand) Machine {
	id := serial(place, r)
	firmware := m.make(m, id)
	firmware.UUID = randomUUID(r)
	full := m.design * (70 + r.IntN(30)) / 100
	installed := time.Date(2025, 8, 4+r.IntN(14), 8, r.IntN(60), 0, 0, time.UTC)
	return Machine{
		Name:     fmt.Sprintf("%s-%02d", m.vendor, place+1),
		SMBIOS:   firmware,
		CPU:      CPU{Model: m.cpu, Sockets: 1, Cores: 4, Threads: 8},
		Memory:   []Module{{Locator: "DIMM A", Manufacturer: "SK Hynix", SizeMiB: 8192, Type: 0x1a, SpeedMTs: 3200}, {Locator: "DIMM B"}},
		Disks:    []Disk{{Name: "nvme0n1", Model: "SAMSUNG MZVLQ256HBJD-000H1", Serial: "S5XX" + id, SizeBytes: 256060514304}},
		Supplies: []Supply{{Name: "AC", Type: "Mains", Online: r.IntN(4) > 0}, battery("BAT0", m.design, full, 30+r.IntN(71), r)},
		Adapters: []Adapter{
			{Name: "lo", MAC: "00:00:00:00:00:00", Kind: "virtual"},
			{Name: "enp0s31f6", MAC: mac(0x10, place, r), Kind: "ethernet", Driver: "e1000e", SpeedMbit: 1000},
			{Name: "wlp2s0", MAC: mac(0x20, place, r), Kind: "wifi", Driver: "iwlwifi"},
		},
		TPM: "2.0", UEFI: true, SecureBoot: true,
		OS: debian("elev-"+strings.ToLower(id[:7]), installed, 1400+r.IntN(400)),
	}
}

func battery(name string, design, full, percent int, r *rand.Rand) Supply {
	return Supply{
		Name: name, Type: "Battery", Model: fmt.Sprintf("BT%02dXL", r.IntN(100)), Serial: decimal(10000 + r.IntN(90000)),
		Technology: "Li-ion", DesignMWh: design, FullMWh: full, VoltageMV: 11400, Cycles: 50 + r.IntN(600), Percent: percent,
	}
}

// debian is a Debian 12 that was put on the machine at the given time and started 19 hours later.
func debian(hostname string, installed time.Time, packages int) OS {
	return OS{
		Release: []string{
			`PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"`, `NAME="Debian GNU/Linux"`, `VERSION_ID="12"`,
			`VERSION="12 (bookworm)"`, `VERSION_CODENAME=bookworm`, `ID=debian`,
		},
		Kernel: "6.1.0-31-amd64", Kernels: []string{"6.1.0-31-amd64", "6.1.0-28-amd64"}, Hostname: hostname,
		Installed: installed, Booted: installed.Add(19 * time.Hour), Packages: packages,
	}
}

const alphabet = "BCDFGHJKLMNPQRSTVWXZ0123456789"

// serial is eight characters of which the first three count the place, so that no two are the same.
func serial(place int, r *rand.Rand) string {
	const n = len(alphabet)
	b := []byte{alphabet[place/n/n%n], alphabet[place/n%n], alphabet[place%n]}
	for range 5 {
		b = append(b, alphabet[r.IntN(n)])
	}
	return string(b)
}

// mac is a locally administered address; its last two bytes count the place.
func mac(kind byte, place int, r *rand.Rand) string {
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", kind, r.IntN(256), r.IntN(256), place>>8&0xff, place&0xff)
}

func randomUUID(r *rand.Rand) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return uuidText(b)
}
