package madeup_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/deploy/madeup"
)

// files returns content and time stamps of what Write makes, but for the boot id.
func files(t *testing.T, m madeup.Machine) map[string]string {
	t.Helper()
	root := t.TempDir()
	if err := m.Write(root); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "boot_id" {
			return err
		}
		content, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, root)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWriteIsDeterministic(t *testing.T) {
	for _, m := range append(madeup.Machines(), madeup.Cabinet(3, 7)...) {
		if a, b := files(t, m), files(t, m); !reflect.DeepEqual(a, b) || len(a) < 10 {
			t.Errorf("%s: two writes differ, or made next to nothing (%d files)", m.Name, len(a))
		}
	}
}

func TestBootID(t *testing.T) {
	read := func(m madeup.Machine) string {
		root := t.TempDir()
		if err := m.Write(root); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(root, "proc/sys/kernel/random/boot_id"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	m := madeup.DellLatitude()
	if a, b := read(m), read(m); a == b || len(a) != 36 {
		t.Errorf("boot ids %q and %q; want two random ones", a, b)
	}
	m.BootID = "6f1d1a52-0c1c-4c6a-9a3f-6d7a5e0f3b21"
	if got := read(m); got != m.BootID {
		t.Errorf("boot id %q, want %q", got, m.BootID)
	}
}

func TestWriteNamesTheMachineThatFails(t *testing.T) {
	root := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(root, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := madeup.VirtualMachine().Write(root); err == nil || !strings.Contains(err.Error(), "write machine qemu-q35") {
		t.Errorf("error %v", err)
	}
}

func TestCabinet(t *testing.T) {
	machines := madeup.Cabinet(1000, 42)
	seen := map[string]string{}
	for _, m := range machines {
		own := []string{m.SMBIOS.Serial, m.SMBIOS.UUID, m.OS.Hostname, m.Disks[0].Serial, m.Name}
		for _, a := range m.Adapters[1:] {
			own = append(own, a.MAC)
		}
		for _, value := range own {
			if other := seen[value]; other != "" {
				t.Errorf("%s and %s share %s", other, m.Name, value)
			}
			seen[value] = m.Name
		}
	}
	same := func(a, b []madeup.Machine) bool {
		return reflect.DeepEqual(a, b)
	}
	if !same(machines[:30], madeup.Cabinet(30, 42)) {
		t.Error("a smaller cabinet of the same seed has other machines")
	}
	if same(madeup.Cabinet(30, 43), machines[:30]) {
		t.Error("another seed gives the same machines")
	}
}

// TestTables checks what DSP0134 asks of an entry point: its checksums, and the length of the table.
func TestTables(t *testing.T) {
	for _, m := range madeup.Machines() {
		entryPoint, table := m.Tables()
		var sum byte
		for _, b := range entryPoint {
			sum += b
		}
		if sum != 0 || !bytes.HasSuffix(table, []byte{127, 4, 0xff, 0xfe, 0, 0}) {
			t.Errorf("%s: checksum %d, table ends in % x", m.Name, sum, table[len(table)-6:])
		}
	}
}
