package patch

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const statusSample = `Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9+deb12u10
Description: GNU C Library: Shared libraries
 Contains the standard libraries.

Package: libc6
Status: hold ok half-configured
Architecture: i386
Version: 2.36-9+deb12u10
Description: GNU C Library: Shared libraries

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22
`

func TestParseDpkgStatus(t *testing.T) {
	got, err := parseDpkgStatus(strings.NewReader(statusSample))
	want := []debPackage{
		{"libc6", "amd64", "2.36-9+deb12u10", "GNU C Library: Shared libraries", false},
		{"libc6", "i386", "2.36-9+deb12u10", "GNU C Library: Shared libraries", true},
		{"dpkg", "amd64", "1.21.22", "", false},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseDpkgStatus(strings.NewReader("Package: x\nDescription: " + strings.Repeat("x", maxLine))); err == nil {
		t.Error("a line without end was taken")
	}
}

const policySample = `libc6:
  Installed: 2.36-9+deb12u10
  Candidate: 2.36-9+deb12u13
  Version table:
     2.36-9+deb12u13 500
        500 http://deb.example.no/debian bookworm/main amd64 Packages
 *** 2.36-9+deb12u10 100
        100 /var/lib/dpkg/status
libc6:i386:
  Installed: 2.36-9+deb12u10
  Candidate: 2.36-9+deb12u12
  Package pin: 2.36-9+deb12u12
  Version table:
     2.36-9+deb12u13 -1 (phased 10%)
         -1 http://deb.example.no/debian bookworm/main i386 Packages
     2.36-9+deb12u12 1001
       1001 http://security.example.no bookworm-security/main i386 Packages
 *** 2.36-9+deb12u10 100
        100 /var/lib/dpkg/status
dpkg:
  Installed: 1.21.22
  Candidate: 1.21.22
  Version table:
     1.22.0 100
        100 http://deb.example.no/debian bookworm-backports/main amd64 Packages
 *** 1.21.22 500
        500 http://deb.example.no/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
downgraded:
  Installed: 2.0
  Candidate: 1.0
  Version table:
 *** 2.0 100
        100 /var/lib/dpkg/status
     1.0 1001
       1001 http://deb.example.no/debian bookworm/main amd64 Packages
`

var listsSample = map[string]aptList{
	"http://deb.example.no/debian bookworm/main amd64 Packages":           {Origin: "Debian:12/stable"},
	"http://deb.example.no/debian bookworm/main i386 Packages":            {Origin: "Debian:12/stable"},
	"http://security.example.no bookworm-security/main i386 Packages":     {Origin: "Security", Security: true},
	"http://deb.example.no/debian bookworm-backports/main amd64 Packages": {Origin: "Backports"},
}

func TestDebUpdates(t *testing.T) {
	installed, err := parseDpkgStatus(strings.NewReader(statusSample))
	if err != nil {
		t.Fatal(err)
	}
	policies, err := parsePolicy(strings.NewReader(policySample))
	if err != nil || len(policies) != 4 {
		t.Fatalf("got %+v, %v", policies, err)
	}
	const summary = "GNU C Library: Shared libraries"
	want := []Update{
		{Name: "libc6", Installed: "2.36-9+deb12u10", Available: "2.36-9+deb12u13", Severity: Other,
			Origin: "Debian:12/stable", Summary: summary},
		{Name: "libc6:i386", Installed: "2.36-9+deb12u10", Available: "2.36-9+deb12u12", Severity: Security,
			Origin: "Security", Summary: summary, Held: true},
	}
	if got := bare(debUpdates(installed, policies, listsSample)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestIsSecurity(t *testing.T) {
	tests := []struct {
		name   string
		fields stanza
		want   bool
	}{
		{"Debian 12", stanza{"label": "Debian-Security", "suite": "oldstable-security", "codename": "bookworm-security"}, true},
		{"Debian 10", stanza{"label": "Debian-Security", "suite": "oldoldstable", "codename": "buster/updates"}, true},
		{"Ubuntu", stanza{"label": "Ubuntu", "suite": "jammy-security", "codename": "jammy"}, true},
		{"Ubuntu ESM", stanza{"label": "UbuntuESMApps", "suite": "jammy-apps-security", "codename": "jammy"}, true},
		{"Ubuntu updates", stanza{"label": "Ubuntu", "suite": "jammy-updates", "codename": "jammy"}, false},
		{"Debian", stanza{"label": "Debian", "suite": "stable", "codename": "bookworm"}, false},
		{"a vendor", stanza{"label": "Google"}, false},
	}
	for _, test := range tests {
		if got := isSecurity(test.fields); got != test.want {
			t.Errorf("%s: security is %v, want %v", test.name, got, test.want)
		}
	}
}

func TestAptOrigin(t *testing.T) {
	tests := map[string]stanza{
		"Debian-Security:12/stable-security": {"label": "Debian-Security", "suite": "stable-security", "version": "12"},
		"Ubuntu:22.04/jammy-updates":         {"label": "Ubuntu", "suite": "jammy-updates", "version": "22.04", "codename": "jammy"},
		"Google:stable":                      {"label": "Google", "codename": "stable"},
		"file:/srv/debs":                     {"site": "file:/srv/debs"},
	}
	for want, s := range tests {
		if got := aptOrigin(s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestParseReleaseDate(t *testing.T) {
	want := time.Date(2026, 11, 5, 0, 53, 2, 0, time.UTC)
	for _, zone := range []string{"UTC", "GMT", "Z", "+0000"} {
		release := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nDate: Thu, 5 Nov 2026 00:53:02 " +
			zone + "\nSHA256:\n 00 1 main\n-----BEGIN PGP SIGNATURE-----\n"
		if got, err := parseReleaseDate(strings.NewReader(release)); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", zone, got, err)
		}
	}
	for _, bad := range []string{"", "Date: \n", "Date: Thu, 5 Nov 2026 00:53:02 CET\n", "Date: yesterday UTC\n"} {
		if got, err := parseReleaseDate(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: got %v", bad, got)
		}
	}
}

func TestInstallTimes(t *testing.T) {
	root := t.TempDir()
	put := func(name, content string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("var/log/dpkg.log", `2026-03-01 10:00:00 startup archives unpack
2026-03-01 10:00:01 upgrade a:amd64 1 2
2026-03-01 10:00:02 status installed b:amd64 1
2026-03-02 10:00:00 upgrade a:amd64 2 2
2026-03-03 10:00:00 upgrade other:amd64 1 9
`)
	put("var/log/dpkg.log.1", "2026-02-01 10:00:00 install a:amd64 <none> 2\n\x00\x00\x00\n2026-02-01 11:00:00 install b:amd64 <none> 1\n")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte("2026-01-01 10:00:00 install c:all <none> 1:0-1\n")); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	put("var/log/dpkg.log.2.gz", packed.String())
	put("var/log/dpkg.log.3.gz", "not gzip")
	a, b := debPackage{Name: "a", Arch: "amd64", Version: "2"}, debPackage{Name: "b", Arch: "amd64", Version: "1"}
	c, d := debPackage{Name: "c", Arch: "all", Version: "1:0-1"}, debPackage{Name: "d", Arch: "i386", Version: "1"}
	put("var/lib/dpkg/info/d:i386.list", "")
	listed := time.Date(2025, 5, 5, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(root, "var/lib/dpkg/info/d:i386.list"), listed, listed); err != nil {
		t.Fatal(err)
	}
	want := map[debPackage]time.Time{
		a: time.Date(2026, 3, 1, 10, 0, 1, 0, time.UTC),
		b: time.Date(2026, 2, 1, 11, 0, 0, 0, time.UTC),
		c: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC),
		d: listed,
	}
	got := installTimes(root, []debPackage{a, b, c, d, {Name: "unknown"}})
	for p, at := range want {
		if !got[p].Equal(at) {
			t.Errorf("%s: installed %v, want %v", p.Name, got[p], at)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
}

func TestLocalZone(t *testing.T) {
	oslo, err := os.ReadFile("/usr/share/zoneinfo/Europe/Oslo")
	if err != nil {
		t.Skip("needs /usr/share/zoneinfo/Europe/Oslo (apt-get install tzdata)")
	}
	root := t.TempDir()
	zoneinfo := filepath.Join(root, "usr/share/zoneinfo/Europe")
	if err := os.MkdirAll(zoneinfo, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(zoneinfo, "Oslo"), oslo, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if zone := localZone(root); zone != time.UTC {
		t.Errorf("a machine without a zone is in %v, want UTC", zone)
	}
	if err := os.Symlink("/usr/share/zoneinfo/Europe/Oslo", filepath.Join(root, "etc/localtime")); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, localZone(root))
	if want := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC); !at.Equal(want) {
		t.Errorf("noon in Oslo is %v, want %v", at.UTC(), want)
	}
}
