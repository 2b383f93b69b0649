package inventory

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// needRestart are the packages for which dnf needs-restarting -r asks for a restart when they were
// installed after the boot (dnf-plugins-core, needs_restarting.py).
var needRestart = map[string]bool{
	"kernel": true, "kernel-core": true, "kernel-rt": true, "kernel-PAE": true, "glibc": true,
	"linux-firmware": true, "systemd": true, "dbus": true, "dbus-broker": true, "dbus-daemon": true,
	"microcode_ctl": true, "zlib": true,
}

// parseRPM counts the lines "INSTALLTIME NAME" and finds those that need a restart. gpg-pubkey entries are
// keys, not packages.
func parseRPM(r io.Reader, booted time.Time) (count uint32, causes []string, err error) {
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		when, name, found := strings.Cut(in.Text(), " ")
		seconds, convErr := strconv.ParseInt(when, 10, 40)
		if !found || convErr != nil || name == "" {
			err = fmt.Errorf("rpm -qa: line %d is %.60q, want a time and a name", n, in.Text())
			continue
		}
		if name == "gpg-pubkey" {
			continue
		}
		count++
		if needRestart[name] && time.Unix(seconds, 0).After(booted) {
			causes = append(causes, strings.ToValidUTF8(name, ""))
		}
	}
	if in.Err() != nil {
		err = fmt.Errorf("rpm -qa: %w", in.Err())
	}
	return count, causes, err
}
