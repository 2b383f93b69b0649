package apply

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/nattevakt/nattevakt/images/internal/sparse"
)

// Target is a disk: a block device or a file. ReadAt and WriteAt are called by several goroutines at once.
type Target interface {
	io.ReaderAt
	io.WriterAt
	Size() (int64, error) // bytes
	Sync() error
}

// zeroer is a Target that can make bytes zero without writing them.
type zeroer interface{ Zero(off, n int64) error }

// holeFinder is a Target that knows where it is zero. NextData gives the next offset, at most limit,
// that may hold something else.
type holeFinder interface{ NextData(off, limit int64) int64 }

// cacheDropper is a Target that can make the next reading come from the medium.
type cacheDropper interface{ DropCache() error }

// FileTarget is a file or a block device.
type FileTarget struct{ f *os.File }

var _ Target = (*FileTarget)(nil)

// OpenFileTarget opens a file or block device. A file that is not there is made with the given size, all
// zero; with size 0 it must be there.
func OpenFileTarget(path string, size int64) (*FileTarget, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) && size > 0 {
		return createTarget(path, size)
	}
	if err != nil {
		return nil, fmt.Errorf("open target: %w", err)
	}
	return &FileTarget{f}, nil
}

func createTarget(path string, size int64) (*FileTarget, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make target: %w", err)
	}
	if err := f.Truncate(size); err != nil {
		return nil, errors.Join(fmt.Errorf("make target: %w", err), f.Close(), os.Remove(path))
	}
	return &FileTarget{f}, nil
}

// ReadAt is io.ReaderAt.
func (t *FileTarget) ReadAt(p []byte, off int64) (int, error) { return t.f.ReadAt(p, off) }

// WriteAt is io.WriterAt.
func (t *FileTarget) WriteAt(p []byte, off int64) (int, error) { return t.f.WriteAt(p, off) }

// Size gives the bytes of the file or block device.
func (t *FileTarget) Size() (int64, error) { return t.f.Seek(0, io.SeekEnd) }

// Sync makes what was written durable.
func (t *FileTarget) Sync() error { return t.f.Sync() }

// Close closes the file.
func (t *FileTarget) Close() error { return t.f.Close() }

// Zero makes n bytes at off zero, by a hole where the system can make one.
func (t *FileTarget) Zero(off, n int64) error {
	err := sparse.Punch(t.f, off, n)
	if errors.Is(err, errors.ErrUnsupported) {
		return writeZeroes(t.f, off, n)
	}
	return err
}

// NextData gives the next offset, at most limit, that may be other than zero.
func (t *FileTarget) NextData(off, limit int64) int64 { return sparse.NextData(t.f, off, limit) }

// DropCache makes the next reading come from the medium.
func (t *FileTarget) DropCache() error { return sparse.DropCache(t.f) }

// zeroPage is what writeZeroes writes; nobody changes it.
var zeroPage = make([]byte, 1<<20)

func writeZeroes(w io.WriterAt, off, n int64) error {
	for n > 0 {
		m, err := w.WriteAt(zeroPage[:min(n, int64(len(zeroPage)))], off)
		if err != nil {
			return err
		}
		off, n = off+int64(m), n-int64(m)
	}
	return nil
}

func zero(t Target, off, n int64) error {
	if z, ok := t.(zeroer); ok {
		return z.Zero(off, n)
	}
	return writeZeroes(t, off, n)
}

func nextData(t Target, off, limit int64) int64 {
	if h, ok := t.(holeFinder); ok {
		return h.NextData(off, limit)
	}
	return off
}
