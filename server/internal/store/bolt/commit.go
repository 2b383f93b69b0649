package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// Bounds of one shared transaction. They keep a transaction's memory and its time small; one batch of
// the greatest size is always taken.
const (
	groupOps   = 8192
	groupBytes = 8 << 20
)

// queueLength bounds the requests that wait; further callers wait to enter.
const queueLength = 4096

// request is one batch on its way through the queue.
type request struct {
	batch store.Batch
	// claimed is set once: by the committer, or by a caller whose context ended.
	claimed atomic.Bool
	done    chan outcome
}

type outcome struct {
	rev store.Rev
	err error
}

// claim reports whether the caller is the first to ask.
func (r *request) claim() bool { return r.claimed.CompareAndSwap(false, true) }

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, b store.Batch) (store.Rev, error) {
	if err := b.Validate(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r := &request{batch: b, done: make(chan outcome, 1)}
	if err := s.enqueue(ctx, r); err != nil {
		return 0, err
	}
	select {
	case o := <-r.done:
		return o.rev, o.err
	case <-ctx.Done():
	}
	if r.claim() {
		return 0, ctx.Err()
	}
	o := <-r.done
	return o.rev, o.err
}

func (s *Store) enqueue(ctx context.Context, r *request) error {
	s.sending.RLock()
	defer s.sending.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	select {
	case s.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitLoop is the one goroutine that commits batches; it ends when the queue is closed and empty.
func (s *Store) commitLoop() {
	defer close(s.drained)
	var group []*request
	for first := range s.queue {
		group = s.gather(group[:0], first)
		if len(group) > 0 {
			s.commitGroup(group)
		}
		clear(group)
	}
}

// gather takes first and what else waits, within the bounds of a group. It gives way as long as that
// brings more: callers whose last commit has just ended are about to send their next.
func (s *Store) gather(group []*request, first *request) []*request {
	ops, size, before := 0, 0, 0
	take := func(r *request) {
		if r.claim() {
			group = append(group, r)
			ops += len(r.batch.Ops) + len(r.batch.Checks)
			size += r.batch.Size()
		}
	}
	take(first)
	for ops < groupOps && size < groupBytes {
		select {
		case r, open := <-s.queue:
			if !open {
				return group
			}
			take(r)
		default:
			if len(group) == before {
				return group
			}
			before = len(group)
			runtime.Gosched()
		}
	}
	return group
}

// commitGroup does the batches in order in one transaction and answers each of them.
func (s *Store) commitGroup(group []*request) {
	start := time.Now()
	outcomes := make([]outcome, len(group))
	rows := 0
	err := s.update(func(tx *bbolt.Tx) error {
		pending := newChanges(tx)
		for i, r := range group {
			outcomes[i].rev, outcomes[i].err = pending.add(r.batch)
		}
		rows = len(pending.rows)
		return pending.write()
	})
	seen := Group{Ops: rows, Took: time.Since(start), Err: err}
	for i, r := range group {
		if err != nil {
			outcomes[i] = outcome{err: err}
		}
		seen.count(outcomes[i].err)
		r.done <- outcomes[i]
	}
	s.options.Observe(seen)
}

// update runs do in one durable transaction. Its errors are do's own, store.ErrFull, or
// store.ErrBroken, after which every later update fails.
func (s *Store) update(do func(*bbolt.Tx) error) error {
	if broken := s.broken.Load(); broken != nil {
		return *broken
	}
	var id int
	var refused error
	err := guarded(s.path, func() error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			id = tx.ID()
			refused = do(tx)
			return refused
		})
	})
	switch {
	case err == nil || errors.Is(err, errUnchanged):
		return nil
	case refused != nil && errors.Is(err, refused):
		return err
	}
	return s.failedWrite(id, err)
}

// failedWrite decides what a transaction's failure means. Lack of room met before the new root was
// written has changed nothing: bbolt never writes over pages in use.
func (s *Store) failedWrite(id int, cause error) error {
	if errors.Is(cause, bolterrors.ErrDatabaseNotOpen) {
		return store.ErrClosed
	}
	if full := fullError(s.path, cause); full != nil && s.newest() < id {
		return full
	}
	err := fmt.Errorf("%w: write %s: %w: look at the disk and the system log, then start the control plane again", store.ErrBroken, s.path, cause)
	s.wedged.CompareAndSwap(false, errors.Is(cause, store.ErrDamaged))
	s.broken.CompareAndSwap(nil, &err)
	return err
}

// newest is the id of the transaction that a reader would see now.
func (s *Store) newest() (id int) {
	if err := guarded(s.path, func() error {
		return s.db.View(func(tx *bbolt.Tx) error { id = tx.ID(); return nil })
	}); err != nil {
		return int(^uint(0) >> 1)
	}
	return id
}
