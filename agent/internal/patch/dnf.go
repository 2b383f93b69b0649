package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// rpmDatabases are the places of rpm's database, newest habit first; %_dbpath is one of the folders.
var rpmDatabases = []string{
	"usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db",
	"var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages",
}

// dnfCaches hold the repositories' metadata: dnf 4's and dnf 5's.
var dnfCaches = []string{"var/cache/dnf/*/repodata/repomd.xml", "var/cache/libdnf5/*/repodata/repomd.xml"}

// dnf asks dnf, from its cache alone, which packages have upgrades and which advisories speak of them; rpm
// says what is installed and since when. An advisory for a version between the installed and the newest one
// counts: the machine lacks its fix.
//
// dnf hides packages that are excluded or version-locked. They are asked for nevertheless and marked as
// held. dnf 5 has its version lock built in, where it cannot be lifted for one query: such packages
// stay hidden there, only excludes are seen.
type dnf struct {
	root string
	run  Runner
}

// NewDnf gives the provider for Fedora and its kin. Another root than "/" is what dnf calls an installroot.
func NewDnf(root string, run Runner) Provider { return dnf{root: root, run: run} }

func (dnf) Name() string { return "dnf" }

func (d dnf) Missing(ctx context.Context) (Result, error) {
	database := d.database()
	if database == "" {
		return Result{}, ErrAbsent
	}
	lift, err := d.lift(ctx)
	if err != nil {
		return Result{}, err
	}
	upgrades, err := d.upgrades(ctx, lift)
	if err != nil {
		return Result{}, err
	}
	refreshed := d.refreshed()
	if len(upgrades) == 0 && refreshed.IsZero() {
		return Result{}, errors.New("dnf has no metadata in its cache; run dnf makecache")
	}
	advisories, err := d.advisories(ctx, lift)
	if err != nil {
		return Result{}, err
	}
	installed, err := d.installed(ctx, database)
	if err != nil {
		return Result{}, err
	}
	return Result{RefreshedAt: refreshed, Updates: rpmUpdates(upgrades, installed, advisories, refreshed)}, nil
}

// database is the path of rpm's database, empty where there is none.
func (d dnf) database() string {
	for _, path := range rpmDatabases {
		if _, err := os.Stat(filepath.Join(d.root, path)); err == nil {
			return path
		}
	}
	return ""
}

// lift is how a dnf is told to show excluded and locked packages too. It tells which it is: dnf 5 answers
// "dnf5 version 5.2.6.2", dnf 4 "4.14.0".
func (d dnf) lift(ctx context.Context) ([]string, error) {
	out, err := d.run(ctx, "dnf", "--version")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, ErrAbsent
	case err != nil:
		return nil, err
	case bytes.HasPrefix(out, []byte("dnf5")):
		return []string{"--setopt=disable_excludes=*"}, nil
	}
	return []string{"--setopt=disable_excludes=all", "--disableplugin=versionlock"}, nil
}

func (d dnf) query(ctx context.Context, args ...string) ([]byte, error) {
	common := []string{"-q", "--cacheonly"}
	if d.root != "/" {
		common = append(common, "--installroot="+d.root)
	}
	return d.run(ctx, "dnf", append(common, args...)...)
}

// upgrades lists the newest upgrade of each package, those on hold marked.
func (d dnf) upgrades(ctx context.Context, lift []string) ([]rpmUpgrade, error) {
	ask := []string{"repoquery", "--upgrades", "--latest-limit=1", "--qf", rpmUpgradeFormat}
	out, err := d.query(ctx, append(ask, lift...)...)
	if err != nil {
		return nil, err
	}
	all, err := parseRepoquery(bytes.NewReader(out))
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if out, err = d.query(ctx, ask...); err != nil {
		return nil, err
	}
	free, err := parseRepoquery(bytes.NewReader(out))
	if err != nil {
		return nil, err
	}
	return markHeld(all, free), nil
}

// advisories lists those that speak of a version newer than the installed one. dnf 4 tells their dates only
// in a second listing.
func (d dnf) advisories(ctx context.Context, lift []string) ([]advisory, error) {
	out, err := d.query(ctx, append([]string{"updateinfo", "list", "--updates"}, lift...)...)
	if err != nil {
		return nil, err
	}
	found, err := parseAdvisoryList(bytes.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("dnf updateinfo list: %w", err)
	}
	if !wantDates(found) {
		return found, nil
	}
	if out, err = d.query(ctx, append([]string{"updateinfo", "info", "--updates"}, lift...)...); err != nil {
		return nil, err
	}
	dates, err := parseAdvisoryInfo(bytes.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("dnf updateinfo info: %w", err)
	}
	for i, a := range found {
		found[i].Date = dates[a.ID]
	}
	return found, nil
}

func (d dnf) installed(ctx context.Context, database string) ([]rpmPackage, error) {
	folder := filepath.Dir(filepath.Join(d.root, database))
	out, err := d.run(ctx, "rpm", "--dbpath", folder, "-qa", "--qf", rpmPackageFormat)
	if err != nil {
		return nil, err
	}
	packages, err := parseRpmList(bytes.NewReader(out))
	if err != nil {
		return nil, fmt.Errorf("rpm -qa: %w", err)
	}
	return packages, nil
}

// refreshed is when the newest metadata came into the cache.
func (d dnf) refreshed() time.Time {
	var paths []string
	for _, pattern := range dnfCaches {
		found, _ := filepath.Glob(filepath.Join(d.root, pattern)) // the pattern is well formed
		paths = append(paths, found...)
	}
	return modified(paths...)
}
