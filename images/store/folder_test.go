package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/images/store/storetest"
)

func openFolder(t *testing.T, dir string) *store.FolderStore {
	t.Helper()
	s, err := store.Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	storetest.Write(t, openFolder(t, dir))
	temps, err := filepath.Glob(filepath.Join(dir, "*", ".tmp-*"))
	if err != nil || len(temps) != 0 {
		t.Errorf("left behind %q, %v", temps, err)
	}
}

func TestFolderIsNoObject(t *testing.T) {
	s := openFolder(t, t.TempDir())
	if err := s.Put(t.Context(), "skole/2026-11/index", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stat(t.Context(), "skole/2026-11"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stat of a folder: %v", err)
	}
	if _, err := s.Open(t.Context(), "skole/2026-11", 0, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("open of a folder: %v", err)
	}
}

func TestFolderDoesNotFollowLinksOut(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Skip("needs a system that lets this user make symbolic links")
	}
	s := openFolder(t, dir)
	if _, err := store.ReadAll(t.Context(), s, "link/secret", 10); err == nil {
		t.Error("read through a link that leads out")
	}
	if err := s.Put(t.Context(), "link/new", strings.NewReader("x")); err == nil {
		t.Error("wrote through a link that leads out")
	}
	if _, err := os.Stat(filepath.Join(outside, "new")); err == nil {
		t.Error("a file appeared outside the store")
	}
}

func TestFolderPassesOverWhatIsLeftOfACut(t *testing.T) {
	dir := t.TempDir()
	s := openFolder(t, dir)
	if err := os.WriteFile(filepath.Join(dir, ".tmp-half"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := s.List(t.Context(), ""); err != nil || len(names) != 0 {
		t.Errorf("list gives %q, %v", names, err)
	}
}

func FuzzCheckName(f *testing.F) {
	for _, n := range storetest.BadNames {
		f.Add(n)
	}
	f.Add("packs/0.pack")
	f.Fuzz(func(t *testing.T, name string) {
		if store.CheckName(name) == nil && !filepath.IsLocal(filepath.FromSlash(name)) {
			t.Errorf("%q leaves its folder", name)
		}
	})
}
