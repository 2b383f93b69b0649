//go:build unix

package vendors_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/plugins/vendor"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/vendors"
)

// The real plugins, with the catalogues they are tested with: who knows the machine, and its pack.
func TestRealPlugins(t *testing.T) {
	t.Parallel()
	catalogues := t.TempDir()
	for _, name := range []string{"dell", "hp", "lenovo", "generic"} {
		if err := os.CopyFS(filepath.Join(catalogues, name), os.DirFS(filepath.Join("../../../plugins", name, "testdata"))); err != nil {
			t.Fatal(err)
		}
	}
	c := quick(folder(t, "dell", "hp", "lenovo", "generic"))
	c.Catalogues = catalogues
	h := open(t, c)
	for _, s := range h.List() {
		if s.State != vendors.Running || s.Catalogue.Packs() == 0 || s.Protocol != vendor.ProtocolVersion || !s.Identifies || !s.FindsPacks {
			t.Errorf("%+v", s)
		}
	}
	for _, x := range []struct {
		hardware   fleet.Hardware
		plugin, id string
	}{
		{fleet.Hardware{Vendor: "Dell", Product: "Breidde 7000", ModelKey: "1A0C"}, "dell", "AA11"},
		{fleet.Hardware{Vendor: "HP", Product: "HP ElvBook 840 14 inch G10 Notebook PC", ModelKey: "9B41"}, "hp", "sp2"},
		{fleet.Hardware{Vendor: "Lenovo", Product: "TankePad T490", ModelKey: "30N2"}, "lenovo", "tp_t490_w11_24.exe"},
		{fleet.Hardware{Vendor: "Fujitsu", Product: "LIVSBOK E5411", ModelKey: "FJNB2E5"}, "generic", "e5411.zip"},
	} {
		a := explain(t, h, x.hardware)
		if a.Plugin != x.plugin || a.Problem != "" || a.Packs == nil || a.Packs.Pack == nil || a.Packs.Pack.ID != x.id {
			t.Errorf("%+v: %+v", x.hardware, a)
		}
	}
	unknown := explain(t, h, fleet.Hardware{Vendor: "Dell", Product: "Breidde 7000", ModelKey: "1A0F"})
	if unknown.Plugin != "dell" || unknown.Packs == nil || unknown.Packs.Known || len(unknown.Packs.Nearest) == 0 {
		t.Errorf("an unknown model: %+v", unknown)
	}
	nokey := explain(t, h, fleet.Hardware{Vendor: "Dell", Product: "Breidde", ModelKey: "To be filled"})
	if nokey.Plugin != "dell" || !strings.Contains(nokey.Problem, "does not carry a model key") {
		t.Errorf("a machine without a key: %+v", nokey)
	}
}

