package inventory_test

import (
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/deploy/madeup"
	"github.com/nattevakt/nattevakt/deploy/wine"
)

// TestWindows runs this package's tests for Windows under Wine, once as they are and once as each of three
// vendors' machines, so that model keys come through the real GetSystemFirmwareTable.
func TestWindows(t *testing.T) {
	wine.Prefix(t)
	exe := wine.BuildTest(t, ".")
	t.Run("all", func(t *testing.T) {
		out, err := wine.Run(t, exe, "-test.v")
		if err != nil || !strings.Contains(out, "--- PASS: TestWindowsMachine") {
			t.Errorf("%v\n%s", err, out)
		}
		t.Log(out)
	})
	for want, m := range map[string]madeup.Machine{
		"Dell|Latitude 7440|0C0B|7XK2Q93":                         madeup.DellLatitude(),
		"HP|HP EliteBook 840 G8 Notebook PC|880D|5CG1234ABC":      madeup.HPEliteBook(),
		"Lenovo|ThinkPad T14 Gen 4|21HE|PF4ABC12":                 madeup.LenovoThinkPad(),
		"Microsoft|Surface Pro 7|Surface_Pro_7_1866|012345678953": madeup.SurfacePro(),
	} {
		t.Run(m.Name, func(t *testing.T) {
			t.Setenv("NATTEVAKT_TEST_IDENTITY", want)
			out, err := wine.RunAs(t, m.DMI(), exe, "-test.v", "-test.run=TestWindowsIdentity")
			if err != nil || !strings.Contains(out, "--- PASS: TestWindowsIdentity") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
