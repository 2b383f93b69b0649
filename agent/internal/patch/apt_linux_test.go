package patch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/patch"
	"github.com/nattevakt/nattevakt/agent/internal/patch/patchtest"
)

const aptTools = "apt apt-utils dpkg"

// The dates of the two archives; the stable one was published first.
var (
	stableDate   = time.Date(2025, 9, 5, 9, 0, 0, 0, time.UTC)
	securityDate = time.Date(2025, 10, 1, 20, 30, 0, 0, time.UTC)
)

// aptBehind is what tree below lacks. delta's fix came through the security archive, a later version through the
// ordinary one.
var aptBehind = []patch.Update{
	{Name: "alpha", Installed: "1.0-1", Available: "1.0-2", Severity: patch.Security,
		Origin: "Debian-Security:12/stable-security", Summary: "installed alpha"},
	{Name: "beta", Installed: "2.0", Available: "2.2", Severity: patch.Other,
		Origin: "Debian:12.9/stable", Summary: "installed beta"},
	{Name: "gamma", Installed: "3.0", Available: "3.1", Severity: patch.Other,
		Origin: "Debian:12.9/stable", Summary: "installed gamma", Held: true},
	{Name: "delta", Installed: "4.0", Available: "4.2", Severity: patch.Security,
		Origin: "Debian:12.9/stable", Summary: "installed delta"},
}

func TestApt(t *testing.T) {
	need(t, aptTools, "apt-get", "apt-cache", "apt-ftparchive", "dpkg-deb")
	repository := aptRepository(t)
	machine := func(t *testing.T, root string) patchtest.Machine {
		return patchtest.Machine{
			Provider: patch.NewApt(root, patch.Run),
			Keeps:    []string{filepath.Join(root, "etc"), filepath.Join(root, "var/lib"), filepath.Join(root, "var/log")},
		}
	}
	patchtest.Run(t, patchtest.Service{
		Name:    "apt",
		Missing: aptBehind,
		Behind:  func(t *testing.T) patchtest.Machine { return machine(t, aptTree(t, repository)) },
		Current: func(t *testing.T) patchtest.Machine {
			root := aptTree(t, repository)
			writeStatus(t, root, "alpha 1.0-2", "beta 2.2", "gamma 3.1", "delta 4.2", "epsilon 6.0")
			return machine(t, root)
		},
		Broken: func(t *testing.T) patchtest.Machine {
			root := aptTree(t, repository)
			write(t, filepath.Join(root, "etc/apt/sources.list"), "deb nonsense\n")
			return machine(t, root)
		},
		Absent: func(t *testing.T) patchtest.Machine { return machine(t, t.TempDir()) },
	})
}

func TestAptDates(t *testing.T) {
	need(t, aptTools, "apt-get", "apt-cache", "apt-ftparchive", "dpkg-deb")
	root := aptTree(t, aptRepository(t))
	write(t, filepath.Join(root, "var/log/dpkg.log"), "2025-05-02 10:00:00 upgrade alpha:all 0.9 1.0-1\n")
	listed := time.Date(2025, 4, 1, 12, 0, 0, 0, time.UTC)
	list := filepath.Join(root, "var/lib/dpkg/info/beta.list")
	write(t, list, "/.\n")
	if err := os.Chtimes(list, listed, listed); err != nil {
		t.Fatal(err)
	}
	result, err := patch.NewApt(root, patch.Run).Missing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(result.RefreshedAt); age < 0 || age > time.Hour {
		t.Errorf("lists were renewed at %v, want just now", result.RefreshedAt)
	}
	for _, u := range result.Updates {
		since := map[string]time.Time{"alpha": time.Date(2025, 5, 2, 10, 0, 0, 0, time.UTC), "beta": listed}[u.Name]
		if !u.InstalledSince.Equal(since) {
			t.Errorf("%s installed since %v, want %v", u.Name, u.InstalledSince, since)
		}
		missed := stableDate
		if u.Name == "alpha" {
			missed = securityDate
		}
		if !u.MissedSince.Equal(missed) || !u.AvailableSince.IsZero() {
			t.Errorf("%s missed since %v, available since %v; want %v and unknown", u.Name, u.MissedSince, u.AvailableSince, missed)
		}
	}
}

