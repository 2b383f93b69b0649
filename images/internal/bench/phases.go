//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nattevakt/nattevakt/images/apply"
	"github.com/nattevakt/nattevakt/images/build"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// key signs the releases of a benchmark, which are thrown away.
var key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func makeDisks(ctx context.Context, old, next string, content int64) error {
	roots := []string{"/usr/lib", "/usr/share", "/usr/local/go"}
	if _, _, err := build.MakeDisk(ctx, build.DiskOptions{Path: old, NoDebian: true, Roots: roots, Content: content}); err != nil {
		return err
	}
	_, _, err := build.MakeDisk(ctx, build.DiskOptions{Path: next, NoDebian: true, Roots: append([]string{"/usr/bin"}, roots...), Content: content + content/5})
	return err
}

// runPhase is what a process of Nattevakt does in one line of the table.
func runPhase(ctx context.Context, args []string) error {
	s, err := store.Folder(args[1])
	if err != nil {
		return err
	}
	defer s.Close()
	switch {
	case args[0] == "build" && len(args) == 4:
		return buildPhase(ctx, s, args[2], args[3])
	case args[0] == "apply" && len(args) == 5:
		return applyPhase(ctx, s, args[2], args[3], args[4])
	}
	return fmt.Errorf("unknown phase %q", args)
}

func buildPhase(ctx context.Context, s store.WriteStore, name, disk string) error {
	f, err := os.Open(disk)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = build.Build(ctx, build.Options{
		Source: f, Size: size(disk), Image: "bench", Release: name, Created: time.Unix(0, 0),
		Keys: []ed25519.PrivateKey{key}, Store: s,
	})
	return err
}

func applyPhase(ctx context.Context, s store.Store, name, disk, stageDir string) error {
	sealed, err := store.ReadAll(ctx, s, release.ManifestPath("bench", name), release.MaxEnvelope)
	if err != nil {
		return err
	}
	trust := release.Trust{Keys: []ed25519.PublicKey{key.Public().(ed25519.PublicKey)}, Threshold: 1}
	m, err := release.Verify(sealed, trust)
	if err != nil {
		return err
	}
	ref := apply.Ref{Image: "bench", Release: name, ManifestDigest: release.Digest(sealed)}
	target, err := apply.OpenFileTarget(disk, m.DiskSize+m.DiskSize/2)
	if err != nil {
		return err
	}
	stage, err := apply.OpenStage(stageDir)
	if err != nil {
		return err
	}
	fetched := int64(0)
	err = stage.Fetch(ctx, s, ref, trust, target, func(_, _, n int64) { fetched = n })
	if err != nil {
		return err
	}
	note := bytes.Repeat([]byte{1}, int(fetched)) // a file as long as what was fetched
	if err := os.WriteFile(filepath.Join(filepath.Dir(disk), "fetched"), note, 0o600); err != nil {
		return err
	}
	if err := stage.Write(ctx, ref, target, nil); err != nil {
		return err
	}
	return errors.Join(stage.Confirm(ctx, ref, target, nil), stage.Free(), target.Close())
}

// measured is the cost of one process and its children.
type measured struct{ wall, cpu, peak float64 } // seconds, bytes

func measure(ctx context.Context, args []string) (measured, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return measured{}, fmt.Errorf("%q: %w: %.300s", args, err, out)
	}
	m := measured{wall: time.Since(start).Seconds()}
	m.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.peak = float64(u.Maxrss) * 1024
	}
	return m, nil
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// dataSize gives the bytes that a file or a tree of files takes, without holes.
func dataSize(path string) (n int64) {
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			n += min(info.Size(), st.Blocks*512)
		}
		return nil
	})
	return n
}
