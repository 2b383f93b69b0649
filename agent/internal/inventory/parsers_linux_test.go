package inventory_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/inventory"
)

func TestParseOSRelease(t *testing.T) {
	got := inventory.ParseOSRelease("# comment\nID=debian\nNAME='single $x'\nPRETTY_NAME=\"a \\\"b\\\" \\$c\"\r\nnonsense\n=empty\nEMPTY=\nID_LIKE=\"x y\"\n")
	want := map[string]string{"ID": "debian", "NAME": "single $x", "PRETTY_NAME": `a "b" $c`, "EMPTY": "", "ID_LIKE": "x y"}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParseOSRelease(f *testing.F) {
	for _, seed := range []string{"ID=debian\n", "A=\"", "A='", "A=\\", "=\n#\n", "NAME=\"a\\\"b\"\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size := 0
		for name, value := range inventory.ParseOSRelease(text) {
			size += len(name) + len(value)
		}
		if size > len(text) {
			t.Errorf("%d bytes of values from %d bytes", size, len(text))
		}
	})
}

func TestCountInstalled(t *testing.T) {
	for text, want := range map[string]uint32{
		"": 0,
		"Package: a\nStatus: install ok installed\n\nPackage: b\nSTATUS:  hold ok installed":                                            2,
		"Package: a\nStatus: deinstall ok config-files\n\nPackage: b\nStatus: install ok half-configured\n":                             0,
		"Package: a\nDescription: x\n Status: install ok installed\n":                                                                   0,
		"Depends: " + strings.Repeat("libc6, ", 20000) + "Status: install ok installed\nStatus: install ok installed\n":                 1,
		"Conffiles:\n" + strings.Repeat(" /etc/x 0123\n", 9000) + "Package: c\nStatus: install reinstreq installed\nVersion: 1\n\n\n\n": 1,
	} {
		if got, err := inventory.CountInstalled(strings.NewReader(text)); err != nil || got != want {
			t.Errorf("%.40q: %d, %v; want %d", text, got, err, want)
		}
	}
}

func FuzzCountInstalled(f *testing.F) {
	f.Add("Package: a\nStatus: install ok installed\n\n")
	f.Add("Status:")
	f.Add(strings.Repeat("x", 70000) + "\nStatus: install ok installed")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := inventory.CountInstalled(strings.NewReader(text))
		if err != nil || int(got) > strings.Count(strings.ToLower(text), "status:") {
			t.Errorf("%d installed, %v", got, err)
		}
	})
}

func TestParseRPM(t *testing.T) {
	booted := time.Unix(1_700_000_000, 0)
	n, causes, err := inventory.ParseRPM(strings.NewReader("1600000000 glibc\n1700000500 kernel-core\n1700000500 nano\n1 gpg-pubkey\n"), booted)
	if n != 3 || !slices.Equal(causes, []string{"kernel-core"}) || err != nil {
		t.Errorf("got %d, %v, %v; want 3 and kernel-core", n, causes, err)
	}
	if n, _, err := inventory.ParseRPM(strings.NewReader("(none) x\n5 y\n"), booted); n != 1 || err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("got %d, %v; want 1 and an error that names line 1", n, err)
	}
}

func FuzzParseRPM(f *testing.F) {
	f.Add("1700000500 kernel\n")
	f.Add("x\n\n 5\n99999999999999999999 glibc\n")
	f.Fuzz(func(t *testing.T, text string) {
		n, causes, _ := inventory.ParseRPM(strings.NewReader(text), time.Unix(0, 0))
		if int(n) > strings.Count(text, "\n")+1 || len(causes) > int(n) {
			t.Errorf("%d packages, %d causes from %d bytes", n, len(causes), len(text))
		}
	})
}

