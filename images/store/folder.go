package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nattevakt/nattevakt/images/durable"
)

// FolderStore keeps objects as files of one folder. Symbolic links cannot lead out of it (os.Root).
type FolderStore struct {
	dir  string
	root *os.Root
}

var _ WriteStore = (*FolderStore)(nil)

// tempPrefix cannot start a name that CheckName accepts.
const tempPrefix = ".tmp-"

// Folder opens the store in dir and makes the folder if it is not there.
func Folder(dir string) (*FolderStore, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return &FolderStore{dir, root}, nil
}

// Close lets go of the folder.
func (s *FolderStore) Close() error { return s.root.Close() }

// Stat is Store.Stat.
func (s *FolderStore) Stat(_ context.Context, name string) (int64, error) {
	if err := CheckName(name); err != nil {
		return 0, err
	}
	info, err := s.root.Stat(filepath.FromSlash(name))
	if err != nil {
		return 0, notFound("stat", name, err)
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("stat %s: %w: not a file", name, ErrNotFound)
	}
	return info.Size(), nil
}

// Open is Store.Open.
func (s *FolderStore) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := checkRange(name, offset, length); err != nil {
		return nil, err
	}
	size, err := s.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	if offset+length > size {
		return nil, fmt.Errorf("open %s: range %d+%d of %d bytes: %w", name, offset, length, size, io.ErrUnexpectedEOF)
	}
	f, err := s.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, notFound("open", name, err)
	}
	return &section{io.NewSectionReader(f, offset, length), f, length}, nil
}

func notFound(op, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %s: %w", op, name, ErrNotFound)
	}
	return fmt.Errorf("%s %s: %w", op, name, err)
}

// section reads exactly left more bytes: a file that shrank is an error, not an early end.
type section struct {
	io.Reader
	io.Closer
	left int64
}

func (s *section) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.left -= int64(n)
	if errors.Is(err, io.EOF) && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Put is WriteStore.Put: temporary file, fsync, rename, fsync of the folder.
func (s *FolderStore) Put(ctx context.Context, name string, r io.Reader) (err error) {
	if err := CheckName(name); err != nil {
		return err
	}
	dir := path.Dir(name)
	if err := s.makeDir(dir); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	temp := filepath.FromSlash(path.Join(dir, tempPrefix+rand.Text()))
	defer func() {
		if err != nil {
			_ = s.root.Remove(temp) // the first error says more
			err = fmt.Errorf("put %s: %w", name, err)
		}
	}()
	if err := s.writeTemp(temp, &contextReader{ctx, r}); err != nil {
		return err
	}
	if err := s.root.Rename(temp, filepath.FromSlash(name)); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Join(s.dir, filepath.FromSlash(dir)))
}

// makeDir makes dir and its parents, and makes their names durable.
func (s *FolderStore) makeDir(dir string) error {
	if info, err := s.root.Stat(filepath.FromSlash(dir)); err == nil && info.IsDir() {
		return nil
	}
	if err := s.root.MkdirAll(filepath.FromSlash(dir), 0o755); err != nil {
		return err
	}
	for ; dir != "."; dir = path.Dir(dir) {
		if err := durable.SyncDir(filepath.Join(s.dir, filepath.FromSlash(path.Dir(dir)))); err != nil {
			return err
		}
	}
	return nil
}

func (s *FolderStore) writeTemp(temp string, r io.Reader) error {
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// contextReader ends reading when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// List is WriteStore.List.
func (s *FolderStore) List(ctx context.Context, prefix string) ([]string, error) {
	start := "."
	if prefix != "" {
		start = strings.TrimSuffix(prefix, "/")
		if err := CheckName(start); err != nil {
			return nil, err
		}
	}
	var names []string
	err := fs.WalkDir(s.root.FS(), start, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && CheckName(name) == nil {
			names = append(names, name)
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list %q: %w", prefix, err)
	}
	slices.Sort(names)
	return names, nil
}
