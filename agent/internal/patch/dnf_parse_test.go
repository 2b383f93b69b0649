package patch

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Written by hand after the manual page dnf5-advisory(8); no dnf 5 ran in these tests.
const dnf5List = `Name                   Type        Severity                                         Package              Issued
FEDORA-2026-07f4b6ff2f security    Critical         vim-minimal-2:9.0.475-1.fc41.x86_64 2026-09-19 14:34:06
FEDORA-2026-1111111111 bugfix      None             python3-dnf-plugins-core-4.9.0-1.fc41.noarch 2026-09-20 01:02:03
FEDORA-2026-2222222222 security    Moderate         a-b-1-2.x86_64      not-a-date 01:02:03
`

const dnf4List = `FEDORA-2026-07f4b6ff2f Critical/Sec.  vim-minimal-2:9.0.475-1.fc41.x86_64
FEDORA-2026-1111111111 bugfix         python3-dnf-plugins-core-4.9.0-1.fc41.noarch
FEDORA-2026-3333333333 Unknown/Sec.   zlib-0:1.3-1.x86_64
FEDORA-2026-4444444444 newpackage     nonsense
Last metadata expiration check: 0:10:11 ago.
`

func TestParseAdvisoryList(t *testing.T) {
	vim, plugins := rpmID{"vim-minimal", "x86_64"}, rpmID{"python3-dnf-plugins-core", "noarch"}
	tests := map[string][]advisory{
		dnf4List: {
			{ID: "FEDORA-2026-07f4b6ff2f", Severity: Critical, Package: vim, Version: "2:9.0.475-1.fc41"},
			{ID: "FEDORA-2026-1111111111", Severity: Other, Package: plugins, Version: "4.9.0-1.fc41"},
			{ID: "FEDORA-2026-3333333333", Severity: Security, Package: rpmID{"zlib", "x86_64"}, Version: "1.3-1"},
		},
		dnf5List: {
			{ID: "FEDORA-2026-07f4b6ff2f", Severity: Critical, Package: vim, Version: "2:9.0.475-1.fc41",
				Date: time.Date(2026, 9, 19, 14, 34, 6, 0, time.UTC)},
			{ID: "FEDORA-2026-1111111111", Severity: Other, Package: plugins, Version: "4.9.0-1.fc41",
				Date: time.Date(2026, 9, 20, 1, 2, 3, 0, time.UTC)},
		},
	}
	for text, want := range tests {
		if got, err := parseAdvisoryList(strings.NewReader(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestParseRepoquery(t *testing.T) {
	got, err := parseRepoquery(strings.NewReader("kernel x86_64 0 6.11.4-301.fc41 updates The Linux kernel\n\nvim x86_64 2 9.1-1 fedora \n"))
	want := []rpmUpgrade{
		{rpmID: rpmID{"kernel", "x86_64"}, Version: "6.11.4-301.fc41", Repo: "updates", Summary: "The Linux kernel"},
		{rpmID: rpmID{"vim", "x86_64"}, Version: "2:9.1-1", Repo: "fedora"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseRepoquery(strings.NewReader("Error: broken\n")); err == nil {
		t.Error("a message was taken for a package")
	}
}

// The kernel installed last is the one that counts, and a package may change its architecture.
func TestRpmUpdates(t *testing.T) {
	installed, err := parseRpmList(strings.NewReader(
		"kernel x86_64 0 6.11.4-1 1700000000\nkernel x86_64 0 6.10.1-1 1600000000\nfonts x86_64 (none) 1-1 1650000000\n"))
	if err != nil {
		t.Fatal(err)
	}
	upgrades := []rpmUpgrade{
		{rpmID: rpmID{"kernel", "x86_64"}, Version: "6.12-1"},
		{rpmID: rpmID{"fonts", "noarch"}, Version: "2-1"},
	}
	date := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	got := rpmUpdates(upgrades, installed, []advisory{
		{Severity: Security, Package: rpmID{"kernel", "x86_64"}, Version: "6.11.9-1", Date: date},
		{Severity: Critical, Package: rpmID{"kernel", "aarch64"}, Version: "6.12-1", Date: date},
	}, date.AddDate(0, 1, 0))
	want := []Update{
		{Name: "kernel", Installed: "6.11.4-1", Available: "6.12-1", Severity: Security,
			InstalledSince: time.Unix(1700000000, 0).UTC(), MissedSince: date},
		{Name: "fonts", Installed: "1-1", Available: "2-1", Severity: Other,
			InstalledSince: time.Unix(1650000000, 0).UTC(), MissedSince: date.AddDate(0, 1, 0)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if _, err := parseRpmList(strings.NewReader("error: rpmdb open failed\n")); err == nil {
		t.Error("a message was taken for a package")
	}
}

func TestSplitNEVRATakesApartWhatWasPutTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z0-9.+-]{0,20}`).Draw(t, "name")
		version := rapid.StringMatching(`([1-9][0-9]?:)?[0-9][0-9a-z.~]{0,8}-[0-9][0-9a-z.]{0,8}`).Draw(t, "version")
		arch := rapid.SampledFrom([]string{"noarch", "x86_64", "aarch64"}).Draw(t, "arch")
		id, got, ok := splitNEVRA(name + "-" + version + "." + arch)
		if !ok || id != (rpmID{name, arch}) || got != version {
			t.Fatalf("got %+v %q %v", id, got, ok)
		}
	})
}
