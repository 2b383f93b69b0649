package patch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/patch"
	"github.com/nattevakt/nattevakt/agent/internal/patch/patchtest"
)

const dnfTools = "dnf rpm createrepo-c"

// dnfBehind is what the tree below lacks. alpha's critical advisory is for 1.0-2, a release on the way to 1.0-3;
// gamma is excluded by the administrator.
var dnfBehind = []patch.Update{
	{Name: "alpha", Installed: "1.0-1", Available: "1.0-3", Severity: patch.Critical, Origin: "nightly", Summary: "The alpha package"},
	{Name: "beta", Installed: "2.0-1", Available: "2.1-1", Severity: patch.Other, Origin: "nightly", Summary: "The beta package"},
	{Name: "gamma", Installed: "3.0-1", Available: "3.1-1", Severity: patch.Security, Origin: "nightly", Summary: "The gamma package", Held: true},
	{Name: "delta", Installed: "1:4.0-1", Available: "1:4.1-1", Severity: patch.Other, Origin: "nightly", Summary: "The delta package"},
}

func TestDnf(t *testing.T) {
	needDnf(t)
	built := rpmPackages(t)
	machine := func(root string) patchtest.Machine {
		return patchtest.Machine{
			Provider: patch.NewDnf(root, patch.Run),
			Keeps:    []string{filepath.Join(root, "etc"), filepath.Join(root, "var/lib")},
		}
	}
	patchtest.Run(t, patchtest.Service{
		Name:    "dnf",
		Missing: dnfBehind,
		Behind: func(t *testing.T) patchtest.Machine {
			return machine(dnfTree(t, built, "alpha-1.0-1", "beta-2.0-1", "gamma-3.0-1", "delta-4.0-1"))
		},
		Current: func(t *testing.T) patchtest.Machine {
			return machine(dnfTree(t, built, "alpha-1.0-3", "beta-2.1-1", "gamma-3.1-1", "delta-4.1-1"))
		},
		Broken: func(t *testing.T) patchtest.Machine {
			root := dnfTree(t, built, "alpha-1.0-1")
			if err := os.RemoveAll(filepath.Join(root, "var/cache/dnf")); err != nil {
				t.Fatal(err)
			}
			return machine(root)
		},
		Absent: func(t *testing.T) patchtest.Machine { return machine(t.TempDir()) },
	})
}

func TestDnfDates(t *testing.T) {
	needDnf(t)
	root := dnfTree(t, rpmPackages(t), "alpha-1.0-1", "beta-2.0-1", "gamma-3.0-1", "delta-4.0-1")
	result, err := patch.NewDnf(root, patch.Run).Missing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type dates struct{ available, missed time.Time }
	first, second := time.Date(2025, 10, 2, 10, 0, 0, 0, time.UTC), time.Date(2025, 10, 3, 11, 30, 0, 0, time.UTC)
	want := map[string]dates{
		"alpha": {missed: first},
		"beta":  {available: second, missed: second},
		"gamma": {available: second, missed: second},
		"delta": {missed: result.RefreshedAt},
	}
	for _, u := range result.Updates {
		if got := (dates{u.AvailableSince, u.MissedSince}); got != want[u.Name] {
			t.Errorf("%s: available and missed since %v, want %v", u.Name, got, want[u.Name])
		}
		if age := time.Since(u.InstalledSince); age < 0 || age > time.Hour {
			t.Errorf("%s: installed since %v, want just now", u.Name, u.InstalledSince)
		}
	}
	if age := time.Since(result.RefreshedAt); age < 0 || age > time.Hour {
		t.Errorf("metadata was renewed at %v, want just now", result.RefreshedAt)
	}
}

// A repository that may be skipped must not turn into "nothing is missing" when its metadata is gone.
func TestDnfWithoutMetadataIsUnknown(t *testing.T) {
	needDnf(t)
	root := dnfTree(t, rpmPackages(t), "alpha-1.0-1")
	file := filepath.Join(root, "etc/yum.repos.d/nightly.repo")
	repo, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(repo)+"skip_if_unavailable=1\n")
	if err := os.RemoveAll(filepath.Join(root, "var/cache/dnf")); err != nil {
		t.Fatal(err)
	}
	if _, err := patch.NewDnf(root, patch.Run).Missing(t.Context()); err == nil {
		t.Error("dnf without any metadata was taken to lack nothing")
	}
}

// needDnf also makes a home with rpm's own place for its database: Debian's rpm would use the user's home.
func needDnf(t *testing.T) {
	t.Helper()
	need(t, dnfTools, "dnf", "rpm", "rpmbuild", "createrepo_c", "modifyrepo_c")
	needRoot(t, "dnf keeps an installroot's cache in the user's own folder for others")
	home := t.TempDir()
	write(t, filepath.Join(home, ".rpmmacros"), "%_dbpath /var/lib/rpm\n")
	t.Setenv("HOME", home)
}

