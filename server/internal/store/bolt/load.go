package bolt

import (
	"context"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// Bounds of one transaction of Load.
const (
	loadRows  = 50_000
	loadBytes = 32 << 20
	// loadFill leaves little room in pages that are written in key order.
	loadFill = 0.9
)

// Load writes many rows without checks, in large transactions: it is for filling a store, not for
// traffic. It is several times faster when rows of a table come together and in key order. It is not
// atomic: n rows are durable when it fails.
func (s *Store) Load(ctx context.Context, rows iter.Seq2[store.Op, error]) (n int, err error) {
	var ops []store.Op
	size := 0
	flush := func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.loadOps(ops); err != nil {
			return err
		}
		n += len(ops)
		ops, size = ops[:0], 0
		return nil
	}
	for op, err := range rows {
		if err == nil {
			err = op.Validate()
		}
		if err != nil {
			return n, err
		}
		ops = append(ops, op)
		size += len(op.Key) + len(op.Value)
		if len(ops) == loadRows || size >= loadBytes {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	return n, flush()
}

func (s *Store) loadOps(ops []store.Op) error {
	if len(ops) == 0 {
		return nil
	}
	return s.update(func(tx *bbolt.Tx) error {
		schema := tx.Bucket(schemaBucket)
		rev := store.Rev(schema.Sequence() + 1)
		for _, op := range ops {
			bucket := tx.Bucket([]byte(op.Table))
			bucket.FillPercent = loadFill
			if err := put(bucket, op.Key, row{rev, op.Value}); err != nil {
				return err
			}
		}
		return schema.SetSequence(uint64(rev))
	})
}
