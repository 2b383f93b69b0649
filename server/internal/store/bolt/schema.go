package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

var (
	schemaBucket = []byte("schema")
	versionKey   = []byte("version")
)

// firstSchema is the number of the first released schema.
const firstSchema = 1

// Upgrade brings every row from the schema before To to To.
type Upgrade struct {
	To int
	// Does says what changes, for the error if it fails.
	Does  string
	Apply func(*Tx) error
}

// upgrades are in order, without gaps, from firstSchema+1 on. A schema is what rows mean: a new table or
// a new field of a record needs none. Old files are kept in testdata.
var upgrades []Upgrade

// Schema is the number of the schema that this program writes.
func Schema() int { return newestSchema(upgrades) }

func newestSchema(ups []Upgrade) int { return firstSchema + len(ups) }

// prepare makes missing tables and runs the missing upgrades, all in one transaction.
func (s *Store) prepare(ups []Upgrade) error {
	var have int
	if err := guarded(s.path, func() error {
		return s.db.View(func(tx *bbolt.Tx) (err error) { have, err = readSchema(tx); return err })
	}); err != nil {
		return fmt.Errorf("open store %s: %w", s.path, err)
	}
	newest := newestSchema(ups)
	if have > newest {
		return newerSchema(s.path, have, newest)
	}
	if have < newest {
		if err := s.keepCopy(fmt.Sprintf("%s.schema-%d", s.path, have)); err != nil {
			return fmt.Errorf("keep a copy before the upgrade to schema %d: %w", newest, err)
		}
	}
	return s.update(func(tx *bbolt.Tx) error { return migrate(tx, ups[have-firstSchema:]) })
}

func newerSchema(path string, have, newest int) error {
	return fmt.Errorf("open store: %s has schema %d, this program knows schemas up to %d: run the newer nattevakt that wrote it, or restore a backup from before its upgrade", path, have, newest)
}

// migrate leaves tx unchanged, with errUnchanged, where there is nothing to do.
func migrate(tx *bbolt.Tx, missing []Upgrade) error {
	changed := len(missing) > 0
	for _, t := range store.Tables {
		if tx.Bucket([]byte(t)) != nil {
			continue
		}
		if _, err := tx.CreateBucket([]byte(t)); err != nil {
			return err
		}
		changed = true
	}
	for _, up := range missing {
		rows := &Tx{newChanges(tx)}
		if err := up.Apply(rows); err != nil {
			return fmt.Errorf("upgrade to schema %d (%s): %w", up.To, up.Does, err)
		}
		if err := errors.Join(rows.flush(), setSchema(tx, up.To)); err != nil {
			return err
		}
	}
	if !changed {
		return errUnchanged
	}
	return nil
}

func readSchema(tx *bbolt.Tx) (int, error) {
	bucket := tx.Bucket(schemaBucket)
	if bucket == nil {
		return 0, fmt.Errorf("%w: a database of another program", store.ErrDamaged)
	}
	text := string(bucket.Get(versionKey))
	n, err := strconv.Atoi(text)
	if err != nil || n < firstSchema {
		return 0, fmt.Errorf("%w: schema version %.20q", store.ErrDamaged, text)
	}
	return n, nil
}

func setSchema(tx *bbolt.Tx, n int) error {
	return tx.Bucket(schemaBucket).Put(versionKey, []byte(strconv.Itoa(n)))
}

// Tx is what an upgrade may do.
type Tx struct {
	changes *changes
}

// upgradeChunk bounds the rows that an upgrade holds in memory beside bbolt's own pages.
const upgradeChunk = 1000

// Rewrite calls change for each row of t in key order and does the operations it returns, on any table.
// Rows that change adds to t after the current key are met too.
func (x *Tx) Rewrite(t store.Table, change func(store.Record) ([]store.Op, error)) error {
	for start := []byte{}; start != nil; {
		rows, next, err := x.read(t, start)
		if err != nil {
			return err
		}
		for _, r := range rows {
			ops, err := change(r)
			if err != nil {
				return fmt.Errorf("%s %s: %w", t, store.Printable(r.Key), err)
			}
			if _, err := x.changes.add(store.Batch{Ops: ops}); err != nil {
				return err
			}
		}
		if err := x.flush(); err != nil {
			return err
		}
		start = next
	}
	return nil
}

// read copies the next rows from start on; next is nil after the last.
func (x *Tx) read(t store.Table, start []byte) (rows []store.Record, next []byte, err error) {
	cursor := x.changes.tx.Bucket([]byte(t)).Cursor()
	for key, raw := cursor.Seek(start); key != nil; key, raw = cursor.Next() {
		if len(rows) == upgradeChunk {
			return rows, bytes.Clone(key), nil
		}
		r, err := decodeRow(t, bytes.Clone(key), slices.Clone(raw))
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil, nil
}

func (x *Tx) flush() error {
	err := x.changes.write()
	clear(x.changes.rows)
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}
