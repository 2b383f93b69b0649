//go:build !windows

package state

import (
	"fmt"
	"os"
)

// Protect takes away every right of group and others on a file or folder.
func Protect(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	mode := info.Mode().Perm()
	if mode&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(path, mode&0o700); err != nil {
		return fmt.Errorf("close %s to other users: %w", path, err)
	}
	return nil
}
