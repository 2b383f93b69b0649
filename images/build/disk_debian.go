package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// makeDebian makes a disk with Debian's essential packages.
func makeDebian(ctx context.Context, o DiskOptions) (string, error) {
	suite := o.Suite
	if suite == "" {
		suite = "bookworm"
	}
	for _, tool := range []string{"mmdebstrap", "mke2fs"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("needs %s (apt-get install mmdebstrap e2fsprogs)", tool)
		}
	}
	if os.Geteuid() != 0 {
		return "", errors.New("needs root to keep the owners of files")
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o755); err != nil {
		return "", err
	}
	root, err := os.MkdirTemp(filepath.Dir(o.Path), "root-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	// Docs are a third of the files and nothing to boot with; apt's lists change by the hour.
	err = run(ctx, nil, "mmdebstrap", "--quiet", "--variant=essential", "--mode=root",
		"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
		"--customize-hook=rm -rf \"$1\"/var/lib/apt/lists/* \"$1\"/var/cache/apt/*", suite, root)
	if err != nil {
		return "", err
	}
	if err := makeExt4(ctx, root, o.Path); err != nil {
		return "", err
	}
	return fmt.Sprintf("Debian %s, essential packages", suite), nil
}

// makeExt4 makes a disk whose root partition holds a copy of the tree at root.
func makeExt4(ctx context.Context, root, path string) error {
	used, err := treeSize(root)
	if err != nil {
		return err
	}
	size := roundUp(used+used/4+(64<<20), 1<<20)
	d, err := newDisk(path, size)
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	// The fixed time, UUID and seed make the same tree the same disk.
	return run(ctx, []string{"E2FSPROGS_FAKE_TIME=1700000000"}, "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096",
		"-U", rootUUID, "-L", "root", "-d", root,
		"-E", fmt.Sprintf("offset=%d,hash_seed=%s,lazy_itable_init=0,lazy_journal_init=0", rootStart, hashSeed),
		path, fmt.Sprintf("%dk", size>>10))
}

// treeSize gives about the bytes a tree takes in blocks of 4 KiB, inodes included.
func treeSize(root string) (n int64, err error) {
	err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n += roundUp(info.Size(), 4096) + 256
		return nil
	})
	return n, err
}

func roundUp(n, unit int64) int64 { return (n + unit - 1) / unit * unit }

// run runs a tool; its last words are part of the error.
func run(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return fmt.Errorf("%s: %w: %.200s", name, err, lines[len(lines)-1])
}
