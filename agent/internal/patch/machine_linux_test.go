package patch_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/patch"
)

// inst is a line of a simulated upgrade: name, installed version, new version.
var inst = regexp.MustCompile(`(?m)^Inst (\S+) \[(\S+)\] \((\S+) `)

// On the machine of the test, everything apt itself would upgrade is listed, with the same versions.
func TestThisMachineAgreesWithApt(t *testing.T) {
	need(t, aptTools, "apt-get", "apt-cache")
	result, err := patch.NewApt("/", patch.Run).Missing(t.Context())
	if errors.Is(err, patch.ErrAbsent) {
		t.Skip("needs a machine that dpkg manages")
	}
	if err != nil && strings.Contains(err.Error(), "no package lists") {
		t.Skip("needs fetched package lists (apt-get update)")
	}
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]patch.Update)
	for _, u := range result.Updates {
		listed[u.Name] = u
	}
	out := run(t, os.TempDir(), "apt-get", "-s", "-q", "-o", "Debug::NoLocking=1", "-o", "Dir::Log::Planner=/dev/null", "dist-upgrade")
	lines := inst.FindAllStringSubmatch(string(out), -1)
	for _, line := range lines {
		u := listed[line[1]]
		if u.Installed != line[2] || u.Available != line[3] {
			t.Errorf("apt would upgrade %s from %s to %s; listed is %+v", line[1], line[2], line[3], u)
		}
	}
	t.Logf("%d updates listed, %d of them would be installed now", len(listed), len(lines))
}