func TestChecksums(t *testing.T) {
	dir := folder(t, "good", "changed", "unlisted")
	for file, change := range map[string]func(string) string{
		"nattevakt-vendor-changed": func(s string) string { return s + "x" },
		"SHA256SUMS": func(s string) string {
			kept, _, _ := strings.Cut(s, "\n"+lineOf(s, "unlisted"))
			return kept + "\n"
		},
	} {
		path := filepath.Join(dir, file)
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, []byte(change(string(content))), 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h := open(t, quick(dir))
	for name, want := range map[string]string{"changed": "has another content", "unlisted": "is not in SHA256SUMS"} {
		if s := status(t, h, name); s.State != vendors.Refused || s.PID != 0 || !strings.Contains(s.Problem, want) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	a := explain(t, h, testMachine("K"))
	if a.Plugin != "good" || !strings.Contains(silent(a, "changed"), "refused") {
		t.Errorf("%+v", a)
	}
}

func lineOf(sums, name string) string {
	for line := range strings.Lines(sums) {
		if strings.HasSuffix(line, "-"+name+"\n") {
			return line
		}
	}
	return "?"
}

func TestBadFolders(t *testing.T) {
	if _, err := vendors.Open(t.Context(), quick(filepath.Join(t.TempDir(), "none"))); err == nil {
		t.Error("a folder that does not exist is no error")
	}
	if h := open(t, quick(t.TempDir())); len(h.List()) != 0 {
		t.Errorf("an empty folder has %+v", h.List())
	}
	sum := strings.Repeat("ab", 32)
	for content, want := range map[string]string{
		"abc  nattevakt-vendor-x\n":                  "line 1",
		sum + "  a\n\n" + sum[2:] + "cd  a\n":        "line 3: a stands here twice",
		sum + "  a\n" + sum + " *a\n" + sum + " x\n": "line 3",
		strings.Repeat("x", 2<<20):                   "",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := vendors.Open(t.Context(), quick(dir)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", content, err, want)
		}
	}
}

// Whatever a plugin does at its start, it is reported with its reason, and the good one is not held up.
func TestBadStarts(t *testing.T) {
	t.Parallel()
	dir := folder(t, "good", "crashatstart", "neverstarts", "chatters", "parent", "future", "impostor")
	script := filepath.Join(dir, "nattevakt-vendor-noprogram")
	if err := os.WriteFile(script, []byte("not a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	sums, err := os.OpenFile(filepath.Join(dir, "SHA256SUMS"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(sums, "%x  nattevakt-vendor-noprogram\n", sha256.Sum256([]byte("not a program")))
	sums.Close()
	c := quick(dir)
	c.Start, c.Pause = 6*time.Second, time.Minute
	h := open(t, c)
	for name, want := range map[string]string{
		"crashatstart": "it said: cannot find my licence",
		"neverstarts":  "timeout while waiting for plugin to start",
		"chatters":     "hello",
		"parent":       "timeout while waiting for plugin to start",
		"future":       "99",
		"impostor":     "calls itself dell",
		"noprogram":    "exec format error",
	} {
		s := status(t, h, name)
		if s.State != vendors.Down || s.Failures != 1 || s.NextStart.IsZero() || !strings.Contains(s.Problem, want) {
			t.Errorf("%s: %+v, want %q", name, s, want)
		}
	}
	var child int
	_, said, _ := strings.Cut(status(t, h, "parent").Problem, "it said: child ")
	if _, err := fmt.Sscan(strings.TrimSuffix(said, ")"), &child); err != nil || child == 0 {
		t.Fatalf("no child in %q", said)
	}
	await(t, "the child of a plugin is gone", func() bool { return !alive(child) })
	if a := explain(t, h, testMachine("K")); a.Plugin != "good" || a.Packs == nil || !strings.Contains(silent(a, "chatters"), "plugin is down") {
		t.Errorf("%+v", a)
	}
}

// A plugin that fails while it is asked is killed, reported and started again; the good one answers.
func TestFailuresWhileAsked(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"crashes": "CRASH", "hangs": "K", "freezes": "FREEZE", "huge": "K"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, quick(folder(t, "good", name)))
			before := status(t, h, name)
			if before.State != vendors.Running {
				t.Fatalf("%+v", before)
			}
			if a := explain(t, h, testMachine(key)); a.Packs == nil || a.Packs.Pack == nil {
				t.Errorf("the good plugin's answer was lost: %+v", a)
			}
			await(t, "the plugin runs again", func() bool {
				s := status(t, h, name)
				return s.State == vendors.Running && s.PID != before.PID && s.Failures > 0 && s.Problem != ""
			})
			await(t, "the old process is gone", func() bool { return !alive(before.PID) })
			if good := status(t, h, "good"); good.Failures != 0 {
				t.Errorf("the good plugin: %+v", good)
			}
		})
	}
}

// A plugin that dies while nobody asks is noticed.
func TestHeartbeat(t *testing.T) {
	h := open(t, quick(folder(t, "good")))
	before := status(t, h, "good")
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "it runs again", func() bool {
		s := status(t, h, "good")
		return s.State == vendors.Running && s.PID != before.PID
	})
	if a := explain(t, h, testMachine("K")); a.Plugin != "good" {
		t.Errorf("%+v", a)
	}
}

func TestNonsenseIsNotBelieved(t *testing.T) {
	h := open(t, quick(folder(t, "liar", "wrongpack")))
	a := explain(t, h, testMachine("K"))
	if !strings.Contains(silent(a, "liar"), "makes no sense") {
		t.Errorf("%+v", a.Voices)
	}
	if a.Plugin != "wrongpack" || a.Packs != nil || !strings.Contains(a.Problem, `plugin wrongpack, model K: the plugin's answer makes no sense: pack p1 has the SHA-256 "none"`) {
		t.Errorf("%+v", a)
	}
	for _, s := range h.List() {
		if s.Failures != 0 {
			t.Errorf("a wrong answer ended the process: %+v", s)
		}
	}
}

