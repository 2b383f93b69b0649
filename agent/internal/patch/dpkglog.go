package patch

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// maxLogs is how many rotations of dpkg.log are read; Debian keeps twelve months.
	maxLogs = 24
	// maxLog bounds one of them, unpacked. A release upgrade writes some 2 MB.
	maxLog = 64 << 20
)

// installTimes finds out when the installed versions of some packages came onto the machine: from dpkg's
// log, else from the time of the package's file list, which dpkg writes when it unpacks. A package with
// neither is left out.
func installTimes(root string, wanted []debPackage) map[debPackage]time.Time {
	zone := localZone(root)
	found := make(map[debPackage]time.Time)
	for n := 0; n < maxLogs && len(found) < len(wanted); n++ {
		older := make(map[debPackage]time.Time)
		for _, suffix := range []string{"", ".gz"} {
			readDpkgLog(logPath(root, n)+suffix, zone, wanted, older)
		}
		for p, at := range older {
			if _, known := found[p]; !known {
				found[p] = at
			}
		}
	}
	for _, p := range wanted {
		if _, known := found[p]; !known {
			if at := listTime(root, p); !at.IsZero() {
				found[p] = at
			}
		}
	}
	return found
}

func logPath(root string, n int) string {
	path := filepath.Join(root, "var/log/dpkg.log")
	if n > 0 {
		path += fmt.Sprintf(".%d", n)
	}
	return path
}

// readDpkgLog passes over what it cannot read: the log is a courtesy, the file list's time is there besides.
func readDpkgLog(path string, zone *time.Location, wanted []debPackage, into map[debPackage]time.Time) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return
		}
	}
	for p, at := range parseDpkgLog(io.LimitReader(r, maxLog), zone, wanted) {
		into[p] = at
	}
}

// parseDpkgLog gives the newest time each wanted version was installed, in a log that dpkg wrote in zone:
//
//	2025-06-24 14:36:25 upgrade libsystemd0:amd64 252.36-1~deb12u1 252.38-1~deb12u1
//	2025-06-24 14:36:26 install jq:amd64 <none> 1.6-2.1
//
// Installing a version over itself does not count. "status installed" lines are passed over: triggers write
// them too. Reading ends quietly at the first line that is too long.
func parseDpkgLog(r io.Reader, zone *time.Location, wanted []debPackage) map[debPackage]time.Time {
	want := make(map[[2]string][]debPackage, len(wanted))
	for _, p := range wanted {
		k := [2]string{p.Name + ":" + p.Arch, p.Version}
		want[k] = append(want[k], p)
	}
	found := make(map[debPackage]time.Time)
	for lines := scan(r); lines.Scan(); {
		if !arrival(lines.Bytes()) {
			continue
		}
		f := strings.Fields(lines.Text())
		if len(f) != 6 || f[4] == f[5] {
			continue
		}
		at, err := time.ParseInLocation(time.DateTime, f[0]+" "+f[1], zone)
		if err != nil {
			continue
		}
		for _, p := range want[[2]string{f[3], f[5]}] {
			found[p] = at
		}
	}
	return found
}

// arrival tells the few lines of interest apart from the many others before anything is copied. The action
// follows a date and time of fixed width.
func arrival(line []byte) bool {
	const actionAt = len(time.DateTime) + 1
	return len(line) > actionAt &&
		(bytes.HasPrefix(line[actionAt:], []byte("install ")) || bytes.HasPrefix(line[actionAt:], []byte("upgrade ")))
}

func listTime(root string, p debPackage) time.Time {
	info := filepath.Join(root, "var/lib/dpkg/info")
	return modified(filepath.Join(info, p.Name+".list"), filepath.Join(info, p.Name+":"+p.Arch+".list"))
}

// modified gives the newest modification time of the files that exist, zero if none does.
func modified(paths ...string) time.Time {
	var newest time.Time
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}

// localZone is the time zone of the machine at root, UTC where it has none, as for libc.
func localZone(root string) *time.Location {
	path := filepath.Join(root, "etc/localtime")
	if target, err := os.Readlink(path); err == nil && filepath.IsAbs(target) {
		path = filepath.Join(root, target)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return time.UTC
	}
	zone, err := time.LoadLocationFromTZData("local", data)
	if err != nil {
		return time.UTC
	}
	return zone
}
