// Package store keeps the immutable objects of releases under names: manifests, indexes and packs.
//
// It decides nothing about their content: whoever reads verifies digests and signatures. Layout, by
// release.ManifestPath, IndexPath and PackPath:
//
//	<image>/<release>/manifest
//	<image>/<release>/index
//	packs/<digest>.pack          shared by all releases of the store
//
// Guarantees of every Store, checked by package storetest: Open gives exactly the bytes asked for or an
// error; a missing object is ErrNotFound; a name that CheckName refuses never reaches the disk or the
// network; a reader of a WriteStore sees an object whole or not at all. All methods may be called by
// several goroutines at once.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// ErrNotFound is wrapped by the error for an object that is not there.
var ErrNotFound = errors.New("object not found")

// Store is read by those who apply releases.
type Store interface {
	// Open gives length bytes from offset of the object. The reader gives exactly that many bytes
	// before io.EOF, or an error. The caller closes it; ctx bounds the whole reading.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	// Stat gives the size of the object in bytes.
	Stat(ctx context.Context, name string) (int64, error)
}

// WriteStore is written by those who publish releases.
type WriteStore interface {
	Store
	// Put stores what r gives, durably before it returns. An object that is there is replaced at once.
	Put(ctx context.Context, name string, r io.Reader) error
	// List gives the names of all objects that start with prefix, sorted. The prefix is "" or ends
	// with a slash.
	List(ctx context.Context, prefix string) ([]string, error)
}

// Bounds of names.
const (
	maxName  = 255
	maxParts = 4
)

var nameForm = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,%d}$`, maxParts-1))

// CheckName tells whether s may name an object: one to four parts between slashes, each of letters,
// digits and . _ - and starting with a letter or digit. It follows that no name leaves its folder.
func CheckName(s string) error {
	if len(s) > maxName || !nameForm.MatchString(s) {
		return fmt.Errorf("object name %.300q: use up to %d parts of a–z, 0–9 and inner . _ - between slashes", s, maxParts)
	}
	return nil
}

func checkRange(name string, offset, length int64) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if offset < 0 || length < 0 || offset+length < 0 {
		return fmt.Errorf("open %s: range %d+%d is not one", name, offset, length)
	}
	return nil
}

// ReadAll gives a whole object of at most limit bytes.
func ReadAll(ctx context.Context, s Store, name string, limit int64) ([]byte, error) {
	size, err := s.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("read %s: %d bytes, at most %d expected", name, size, limit)
	}
	r, err := s.Open(ctx, name, 0, size)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}
