package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/server/internal/store"
)

const filePerm = 0o600

// Open opens the file at path for this process alone, makes it if there is none, and brings it to the
// schema of this program after leaving a copy of the old file beside it. The errors say what to do.
func Open(path string, o Options) (*Store, error) {
	return openUpgrading(path, o, upgrades)
}

func openUpgrading(path string, o Options, ups []Upgrade) (*Store, error) {
	o = o.withDefaults()
	if err := ensureFile(path, o, ups); err != nil {
		return nil, err
	}
	if err := inspect(path, o); err != nil {
		return nil, err
	}
	s := &Store{path: path, options: o, queue: make(chan *request, queueLength), drained: make(chan struct{})}
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.prepare(ups); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	go s.commitLoop()
	return s, nil
}

// ensureFile makes a new file under a temporary name, whole, before it gets its own: a file that is
// there under its name and empty is therefore a damaged one, never a new one.
func ensureFile(path string, o Options, ups []Upgrade) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir, base := filepath.Split(path)
	tmp, err := os.CreateTemp(filepath.Clean(dir), "."+base+".*.tmp")
	if err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	defer os.Remove(tmp.Name())
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	if err := writeEmpty(tmp.Name(), o, newestSchema(ups)); err != nil {
		return fmt.Errorf("create store %s: %w", path, err)
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create store: %w", err)
	}
	return durable.SyncDir(filepath.Clean(dir))
}

func writeEmpty(path string, o Options, schema int) error {
	db, err := bbolt.Open(path, filePerm, &bbolt.Options{Timeout: o.LockTimeout, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists(schemaBucket); err != nil {
			return err
		}
		return setSchema(tx, schema)
	})
	return errors.Join(err, db.Close())
}

// inspect finds a truncated or foreign file without reading more than its first pages.
func inspect(path string, o Options) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	if info.Size() == 0 {
		return damaged(path, "the file is empty")
	}
	return view(path, bbolt.Options{Timeout: o.LockTimeout}, func(tx *bbolt.Tx) error {
		if tx.Size() > info.Size() {
			return damaged(path, fmt.Sprintf("the file ends after %d bytes of %d", info.Size(), tx.Size()))
		}
		return nil
	})
}

// view opens the file for reading beside other readers, and looks at it guarded.
func view(path string, o bbolt.Options, look func(*bbolt.Tx) error) error {
	o.ReadOnly = true
	return guarded(path, func() (err error) {
		db, err := bbolt.Open(path, filePerm, &o)
		if err != nil {
			return openError(path, err)
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		return db.View(look)
	})
}

// open sets s.db and s.file. The address space for the greatest size is mapped at once.
func (s *Store) open() error {
	options := &bbolt.Options{
		Timeout:         s.options.LockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: s.options.MaxSize,
		MaxSize:         s.options.MaxSize,
		NoStatistics:    true,
		OpenFile: func(name string, flag int, perm os.FileMode) (f *os.File, err error) {
			// The file was there a moment ago; making an empty one now would hide its loss.
			s.file, err = os.OpenFile(name, flag&^os.O_CREATE, perm)
			return s.file, err
		},
	}
	err := guarded(s.path, func() (err error) {
		s.db, err = bbolt.Open(s.path, filePerm, options)
		return err
	})
	if err != nil {
		if s.file != nil {
			_ = s.file.Close() // closed already unless bbolt panicked
		}
		return openError(s.path, err)
	}
	warm(s.file)
	return s.sameFile()
}

// sameFile refuses a file that was replaced (by a restore) while Open waited for its lock.
func (s *Store) sameFile() error {
	opened, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	named, err := os.Stat(s.path)
	if err == nil && os.SameFile(opened, named) {
		return nil
	}
	return errors.Join(fmt.Errorf("open store %s: the file was replaced meanwhile: start again", s.path), s.db.Close())
}

// openError turns bbolt's words into an operator's.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, store.ErrDamaged):
		return err
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("open store: %s is in use by another process: stop the control plane that runs, or use its command line", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return damaged(path, "not a store: "+err.Error())
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open store: %w", err)
	}
	var system *fs.PathError
	if errors.As(err, &system) {
		return fmt.Errorf("open store: %w", err)
	}
	return damaged(path, err.Error())
}
