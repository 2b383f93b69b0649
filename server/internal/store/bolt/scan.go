package bolt

import (
	"bytes"
	"context"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// scanChunk rows are read at a time, so that the guard against a damaged file costs little per row.
const scanChunk = 128

// Scan implements store.Store.
func (s *Store) Scan(ctx context.Context, t store.Table, r store.Range) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := t.Known(); err != nil {
			yield(store.Record{}, err)
			return
		}
		tx, err := s.begin()
		if err != nil {
			yield(store.Record{}, err)
			return
		}
		defer tx.Rollback()
		s.scan(ctx, tx, t, r, yield)
	}
}

func (s *Store) scan(ctx context.Context, tx *bbolt.Tx, t store.Table, r store.Range, yield func(store.Record, error) bool) {
	rows := scanner{tx: tx, table: t, prefix: r.Prefix}
	for start := r.Start(); !rows.done; {
		err := ctx.Err()
		if err == nil {
			err = guarded(s.path, func() error { return rows.fill(start) })
		}
		for _, record := range rows.chunk {
			if !yield(record, nil) {
				return
			}
		}
		s.hasRead(tx, rows.size())
		if err != nil {
			yield(store.Record{}, err)
			return
		}
	}
}

// scanner reads a range chunk by chunk; the records are lent by tx.
type scanner struct {
	tx     *bbolt.Tx
	table  store.Table
	prefix []byte
	cursor *bbolt.Cursor
	chunk  []store.Record
	done   bool
}

// fill replaces the chunk with the next rows; the first call begins at start. On an error the chunk
// holds the rows before the failing one.
func (c *scanner) fill(start []byte) error {
	c.chunk = c.chunk[:0]
	for len(c.chunk) < scanChunk {
		key, raw := c.step(start)
		if key == nil || !bytes.HasPrefix(key, c.prefix) {
			c.done = true
			return nil
		}
		record, err := decodeRow(c.table, key, raw)
		if err != nil {
			return err
		}
		c.chunk = append(c.chunk, record)
	}
	return nil
}

func (c *scanner) size() (bytes int64) {
	for _, r := range c.chunk {
		bytes += int64(len(r.Key) + len(r.Value))
	}
	return bytes
}

func (c *scanner) step(start []byte) (key, raw []byte) {
	if c.cursor == nil {
		c.cursor = c.tx.Bucket([]byte(c.table)).Cursor()
		return c.cursor.Seek(start)
	}
	return c.cursor.Next()
}

// releaseEvery bytes read, the process gives back what it mapped: the kernel maps a file's pages sixteen
// at a time, so that reading one table would end with all tables counted as the process's memory,
// gigabytes for a large fleet.
const (
	releaseEvery = 8 << 20
	aPage        = 4 << 10 // what a single row counts for
)

// hasRead counts what tx has read. What tx lent stays good.
func (s *Store) hasRead(tx *bbolt.Tx, bytes int64) {
	if s.read.Add(bytes) >= releaseEvery {
		s.read.Store(0)
		release(tx)
	}
}
