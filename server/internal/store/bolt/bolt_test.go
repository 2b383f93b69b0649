package bolt_test

import (
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