// dnfTree makes an installroot with some packages installed and the repository's metadata fetched.
func dnfTree(t *testing.T, built string, installed ...string) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "etc/dnf/dnf.conf"), "[main]\ngpgcheck=0\nexcludepkgs=gamma\n")
	write(t, filepath.Join(root, "etc/yum.repos.d/nightly.repo"),
		fmt.Sprintf("[nightly]\nname=Nightly\nbaseurl=file://%s\nenabled=1\n", filepath.Join(built, "repo")))
	folders(t, root, "var/lib/rpm")
	args := []string{"--dbpath", filepath.Join(root, "var/lib/rpm"), "--justdb", "--nodeps", "-i"}
	for _, name := range installed {
		args = append(args, filepath.Join(built, "rpms/noarch", name+".noarch.rpm"))
	}
	run(t, root, "rpm", args...)
	run(t, root, "dnf", "-q", "--installroot="+root, "makecache")
	return root
}

// rpmPackages builds packages into rpms, and a repository with advisories of all but the oldest into repo.
func rpmPackages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	old := []rpmSpec{{"alpha", "1.0", 1, 0}, {"beta", "2.0", 1, 0}, {"gamma", "3.0", 1, 0}, {"delta", "4.0", 1, 1}}
	offered := []rpmSpec{{"alpha", "1.0", 2, 0}, {"alpha", "1.0", 3, 0}, {"beta", "2.1", 1, 0}, {"gamma", "3.1", 1, 0},
		{"delta", "4.1", 1, 1}, {"newcomer", "1", 1, 0}}
	args := []string{"-bb", "--quiet", "--define", "_topdir " + dir, "--define", "_rpmdir " + filepath.Join(dir, "rpms")}
	for _, s := range append(old, offered...) {
		args = append(args, s.write(t, dir))
	}
	run(t, dir, "rpmbuild", args...)
	folders(t, dir, "repo")
	for _, s := range offered {
		if err := os.Link(filepath.Join(dir, "rpms/noarch", s.file()), filepath.Join(dir, "repo", s.file())); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "updateinfo.xml"), updateinfo)
	run(t, dir, "createrepo_c", "-q", "repo")
	run(t, dir, "modifyrepo_c", "updateinfo.xml", "repo/repodata")
	return dir
}

type rpmSpec struct {
	name, version  string
	release, epoch int
}

func (s rpmSpec) file() string {
	return fmt.Sprintf("%s-%s-%d.noarch.rpm", s.name, s.version, s.release)
}

func (s rpmSpec) write(t *testing.T, dir string) string {
	path := filepath.Join(dir, "specs", s.file()+".spec")
	write(t, path, fmt.Sprintf("Name: %[1]s\nVersion: %[2]s\nRelease: %[3]d\nEpoch: %[4]d\nSummary: The %[1]s package\n"+
		"License: MIT\nBuildArch: noarch\n%%description\nA test.\n%%files\n", s.name, s.version, s.release, s.epoch))
	return path
}

const updateinfo = `<?xml version="1.0" encoding="UTF-8"?>
<updates>
<update from="a@example.no" status="stable" type="security" version="1">
 <id>NIGHT-2025-1</id><title>alpha is safer</title><severity>Critical</severity>
 <issued date="2025-10-01 10:00:00"/><updated date="2025-10-02 10:00:00"/><description>d</description>
 <pkglist><collection short="n"><name>n</name>
  <package name="alpha" version="1.0" release="2" epoch="0" arch="noarch"><filename>alpha-1.0-2.noarch.rpm</filename></package>
 </collection></pkglist>
</update>
<update from="a@example.no" status="stable" type="bugfix" version="1">
 <id>NIGHT-2025-2</id><title>beta is better</title><severity>None</severity>
 <issued date="2025-10-03 11:30:00"/><description>d</description>
 <pkglist><collection short="n"><name>n</name>
  <package name="beta" version="2.1" release="1" epoch="0" arch="noarch"><filename>beta-2.1-1.noarch.rpm</filename></package>
 </collection></pkglist>
</update>
<update from="a@example.no" status="stable" type="security" version="1">
 <id>NIGHT-2025-3</id><title>gamma is safer</title><severity>Important</severity>
 <issued date="2025-10-03 11:30:00"/><description>d</description>
 <pkglist><collection short="n"><name>n</name>
  <package name="gamma" version="3.1" release="1" epoch="0" arch="noarch"><filename>gamma-3.1-1.noarch.rpm</filename></package>
 </collection></pkglist>
</update>
</updates>
`
