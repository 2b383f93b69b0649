package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

func testPutGetDelete(t *testing.T, s store.Store) {
	key := []byte("a")
	rev := commit(t, s, store.Put(store.Sites, key, []byte("one")))
	if value, have := get(t, s, store.Sites, "a"); value != "one" || have != rev {
		t.Errorf("got %q at %d, want one at %d", value, have, rev)
	}
	if _, have := get(t, s, store.Owners, "a"); have != 0 {
		t.Error("a row of one table is seen in another")
	}
	commit(t, s, store.Delete(store.Sites, key), store.Delete(store.Sites, []byte("never")))
	if _, err := s.Get(t.Context(), store.Sites, key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after delete: %v, want ErrNotFound", err)
	}
}

func testEmptyValue(t *testing.T, s store.Store) {
	commit(t, s, store.Put(store.Serials, []byte("k"), nil))
	r, err := s.Get(t.Context(), store.Serials, []byte("k"))
	if err != nil || r.Value == nil || len(r.Value) != 0 {
		t.Errorf("got %v, %v; want an empty value", r.Value, err)
	}
}

func testChecks(t *testing.T, s store.Store) {
	old := commit(t, s, store.Put(store.Sites, []byte("there"), []byte("1")))
	now := commit(t, s, store.Put(store.Sites, []byte("there"), []byte("2")))
	for _, c := range []struct {
		name string
		key  string
		rev  store.Rev
		ok   bool
	}{
		{"right revision", "there", now, true},
		{"older revision", "there", old, false},
		{"revision of the future", "there", now + 1, false},
		{"must not exist but does", "there", 0, false},
		{"must not exist", "missing", 0, true},
		{"should exist", "missing", now, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Commit(t.Context(), store.Batch{
				Checks: []store.Check{{Table: store.Sites, Key: []byte(c.key), Rev: c.rev}},
				Ops:    []store.Op{store.Put(store.Owners, []byte(c.name), []byte("x"))},
			})
			var conflict *store.ConflictError
			switch {
			case c.ok && err != nil:
				t.Errorf("refused: %v", err)
			case !c.ok && (!errors.Is(err, store.ErrConflict) || !errors.As(err, &conflict)):
				t.Errorf("got %v, want a conflict", err)
			case !c.ok && (conflict.Table != store.Sites || string(conflict.Key) != c.key || conflict.Want != c.rev):
				t.Errorf("conflict names %s %s at %d", conflict.Table, conflict.Key, conflict.Want)
			}
			if _, rev := get(t, s, store.Owners, c.name); (rev != 0) != c.ok {
				t.Errorf("the batch's row is at revision %d", rev)
			}
		})
	}
}

func testRevisionsGrow(t *testing.T, s store.Store) {
	last := store.Rev(0)
	for i := range 20 {
		op := store.Put(store.Meta, []byte("k"), []byte{byte(i)})
		if i%5 == 4 {
			op = store.Delete(store.Meta, []byte("k"))
		}
		rev := commit(t, s, op)
		if rev <= last {
			t.Fatalf("revision %d after %d", rev, last)
		}
		last = rev
	}
}

func testRanges(t *testing.T, s store.Store) {
	all := []string{"a", "a\x00", "aa", "ab", "a\xff", "b", "\xff", "\xff\xff"}
	for _, k := range slices.Backward(all) {
		commit(t, s, store.Put(store.Jobs, []byte(k), []byte(k)))
	}
	for _, c := range []struct {
		prefix, from string
		want         []string
	}{
		{"", "", all},
		{"a", "", all[:5]},
		{"a", "aa", all[2:5]},
		{"a", "b", nil},
		{"b", "a", all[5:6]},
		{"\xff", "", all[6:]},
		{"", "ab", all[3:]},
		{"c", "", nil},
	} {
		got := keys(t, s, store.Jobs, store.Range{Prefix: []byte(c.prefix), From: []byte(c.from)})
		if !slices.Equal(got, c.want) {
			t.Errorf("prefix %q from %q: %q, want %q", c.prefix, c.from, got, c.want)
		}
	}
	for r, err := range s.Scan(t.Context(), store.Jobs, store.Range{}) {
		if err != nil || string(r.Key) != "a" {
			t.Errorf("first row %q, %v", r.Key, err)
		}
		break
	}
}