func TestNewerKernel(t *testing.T) {
	tests := []struct {
		running string
		boot    []string
		want    string
	}{
		{"6.1.0-9-amd64", []string{"vmlinuz-6.1.0-9-amd64", "vmlinuz-6.1.0-10-amd64", "initrd.img-6.1.0-11-amd64"}, "6.1.0-10-amd64"},
		{"6.1.0-31-amd64", []string{"vmlinuz-6.1.0-31-amd64", "vmlinuz-6.1.0-28-amd64", "vmlinuz-6.9.0-1-rt-amd64"}, ""},
		{"6.8.5-301.fc40.x86_64", []string{"vmlinuz-6.11.4-201.fc41.x86_64", "vmlinuz-0-rescue-12ab"}, "6.11.4-201.fc41.x86_64"},
		{"5.15.0-100-generic", []string{"vmlinuz", "vmlinuz.old", "vmlinuz-5.15.0-101-generic"}, "5.15.0-101-generic"},
		{"6.18.44-fc-v657", nil, ""},
		{"", []string{"vmlinuz-6.1.0-31-amd64"}, ""},
	}
	for _, test := range tests {
		if got := inventory.NewerKernel(test.running, test.boot); got != test.want {
			t.Errorf("NewerKernel(%s, %v) = %q, want %q", test.running, test.boot, got, test.want)
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("6.1.0-9-amd64", "6.1.0-10-amd64")
	f.Add("", "0")
	f.Fuzz(func(t *testing.T, a, b string) {
		if x, y := inventory.CompareVersions(a, b), inventory.CompareVersions(b, a); x != -y {
			t.Errorf("compare %q %q = %d, other way round %d", a, b, x, y)
		}
	})
}

func TestRootTraits(t *testing.T) {
	for mounts, want := range map[string][]string{
		"/dev/sda2 / ext4 rw,relatime 0 0\n":                              nil,
		"/dev/sda2 / ext4 ro,relatime 0 0\n":                              {"read-only-root"},
		"rootfs / rootfs rw 0 0\noverlay / overlay rw,lowerdir=/l 0 0\n":  {"write-filter"},
		"overlay /var overlay rw 0 0\nshort line\n/dev/sda2 / xfs rw 0 0": nil,
		"/dev/loop0 / squashfs ro 0 0\n":                                  {"read-only-root"},
	} {
		if got := inventory.RootTraits(mounts); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", mounts, got, want)
		}
	}
}

func TestNVMeHealth(t *testing.T) {
	page := make([]byte, 512)
	page[0], page[5] = 0x02, 104
	binary.LittleEndian.PutUint64(page[128:], 8799)
	binary.LittleEndian.PutUint64(page[160:], 3)
	h, err := inventory.ParseNVMeHealth(page)
	if err != nil || !h.Passed || h.WearPercent != 104 || h.PowerOnHours != 8700 || h.MediaErrors != 3 {
		t.Errorf("got %v, %v; a warning of temperature is no failure", h, err)
	}
	page[0] = 0x04
	if h, _ := inventory.ParseNVMeHealth(page); h.Passed {
		t.Error("degraded reliability passed")
	}
	if _, err := inventory.ParseNVMeHealth(page[:511]); err == nil {
		t.Error("a short page gave no error")
	}
}

func TestATAHealth(t *testing.T) {
	page := make([]byte, 512)
	for i, a := range [][]byte{{9, 0, 0, 90, 90, 0x39, 0x30}, {177, 0, 0, 88, 88, 1}, {187, 0, 0, 100, 100, 2}, {198, 0, 0, 100, 100, 1}} {
		copy(page[2+12*i:], a)
	}
	if _, err := inventory.ParseATAHealth(page, true, false); err == nil {
		t.Error("a wrong checksum gave no error")
	}
	for _, b := range page[:511] {
		page[511] -= b
	}
	h, err := inventory.ParseATAHealth(page, true, false)
	if err != nil || !h.Passed || h.PowerOnHours != 12300 || h.WearPercent != 12 || h.MediaErrors != 2 {
		t.Errorf("got %v, %v", h, err)
	}
	if h, _ := inventory.ParseATAHealth(page, false, true); h.Passed || h.WearPercent != 0 {
		t.Errorf("a failing hard disk: %v", h)
	}
	sense := make([]byte, 32)
	sense[0], sense[8], sense[17], sense[19] = 0x72, 0x09, 0x4f, 0xc2
	if passed, err := inventory.ParseATAStatus(sense); err != nil || !passed {
		t.Errorf("good status: %t, %v", passed, err)
	}
	sense[17], sense[19] = 0xf4, 0x2c
	if passed, err := inventory.ParseATAStatus(sense); err != nil || passed {
		t.Errorf("bad status: %t, %v", passed, err)
	}
	if _, err := inventory.ParseATAStatus(sense[:10]); err == nil {
		t.Error("short sense data gave no error")
	}
}

func FuzzHealth(f *testing.F) {
	f.Add(make([]byte, 512))
	f.Add([]byte{0x72, 0, 0, 0, 0, 0, 0, 14, 9, 12})
	f.Fuzz(func(t *testing.T, page []byte) {
		if h, err := inventory.ParseATAHealth(page, true, false); err == nil && h.WearPercent > 100 {
			t.Errorf("wear of %d %% counted down from 100", h.WearPercent)
		}
		if _, err := inventory.ParseNVMeHealth(page); (err == nil) != (len(page) >= 512) {
			t.Errorf("%d bytes: %v", len(page), err)
		}
		_, _ = inventory.ParseATAStatus(page)
	})
}
