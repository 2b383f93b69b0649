package inventory

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/timestamppb"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

func (r root) findOS(in *nattevaktv1.Inventory, now time.Time) error {
	release, err := r.text("etc/os-release")
	if err != nil {
		release, err = r.text("usr/lib/os-release")
	}
	values := parseOSRelease(release)
	booted, bootErr := r.bootTime()
	in.Os = &nattevaktv1.OperatingSystem{
		Family: "linux", Id: first(values["ID"], "linux"), Name: first(values["PRETTY_NAME"], values["NAME"], "Linux"),
		Version: values["VERSION_ID"], Build: values["BUILD_ID"], Edition: values["VARIANT"],
		Kernel: r.line("proc/sys/kernel/osrelease"), Hostname: r.line("proc/sys/kernel/hostname"),
		InstalledAt: r.installTime(now), BootedAt: booted,
	}
	in.Os.Reboot = r.rebootPending(in.Os.Kernel)
	return errors.Join(err, bootErr)
}

// bootTime reads btime of /proc/stat (proc_stat(5)), to the minute: the kernel works it out anew from the
// clock, and each correction of that would make another report.
func (r root) bootTime() (*timestamppb.Timestamp, error) {
	text, err := r.text("proc/stat")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, "btime "); found {
			seconds, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 40)
			if err != nil {
				return nil, fmt.Errorf("proc/stat: btime: %w", err)
			}
			return timestamppb.New(time.Unix(seconds, 0).UTC().Truncate(time.Minute)), nil
		}
	}
	return nil, errors.New("proc/stat: no btime")
}

// installMarks are files that are written when a system is put on a machine and not after: the log of
// Debian's installer, that of Fedora's, and the id that systemd gives a machine at its first start (so also
// where the system came as an image).
var installMarks = []string{"var/log/installer/syslog", "var/log/anaconda/syslog", "root/anaconda-ks.cfg", "etc/machine-id"}

// installTime is the time of the first mark that has a plausible one, else on the machine itself the birth
// of the root file system; absent if neither is known.
func (r root) installTime(now time.Time) *timestamppb.Timestamp {
	for _, name := range installMarks {
		if info, err := os.Lstat(r.path(name)); err == nil && plausible(info.ModTime(), now) {
			return timestamppb.New(info.ModTime().UTC().Truncate(time.Second))
		}
	}
	var st unix.Statx_t
	if r.isReal() && unix.Statx(unix.AT_FDCWD, "/", 0, unix.STATX_BTIME, &st) == nil {
		if born := time.Unix(st.Btime.Sec, 0); plausible(born, now) {
			return timestamppb.New(born.UTC())
		}
	}
	return nil
}

// rebootPending asks what Debian's update-notifier left in /run, and whether /boot holds a newer kernel of
// the running one's kind. Packages adds what rpm knows.
func (r root) rebootPending(running string) *nattevaktv1.RebootPending {
	pending := &nattevaktv1.RebootPending{Pending: r.exists("run/reboot-required")}
	if packages, err := r.text("run/reboot-required.pkgs"); err == nil {
		pending.Causes = strings.Fields(packages)
	}
	entries, _ := r.list("boot")
	if newer := newerKernel(running, entries); newer != "" {
		pending.Pending = true
		pending.Causes = append(pending.Causes, "linux-image-"+newer)
	}
	return pending
}

// newerKernel finds among the names in /boot the newest kernel with the flavour of the running one (amd64,
// generic, fc40.x86_64) if it is newer; kernels of another flavour are somebody's choice, not an update.
func newerKernel(running string, boot []string) string {
	newest := running
	for _, name := range boot {
		version, found := strings.CutPrefix(name, "vmlinuz-")
		if found && running != "" && flavour(version) == flavour(running) && compareVersions(version, newest) > 0 {
			newest = version
		}
	}
	if newest == running {
		return ""
	}
	return newest
}

// flavour is what stays the same from one kernel to the next: what follows the numbers, without the
// distribution's own (amd64 of 6.1.0-31-amd64, x86_64 of 6.8.5-301.fc40.x86_64).
func flavour(version string) string {
	const numbers = "0123456789.-"
	if strings.HasPrefix(version, "0-rescue") {
		return "rescue"
	}
	name := strings.TrimLeft(version, numbers)
	return strings.TrimLeft(name[strings.LastIndex(name, ".")+1:], numbers)
}
