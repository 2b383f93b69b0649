// Package store says what the control plane asks of a database: atomic batches with preconditions, reads
// by key, and scans in key order over a handful of tables. It decides nothing about the rows; package
// record turns the nouns of the domain into them. Engines live in sub-packages (bolt, memory), and every
// engine passes package storetest.
//
// Guarantees of every engine:
//   - A batch that Commit acknowledged is there whole, in every later Get and Scan; one that it refused
//     has left nothing behind. An engine on disk keeps this through a kill or a power cut.
//   - Checks and operations of a batch are one step: of two batches that check the same revision of one
//     key, at most one succeeds.
//   - A Scan sees one moment: the state after some commit, whole, whatever is committed while it runs.
//   - Keys are ordered as bytes; nothing else has an order, and nothing is numbered by the engine but
//     revisions.
//
// The shape keeps a second engine with several control planes possible: revisions need only grow per
// key, tables whose rows belong to a device have keys that start with its random id (so that they spread
// over shards), and no operation depends on a row that the batch does not name.
//
// All methods may be called from many goroutines at once.
package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Table names a set of rows.
type Table string

// The tables, and what their keys are made of.
const (
	Owners   Table = "owners"   // owner name
	Sites    Table = "sites"    // site name
	Cabinets Table = "cabinets" // cabinet name
	Devices  Table = "devices"  // device id, 16 bytes
	Reports  Table = "reports"  // device id
	Jobs     Table = "jobs"     // device id, job id
	Serials  Table = "serials"  // what a device is called by, NUL, device id; see record.SerialKey
	Tokens   Table = "tokens"   // token id
	Rollouts Table = "rollouts" // rollout id
	Meta     Table = "meta"     // names of single values of the control plane itself
)

// Tables lists every table, in no meaningful order.
var Tables = []Table{Owners, Sites, Cabinets, Devices, Reports, Jobs, Serials, Tokens, Rollouts, Meta}

// Limits of one batch; beyond them Commit fails with ErrInvalid.
const (
	MaxKey     = 512
	MaxValue   = 4 << 20
	MaxOps     = 10_000
	MaxChecks  = 10_000
	MaxBatched = 16 << 20 // bytes of keys and values together
)

// Rev names the commit that wrote a record. Of two commits that wrote the same key the later has the
// greater Rev; between keys there is no such promise. 0 is no commit.
type Rev uint64

// Op writes or deletes one row. A nil Value deletes, whether or not the row exists; an empty one that
// is not nil is stored. Put and Delete make the difference plain.
type Op struct {
	Table Table
	Key   []byte
	Value []byte
}

// Put writes value, nil or not, under key.
func Put(t Table, key, value []byte) Op {
	if value == nil {
		value = []byte{}
	}
	return Op{Table: t, Key: key, Value: value}
}

// Delete removes the row under key, if there is one.
func Delete(t Table, key []byte) Op { return Op{Table: t, Key: key} }

// Check demands that the row under Key was written by commit Rev; Rev 0 demands that there is none.
type Check struct {
	Table Table
	Key   []byte
	Rev   Rev
}

// Batch is all or nothing: if every check holds, every operation is done. A key may stand in at most
// one operation of a batch. Commit neither keeps nor changes the slices after it has returned.
type Batch struct {
	Checks []Check
	Ops    []Op
}

// Record is one row.
type Record struct {
	Key   []byte
	Value []byte
	Rev   Rev
}

// Range chooses the rows of a Scan: keys that begin with Prefix and are not less than From. The zero
// Range is the whole table.
type Range struct {
	Prefix []byte
	From   []byte
}

// Start is the least key that r may hold: From, or Prefix where that is greater.
func (r Range) Start() []byte {
	if bytes.Compare(r.Prefix, r.From) > 0 {
		return r.Prefix
	}
	return r.From
}

// Store is what the control plane needs of an engine.
type Store interface {
	// Commit does b and returns its revision once b is durable. It fails with a *ConflictError (ErrConflict)
	// if a check does not hold, ErrInvalid, ErrFull, ErrBroken or ErrClosed; then nothing of b was done.
	// The one exception is ErrBroken, after which only a restart can tell. A ctx that ends takes b back
	// only while it still waits for its turn; after that Commit returns the true outcome.
	Commit(ctx context.Context, b Batch) (Rev, error)

	// Get reads one row; ErrNotFound if there is none. The record is the caller's.
	Get(ctx context.Context, t Table, key []byte) (Record, error)

	// Scan yields the rows of r in key order as of the moment the loop starts. A record's slices are
	// only lent: they are valid until the loop asks for the next one and must not be written to. An
	// error ends the scan. Commit may be called inside the loop. An engine cannot reuse the space of
	// rows that are replaced while a loop runs, so keep loops short.
	Scan(ctx context.Context, t Table, r Range) iter.Seq2[Record, error]
}

// Backuper copies a store while it is in use.
type Backuper interface {
	// Snapshot fixes one moment. The caller must Close it; Store.Scan's remark on space holds till then.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is a consistent copy in the engine's own backup format. It is for one goroutine.
type Snapshot interface {
	// Size is how many bytes WriteTo will write.
	Size() int64
	io.WriterTo
	io.Closer
}

// Sizer tells how much room a store takes.
type Sizer interface {
	// Size is in bytes, on disk for an engine on disk.
	Size() (int64, error)
}

// What can go wrong; test with errors.Is.
var (
	ErrNotFound = errors.New("no such record")
	// ErrConflict: somebody else wrote first. Read again, decide again.
	ErrConflict = errors.New("record changed meanwhile")
	// ErrInvalid: the batch, table or key can never be accepted.
	ErrInvalid = errors.New("invalid batch")
	// ErrFull: no room. Nothing was done, and commits work again when there is room.
	ErrFull = errors.New("store is full")
	// ErrBroken: a write failed in a way that leaves the file in doubt; every commit is refused until
	// the control plane is started again.
	ErrBroken = errors.New("store is out of service")
	// ErrDamaged: bytes that were written are not what is read.
	ErrDamaged = errors.New("store is damaged")
	ErrClosed  = errors.New("store is closed")
)

// ConflictError names the key whose check failed.
type ConflictError struct {
	Table Table
	Key   []byte
	// Want is the revision of the check, Have that of the row; 0 is no row.
	Want, Have Rev
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s %s: %v: want revision %d, have %d", e.Table, Printable(e.Key), ErrConflict, e.Want, e.Have)
}

// Unwrap makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Unwrap() error { return ErrConflict }
