package operatorfile

import (
	"fmt"
	"io/fs"
)

// private refuses a file whose mode lets others read it.
func private(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w (mode %04o): chmod 600 %s", ErrReadable, mode, info.Name())
	}
	return nil
}
