// Package bolt is the embedded store engine: package store on one bbolt file.
//
// Guarantees beyond those of package store:
//   - Commits of many callers share one transaction and its two fsyncs; a failing check fails its own
//     batch only.
//   - Every row carries a CRC-32C over its key, revision and value, checked on each read: bytes that rot
//     become ErrDamaged, never a wrong answer. A truncated or foreign file is refused when it is opened.
//   - A full disk fails commits with ErrFull and leaves nothing half-done; they work again when there is
//     room. Any other failed write takes the store out of service (ErrBroken), because after a failed
//     fsync neither the kernel's cache nor the disk can be believed.
//   - The file never shrinks and is never mapped anew while in use, so that a reader neither blocks nor
//     is blocked by a commit; that is why there is a greatest size.
//   - The freelist is always written: without it, opening a file of 2 GB takes most of a minute.
//
// One process at a time may open a file; the lock is bbolt's. What a power cut leaves was tested on ext4
// by shutting the file system down under load; the order of writes inside a disk's own cache was not.
//
// The file holds one bucket per table and the bucket "schema": key "version" is the schema's number in
// decimal, the bucket's sequence is the newest revision.
package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// Options of Open; the zero value is good.
type Options struct {
	// LockTimeout is how long to wait for another process to let go of the file; 0 is 2 s.
	LockTimeout time.Duration
	// MaxSize in bytes bounds the file; address space for it is reserved when the file is opened. 0 is
	// 64 GiB.
	MaxSize int
	// Observe is called after each shared transaction, by the one goroutine that commits.
	Observe func(Group)
}

// Group tells what one transaction did.
type Group struct {
	// Batches committed, Conflicts refused and Failed for another reason; Ops counts the rows written, or
	// that would have been.
	Batches, Conflicts, Failed, Ops int

	Took time.Duration
	// Err is set when the whole transaction failed.
	Err error
}

func (g *Group) count(err error) {
	switch {
	case err == nil:
		g.Batches++
	case errors.Is(err, store.ErrConflict):
		g.Conflicts++
	default:
		g.Failed++
	}
}

const (
	defaultLockTimeout = 2 * time.Second
	defaultMaxSize     = 64 << 30
)

func (o Options) withDefaults() Options {
	if o.LockTimeout == 0 {
		o.LockTimeout = defaultLockTimeout
	}
	if o.MaxSize == 0 {
		o.MaxSize = defaultMaxSize
	}
	if o.Observe == nil {
		o.Observe = func(Group) {}
	}
	return o
}

// Store is an open file; make one with Open.
type Store struct {
	path    string
	file    *os.File
	db      *bbolt.DB
	options Options

	// broken holds the error that took the store out of service.
	broken atomic.Pointer[error]
	// wedged: bbolt panicked inside a write, perhaps with its locks held.
	wedged atomic.Bool
	// read counts bytes since the last release, roughly.
	read atomic.Int64

	sending sync.RWMutex // held for reading while a request enters the queue
	closed  bool         // guarded by sending
	queue   chan *request
	drained chan struct{} // closed when the committer has ended
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Backuper = (*Store)(nil)
	_ store.Sizer    = (*Store)(nil)
)

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, t store.Table, key []byte) (store.Record, error) {
	if err := store.Delete(t, key).Validate(); err != nil {
		return store.Record{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Record{}, err
	}
	tx, err := s.begin()
	if err != nil {
		return store.Record{}, err
	}
	defer tx.Rollback()
	defer s.hasRead(tx, aPage)
	var found store.Record
	err = guarded(s.path, func() error {
		lent, err := get(tx, t, key)
		found = store.Record{Key: bytes.Clone(key), Value: bytes.Clone(lent.Value), Rev: lent.Rev}
		return err
	})
	if err != nil {
		return store.Record{}, err
	}
	return found, nil
}

// get reads one row; its value is lent by tx.
func get(tx *bbolt.Tx, t store.Table, key []byte) (store.Record, error) {
	raw := tx.Bucket([]byte(t)).Get(key)
	if raw == nil {
		return store.Record{}, store.ErrNotFound
	}
	return decodeRow(t, key, raw)
}

// begin starts a read transaction, which the caller must roll back.
func (s *Store) begin() (*bbolt.Tx, error) {
	tx, err := s.db.Begin(false)
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return nil, store.ErrClosed
	}
	if err != nil {
		return nil, fmt.Errorf("read store %s: %w", s.path, err)
	}
	return tx, nil
}

// Size implements store.Sizer: the part of the file that is or was in use.
func (s *Store) Size() (int64, error) {
	tx, err := s.begin()
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	return tx.Size(), nil
}

// Close refuses new commits, ends those that were accepted, waits for scans and snapshots, and lets go
// of the file. A second Close does nothing.
func (s *Store) Close() error {
	s.sending.Lock()
	already := s.closed
	s.closed = true
	s.sending.Unlock()
	if already {
		<-s.drained
		return nil
	}
	close(s.queue)
	<-s.drained
	if s.wedged.Load() {
		return s.file.Close() // the mapping, and with it the file's lock, goes with the process
	}
	return s.db.Close()
}
