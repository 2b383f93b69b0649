package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/server/internal/store"
)

// Snapshot implements store.Backuper. The format of a backup is that of the file itself.
func (s *Store) Snapshot(ctx context.Context) (store.Snapshot, error) {
	tx, err := s.begin()
	if err != nil {
		return nil, err
	}
	return &snapshot{ctx: ctx, tx: tx}, nil
}

type snapshot struct {
	ctx context.Context
	tx  *bbolt.Tx
}

func (s *snapshot) Size() int64 { return s.tx.Size() }

func (s *snapshot) WriteTo(w io.Writer) (int64, error) {
	n, err := s.tx.WriteTo(untilDone{s.ctx, w})
	if err != nil && s.ctx.Err() != nil {
		err = s.ctx.Err() // bbolt flattens errors to text
	}
	return n, err
}

func (s *snapshot) Close() error {
	if s.tx.DB() == nil {
		return nil
	}
	return s.tx.Rollback()
}

// untilDone fails writes after its context has ended.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

func (u untilDone) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(p)
}

// BackupFile writes a backup to a new file at path: whole and durable, or not at all. It replaces
// nothing.
func (s *Store) BackupFile(ctx context.Context, path string) error {
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	return newFile(path, func(f *os.File) error {
		_, err := snap.WriteTo(f)
		return err
	})
}

// keepCopy is BackupFile under path, or path.2, path.3 … where that is taken.
func (s *Store) keepCopy(path string) error {
	_, err := firstFree(path, func(name string) error { return s.BackupFile(context.Background(), name) })
	return err
}

// newFile writes a file under a temporary name and gives it its own when it is on disk. It fails with
// fs.ErrExist if path is taken.
func newFile(path string, write func(*os.File) error) (err error) {
	dir, base := filepath.Split(path)
	dir = filepath.Clean(dir)
	tmp, err := os.CreateTemp(dir, "."+base+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	if err := errors.Join(write(tmp), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return durable.SyncDir(dir)
}

// keptFiles bounds how many files of one name are kept side by side.
const keptFiles = 100

// firstFree calls try with path, path.2, path.3 … until the name is not taken, and gives that name.
func firstFree(path string, try func(name string) error) (string, error) {
	name := path
	for i := 2; i <= keptFiles; i++ {
		err := try(name)
		if !errors.Is(err, fs.ErrExist) {
			return name, err
		}
		name = fmt.Sprintf("%s.%d", path, i)
	}
	return "", fmt.Errorf("%s: %d such files are kept already: move the old ones away", path, keptFiles)
}
