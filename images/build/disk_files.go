package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"
)

// Bounds of a disk of files. go-diskfs v1.9.4 writes ext4 that e2fsck accepts, but takes about a
// millisecond per file and makes one inode per 8 KiB; files from 4 KiB on keep clear of both. It stamps
// the present time and a random hash seed, so two such disks differ in their metadata.
const (
	defaultContent = 96 << 20
	minFile        = 4 << 10
	maxFile        = 8 << 20
	maxFiles       = 4000
)

var defaultRoots = []string{"/usr/lib", "/usr/share", "/usr/bin", "/usr/local/go/src", "/lib", "/bin"}

// makeFiles makes a disk of real files of this machine.
func makeFiles(ctx context.Context, o DiskOptions) (string, error) {
	content := o.Content
	if content == 0 {
		content = defaultContent
	}
	roots := o.Roots
	if len(roots) == 0 {
		roots = defaultRoots
	}
	files, err := chooseFiles(ctx, roots, content)
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("no readable file of %d bytes to %d in %s", minFile, maxFile, strings.Join(roots, ", "))
	}
	total, err := writeFiles(ctx, o.Path, files, content)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d files of this machine, %d MiB", len(files), total>>20), nil
}

// chooseFiles gives files of the roots, each root up to its share of the bytes, in the order of names.
func chooseFiles(ctx context.Context, roots []string, content int64) ([]string, error) {
	var files []string
	share := content / int64(len(roots))
	for _, root := range roots {
		left := share
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				return skipUnreadable(d)
			}
			size := usableSize(p, d)
			if size < minFile || size > min(maxFile, left) {
				return nil
			}
			files = append(files, p)
			if left -= size; left < minFile || len(files) == maxFiles {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// skipUnreadable passes over what cannot be read.
func skipUnreadable(d fs.DirEntry) error {
	if d != nil && d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// usableSize gives the size of a regular file that can be opened, else 0.
func usableSize(p string, d fs.DirEntry) int64 {
	if !d.Type().IsRegular() {
		return 0
	}
	f, err := os.Open(p)
	if err != nil {
		return 0
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// writeFiles makes the disk and copies the files to the same paths on it.
func writeFiles(ctx context.Context, diskPath string, files []string, content int64) (total int64, err error) {
	d, err := newDisk(diskPath, roundUp(content+content/4+(32<<20), 1<<20))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	root, err := d.CreateFilesystem(disk.FilesystemSpec{Partition: 1, FSType: filesystem.TypeExt4, VolumeLabel: "root"})
	if err != nil {
		return 0, fmt.Errorf("make ext4: %w", err)
	}
	made := map[string]bool{}
	for _, f := range files {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		n, err := copyFile(root, f, made)
		if err != nil {
			return 0, fmt.Errorf("copy %s: %w", f, err)
		}
		total += n
	}
	return total, root.Close()
}

func copyFile(root filesystem.FileSystem, from string, made map[string]bool) (int64, error) {
	to := strings.TrimPrefix(filepath.ToSlash(from[len(filepath.VolumeName(from)):]), "/") // relative paths only
	if dir := path.Dir(to); !made[dir] {
		if err := root.Mkdir(dir); err != nil {
			return 0, err
		}
		made[dir] = true
	}
	src, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	content, err := io.ReadAll(io.LimitReader(src, maxFile))
	if err != nil || len(content) == 0 {
		return 0, err
	}
	dst, err := root.OpenFile(to, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return 0, err
	}
	n, err := dst.Write(content)
	return int64(n), errors.Join(err, dst.Close())
}
