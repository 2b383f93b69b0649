// Package durable writes files that survive a power cut: temporary file, fsync, rename, fsync of the
// folder. After WriteFile returns, a reader finds the new content whole; before, the old one whole.
//
// Agent and server use it for the files they replace whole; the store and the stage of a release, which
// grow in place, keep their own promises. It holds no state.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile puts data at path with the given permissions, atomically and durably.
func WriteFile(path string, data []byte, perm fs.FileMode) (err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	tmp, err := os.CreateTemp(dir, "."+base+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), discard(tmp))
		}
	}()
	if err := tmp.Chmod(perm); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if _, err := tmp.Write(data); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return Rename(tmp.Name(), path)
}

func discard(tmp *os.File) error {
	_ = tmp.Close() // closed already where the failure came later
	if err := os.Remove(tmp.Name()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Rename moves a file that is already on disk to its final name in the same folder, durably.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}
