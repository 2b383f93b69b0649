package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

func testReopenModel(t *testing.T, open func(testing.TB, string) store.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		r := &run{model{}, open(t, dir)}
		defer func() { end(t, r.store) }()
		steps := r.steps()
		steps["reopen"] = func(*rapid.T) {
			end(t, r.store)
			r.store = open(t, dir)
		}
		rt.Repeat(steps)
	})
}

func testReopenRevisions(t *testing.T, open func(testing.TB, string) store.Store) {
	dir := t.TempDir()
	last := store.Rev(0)
	for range 5 {
		s := open(t, dir)
		if _, rev := get(t, s, store.Meta, "k"); rev != last {
			t.Errorf("after reopening revision %d, want %d", rev, last)
		}
		rev := commit(t, s, store.Put(store.Meta, []byte("k"), nil))
		if rev <= last {
			t.Errorf("revision %d after %d", rev, last)
		}
		last = rev
		end(t, s)
	}
}

// testClose closes under load: each commit either succeeded and is there, or failed and is not.
func testClose(t *testing.T, open func(testing.TB, string) store.Store) {
	dir := t.TempDir()
	s := open(t, dir)
	var acknowledged sync.Map
	var started, refused atomic.Int32
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%d", g, i)
				_, err := s.Commit(t.Context(), store.Batch{Ops: []store.Op{store.Put(store.Meta, []byte(key), nil)}})
				if err != nil {
					if !errors.Is(err, store.ErrClosed) {
						t.Errorf("commit: %v, want ErrClosed", err)
					}
					refused.Add(1)
					return
				}
				acknowledged.Store(key, true)
				started.Add(1)
			}
		})
	}
	for started.Load() < 200 && refused.Load() == 0 {
		commit(t, s, store.Put(store.Owners, []byte("k"), nil))
	}
	end(t, s)
	wg.Wait()
	s = open(t, dir)
	defer end(t, s)
	found := keys(t, s, store.Meta, store.Range{})
	for _, k := range found {
		if _, ok := acknowledged.LoadAndDelete(k); !ok {
			t.Errorf("row %s is there though its commit failed", k)
		}
	}
	acknowledged.Range(func(k, _ any) bool {
		t.Errorf("row %s is missing though its commit succeeded", k)
		return true
	})
}
