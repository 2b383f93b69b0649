package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// filled makes a store with n devices in the test's folder and closes it.
func filled(t *testing.T, n int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	if _, err := s.Load(t.Context(), devices(n)); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	return path
}

func closeStore(t testing.TB, s *bolt.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustPut(t testing.TB, s *bolt.Store, table store.Table, key, value string) {
	t.Helper()
	if _, err := s.Commit(t.Context(), store.Batch{Ops: []store.Op{store.Put(table, []byte(key), []byte(value))}}); err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, s *bolt.Store, table store.Table) (n int) {
	t.Helper()
	for _, err := range s.Scan(t.Context(), table, store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(path string) error
		is    error
		says  string
	}{
		{"empty", func(p string) error { return os.Truncate(p, 0) }, store.ErrDamaged, "the file is empty"},
		{"first bytes only", func(p string) error { return os.Truncate(p, 100) }, store.ErrDamaged, "nattevakt restore"},
		{"cut short", cutShort, store.ErrDamaged, "the file ends after"},
		{"text", func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("hello ", 9999)), 0o600) }, store.ErrDamaged, "not a store"},
		{"zeros", func(p string) error { return os.WriteFile(p, make([]byte, 1<<20), 0o600) }, store.ErrDamaged, "not a store"},
		{"another program's", anotherProgram, store.ErrDamaged, "database of another program"},
		{"newer schema", func(p string) error { return setVersion(p, "7") }, nil, "schema 7, this program knows schemas up to 1: run the newer nattevakt"},
		{"no schema", func(p string) error { return setVersion(p, "") }, store.ErrDamaged, "schema version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filled(t, 5000)
			if err := c.spoil(path); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := bolt.Open(path, bolt.Options{})
			if err == nil {
				closeStore(t, s)
				t.Fatal("opened")
			}
			if (c.is != nil && !errors.Is(err, c.is)) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q: want %q, %q and the path", err, c.is, c.says)
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func cutShort(path string) error { return os.Truncate(path, 100_000) }

func anotherProgram(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return edit(path, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("devices"))
		return err
	})
}

func setVersion(path, version string) error {
	return edit(path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("schema")).Put([]byte("version"), []byte(version))
	})
}

func edit(path string, change func(*bbolt.Tx) error) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return err
	}
	return errors.Join(db.Update(change), db.Close())
}

func TestOpenLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	first := open(t, path)
	_, err := bolt.Open(path, bolt.Options{LockTimeout: 100 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "in use by another process") || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	closeStore(t, first)
	closeStore(t, open(t, path))
}

func TestOpenWithoutFolder(t *testing.T) {
	_, err := bolt.Open(filepath.Join(t.TempDir(), "missing", "store"), bolt.Options{})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("error %v", err)
	}
}

// TestRottenRow changes bytes of values in the file: reading them must fail and name the row, and must
// not hurt the others.
func TestRottenRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	for _, k := range []string{"a", "b", "c"} {
		mustPut(t, s, store.Owners, k, strings.Repeat("value of "+k, 50))
	}
	closeStore(t, s)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rotten := strings.ReplaceAll(string(raw), "value of b", "value 0f b")
	if err := os.WriteFile(path, []byte(rotten), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if _, err := s.Get(t.Context(), store.Owners, []byte("b")); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), `owners "b"`) {
		t.Errorf("get: %v", err)
	}
	var seen []string
	for r, err := range s.Scan(t.Context(), store.Owners, store.Range{}) {
		if err != nil {
			seen = append(seen, "error")
			break
		}
		seen = append(seen, string(r.Key))
	}
	if strings.Join(seen, " ") != "a error" {
		t.Errorf("scan gave %q", seen)
	}
	_, err = s.Commit(t.Context(), store.Batch{Checks: []store.Check{{Table: store.Owners, Key: []byte("b"), Rev: 2}}})
	if !errors.Is(err, store.ErrDamaged) {
		t.Errorf("check of a rotten row: %v", err)
	}
	mustPut(t, s, store.Owners, "b", "mended")
	closeStore(t, s)
	if _, err := bolt.Verify(t.Context(), path); err != nil {
		t.Errorf("after mending: %v", err)
	}
}

