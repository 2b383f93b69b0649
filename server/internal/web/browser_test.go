package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/auth"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/web"
)

// browserJob tells the script in deploy/web what to look at.
type browserJob struct {
	Chromium string `json:"chromium"`
	// Base is the pages with a fleet, Empty those without one.
	Base       string `json:"base"`
	BaseToken  string `json:"baseToken"`
	Empty      string `json:"empty"`
	EmptyToken string `json:"emptyToken"`
	// Plain is the pages without TLS, as served on a loopback address for a demonstration.
	Plain      string `json:"plain"`
	PlainToken string `json:"plainToken"`
	// Devices are paths of device pages; the first has everything on it.
	Devices []string `json:"devices"`
	// Change is a file whose appearance the test answers by a change in the cabinet solvang-a.
	Change string `json:"change"`
	// Shots is a folder for pictures of the pages; empty takes none.
	Shots string `json:"shots"`
}

// TestBrowser opens every page in a real browser: both languages, light and dark, four widths. It wants no
// complaint from axe, no sideways scroll at 320 pixels, every control reachable by keyboard with a visible
// focus, no console error (the content security policy's are there), and live updates.
//
// NATTEVAKT_SHOTS=folder keeps pictures of the pages.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute; -short leaves it out")
	}
	node, chromium := tool(t, "node", "nodejs"), tool(t, "chromium", "chromium")
	harness := browserHarness(t)
	source := newFakeSource()
	base, token := startPages(t, source, true)
	empty, emptyToken := startPages(t, &fakeSource{watchers: map[chan struct{}]struct{}{}}, true)
	plain, plainToken := startPages(t, source, false)
	job := browserJob{
		Chromium: chromium, Base: base, BaseToken: token, Empty: empty, EmptyToken: emptyToken, Plain: plain, PlainToken: plainToken,
		Change: filepath.Join(t.TempDir(), "change"), Shots: os.Getenv("NATTEVAKT_SHOTS"),
	}
	for _, slot := range []int{12, 23, 26} {
		job.Devices = append(job.Devices, "/maskin/"+source.slotDevice(t, "solvang-a", slot).ID.String())
	}
	job.Devices = append(job.Devices, "/maskin/"+source.slotDevice(t, "solvang-b", 4).ID.String())
	go changeWhenAsked(t.Context(), source, job.Change)
	spec, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "browser.mjs", string(spec))
	cmd.Dir = harness
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
}

// tool finds a program, or skips the test with the package that has it.
func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s (apt-get install %s)", name, pkg)
	}
	return path
}

// browserHarness gives the folder of the browser's script, with its pinned packages installed.
func browserHarness(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../deploy/web")
	if err != nil {
		t.Fatal(err)
	}
	if upToDate(filepath.Join(dir, "node_modules", ".package-lock.json"), filepath.Join(dir, "package-lock.json")) {
		return dir
	}
	cmd := exec.Command(tool(t, "npm", "npm"), "ci", "--ignore-scripts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("needs the packages of deploy/web: npm ci: %v\n%s", err, out)
	}
	return dir
}

func upToDate(made, from string) bool {
	m, err := os.Stat(made)
	if err != nil {
		return false
	}
	f, err := os.Stat(from)
	return err == nil && !m.ModTime().Before(f.ModTime())
}

func startPages(t *testing.T, source web.Source, tls bool) (address, token string) {
	t.Helper()
	admin, token, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = web.Server(t.Context(), web.New(web.Options{Source: source, Admin: admin, Version: "0.1.0", Logger: slog.New(slog.DiscardHandler)}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the browser asks about the certificate at each start
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL, token
}

// changeWhenAsked ends the job in slot 15 once path exists.
func changeWhenAsked(ctx context.Context, source *fakeSource, path string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := os.Stat(path); err == nil {
			source.change("solvang-a", func(n *control.CabinetNight) {
				n.Devices[14].Readiness.Ready, n.Devices[14].Readiness.Reason = true, 0
				n.Devices[14].Job.State, n.Devices[14].Job.EndedAt = rollout.JobSucceeded, night
				n.Ready++
			})
			return
		}
	}
}
