package bolt_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// A writer n commits batches 1, 2, 3 … Batch b puts writerRows rows that belong to b, deletes those of
// batch b-writerKeeps, and moves the writer's own row to b. So the rows of a writer follow from the one number
// in its row, and anything lost or half-done shows.
const (
	writers     = 12
	writerRows  = 5
	writerKeeps = 4
)

func writerBatch(writer int, b uint64) store.Batch {
	batch := store.Batch{Ops: []store.Op{store.Put(store.Meta, fmt.Append(nil, writer), binary.BigEndian.AppendUint64(nil, b))}}
	for row := range writerRows {
		value := strings.Repeat(fmt.Sprint(writer, b, row), 10*row+1)
		batch.Ops = append(batch.Ops, store.Put(store.Devices, writerKey(writer, b, row), []byte(value)))
		if b > writerKeeps {
			batch.Ops = append(batch.Ops, store.Delete(store.Devices, writerKey(writer, b-writerKeeps, row)))
		}
	}
	return batch
}

func writerKey(writer int, b uint64, row int) []byte {
	return fmt.Appendf(nil, "%d/%d/%d", row, writer, b)
}

// position reads how far a writer has come.
func position(ctx context.Context, s store.Store, writer int) (uint64, error) {
	r, err := s.Get(ctx, store.Meta, fmt.Append(nil, writer))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(r.Value), nil
}

// write commits batches of one writer for ever and calls acknowledged after each; it ends with the
// first error.
func write(ctx context.Context, s store.Store, writer int, acknowledged func(b uint64)) error {
	b, err := position(ctx, s, writer)
	for ; err == nil; acknowledged(b) {
		b++
		_, err = s.Commit(ctx, writerBatch(writer, b))
		if err != nil {
			break
		}
	}
	return err
}

// verifyWriters compares the whole store with what the writers' rows say, and these with what was
// acknowledged.
func verifyWriters(t *testing.T, s *bolt.Store, acknowledged [writers]uint64) {
	t.Helper()
	want := map[string]string{}
	for w, promised := range acknowledged {
		last, err := position(t.Context(), s, w)
		if err != nil {
			t.Fatal(err)
		}
		if last < promised || last > promised+1 {
			t.Fatalf("writer %d stands at batch %d, %d was acknowledged", w, last, promised)
		}
		for b := max(last, writerKeeps) - writerKeeps + 1; b <= last; b++ {
			for _, op := range writerBatch(w, b).Ops {
				if op.Table == store.Devices && op.Value != nil {
					want[string(op.Key)] = string(op.Value)
				}
			}
		}
	}
	for r, err := range s.Scan(t.Context(), store.Devices, store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if want[string(r.Key)] != string(r.Value) {
			t.Fatalf("row %s holds %.40q, want %.40q", r.Key, r.Value, want[string(r.Key)])
		}
		delete(want, string(r.Key))
	}
	if len(want) != 0 {
		t.Fatalf("%d rows are missing: %v", len(want), want)
	}
}
