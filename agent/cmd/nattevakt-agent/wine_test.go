//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/controltest"
	"github.com/nattevakt/nattevakt/deploy/wine"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// windowsAgent builds the agent for Windows.
func windowsAgent(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "nattevakt-agent.exe")
	cmd := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", exe, ".")
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

// inWine is a path of this machine as Wine's programs see it.
func inWine(path string) string { return `Z:` + strings.ReplaceAll(path, "/", `\`) }

// TestWindowsService takes the real agent through the life of a Windows service: install, start, enrol and
// check in over mTLS, stop, uninstall. What Wine cannot show is the restart after a failure.
func TestWindowsService(t *testing.T) {
	wine.Prefix(t) // skips where there is no Wine
	s := controltest.New(t).Start()
	exe := windowsAgent(t)
	service := func(args ...string) string {
		t.Helper()
		out, err := wine.Run(t, exe, append([]string{"service"}, args...)...)
		if err != nil {
			t.Fatalf("service %v: %v\n%s", args, err, out)
		}
		return out
	}
	_, _ = wine.Run(t, exe, "service", "uninstall") // an earlier run may have been cut off
	stateDir := filepath.Join(t.TempDir(), "state")
	warnings := service("install", "--state", inWine(stateDir), "--bootstrap", inWine(s.Bootstrap("")), "--tpm", "off")
	for _, line := range strings.Split(strings.TrimSpace(warnings), "\n") {
		if line != "" && !strings.Contains(line, "is not known to this Windows") {
			t.Errorf("install said %q", line)
		}
	}
	defer service("uninstall")
	service("start")
	for deadline := time.Now().Add(60 * time.Second); !patchOrInventory(s); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the service did not report; %d check-ins", len(s.CheckIns()))
		}
	}
	if out, err := wine.Run(t, exe, "status", "--state", inWine(stateDir)); err != nil || !strings.Contains(out, controltest.DeviceID) {
		t.Errorf("status: %v\n%s", err, out)
	}
	if key, err := os.ReadFile(filepath.Join(stateDir, "device.key")); err != nil || strings.Contains(string(key), "PRIVATE KEY") {
		t.Errorf("the key lies open on disk: %v", err)
	}
	service("stop")
	before := len(s.CheckIns())
	service("start")
	for deadline := time.Now().Add(60 * time.Second); len(s.CheckIns()) == before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the service did not come back")
		}
	}
	if n := len(s.Enrolls()); n != 1 {
		t.Errorf("enrolled %d times", n)
	}
	service("stop")
}

// patchOrInventory asks for reports until one has come.
func patchOrInventory(s *controltest.Server) bool {
	s.Do(func() {
		s.OnCheckIn = func(req *v1.CheckInRequest) (*v1.CheckInResponse, error) {
			answer := controltest.Answer(100 * time.Millisecond)
			answer.WantReport = len(req.GetReportDigest()) > 0
			return answer, nil
		}
	})
	return len(s.Reports()) > 0
}

// TestWindowsPackages runs the tests of the packages with code of their own for Windows.
func TestWindowsPackages(t *testing.T) {
	wine.Prefix(t)
	for _, name := range []string{"state", "keys", "clock", "dial", "enroll", "report", "job"} {
		t.Run(name, func(t *testing.T) {
			exe := wine.BuildTest(t, filepath.Join("..", "..", "internal", name))
			if out, err := wine.Run(t, exe, "-test.v"); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
