//go:build !linux

package bolt

import "go.etcd.io/bbolt"

// release does nothing: what it does on Linux is only for the size of the process.
func release(*bbolt.Tx) {}
