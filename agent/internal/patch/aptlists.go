package patch

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// aptList is one list of packages that apt has on disk.
type aptList struct {
	// File is where it is.
	File string
	// Origin is "label:version/suite", as apt writes it.
	Origin   string
	Security bool
	// Date is when the repository was last published, zero where unknown: everything in the list is that
	// old or older.
	Date time.Time
}

// parseIndexTargets reads `apt-get indextargets`: lists by the description that `apt-cache policy` gives
// them too ("http://mirror.example/debian bookworm/main amd64 Packages").
func parseIndexTargets(r io.Reader) (map[string]aptList, error) {
	lists := make(map[string]aptList)
	fields := []string{"description", "filename", "site", "origin", "label", "suite", "codename", "version"}
	for s, err := range stanzas(r, fields...) {
		if err != nil {
			return nil, err
		}
		if s["description"] == "" {
			continue
		}
		lists[s["description"]] = aptList{File: s["filename"], Origin: aptOrigin(s), Security: isSecurity(s)}
	}
	return lists, nil
}

// aptOrigin writes "Debian-Security:12/oldstable-security", without the parts a repository does not have.
func aptOrigin(s stanza) string {
	origin := cmp.Or(s["label"], s["origin"], s["site"])
	suite := cmp.Or(s["suite"], s["codename"])
	if s["version"] != "" && suite != "" {
		suite = s["version"] + "/" + suite
	}
	return strings.Trim(origin+":"+suite, ":")
}

// isSecurity judges a repository by what it says of itself. Debian labels its own Debian-Security (whose suite
// was "buster/updates" before Debian 11); Ubuntu, its extended maintenance (jammy-infra-security,
// jammy-apps-security) and Debian's kin end the suite or codename in -security. These are the origins
// unattended-upgrades takes as security updates.
func isSecurity(s stanza) bool {
	return s["label"] == "Debian-Security" ||
		strings.HasSuffix(s["suite"], "-security") ||
		strings.HasSuffix(s["codename"], "-security")
}

// releaseDate reads the date of the Release file that a list came with. apt keeps both in one folder, under
// the repository's address: mirror.example_debian_dists_bookworm_InRelease beside
// mirror.example_debian_dists_bookworm_main_binary-amd64_Packages.
func releaseDate(list string) time.Time {
	dir, name := filepath.Split(list)
	for end := strings.LastIndexByte(name, '_'); end >= 0; end = strings.LastIndexByte(name[:end], '_') {
		for _, kind := range []string{"InRelease", "Release"} {
			if f, err := os.Open(dir + name[:end+1] + kind); err == nil {
				defer f.Close()
				date, _ := parseReleaseDate(f)
				return date
			}
		}
	}
	return time.Time{}
}

var errNoDate = errors.New("no Date field")

// parseReleaseDate reads the Date of a Release or InRelease file, always in UTC ("Sat, 21 Nov 2026 00:53:02
// UTC"; repositories made with other tools write GMT, Z or +0000).
func parseReleaseDate(r io.Reader) (time.Time, error) {
	for s, err := range stanzas(r, "date") {
		if err != nil {
			return time.Time{}, err
		}
		if date, ok := s["date"]; ok {
			return parseUTC(date)
		}
	}
	return time.Time{}, errNoDate
}

func parseUTC(date string) (time.Time, error) {
	for _, zone := range []string{"UTC", "GMT", "Z", "+0000"} {
		if rest, ok := strings.CutSuffix(date, zone); ok {
			return time.Parse("Mon, _2 Jan 2006 15:04:05", strings.TrimSpace(rest))
		}
	}
	return time.Time{}, errors.New("date is not in UTC: " + date)
}
