package patch

import (
	"bufio"
	"cmp"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxCauses bounds the list of why a machine must reboot; a release upgrade names some dozens of packages.
const maxCauses = 100

// RebootPending tells whether the machine at root waits for a reboot, and what for: packages that asked for
// it (run/reboot-required.pkgs, written by Debian and Ubuntu packages), or "kernel 6.1.0-41-amd64" where a
// newer kernel of the running kind is installed. A machine whose running kernel is not among the installed ones
// (a container, a machine booted over the network) is not judged by kernels.
func RebootPending(root string) (bool, []string) {
	_, err := os.Stat(filepath.Join(root, "run/reboot-required"))
	pending := err == nil
	var causes []string
	if pending {
		causes = rebootPackages(filepath.Join(root, "run/reboot-required.pkgs"))
	}
	if kernel := newerKernel(runningKernel(root), installedKernels(root)); kernel != "" {
		pending = true
		causes = append(causes, "kernel "+kernel)
	}
	return pending, causes
}

func rebootPackages(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var names []string
	for lines := bufio.NewScanner(f); lines.Scan() && len(names) < maxCauses; {
		name := strings.TrimSpace(lines.Text())
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func runningKernel(root string) string {
	f, err := os.Open(filepath.Join(root, "proc/sys/kernel/osrelease"))
	if err != nil {
		return ""
	}
	defer f.Close()
	release, _ := io.ReadAll(io.LimitReader(f, 256)) // what could be read is judged
	return strings.TrimSpace(string(release))
}

// installedKernels lists kernels that can be booted: Debian keeps them as boot/vmlinuz-RELEASE, Fedora
// beside the modules. Folders of modules alone are left-overs of removed kernels.
func installedKernels(root string) []string {
	var found []string
	for _, pattern := range []string{"boot/vmlinuz-*", "lib/modules/*/vmlinuz", "usr/lib/modules/*/vmlinuz"} {
		paths, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are well formed
		for _, path := range paths {
			release, ok := strings.CutPrefix(filepath.Base(path), "vmlinuz-")
			if !ok {
				release = filepath.Base(filepath.Dir(path))
			}
			found = append(found, release)
		}
	}
	return found
}

// newerKernel gives the newest installed kernel of the running kind if it is newer than the running one.
func newerKernel(running string, installed []string) string {
	if running == "" || !slices.Contains(installed, running) {
		return ""
	}
	newest := running
	for _, release := range installed {
		if kernelKind(release) == kernelKind(running) && compareVersions(release, newest) > 0 {
			newest = release
		}
	}
	if newest == running {
		return ""
	}
	return newest
}

// kernelKind is what sets kernels of one version apart: "amd64" and "cloud-amd64" in 6.1.0-41-cloud-amd64,
// "generic" in 6.8.0-45-generic, "debug" in 6.11.4-301.fc41.x86_64+debug, "" without the latter.
func kernelKind(release string) string {
	parts := strings.Split(release, "-")
	for i, part := range parts[1:] {
		if part != "" && (part[0] < '0' || part[0] > '9') && !strings.HasPrefix(part, "rc") {
			return strings.Join(parts[i+1:], "-")
		}
	}
	_, kind, _ := strings.Cut(parts[len(parts)-1], "+")
	return kind
}

// compareVersions orders kernel releases: runs of digits as numbers, everything else as text.
func compareVersions(a, b string) int {
	var x, y string
	for a != "" && b != "" {
		x, a = cutRun(a)
		y, b = cutRun(b)
		if order := compareRuns(x, y); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(a), len(b))
}

// cutRun cuts the leading run of digits, or of other bytes, from s.
func cutRun(s string) (head, rest string) {
	digit := isDigit(s[0])
	end := 1
	for end < len(s) && isDigit(s[end]) == digit {
		end++
	}
	return s[:end], s[end:]
}

func compareRuns(a, b string) int {
	if isDigit(a[0]) && isDigit(b[0]) {
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	}
	return strings.Compare(a, b)
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
