package id_test

import (
	"encoding/hex"
	"testing"

	"github.com/nattevakt/nattevakt/proto/id"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

func latitude() *nattevaktv1.HardwareIdentity {
	return &nattevaktv1.HardwareIdentity{
		Vendor: "Dell", Product: "Latitude 5440", ModelKey: "0C00", Serial: "ABC1234",
		SystemUuid: "4c4c4544-0030-3010-8031-b2c04f303732", FormFactor: nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
	}
}

// If this number changes, every enrolled machine is taken for a clone.
func TestHardwareIsFixed(t *testing.T) {
	const want = "d7a2c4cffe2c5fcb1035bedac2764f95"
	if got := id.Hardware(latitude()); hex.EncodeToString(got[:]) != want {
		t.Errorf("digest %x, want %s", got, want)
	}
}

func TestHardwareLooksAtWhatNamesAMachine(t *testing.T) {
	for name, change := range map[string]struct {
		change func(*nattevaktv1.HardwareIdentity)
		same   bool
	}{
		"marketing name": {func(h *nattevaktv1.HardwareIdentity) { h.Product = "renamed" }, true},
		"form factor":    {func(h *nattevaktv1.HardwareIdentity) { h.FormFactor = 0 }, true},
		"letter case":    {func(h *nattevaktv1.HardwareIdentity) { h.Serial = "abc1234 " }, true},
		"vendor":         {func(h *nattevaktv1.HardwareIdentity) { h.Vendor = "HP" }, false},
		"model key":      {func(h *nattevaktv1.HardwareIdentity) { h.ModelKey = "0C01" }, false},
		"serial":         {func(h *nattevaktv1.HardwareIdentity) { h.Serial = "ABC1235" }, false},
		"moved border":   {func(h *nattevaktv1.HardwareIdentity) { h.ModelKey, h.Serial = "0C00A", "BC1234" }, false},
	} {
		h := latitude()
		change.change(h)
		if got := id.Hardware(h) == id.Hardware(latitude()); got != change.same {
			t.Errorf("%s: same machine %v, want %v", name, got, change.same)
		}
	}
}

func TestParse(t *testing.T) {
	d := id.NewDevice()
	if got, err := id.ParseDevice(d.String()); err != nil || got != d {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "x", d.String() + " ", "{" + d.String()[1:], d.String()[:35]} {
		if _, err := id.ParseDevice(bad); err == nil {
			t.Errorf("%q is an id", bad)
		}
	}
	for name, ok := range map[string]bool{"a": true, "solvang-a": true, "9": true, "": false, "-a": false, "a-": false, "Å": false, "A": false, "a/b": false, "..": false} {
		if _, err := id.ParseName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
