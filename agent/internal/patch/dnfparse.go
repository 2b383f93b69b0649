package patch

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

const (
	// rpmUpgradeFormat prints one upgrade a line. dnf 4 ends lines itself and prints empty ones too then.
	rpmUpgradeFormat = `%{name} %{arch} %{epoch} %{version}-%{release} %{repoid} %{summary}\n`
	// rpmPackageFormat prints one installed package a line.
	rpmPackageFormat = `%{NAME} %{ARCH} %{EPOCHNUM} %{VERSION}-%{RELEASE} %{INSTALLTIME}\n`
)

// rpmID names a package: dnf upgrades a package of one architecture to the same architecture, save where
// either is noarch.
type rpmID struct{ name, arch string }

type rpmUpgrade struct {
	rpmID
	Version string
	Repo    string
	Summary string
	Held    bool
}

type rpmPackage struct {
	rpmID
	Version string
	Since   time.Time
}

// parseRepoquery reads lines of rpmUpgradeFormat.
func parseRepoquery(r io.Reader) ([]rpmUpgrade, error) {
	var found []rpmUpgrade
	lines := scan(r)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		f := strings.SplitN(line, " ", 6)
		if len(f) < 5 {
			return nil, fmt.Errorf("dnf repoquery: not a package: %.80q", line)
		}
		u := rpmUpgrade{rpmID: rpmID{f[0], f[1]}, Version: evr(f[2], f[3]), Repo: f[4]}
		if len(f) == 6 {
			u.Summary = f[5]
		}
		found = append(found, u)
	}
	return found, lines.Err()
}

// parseRpmList reads lines of rpmPackageFormat.
func parseRpmList(r io.Reader) ([]rpmPackage, error) {
	var found []rpmPackage
	lines := scan(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 5 {
			return nil, fmt.Errorf("not a package: %.80q", lines.Text())
		}
		p := rpmPackage{rpmID: rpmID{f[0], f[1]}, Version: evr(f[2], f[3])}
		if at, err := strconv.ParseInt(f[4], 10, 64); err == nil && at > 0 {
			p.Since = time.Unix(at, 0).UTC()
		}
		found = append(found, p)
	}
	return found, lines.Err()
}

// evr writes epoch:version-release as people do: without an epoch of 0.
func evr(epoch, version string) string {
	if epoch == "0" || epoch == "(none)" || epoch == "" {
		return version
	}
	return epoch + ":" + version
}

// markHeld marks the upgrades that are not free.
func markHeld(all, free []rpmUpgrade) []rpmUpgrade {
	offered := make(map[rpmID]bool, len(free))
	for _, u := range free {
		offered[u.rpmID] = true
	}
	for i, u := range all {
		all[i].Held = !offered[u.rpmID]
	}
	return all
}

// advisory is one package of one advisory.
type advisory struct {
	ID       string
	Severity Severity
	Package  rpmID
	Version  string
	// Date is when it was issued or last changed; zero where the listing has no dates.
	Date time.Time
}

// parseAdvisoryList reads `dnf updateinfo list`, of dnf 4 and of dnf 5 (whose table has a header):
//
//	FEDORA-2026-07f4b6ff2f Important/Sec. vim-minimal-2:9.0.475-1.fc41.x86_64
//
//	Name                   Type     Severity  Package                             Issued
//	FEDORA-2026-07f4b6ff2f security Important vim-minimal-2:9.0.475-1.fc41.x86_64 2026-09-19 14:34:06
//
// Lines that end in no package are passed over.
func parseAdvisoryList(r io.Reader) ([]advisory, error) {
	var found []advisory
	lines := scan(r)
	for lines.Scan() {
		if a, ok := parseAdvisory(strings.Fields(lines.Text())); ok {
			found = append(found, a)
		}
	}
	return found, lines.Err()
}

func parseAdvisory(f []string) (advisory, bool) {
	switch len(f) {
	case 3:
		kind, security := strings.CutSuffix(f[1], "/Sec.")
		return newAdvisory(f[0], severity(security, kind), f[2], time.Time{})
	case 6:
		date, err := time.Parse(time.DateTime, f[4]+" "+f[5])
		a, ok := newAdvisory(f[0], severity(f[1] == "security", f[2]), f[3], date)
		return a, ok && err == nil
	}
	return advisory{}, false
}