// A caller who cannot wait takes no plugin down.
func TestImpatientCaller(t *testing.T) {
	h := open(t, quick(folder(t, "slow")))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.Explain(ctx, testMachine("K"), windows11); err == nil {
		t.Error("no error")
	}
	if s := status(t, h, "slow"); s.State != vendors.Running || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestCatalogueProblems(t *testing.T) {
	c := quick(folder(t, "badcatalogue", "good"))
	c.Catalogues = t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Catalogues, "badcatalogue"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, c)
	if s := status(t, h, "badcatalogue"); s.State != vendors.Running || !strings.Contains(s.CatalogueProblem, "is a web page") {
		t.Errorf("%+v", s)
	}
	if s := status(t, h, "good"); s.State != vendors.Running || !strings.Contains(s.CatalogueProblem, "no such file") {
		t.Errorf("%+v", s)
	}
	a := explain(t, h, testMachine("K"))
	if a.Plugin != "badcatalogue" || !strings.Contains(a.Problem, "badcatalogue has no catalogue") {
		t.Errorf("%+v", a)
	}
}

func TestCatalogueThatHangs(t *testing.T) {
	t.Parallel()
	c := quick(folder(t, "hangsatindex"))
	c.Catalogues, c.Index, c.Pause = t.TempDir(), 300*time.Millisecond, time.Minute
	if err := os.WriteFile(filepath.Join(c.Catalogues, "hangsatindex"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, c)
	if s := status(t, h, "hangsatindex"); s.State != vendors.Down || !strings.Contains(s.Problem, "read catalogue") {
		t.Errorf("%+v", s)
	}
}

// The plugin that names the vendor goes before one for any vendor, whatever their names.
func TestWhoIsBelieved(t *testing.T) {
	h := open(t, quick(folder(t, "anyvendor", "good")))
	a := explain(t, h, testMachine("K"))
	if a.Plugin != "good" || !a.Voices[0].Mine || !a.Voices[1].Mine {
		t.Errorf("%+v", a)
	}
	if a := explain(t, h, fleet.Hardware{Vendor: "Other", ModelKey: "K"}); a.Plugin != "" || len(a.Voices) != 2 {
		t.Errorf("a machine nobody knows: %+v", a)
	}
	for _, target := range []vendor.Target{{}, {OS: "windows11", Arch: "amd64", Version: "next"}} {
		if _, err := h.Explain(t.Context(), testMachine("K"), target); err == nil {
			t.Errorf("target %+v is no error", target)
		}
	}
	if _, err := h.Explain(t.Context(), fleet.Hardware{ModelKey: "K"}, windows11); err == nil {
		t.Error("a machine without a vendor is no error")
	}
}

func TestEnvironmentStaysHere(t *testing.T) {
	t.Setenv("NATTEVAKT_SECRET", "hunter2")
	h := open(t, quick(folder(t, "environment")))
	if s := status(t, h, "environment"); s.State != vendors.Running || strings.Contains(s.Info.Version, "SECRET") {
		t.Errorf("%+v", s)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := quick(folder(t, "good", "neverstarts"))
	c.Start = time.Second
	h, err := vendors.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	pid := status(t, h, "good").PID
	h.Close()
	h.Close()
	if alive(pid) {
		t.Error("the plugin lives")
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	a, err := h.Explain(t.Context(), testMachine("K"), windows11)
	if err != nil || a.Plugin != "" || !strings.Contains(silent(a, "good"), "have been stopped") {
		t.Errorf("%+v, %v", a, err)
	}
}

// A start that hangs does not hold up Close, nor a caller of Open who cannot wait.
func TestCloseWhileStarting(t *testing.T) {
	c := quick(folder(t, "neverstarts"))
	c.Start = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := vendors.Open(ctx, c); err == nil {
		t.Error("no error")
	}
}

func TestPluginsEndWithAKilledHost(t *testing.T) {
	t.Parallel()
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), "NATTEVAKT_TEST_HOST="+folder(t, "good"), "TMPDIR="+t.TempDir())
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	_, scanErr := fmt.Fscan(out, &pid)
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait() // killed
	if scanErr != nil || pid == 0 {
		t.Fatalf("plugin %d, %v", pid, scanErr)
	}
	await(t, "the plugin is gone", func() bool { return !alive(pid) })
}

// What a question costs over the wire: all plugins are asked, then the one that knows.
func BenchmarkExplain(b *testing.B) {
	c := quick(folder(b, "dell", "hp", "lenovo", "generic"))
	c.Catalogues = b.TempDir()
	if err := os.CopyFS(filepath.Join(c.Catalogues, "dell"), os.DirFS("../../../plugins/dell/testdata")); err != nil {
		b.Fatal(err)
	}
	h := open(b, c)
	for b.Loop() {
		a, err := h.Explain(b.Context(), fleet.Hardware{Vendor: "Dell", ModelKey: "1A0C"}, windows11)
		if err != nil || a.Packs == nil {
			b.Fatal(a, err)
		}
	}
}
