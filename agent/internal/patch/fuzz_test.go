package patch

import (
	"strings"
	"testing"
	"time"
)

// What every parser owes to any input: it ends, and what it gives can be reported.

func FuzzPolicy(f *testing.F) {
	f.Add(policySample)
	f.Add("a:\n *** 1 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		policies, err := parsePolicy(strings.NewReader(text))
		if err != nil {
			return
		}
		var installed []debPackage
		for _, p := range policies {
			installed = append(installed, debPackage{Name: p.Heading, Version: p.Installed})
		}
		for _, u := range debUpdates(installed, policies, listsSample) {
			if u.Available == u.Installed || u.Severity < Other {
				t.Errorf("not an update: %+v", u)
			}
		}
	})
}

func FuzzControl(f *testing.F) {
	f.Add(statusSample)
	f.Add("Description: x\nFilename: /y\nLabel: Debian-Security\nDate: Thu, 5 Nov 2026 00:53:02 UTC\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		packages, _ := parseDpkgStatus(strings.NewReader(text))
		for _, p := range packages {
			if p.Name == "" || p.Version == "" {
				t.Errorf("not a package: %+v", p)
			}
		}
		lists, _ := parseIndexTargets(strings.NewReader(text))
		if _, nameless := lists[""]; nameless {
			t.Error("a list without a description")
		}
		if date, err := parseReleaseDate(strings.NewReader(text)); err == nil && date.Location() != time.UTC {
			t.Errorf("a date in %v", date.Location())
		}
	})
}

func FuzzDpkgLog(f *testing.F) {
	f.Add("2026-03-01 10:00:01 upgrade a:amd64 1 2\n")
	f.Add("2026-03-01 10:00:01 install a:amd64 <none> 2\n\x00")
	wanted := []debPackage{{Name: "a", Arch: "amd64", Version: "2"}}
	f.Fuzz(func(t *testing.T, text string) {
		for p := range parseDpkgLog(strings.NewReader(text), time.UTC, wanted) {
			if p != wanted[0] {
				t.Errorf("found %+v, which was not wanted", p)
			}
		}
	})
}

func FuzzDnf(f *testing.F) {
	f.Add(dnf4List)
	f.Add(dnf5List)
	f.Add("  Update ID: A-1\n    Updated: 2026-09-19 14:34:06\n")
	f.Add("kernel x86_64 0 6.11.4-301.fc41 updates The Linux kernel\n")
	f.Fuzz(func(t *testing.T, text string) {
		advisories, _ := parseAdvisoryList(strings.NewReader(text))
		for _, a := range advisories {
			if a.ID == "" || a.Package.name == "" {
				t.Errorf("not an advisory: %+v", a)
			}
		}
		dates, _ := parseAdvisoryInfo(strings.NewReader(text))
		if _, nameless := dates[""]; nameless {
			t.Error("a date without an advisory")
		}
		upgrades, _ := parseRepoquery(strings.NewReader(text))
		if got := rpmUpdates(upgrades, nil, advisories, time.Time{}); len(got) != len(upgrades) {
			t.Errorf("%d updates of %d upgrades", len(got), len(upgrades))
		}
	})
}

func FuzzRpmList(f *testing.F) {
	f.Add("kernel x86_64 0 6.11.4-1 1700000000\n")
	f.Add("gpg-pubkey (none) (none) 1-2 99999999999999999999\n")
	f.Fuzz(func(t *testing.T, text string) {
		packages, _ := parseRpmList(strings.NewReader(text))
		for _, p := range packages {
			if p.name == "" || p.Version == "" {
				t.Errorf("not a package: %+v", p)
			}
		}
	})
}

func FuzzKernelRelease(f *testing.F) {
	f.Add("6.1.0-41-cloud-amd64", "6.1.0-9-amd64")
	f.Add("6.11.4-301.fc41.x86_64+debug", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		kernelKind(a)
		if compareVersions(a, b) != -compareVersions(b, a) {
			t.Errorf("%q and %q have no order", a, b)
		}
	})
}
