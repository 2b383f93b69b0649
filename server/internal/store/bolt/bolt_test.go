package bolt_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
	"github.com/nattevakt/nattevakt/server/internal/store/storetest"
)

func open(t testing.TB, path string) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store { return open(t, filepath.Join(t.TempDir(), "store")) })
}

func TestDurability(t *testing.T) {
	storetest.RunDurable(t, func(t testing.TB, dir string) store.Store { return open(t, filepath.Join(dir, "store")) })
}

// TestContextEndsInTheQueue holds the committer up, and takes back a batch that waits behind it.
func TestContextEndsInTheQueue(t *testing.T) {
	busy, goOn := make(chan struct{}), make(chan struct{})
	path := filepath.Join(t.TempDir(), "store")
	s, err := bolt.Open(path, bolt.Options{Observe: func(bolt.Group) {
		busy <- struct{}{}
		<-goOn
	}})
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, store.Owners, "first", "")
	<-busy
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() {
		_, err := s.Commit(ctx, store.Batch{Ops: []store.Op{store.Put(store.Owners, []byte("second"), nil)}})
		answer <- err
	}()
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	close(goOn)
	closeStore(t, s)
	c, err := bolt.Verify(t.Context(), path)
	if err != nil || c.Rows[store.Owners] != 1 {
		t.Errorf("%d owners, %v; want only the first", c.Rows[store.Owners], err)
	}
}
