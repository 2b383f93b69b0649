package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// each runs f in n goroutines and waits for them.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func testOneCreates(t *testing.T, s store.Store) {
	for round := range 20 {
		key := fmt.Appendf(nil, "%d", round)
		var winners, winner atomic.Int32
		each(16, func(i int) {
			_, err := s.Commit(t.Context(), store.Batch{
				Checks: []store.Check{{Table: store.Owners, Key: key}},
				Ops:    []store.Op{store.Put(store.Owners, key, []byte{byte(i)})},
			})
			if err == nil {
				winners.Add(1)
				winner.Store(int32(i))
			} else if !errors.Is(err, store.ErrConflict) {
				t.Errorf("commit: %v", err)
			}
		})
		value, _ := get(t, s, store.Owners, string(key))
		if winners.Load() != 1 || value != string([]byte{byte(winner.Load())}) {
			t.Fatalf("%d of 16 created the row; it holds %q of %d", winners.Load(), value, winner.Load())
		}
	}
}

// testCounter adds one to a row from many goroutines, by reading and checking: no addition may be lost.
func testCounter(t *testing.T, s store.Store) {
	const goroutines, additions = 8, 25
	key := []byte("counter")
	commit(t, s, store.Put(store.Meta, key, make([]byte, 8)))
	each(goroutines, func(int) {
		for done := 0; done < additions; {
			r, err := s.Get(t.Context(), store.Meta, key)
			if err != nil {
				t.Errorf("get: %v", err)
				return
			}
			next := binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(r.Value)+1)
			_, err = s.Commit(t.Context(), store.Batch{
				Checks: []store.Check{{Table: store.Meta, Key: key, Rev: r.Rev}},
				Ops:    []store.Op{store.Put(store.Meta, key, next)},
			})
			if err == nil {
				done++
			} else if !errors.Is(err, store.ErrConflict) {
				t.Errorf("commit: %v", err)
				return
			}
		}
	})
	r, err := s.Get(t.Context(), store.Meta, key)
	if err != nil || binary.BigEndian.Uint64(r.Value) != goroutines*additions {
		t.Errorf("counter is %x, %v; want %d", r.Value, err, goroutines*additions)
	}
}

func testScanMoment(t *testing.T, s store.Store) {
	const rows = 1000
	commit(t, s, fill(rows, []byte("old"))...)
	seen := 0
	for r, err := range s.Scan(t.Context(), store.Devices, store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Value) != "old" {
			t.Fatalf("row %q holds %q, which was committed after the scan began", r.Key, r.Value)
		}
		if seen == 0 {
			commit(t, s, fill(rows, []byte("new"))...)
			commit(t, s, store.Delete(store.Devices, []byte("00500")), store.Put(store.Devices, []byte("00500x"), []byte("new")))
		}
		seen++
	}
	if seen != rows {
		t.Errorf("saw %d rows of %d", seen, rows)
	}
}

// testCommitInsideScan grows the store inside a loop; an engine that maps its file must not lock up.
func testCommitInsideScan(t *testing.T, s store.Store) {
	commit(t, s, fill(50, make([]byte, 1000))...)
	big := make([]byte, 1<<20)
	for r, err := range s.Scan(t.Context(), store.Devices, store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		commit(t, s, store.Put(store.Reports, r.Key, big))
	}
	if n := len(keys(t, s, store.Reports, store.Range{})); n != 50 {
		t.Errorf("%d rows, want 50", n)
	}
}

// testNoHalfBatch keeps a set of rows equal, batch by batch, while scans look for a difference.
func testNoHalfBatch(t *testing.T, s store.Store) {
	const rows, batches = 300, 60
	commit(t, s, fill(rows, []byte("start"))...)
	var ended atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		defer ended.Store(true)
		for i := range batches {
			if _, err := s.Commit(t.Context(), store.Batch{Ops: fill(rows, fmt.Append(nil, i))}); err != nil {
				t.Errorf("commit: %v", err)
			}
		}
	})
	for scans := 0; scans < 3 || !ended.Load(); scans++ {
		values := map[string]int{}
		for r, err := range s.Scan(t.Context(), store.Devices, store.Range{}) {
			if err != nil {
				t.Error(err)
				break
			}
			values[string(r.Value)]++
		}
		if len(values) != 1 {
			t.Errorf("a scan saw parts of several batches: %v", values)
			break
		}
	}
	wg.Wait()
}
