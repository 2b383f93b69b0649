package patch

import (
	"cmp"
	"io"
	"strings"
)

// aptPolicy is what `apt-cache policy` says of one package.
type aptPolicy struct {
	// Heading is the name, with ":arch" where that is not the machine's own.
	Heading   string
	Installed string
	Candidate string
	// Versions go from the newest to the oldest, by Debian's order.
	Versions []aptVersion
}

// aptVersion is a row of the version table; Lists are the descriptions of the lists that hold it.
type aptVersion struct {
	Version string
	Lists   []string
}

// parsePolicy reads the output of `apt-cache policy package...`:
//
//	libssl3:
//	  Installed: 3.0.19-1~deb12u2
//	  Candidate: 3.0.22-1~deb12u2
//	  Version table:
//	     3.0.22-1~deb12u2 500
//	        500 http://mirror.example/debian-security bookworm-security/main amd64 Packages
//	 *** 3.0.19-1~deb12u2 100
//	        100 /var/lib/dpkg/status
//
// Lines it does not know are passed over.
func parsePolicy(r io.Reader) ([]aptPolicy, error) {
	var found []aptPolicy
	lines := scan(r)
	for lines.Scan() {
		line := lines.Text()
		if heading, ok := strings.CutSuffix(line, ":"); ok && heading != "" && heading[0] != ' ' {
			found = append(found, aptPolicy{Heading: heading})
		} else if len(found) > 0 {
			found[len(found)-1].add(line)
		}
	}
	return found, lines.Err()
}

// add reads a line below a heading; its depth tells what it is.
func (p *aptPolicy) add(line string) {
	if len(line) < 6 {
		return
	}
	switch mark, rest := line[:5], line[5:]; {
	case (mark == "     " || mark == " *** ") && rest[0] != ' ':
		version, _, _ := strings.Cut(rest, " ")
		p.Versions = append(p.Versions, aptVersion{Version: version})
	case mark == "     ":
		_, list, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		if last := len(p.Versions) - 1; last >= 0 && list != "" {
			p.Versions[last].Lists = append(p.Versions[last].Lists, list)
		}
	default:
		p.addField(line)
	}
}

func (p *aptPolicy) addField(line string) {
	name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
	switch name {
	case "Installed":
		p.Installed = value
	case "Candidate":
		p.Candidate = value
	}
}

// newer gives the versions from the candidate down to the installed one, which is not among them: none
// where the candidate is not newer.
func (p *aptPolicy) newer() []aptVersion {
	from := -1
	for i, v := range p.Versions {
		switch {
		case v.Version == p.Installed && from < 0:
			return nil
		case v.Version == p.Installed:
			return p.Versions[from:i]
		case v.Version == p.Candidate:
			from = i
		}
	}
	return nil
}

// debUpdate is an update and the installed package it replaces.
type debUpdate struct {
	Update
	from debPackage
}

// debUpdates matches the installed packages with their policies.
func debUpdates(installed []debPackage, policies []aptPolicy, lists map[string]aptList) []debUpdate {
	byName := make(map[string]debPackage, len(installed))
	native := nativeArch(installed)
	for _, p := range installed {
		byName[heading(p, native)] = p
	}
	var updates []debUpdate
	for _, policy := range policies {
		p, ok := byName[policy.Heading]
		newer := policy.newer()
		if !ok || len(newer) == 0 {
			continue
		}
		updates = append(updates, debUpdate{Update: debMissing(policy, p, newer, lists), from: p})
	}
	return updates
}

// debMissing describes one update. It is a security update if any version on the way is: Debian's point
// releases fold security fixes into versions of the ordinary archive.
func debMissing(policy aptPolicy, p debPackage, newer []aptVersion, lists map[string]aptList) Update {
	u := Update{
		Name:      policy.Heading,
		Installed: p.Version,
		Available: policy.Candidate,
		Severity:  Other,
		Origin:    originOf(newer[0], lists),
		Summary:   p.Summary,
		Held:      p.Held,
	}
	for _, version := range newer {
		for _, name := range version.Lists {
			u.MissedSince = earliest(u.MissedSince, lists[name].Date)
			if lists[name].Security {
				u.Severity = Security
			}
		}
	}
	return u
}

// originOf is the security repository if the version is there, else the first that has it.
func originOf(v aptVersion, lists map[string]aptList) string {
	var origin string
	for _, name := range v.Lists {
		list, ok := lists[name]
		if ok && list.Security {
			return list.Origin
		}
		origin = cmp.Or(origin, list.Origin)
	}
	return origin
}

// aptName names a package so that apt takes this architecture and no other.
func aptName(p debPackage) string {
	if p.Arch == "" || p.Arch == "all" {
		return p.Name
	}
	return p.Name + ":" + p.Arch
}

// heading is the name under which `apt-cache policy` answers for a package.
func heading(p debPackage, native string) string {
	if p.Arch == native {
		return p.Name
	}
	return aptName(p)
}

// nativeArch is the architecture of dpkg itself, or of most packages where a tree has no dpkg.
func nativeArch(installed []debPackage) string {
	count := make(map[string]int)
	var most string
	for _, p := range installed {
		if p.Name == "dpkg" {
			return p.Arch
		}
		if p.Arch == "all" {
			continue
		}
		if count[p.Arch]++; count[p.Arch] > count[most] {
			most = p.Arch
		}
	}
	return most
}
