//go:build linux

package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// fetchedNote is the file that says how many bytes an update took from the store.
const fetchedNote = "fetched"

// runPhase is what a process of Nattevakt does in one line of the table.
func runPhase(ctx context.Context, args []string) error {
	switch {
	case args[0] == "disks" && len(args) == 4:
		content, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return err
		}
		return makeDisks(ctx, args[2], args[3], content)
	case args[0] == "build" && len(args) == 4:
		return withStore(args[1], func(s *store.FolderStore) error { return buildPhase(ctx, s, args[2], args[3]) })
	case args[0] == "apply" && len(args) == 5:
		return withStore(args[1], func(s *store.FolderStore) error { return applyPhase(ctx, s, args[2], args[3], args[4]) })
	}
	return fmt.Errorf("unknown phase %q", args)
}

func withStore(dir string, use func(*store.FolderStore) error) error {
	s, err := store.Folder(dir)
	if err != nil {
		return err
	}
	return errors.Join(use(s), s.Close())
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
	if err := os.WriteFile(filepath.Join(filepath.Dir(disk), fetchedNote), fmt.Append(nil, fetched), 0o600); err != nil {
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

// load gives the load average of the last minute.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
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

// kept gives the bytes a step kept or took, for the table.
func kept(path string) (int64, error) {
	if filepath.Base(path) != fetchedNote {
		return dataSize(path), nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(b), 10, 64)
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
