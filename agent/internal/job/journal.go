package job

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/nattevakt/nattevakt/proto/reason"
)

// FileName is the journal in the state folder.
const FileName = "job.json"

// reserve is how many report numbers are taken at a time, so that a number is never used twice without
// writing the journal for each of them.
const reserve = 64

// Store keeps files; the error of a missing one is fs.ErrNotExist.
type Store interface {
	ReadJSON(name string, into any) error
	WriteJSON(name string, value any) error
}

// Journal is what survives a power cut of the work on an order.
type Journal struct {
	// Revision is that of the newest order stored here, whether Order or Next.
	Revision uint64 `json:"revision"`
	// Order is nil if there is nothing to do.
	Order *Order `json:"order"`
	// Next takes Order's place when the disk is not being written any more.
	Next *Order `json:"next,omitempty"`
	// Dropping: Order is to be dropped when the disk is not being written any more.
	Dropping bool `json:"dropping,omitempty"`

	// Begun is the phase that was begun and has neither ended nor been put off.
	Begun  Phase       `json:"begun,omitempty"`
	Done   int         `json:"done"`
	Over   bool        `json:"over"`
	Reason reason.Code `json:"reason"`
	Retry  Retry       `json:"retry"`
	// Fetched is what crossed the network in this attempt, up to the last write of the journal.
	Fetched uint64 `json:"fetched_bytes"`

	// Reserved numbers may have been used; Queue is not yet acknowledged.
	Reserved uint32 `json:"reserved"`
	Queue    queue  `json:"queue"`
}

// Read gives the journal; an empty one if there is none.
func Read(store Store) (Journal, error) {
	var j Journal
	if err := store.ReadJSON(FileName, &j); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Journal{}, fmt.Errorf("job journal: %w", err)
	}
	if j.Order != nil && (j.Done < 0 || j.Done > len(j.Order.Phases)) {
		return Journal{}, fmt.Errorf("job journal: %d phases done of %d", j.Done, len(j.Order.Phases))
	}
	return j, nil
}

// assign takes in an order. Another job waits for the end of the writing.
func (j *Journal) assign(o Order) {
	j.Revision = o.Revision
	switch {
	case j.Order != nil && j.Order.Same(o):
		j.Order, j.Next, j.Dropping = &o, nil, false
	case j.Begun == Write:
		j.Next, j.Dropping = &o, false
	default:
		j.begin(o)
	}
}

// begin starts an attempt. Reports of earlier ones stay in the queue.
func (j *Journal) begin(o Order) {
	*j = Journal{Revision: j.Revision, Order: &o, Queue: j.Queue}
}

// drop forgets the order, or arranges for it.
func (j *Journal) drop() {
	j.Revision, j.Next = 0, nil
	if j.Begun == Write {
		j.Dropping = true
		return
	}
	*j = Journal{Queue: j.Queue}
}

// settle carries out what had to wait for the writing to end.
func (j *Journal) settle() {
	switch {
	case j.Next != nil:
		j.begin(*j.Next)
	case j.Dropping:
		j.drop()
	}
}

// finish marks the phase done, and the attempt over with its last one.
func (j *Journal) finish() {
	j.Done++
	j.Begun, j.Retry = "", Retry{}
	j.Over = j.Done >= len(j.Order.Phases)
}

// retry puts the phase off.
func (j *Journal) retry(r Retry) { j.Begun, j.Retry = "", r }

// fail ends the attempt.
func (j *Journal) fail(why reason.Code) { j.Begun, j.Over, j.Reason = "", true, why }
