package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	dpkgStatus = "var/lib/dpkg/status"
	aptLists   = "var/lib/apt/lists"
	// aptStamp is touched by update-notifier after each successful update of the lists.
	aptStamp = "var/lib/apt/periodic/update-success-stamp"
)

// apt compares what dpkg has installed with the candidates of `apt-cache policy`.
//
// Why not a simulated upgrade: `apt-get -s` runs the solver, leaves held packages out, fails where any
// dependency is broken, and writes to apt's log. The policy has no solver: a package whose candidate is newer is
// missing an update, whatever may stand in the way of installing it. Packages that an upgrade would add
// (a new kernel's own package, a new dependency) are not missing updates of their own; the metapackage that pulls
// them in is. A phased update of Ubuntu counts from its first day.
//
// Limit: a configured repository whose lists were never fetched is not known of. The provider fails only
// where there are no lists at all.
type apt struct {
	root string
	run  Runner
}

// NewApt gives the provider for Debian and its kin. Another root than "/" is a tree with its own dpkg status and
// apt folders and this machine's architecture; apt's settings in /etc/apt/apt.conf.d of this machine hold
// for it too.
func NewApt(root string, run Runner) Provider { return apt{root: root, run: run} }

func (apt) Name() string { return "apt" }

func (a apt) Missing(ctx context.Context) (Result, error) {
	installed, err := readDpkgStatus(a.root)
	if errors.Is(err, fs.ErrNotExist) {
		return Result{}, ErrAbsent
	}
	if err != nil {
		return Result{}, err
	}
	lists, err := a.lists(ctx)
	if err != nil {
		return Result{}, err
	}
	policies, err := a.policies(ctx, installed)
	if err != nil {
		return Result{}, err
	}
	updates := debUpdates(installed, policies, lists)
	a.date(updates)
	return Result{RefreshedAt: a.refreshed(), Updates: bare(updates)}, nil
}

// lists asks apt which package lists it has on disk (apt-get(8), indextargets).
func (a apt) lists(ctx context.Context) (map[string]aptList, error) {
	out, err := a.command(ctx, "apt-get", "indextargets", "Created-By: Packages")
	if err != nil {
		return nil, err
	}
	lists, err := parseIndexTargets(bytes.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("apt-get indextargets: %w", err)
	}
	if len(lists) == 0 {
		return nil, errors.New("apt has no package lists; run apt-get update")
	}
	for name, list := range lists {
		list.Date = releaseDate(list.File)
		lists[name] = list
	}
	return lists, nil
}

func (a apt) policies(ctx context.Context, installed []debPackage) ([]aptPolicy, error) {
	if len(installed) == 0 {
		return nil, nil
	}
	args := []string{"policy"}
	for _, p := range installed {
		args = append(args, aptName(p))
	}
	out, err := a.command(ctx, "apt-cache", args...)
	if err != nil {
		return nil, err
	}
	policies, err := parsePolicy(bytes.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("apt-cache policy: %w", err)
	}
	return policies, nil
}

// command runs an apt tool on the provider's root; a machine without the tool has no apt.
func (a apt) command(ctx context.Context, name string, args ...string) ([]byte, error) {
	if a.root != "/" {
		args = append([]string{
			"-o", "Dir=" + a.root,
			"-o", "Dir::State::status=" + filepath.Join(a.root, dpkgStatus),
		}, args...)
	}
	out, err := a.run(ctx, name, args...)
	if errors.Is(err, exec.ErrNotFound) {
		return nil, ErrAbsent
	}
	return out, err
}

func (a apt) date(updates []debUpdate) {
	wanted := make([]debPackage, len(updates))
	for i, u := range updates {
		wanted[i] = u.from
	}
	times := installTimes(a.root, wanted)
	for i, u := range updates {
		updates[i].InstalledSince = times[u.from]
	}
}

// refreshed is when the lists were last renewed. The folder's time moves only when a list changed, so where
// there is no stamp this may be too early, never too late.
func (a apt) refreshed() time.Time {
	return modified(filepath.Join(a.root, aptStamp), filepath.Join(a.root, aptLists))
}

func bare(updates []debUpdate) []Update {
	plain := make([]Update, len(updates))
	for i, u := range updates {
		plain[i] = u.Update
	}
	return plain
}
