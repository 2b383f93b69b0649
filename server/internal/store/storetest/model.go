package storetest

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// model is the simplest right answer: what the store should hold.
type model map[place]entry

type place struct {
	table store.Table
	key   string
}

type entry struct {
	value string
	rev   store.Rev
}

// admits says whether every check of b holds.
func (m model) admits(b store.Batch) bool {
	return !slices.ContainsFunc(b.Checks, func(c store.Check) bool {
		return m[place{c.Table, string(c.Key)}].rev != c.Rev
	})
}

func (m model) apply(b store.Batch, rev store.Rev) {
	for _, op := range b.Ops {
		p := place{op.Table, string(op.Key)}
		if op.Value == nil {
			delete(m, p)
		} else {
			m[p] = entry{string(op.Value), rev}
		}
	}
}

// keys are those of one range, in order.
func (m model) keys(t store.Table, r store.Range) []string {
	found := []string{}
	for _, p := range slices.SortedFunc(maps.Keys(m), func(a, b place) int { return strings.Compare(a.key, b.key) }) {
		if p.table == t && strings.HasPrefix(p.key, string(r.Prefix)) && p.key >= string(r.From) {
			found = append(found, p.key)
		}
	}
	return found
}

// Few tables and short keys, so that batches meet.
var (
	someTable = rapid.SampledFrom([]store.Table{store.Devices, store.Jobs})
	someKey   = rapid.Custom(func(t *rapid.T) []byte {
		return rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 1, 3).Draw(t, "key")
	})
	someOp = rapid.Custom(func(t *rapid.T) store.Op {
		table, key := someTable.Draw(t, "table"), someKey.Draw(t, "key")
		if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
			return store.Delete(table, key)
		}
		return store.Put(table, key, rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "value"))
	})
	someRange = rapid.Custom(func(t *rapid.T) store.Range {
		part := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 0, 2)
		return store.Range{Prefix: part.Draw(t, "prefix"), From: part.Draw(t, "from")}
	})
)

// batch draws operations on distinct keys, and checks that mostly hold.
func (m model) batch(t *rapid.T) store.Batch {
	ops := rapid.SliceOfNDistinct(someOp, 0, 8, func(op store.Op) place { return place{op.Table, string(op.Key)} }).Draw(t, "ops")
	checks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) store.Check {
		c := store.Check{Table: someTable.Draw(t, "table"), Key: someKey.Draw(t, "key")}
		c.Rev = m[place{c.Table, string(c.Key)}].rev
		if rapid.IntRange(0, 5).Draw(t, "wrong") == 0 {
			c.Rev++
		}
		return c
	}), 0, 3).Draw(t, "checks")
	return store.Batch{Checks: checks, Ops: ops}
}

// run is one sequence of steps against one store.
type run struct {
	model model
	store store.Store
}

func (r *run) commit(t *rapid.T) {
	b := r.model.batch(t)
	rev, err := r.store.Commit(t.Context(), b)
	switch {
	case r.model.admits(b) && err != nil:
		t.Fatalf("commit: %v", err)
	case !r.model.admits(b) && !errors.Is(err, store.ErrConflict):
		t.Fatalf("commit: %v, want ErrConflict", err)
	case err == nil:
		r.model.apply(b, rev)
	}
}

func (r *run) get(t *rapid.T) {
	table, key := someTable.Draw(t, "table"), someKey.Draw(t, "key")
	want, there := r.model[place{table, string(key)}]
	have, err := r.store.Get(t.Context(), table, key)
	if !there {
		if !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("get %s %x: %v, want ErrNotFound", table, key, err)
		}
		return
	}
	if err != nil || string(have.Value) != want.value || have.Rev != want.rev || !bytes.Equal(have.Key, key) {
		t.Fatalf("get %s %x: %q at %d, %v; want %q at %d", table, key, have.Value, have.Rev, err, want.value, want.rev)
	}
}

func (r *run) scan(t *rapid.T) {
	table, within := someTable.Draw(t, "table"), someRange.Draw(t, "range")
	r.compare(t, table, within)
}

// compare is also what holds after every step, for the whole table.
func (r *run) compare(t *rapid.T, table store.Table, within store.Range) {
	got := []string{}
	for have, err := range r.store.Scan(t.Context(), table, within) {
		if err != nil {
			t.Fatalf("scan %s: %v", table, err)
		}
		want := r.model[place{table, string(have.Key)}]
		if string(have.Value) != want.value || have.Rev != want.rev {
			t.Fatalf("scan %s %x: %q at %d, want %q at %d", table, have.Key, have.Value, have.Rev, want.value, want.rev)
		}
		got = append(got, string(have.Key))
	}
	if want := r.model.keys(table, within); !slices.Equal(got, want) {
		t.Fatalf("scan %s %q: %q, want %q", table, within, got, want)
	}
}

func (r *run) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"commit": r.commit,
		"get":    r.get,
		"scan":   r.scan,
		"": func(t *rapid.T) {
			r.compare(t, store.Devices, store.Range{})
			r.compare(t, store.Jobs, store.Range{})
		},
	}
}

func testModel(t *testing.T, open func(testing.TB) store.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		r := &run{model{}, open(t)}
		defer end(t, r.store)
		rt.Repeat(r.steps())
	})
}
