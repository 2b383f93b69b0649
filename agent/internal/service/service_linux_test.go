package service_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/service"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestUnit(t *testing.T) {
	got := service.Unit("/usr/bin/nattevakt-agent", []string{"--state", "/var/lib/my agent", "--tpm", "auto", `--disk`, `/dev/disk"100%$`})
	golden := filepath.Join("testdata", "unit.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("unit changed (-update writes it anew):\n%s", got)
	}
}

func TestSystemdAcceptsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze (apt-get install systemd)")
	}
	unit := filepath.Join(t.TempDir(), service.Name+".service")
	text := service.Unit("/bin/true", []string{"--state", "/var/lib/my agent"})
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "nattevakt-agent.service:") {
		t.Errorf("%v\n%s", err, out)
	}
}
