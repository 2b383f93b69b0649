package inventory_test

import (
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/deploy/madeup"
)

func TestVitals(t *testing.T) {
	mains := func(online bool) madeup.Supply { return madeup.Supply{Name: "whatever", Type: "Mains", Online: online} }
	cell := func(name string, full, percent int) madeup.Supply {
		return madeup.Supply{Name: name, Type: "Battery", FullMWh: full, DesignMWh: full, VoltageMV: 11000, Percent: percent}
	}
	byCharge := cell("CMB0", 20000, 0)
	byCharge.InCharge = true
	mouse := cell("hid", 100, 3)
	mouse.Scope = "Device"
	tests := map[string]struct {
		supplies      []madeup.Supply
		battery, onAC bool
		percent       uint32
		fails         string
	}{
		"desktop":                {nil, false, false, 0, ""},
		"desktop with a mouse":   {[]madeup.Supply{mains(true), mouse}, false, true, 0, ""},
		"on battery":             {[]madeup.Supply{mains(false), cell("BAT1", 50000, 64)}, true, false, 64, ""},
		"fed by usb":             {[]madeup.Supply{{Name: "BAT7", Type: "USB", Online: true}, cell("AC", 50000, 10)}, true, true, 10, ""},
		"weighted by energy":     {[]madeup.Supply{cell("BAT0", 60000, 90), byCharge}, true, false, 67, ""},
		"without capacity":       {[]madeup.Supply{cell("BAT0", 0, 40), cell("BAT1", 0, 60)}, true, false, 50, ""},
		"a little beyond full":   {[]madeup.Supply{cell("BAT0", 50000, 104)}, true, false, 100, ""},
		"255 percent":            {[]madeup.Supply{mains(true), cell("BAT0", 50000, 255)}, true, true, 0, "battery BAT0: reports 255 %"},
		"one of two is nonsense": {[]madeup.Supply{cell("BAT0", 50000, 255), cell("BAT1", 50000, 30)}, true, false, 30, "BAT0"},
		"negative":               {[]madeup.Supply{cell("BAT0", 50000, -1)}, true, false, 0, "reports -1 %"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := inventory.Vitals(made(t, madeup.Machine{Supplies: test.supplies}))
			if v.HasBattery != test.battery || v.OnAc != test.onAC || v.BatteryPercent != test.percent {
				t.Errorf("got %v; want battery %t, AC %t, %d %%", v, test.battery, test.onAC, test.percent)
			}
			if (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("error %v; want %q", err, test.fails)
			}
		})
	}
}
