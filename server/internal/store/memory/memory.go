// Package memory is the store engine for tests and simulation: it keeps every promise of package store
// but durability, and has neither limits of its own nor a way to fail.
package memory

import (
	"bytes"
	"context"
	"iter"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// Store is an engine in memory; make one with New.
type Store struct {
	mu     sync.Mutex
	rev    store.Rev
	tables map[store.Table]*btree.Map[string, row]
}

type row struct {
	value []byte
	rev   store.Rev
}

var _ store.Store = (*Store)(nil)

// New gives an empty store.
func New() *Store {
	s := &Store{tables: make(map[store.Table]*btree.Map[string, row])}
	for _, t := range store.Tables {
		s.tables[t] = new(btree.Map[string, row])
	}
	return s
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, b store.Batch) (store.Rev, error) {
	if err := b.Validate(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range b.Checks {
		have, _ := s.tables[c.Table].Get(string(c.Key))
		if have.rev != c.Rev {
			return 0, &store.ConflictError{Table: c.Table, Key: bytes.Clone(c.Key), Want: c.Rev, Have: have.rev}
		}
	}
	s.rev++
	for _, op := range b.Ops {
		if op.Value == nil {
			s.tables[op.Table].Delete(string(op.Key))
			continue
		}
		s.tables[op.Table].Set(string(op.Key), row{bytes.Clone(op.Value), s.rev})
	}
	return s.rev, nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, t store.Table, key []byte) (store.Record, error) {
	if err := store.Delete(t, key).Validate(); err != nil {
		return store.Record{}, err
	}
	if err := ctx.Err(); err != nil {
		return store.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, found := s.tables[t].Get(string(key))
	if !found {
		return store.Record{}, store.ErrNotFound
	}
	return store.Record{Key: bytes.Clone(key), Value: bytes.Clone(r.value), Rev: r.rev}, nil
}

// Scan implements store.Store.
func (s *Store) Scan(ctx context.Context, t store.Table, r store.Range) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := t.Known(); err != nil {
			yield(store.Record{}, err)
			return
		}
		rows := s.moment(t)
		rows.Ascend(string(r.Start()), func(key string, have row) bool {
			if !strings.HasPrefix(key, string(r.Prefix)) {
				return false
			}
			if err := ctx.Err(); err != nil {
				yield(store.Record{}, err)
				return false
			}
			return yield(store.Record{Key: []byte(key), Value: bytes.Clone(have.value), Rev: have.rev}, nil)
		})
	}
}

// moment is a copy-on-write copy of one table.
func (s *Store) moment(t store.Table) *btree.Map[string, row] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tables[t].Copy()
}
