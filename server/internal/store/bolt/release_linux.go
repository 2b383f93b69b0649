package bolt

import (
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// release takes the file's pages out of the process's memory. The kernel keeps them in its cache while it
// has room, and the next read maps them again. tx keeps the mapping where it is.
func release(tx *bbolt.Tx) {
	// The mapping is shared and read-only, so nothing is lost; that the advice fails costs nothing either.
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, tx.DB().Info().Data, uintptr(tx.Size()), unix.MADV_DONTNEED)
}