func newAdvisory(id string, s Severity, nevra string, date time.Time) (advisory, bool) {
	pkg, version, ok := splitNEVRA(nevra)
	return advisory{ID: id, Severity: s, Package: pkg, Version: version, Date: date}, ok
}

// severity takes the security advisories the distribution itself calls critical as critical.
func severity(security bool, rating string) Severity {
	switch {
	case security && strings.EqualFold(rating, "critical"):
		return Critical
	case security:
		return Security
	}
	return Other
}

// splitNEVRA takes name-[epoch:]version-release.arch apart, from its end: a name may hold dashes and dots.
func splitNEVRA(s string) (id rpmID, version string, ok bool) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return rpmID{}, "", false
	}
	release := strings.LastIndexByte(s[:dot], '-')
	if release < 0 {
		return rpmID{}, "", false
	}
	name := strings.LastIndexByte(s[:release], '-')
	if name <= 0 {
		return rpmID{}, "", false
	}
	version = strings.TrimPrefix(s[name+1:dot], "0:")
	return rpmID{s[:name], s[dot+1:]}, version, true
}

func wantDates(found []advisory) bool {
	for _, a := range found {
		if a.Date.IsZero() {
			return true
		}
	}
	return false
}

// parseAdvisoryInfo reads the dates of `dnf updateinfo info` of dnf 4, by advisory:
//
//	Update ID: FEDORA-2026-07f4b6ff2f
//	     Type: security
//	  Updated: 2026-09-19 14:34:06
func parseAdvisoryInfo(r io.Reader) (map[string]time.Time, error) {
	dates := make(map[string]time.Time)
	var id string
	lines := scan(r)
	for lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), ": ")
		switch name {
		case "Update ID":
			id = value
		case "Updated":
			if at, err := time.Parse(time.DateTime, value); err == nil && id != "" {
				dates[id] = at
			}
		}
	}
	return dates, lines.Err()
}

// rpmUpdates puts upgrades, what they replace and what advisories say of them together. An upgrade without
// any dated advisory was there when the metadata came, at the latest.
func rpmUpdates(upgrades []rpmUpgrade, installed []rpmPackage, advisories []advisory, refreshed time.Time) []Update {
	here := newestInstalled(installed)
	about := make(map[string][]advisory)
	for _, a := range advisories {
		about[a.Package.name] = append(about[a.Package.name], a)
	}
	var updates []Update
	for _, up := range upgrades {
		old, ok := here[up.rpmID]
		if !ok {
			old = here[rpmID{name: up.name}]
		}
		u := Update{
			Name: up.name, Installed: old.Version, Available: up.Version, Severity: Other,
			Origin: up.Repo, Summary: up.Summary, Held: up.Held, InstalledSince: old.Since,
		}
		advise(&u, up.arch, about[up.name])
		u.MissedSince = earliest(u.MissedSince, refreshed)
		updates = append(updates, u)
	}
	return updates
}

// advise takes the gravest severity and the earliest date; the date of publication is that of the
// advisory for the available version itself.
func advise(u *Update, arch string, advisories []advisory) {
	for _, a := range advisories {
		if a.Package.arch != arch {
			continue
		}
		u.Severity = max(u.Severity, a.Severity)
		u.MissedSince = earliest(u.MissedSince, a.Date)
		if a.Version == u.Available {
			u.AvailableSince = earliest(u.AvailableSince, a.Date)
		}
	}
}

// newestInstalled finds the installed package by name and architecture, and by name alone for those that
// change it. Of several versions side by side (kernels) the one installed last counts.
func newestInstalled(installed []rpmPackage) map[rpmID]rpmPackage {
	here := make(map[rpmID]rpmPackage, 2*len(installed))
	for _, p := range installed {
		for _, id := range []rpmID{p.rpmID, {name: p.name}} {
			if old, ok := here[id]; !ok || p.Since.After(old.Since) {
				here[id] = p
			}
		}
	}
	return here
}
