package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// errUnchanged rolls back a transaction that has nothing to write.
var errUnchanged = errors.New("nothing to write")

// changes collects what a transaction will write: batches are judged against the file and the batches
// before them, then the surviving rows are written in key order, each once.
type changes struct {
	tx   *bbolt.Tx
	rev  store.Rev
	rows map[rowKey]row
}

type rowKey struct {
	table store.Table
	key   string
}

// row is what a key will hold; rev is 0 and value nil where it is deleted.
type row struct {
	rev   store.Rev
	value []byte
}

func newChanges(tx *bbolt.Tx) *changes {
	return &changes{
		tx:   tx,
		rev:  store.Rev(tx.Bucket(schemaBucket).Sequence()),
		rows: make(map[rowKey]row),
	}
}

// add takes b in if its checks hold, and gives its revision; a batch without operations gives the
// newest one.
func (c *changes) add(b store.Batch) (store.Rev, error) {
	for _, check := range b.Checks {
		have, err := c.current(check.Table, check.Key)
		if err != nil {
			return 0, err
		}
		if have != check.Rev {
			return 0, &store.ConflictError{Table: check.Table, Key: bytes.Clone(check.Key), Want: check.Rev, Have: have}
		}
	}
	if len(b.Ops) > 0 {
		c.rev++
	}
	for _, op := range b.Ops {
		c.set(op)
	}
	return c.rev, nil
}

func (c *changes) set(op store.Op) {
	changed := row{rev: c.rev, value: op.Value}
	if op.Value == nil {
		changed.rev = 0
	}
	c.rows[rowKey{op.Table, string(op.Key)}] = changed
}

func (c *changes) current(t store.Table, key []byte) (store.Rev, error) {
	if changed, ok := c.rows[rowKey{t, string(key)}]; ok {
		return changed.rev, nil
	}
	return absentIsZero(get(c.tx, t, key))
}

func (c *changes) write() error {
	if len(c.rows) == 0 {
		return errUnchanged
	}
	keys := make([]rowKey, 0, len(c.rows))
	for k := range c.rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.key, b.key))
	})
	for _, k := range keys {
		if err := put(c.tx.Bucket([]byte(k.table)), []byte(k.key), c.rows[k]); err != nil {
			return err
		}
	}
	return c.tx.Bucket(schemaBucket).SetSequence(uint64(c.rev))
}

func put(bucket *bbolt.Bucket, key []byte, r row) error {
	if r.value == nil {
		return bucket.Delete(key)
	}
	return bucket.Put(key, encodeRow(key, r.value, r.rev))
}
