// Package storetest is the conformance suite of package store: what every engine must do, and what an
// engine on disk must do besides. A new engine is right when Run, and RunDurable if it keeps anything,
// pass under the race detector.
package storetest

import (
	"errors"
	"io"
	"testing"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// Run tests an engine. Open gives a new, empty store; the suite closes it if it is an io.Closer.
func Run(t *testing.T, open func(testing.TB) store.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"PutGetDelete", testPutGetDelete},
		{"EmptyValue", testEmptyValue},
		{"Checks", testChecks},
		{"RevisionsGrow", testRevisionsGrow},
		{"Ranges", testRanges},
		{"Limits", testLimits},
		{"GreatestBatch", testGreatestBatch},
		{"SlicesAreTheCallers", testSlices},
		{"EndedContext", testEndedContext},
		{"OneCreates", testOneCreates},
		{"Counter", testCounter},
		{"ScanSeesOneMoment", testScanMoment},
		{"CommitInsideScan", testCommitInsideScan},
		{"NoHalfBatchIsSeen", testNoHalfBatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			defer end(t, s)
			c.test(t, s)
		})
	}
	t.Run("Model", func(t *testing.T) { testModel(t, open) })
}

// RunDurable tests an engine that keeps its rows: open opens the store in a folder, empty at first, and
// the store is an io.Closer.
func RunDurable(t *testing.T, open func(t testing.TB, dir string) store.Store) {
	t.Run("ReopenModel", func(t *testing.T) { testReopenModel(t, open) })
	t.Run("RevisionsGrowOverReopen", func(t *testing.T) { testReopenRevisions(t, open) })
	t.Run("CloseEndsWhatItAccepted", func(t *testing.T) { testClose(t, open) })
}

func end(t testing.TB, s store.Store) {
	t.Helper()
	if c, ok := s.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func commit(t testing.TB, s store.Store, ops ...store.Op) store.Rev {
	t.Helper()
	rev, err := s.Commit(t.Context(), store.Batch{Ops: ops})
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return rev
}

func get(t testing.TB, s store.Store, table store.Table, key string) (value string, rev store.Rev) {
	t.Helper()
	r, err := s.Get(t.Context(), table, []byte(key))
	if errors.Is(err, store.ErrNotFound) {
		return "", 0
	}
	if err != nil {
		t.Fatalf("get %s %q: %v", table, key, err)
	}
	if string(r.Key) != key {
		t.Fatalf("get %s %q gave the row of %q", table, key, r.Key)
	}
	return string(r.Value), r.Rev
}

func keys(t testing.TB, s store.Store, table store.Table, r store.Range) []string {
	t.Helper()
	found := []string{}
	for record, err := range s.Scan(t.Context(), table, r) {
		if err != nil {
			t.Fatalf("scan %s: %v", table, err)
		}
		found = append(found, string(record.Key))
	}
	return found
}