func testLimits(t *testing.T, s store.Store) {
	many := make([]store.Op, store.MaxOps+1)
	for i := range many {
		many[i] = store.Put(store.Meta, fmt.Append(nil, i), nil)
	}
	big := make([]byte, store.MaxValue)
	for _, c := range []struct {
		name  string
		batch store.Batch
		names string
	}{
		{"no key", store.Batch{Ops: []store.Op{store.Put(store.Meta, nil, nil)}}, "key of 0 bytes"},
		{"long key", store.Batch{Ops: []store.Op{store.Put(store.Meta, make([]byte, store.MaxKey+1), nil)}}, "key of 513 bytes"},
		{"long value", store.Batch{Ops: []store.Op{store.Put(store.Meta, []byte("k"), append(big, 0))}}, "value of 4194305 bytes"},
		{"unknown table", store.Batch{Ops: []store.Op{store.Put("pupils", []byte("k"), nil)}}, "pupils"},
		{"unknown table in check", store.Batch{Checks: []store.Check{{Table: "pupils", Key: []byte("k")}}}, "pupils"},
		{"key twice", store.Batch{Ops: []store.Op{store.Put(store.Meta, []byte("k"), nil), store.Delete(store.Meta, []byte("k"))}}, "operation 1"},
		{"too many", store.Batch{Ops: many}, "10001"},
		{"too much", store.Batch{Ops: fill(5, big)}, "bytes in one batch"},
	} {
		if _, err := s.Commit(t.Context(), c.batch); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v, want ErrInvalid with %q", c.name, err, c.names)
		}
	}
	if _, err := s.Get(t.Context(), "pupils", []byte("k")); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("get from an unknown table: %v", err)
	}
	for _, err := range s.Scan(t.Context(), "pupils", store.Range{}) {
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("scan of an unknown table: %v", err)
		}
	}
	if left := keys(t, s, store.Meta, store.Range{}); len(left) != 0 {
		t.Errorf("refused batches left %d rows", len(left))
	}
}

func testGreatestBatch(t *testing.T, s store.Store) {
	value := make([]byte, store.MaxValue-store.MaxKey)
	commit(t, s, fill(4, value)...)
	small := fill(store.MaxOps, []byte("v"))
	commit(t, s, small...)
	if n := len(keys(t, s, store.Devices, store.Range{})); n != store.MaxOps {
		t.Errorf("%d rows, want %d", n, store.MaxOps)
	}
	longest := bytes.Repeat([]byte("k"), store.MaxKey)
	commit(t, s, store.Put(store.Owners, longest, []byte("v")))
	if _, rev := get(t, s, store.Owners, string(longest)); rev == 0 {
		t.Error("the longest key is missing")
	}
}

func fill(n int, value []byte) []store.Op {
	ops := make([]store.Op, n)
	for i := range ops {
		ops[i] = store.Put(store.Devices, fmt.Appendf(nil, "%05d", i), value)
	}
	return ops
}

func testSlices(t *testing.T, s store.Store) {
	key, value := []byte("key"), []byte("value")
	commit(t, s, store.Put(store.Meta, key, value))
	copy(key, "xxx")
	copy(value, "xxxxx")
	r, err := s.Get(t.Context(), store.Meta, []byte("key"))
	if err != nil || string(r.Value) != "value" {
		t.Fatalf("the store kept the caller's slices: %q, %v", r.Value, err)
	}
	copy(r.Value, "yyyyy")
	commit(t, s, store.Put(store.Meta, []byte("other"), nil))
	if again, _ := get(t, s, store.Meta, "key"); again != "value" {
		t.Errorf("a record from Get was not the caller's own: now %q", again)
	}
}

func testEndedContext(t *testing.T, s store.Store) {
	commit(t, s, store.Put(store.Meta, []byte("k"), nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Commit(ctx, store.Batch{Ops: []store.Op{store.Delete(store.Meta, []byte("k"))}}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	if _, err := s.Get(ctx, store.Meta, []byte("k")); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	for _, err := range s.Scan(ctx, store.Meta, store.Range{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("scan: %v", err)
		}
	}
	if _, rev := get(t, s, store.Meta, "k"); rev == 0 {
		t.Error("a batch was done though its context had ended")
	}
}
