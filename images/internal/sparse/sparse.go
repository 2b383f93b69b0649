// Package sparse finds, makes and forgets the holes of files, where the system can.
//
// Guarantee: without support of the system or file system the answers are still true: everything is
// data, and Punch says errors.ErrUnsupported.
package sparse

import (
	"errors"
	"io"
	"os"
)

// NextData gives where, from off on, the next byte lies that may be other than zero, at most limit.
func NextData(f *os.File, off, limit int64) int64 {
	next, err := seekData(f, off)
	if errors.Is(err, io.EOF) {
		return limit
	}
	if err != nil || next < off {
		return off
	}
	return min(next, limit)
}
