//go:build !linux

package bolt

import "os"

// warm does nothing: what it does on Linux is only for speed.
func warm(*os.File) {}