// TestRottenPages spoils one page after another of a copy. Whatever comes of it, it must come as an
// error, not as the end of the process.
func TestRottenPages(t *testing.T) {
	s := open(t, filled(t, 3000))
	defer closeStore(t, s)
	backup := filepath.Join(t.TempDir(), "backup") // without room to grow
	if err := s.BackupFile(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	contents, err := bolt.Verify(t.Context(), backup)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	found := 0
	for at := 2 * page; at < len(good); at += 7 * page {
		bad := []byte(string(good))
		for i := at; i < min(at+64, len(bad)); i++ {
			bad[i] ^= 0xa5
		}
		spoiled := filepath.Join(t.TempDir(), "store")
		if err := os.WriteFile(spoiled, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		seen, err := bolt.Verify(t.Context(), spoiled)
		switch {
		case errors.Is(err, store.ErrDamaged):
			found++
		case err != nil:
			t.Errorf("page %d: %v, want ErrDamaged", at/page, err)
		case seen.Rows[store.Devices] != contents.Rows[store.Devices]:
			t.Errorf("page %d: %d rows of %d and no error", at/page, seen.Rows[store.Devices], contents.Rows[store.Devices])
		}
	}
	if found == 0 {
		t.Error("no spoiled page was found")
	}
	t.Logf("%d spoiled pages found", found)
}

// TestBrokenFile takes the file away from under the store, as a dying disk would: commits must be
// refused from then on, with the reason, and Close must end.
func TestBrokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	mustPut(t, s, store.Owners, "before", "")
	if err := s.File().Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := s.Commit(t.Context(), store.Batch{Ops: []store.Op{store.Put(store.Owners, []byte("after"), nil)}})
		if !errors.Is(err, store.ErrBroken) || !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), path) {
			t.Errorf("commit: %v, want ErrBroken with the cause and the path", err)
		}
	}
	if n := count(t, s, store.Owners); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	if err := s.Close(); err == nil {
		t.Error("close hid that the file was gone")
	}
	again := open(t, path)
	defer closeStore(t, again)
	if n := count(t, again, store.Owners); n != 1 {
		t.Errorf("%d rows after opening again, want 1", n)
	}
}

func TestGreatestSize(t *testing.T) {
	s, err := bolt.Open(filepath.Join(t.TempDir(), "store"), bolt.Options{MaxSize: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	stored := 0
	for err == nil {
		_, err = s.Commit(t.Context(), store.Batch{Ops: []store.Op{store.Put(store.Devices, []byte{byte(stored)}, make([]byte, 200_000))}})
		stored++
	}
	if !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "raise the limit") {
		t.Errorf("commit: %v, want ErrFull", err)
	}
	if n := count(t, s, store.Devices); n != stored-1 || n == 0 {
		t.Errorf("%d rows, %d were acknowledged", n, stored-1)
	}
	if _, err := s.Commit(t.Context(), store.Batch{Ops: []store.Op{store.Delete(store.Devices, []byte{0})}}); err != nil {
		t.Errorf("delete to make room: %v", err)
	}
}

func TestObserver(t *testing.T) {
	var seen []bolt.Group
	s, err := bolt.Open(filepath.Join(t.TempDir(), "store"), bolt.Options{Observe: func(g bolt.Group) { seen = append(seen, g) }})
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, store.Owners, "k", "")
	_, err = s.Commit(t.Context(), store.Batch{Checks: []store.Check{{Table: store.Owners, Key: []byte("k")}}})
	if !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	closeStore(t, s)
	if len(seen) != 2 || seen[0].Batches != 1 || seen[0].Ops != 1 || seen[0].Took <= 0 || seen[1].Conflicts != 1 || seen[1].Batches != 0 {
		t.Errorf("observed %+v", seen)
	}
}
