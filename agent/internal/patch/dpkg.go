package patch

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// debPackage is one installed package of dpkg's status file.
type debPackage struct {
	Name    string
	Arch    string
	Version string
	Summary string
	Held    bool
}

// parseDpkgStatus reads the installed packages of a dpkg status file. A package counts as installed from
// the moment its files are there (dpkg(1), "Package states"), as it does for apt.
func parseDpkgStatus(r io.Reader) ([]debPackage, error) {
	var found []debPackage
	for s, err := range stanzas(r, "package", "status", "architecture", "version", "description") {
		if err != nil {
			return nil, err
		}
		selection, state := dpkgState(s["status"])
		if s["package"] == "" || s["version"] == "" || !unpacked(state) {
			continue
		}
		found = append(found, debPackage{
			Name:    s["package"],
			Arch:    s["architecture"],
			Version: s["version"],
			Summary: s["description"],
			Held:    selection == "hold",
		})
	}
	return found, nil
}

// dpkgState takes "hold ok installed" apart.
func dpkgState(status string) (selection, state string) {
	words := strings.Fields(status)
	if len(words) != 3 {
		return "", ""
	}
	return words[0], words[2]
}

func unpacked(state string) bool {
	switch state {
	case "installed", "triggers-pending", "triggers-awaited", "half-configured", "unpacked":
		return true
	}
	return false
}

func readDpkgStatus(root string) ([]debPackage, error) {
	path := filepath.Join(root, dpkgStatus)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	packages, err := parseDpkgStatus(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return packages, nil
}