// Lists that were never fetched are no proof that nothing is missing.
func TestAptWithoutListsIsUnknown(t *testing.T) {
	need(t, aptTools, "apt-get", "apt-cache", "apt-ftparchive", "dpkg-deb")
	root := aptTree(t, aptRepository(t))
	if err := os.RemoveAll(filepath.Join(root, "var/lib/apt/lists")); err != nil {
		t.Fatal(err)
	}
	_, err := patch.NewApt(root, patch.Run).Missing(t.Context())
	if err == nil || !strings.Contains(err.Error(), "apt-get update") {
		t.Errorf("got %v, want an error that says to run apt-get update", err)
	}
}

// aptTree makes a machine's file system with dpkg's status and fetched package lists.
func aptTree(t *testing.T, repository string) string {
	t.Helper()
	root := t.TempDir()
	folders(t, root, "etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/lib/dpkg",
		"var/cache/apt/archives/partial", "var/log/apt")
	write(t, filepath.Join(root, "etc/apt/sources.list"), fmt.Sprintf(
		"deb [trusted=yes] file:%[1]s stable main\ndeb [trusted=yes] file:%[1]s stable-security main\n", repository))
	writeStatus(t, root, "alpha 1.0-1", "beta 2.0", "gamma 3.0 hold", "delta 4.0", "epsilon 6.0")
	run(t, root, "apt-get", "-q", "-o", "Dir="+root, "-o", "Dir::State::status="+root+"/var/lib/dpkg/status",
		"-o", "APT::Sandbox::User=", "update")
	return root
}

// writeStatus writes dpkg's status from lines "name version [selection]".
func writeStatus(t *testing.T, root string, packages ...string) {
	t.Helper()
	var status strings.Builder
	for _, p := range packages {
		f := strings.Fields(p + " install")
		fmt.Fprintf(&status, "Package: %[1]s\nStatus: %[3]s ok installed\nMaintainer: A B <a@example.no>\n"+
			"Architecture: all\nVersion: %[2]s\nDescription: installed %[1]s\n A longer text.\n\n", f[0], f[1], f[2])
	}
	status.WriteString("Package: removed\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n")
	write(t, filepath.Join(root, "var/lib/dpkg/status"), status.String())
}

// aptRepository makes a Debian archive with an ordinary and a security suite.
func aptRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	debs := []struct{ suite, name, version, more string }{
		{"stable", "beta", "2.1", ""},
		{"stable", "beta", "2.2", "Depends: newcomer\n"},
		{"stable", "newcomer", "1", ""},
		{"stable", "gamma", "3.1", ""},
		{"stable", "delta", "4.2", ""},
		{"stable", "epsilon", "5.0", ""},
		{"stable", "removed", "2", ""},
		{"stable-security", "alpha", "1.0-2", ""},
		{"stable-security", "delta", "4.1", ""},
	}
	for _, d := range debs {
		tree := filepath.Join(dir, "build", d.suite, d.name+d.version)
		write(t, filepath.Join(tree, "DEBIAN/control"), fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\n"+
			"Maintainer: A B <a@example.no>\n%sDescription: offered\n", d.name, d.version, d.more))
		pool := filepath.Join(dir, "pool", d.suite)
		folders(t, dir, filepath.Join("pool", d.suite))
		run(t, dir, "dpkg-deb", "-Znone", "--root-owner-group", "-b", tree, pool)
	}
	aptSuite(t, dir, "stable", "Debian", "12.9", stableDate)
	aptSuite(t, dir, "stable-security", "Debian-Security", "12", securityDate)
	return dir
}

// aptSuite writes the lists of one suite. apt-ftparchive dates them now; the date is then set.
func aptSuite(t *testing.T, dir, suite, label, version string, date time.Time) {
	t.Helper()
	dist := filepath.Join("dists", suite)
	arch := strings.TrimSpace(string(run(t, dir, "dpkg", "--print-architecture")))
	packages := run(t, dir, "apt-ftparchive", "packages", "pool/"+suite)
	write(t, filepath.Join(dir, dist, "main/binary-"+arch+"/Packages"), string(packages))
	release := run(t, dir, "apt-ftparchive", "-o", "APT::FTPArchive::Release::Origin=Debian",
		"-o", "APT::FTPArchive::Release::Label="+label, "-o", "APT::FTPArchive::Release::Suite="+suite,
		"-o", "APT::FTPArchive::Release::Version="+version, "-o", "APT::FTPArchive::Release::Components=main",
		"-o", "APT::FTPArchive::Release::Architectures="+arch, "release", dist)
	lines := strings.SplitAfter(string(release), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "Date:") {
			lines[i] = "Date: " + date.Format("Mon, 02 Jan 2006 15:04:05 UTC") + "\n"
		}
	}
	write(t, filepath.Join(dir, dist, "Release"), strings.Join(lines, ""))
}
