package inventory

import (
	"context"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/nattevakt/nattevakt/agent/internal/inventory/wmi"
)

// TestWindowsMachine reads the machine it runs on through the real API: a PC with Windows, or Wine.
func TestWindowsMachine(t *testing.T) {
	in := Collect(context.Background(), Options{})
	t.Log(protojson.Format(in))
	for _, p := range in.Problems {
		if p.Collector == "batteries" && strings.HasSuffix(p.Problem, "error 0x13") {
			t.Log("no list of batteries: Wine has CM_Get_Device_Interface_List in name only")
			continue
		}
		t.Errorf("collector %s: %s", p.Collector, p.Problem)
	}
	if in.Os.GetFamily() != "windows" || !strings.HasPrefix(in.Os.Kernel, "10.0.") || in.Os.Hostname == "" || in.Os.BootedAt == nil {
		t.Errorf("os = %v", in.Os)
	}
	if in.Memory.GetTotalBytes() == 0 || in.Processor.GetThreads() == 0 || in.Processor.Cores == 0 || in.Processor.Sockets == 0 {
		t.Errorf("memory %v, processor %v", in.Memory, in.Processor)
	}
	if len(in.Packages.GetCounts()) != 1 {
		t.Errorf("packages = %v", in.Packages)
	}
	if a, b := Digest(Sections(in, nil)), Digest(Sections(Collect(context.Background(), Options{}), nil)); a != b {
		t.Error("two collections of an unchanged machine have different digests")
	}
}

// TestWindowsIdentity compares with what the caller has made of this machine: vendor|product|key|serial.
func TestWindowsIdentity(t *testing.T) {
	want := os.Getenv("NATTEVAKT_TEST_IDENTITY")
	if want == "" {
		t.Skip("needs NATTEVAKT_TEST_IDENTITY: a machine whose identity is known")
	}
	id, err := Identity("")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join([]string{id.Vendor, id.Product, id.ModelKey, id.Serial}, "|"); got != want {
		t.Errorf("identity is %s, want %s", got, want)
	}
	if id.SystemUuid == "" {
		t.Error("no uuid")
	}
}

func TestWindowsBootID(t *testing.T) {
	first, err := BootID("")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := BootID(""); err != nil || again != first || first == [16]byte{} {
		t.Errorf("boot id %x, then %x, %v", first, again, err)
	}
}

func TestWindowsVitals(t *testing.T) {
	if v, err := Vitals(""); err == nil && v.BatteryPercent > 100 {
		t.Errorf("vitals = %v", v)
	}
}

func TestPowerVitals(t *testing.T) {
	for _, test := range []struct {
		line, flag, percent uint8
		battery, ac         bool
		want                uint32
		fails               bool
	}{
		{1, 128, 255, false, true, 0, false},
		{0, 1, 64, true, false, 64, false},
		{1, 8, 255, true, true, 0, true},
		{255, 0, 101, true, false, 0, true},
	} {
		v, err := powerVitals(test.line, test.flag, test.percent)
		if v.HasBattery != test.battery || v.OnAc != test.ac || v.BatteryPercent != test.want || (err != nil) != test.fails {
			t.Errorf("powerVitals(%d, %d, %d) = %v, %v", test.line, test.flag, test.percent, v, err)
		}
	}
}

// descriptor builds a STORAGE_DEVICE_DESCRIPTOR.
func descriptor(bus uint32, vendor, product, serial string) []byte {
	b := make([]byte, 36)
	for i, text := range []string{vendor, product, "", serial} {
		if text != "" {
			binary.LittleEndian.PutUint32(b[12+4*i:], uint32(len(b)))
			b = append(append(b, text...), 0)
		}
	}
	binary.LittleEndian.PutUint32(b[28:], bus)
	return b
}

func TestParseDescriptor(t *testing.T) {
	d := parseDescriptor(descriptor(0x11, "", "SAMSUNG MZVLQ256HBJD-000H1", "0025_38B1.  "))
	if d.Kind != "nvme" || d.Model != "SAMSUNG MZVLQ256HBJD-000H1" || d.Serial != "0025_38B1" {
		t.Errorf("nvme: %v", d)
	}
	if d := parseDescriptor(descriptor(0x0a, "VMware", "Virtual disk", "")); d.Kind != "virtual" || d.Model != "VMware Virtual disk" {
		t.Errorf("virtual: %v", d)
	}
	whole := descriptor(0x0b, "ATA", "KINGSTON", "5002")
	for n := range whole {
		parseDescriptor(whole[:n])
	}
	binary.LittleEndian.PutUint32(whole[24:], 0xfffffff0)
	if d := parseDescriptor(whole); d.Serial != "" || d.Kind != "unknown" {
		t.Errorf("offset beyond the end: %v", d)
	}
	if kindBySeek([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1}, nil) != "hdd" || kindBySeek(make([]byte, 12), nil) != "ssd" || kindBySeek(nil, nil) != "unknown" {
		t.Error("seek penalty misread")
	}
}

func TestParseBattery(t *testing.T) {
	b := make([]byte, 36)
	binary.LittleEndian.PutUint32(b, systemBattery)
	copy(b[8:], "LiP\x00")
	for at, v := range map[int]uint32{12: 57000, 16: 51300, 32: 213} {
		binary.LittleEndian.PutUint32(b[at:], v)
	}
	if got := parseBattery(b); got.DesignMwh != 57000 || got.FullMwh != 51300 || got.Cycles != 213 || got.Technology != "LiP" {
		t.Errorf("got %v", got)
	}
	binary.LittleEndian.PutUint32(b[16:], 0xffffffff)
	if got := parseBattery(b); got.FullMwh != 0 {
		t.Errorf("unknown capacity read as %d", got.FullMwh)
	}
	binary.LittleEndian.PutUint32(b, 0)
	if parseBattery(b) != nil || parseBattery(b[:35]) != nil {
		t.Error("a supply that is not the machine's, or a short answer, gave a battery")
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune("DELL Ω\x00rest")) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	if got := wideText(wide); got != "DELL Ω" {
		t.Errorf("wideText = %q", got)
	}
}

func TestCountProcessors(t *testing.T) {
	record := func(relation, size uint32) []byte {
		b := make([]byte, size)
		binary.LittleEndian.PutUint32(b, relation)
		binary.LittleEndian.PutUint32(b[4:], size)
		return b
	}
	info := append(append(record(0, 48), record(3, 48)...), append(record(2, 52), record(0, 48)...)...)
	if cores, sockets := countProcessors(info); cores != 2 || sockets != 1 {
		t.Errorf("%d cores, %d sockets", cores, sockets)
	}
	binary.LittleEndian.PutUint32(info[4:], 0)
	if cores, _ := countProcessors(info); cores != 1 {
		t.Errorf("%d cores behind a record of no size", cores)
	}
}

func TestWMI(t *testing.T) {
	names, err := wmi.Column(`root\cimv2`, "SELECT Name FROM Win32_ComputerSystem", "Name")
	if err != nil || len(names) != 1 {
		t.Fatalf("Column = %v, %v", names, err)
	}
	host, err := os.Hostname()
	if text, ok := names[0].(string); err != nil || !ok || !strings.EqualFold(text, host) {
		t.Errorf("computer name %v, want %s", names[0], host)
	}
	if _, err := wmi.Column(`root\not\there`, "SELECT X FROM Y", "X"); err == nil {
		t.Error("a namespace that is not there gave no error")
	}
}
