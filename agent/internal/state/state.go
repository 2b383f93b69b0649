// Package state is the agent's own folder on disk: who the machine is, what it was told to do and how
// far it came.
//
// Guarantees:
//   - A file is either the old one or the new one, whole, after a power cut at any instant.
//   - Only the owner of the process (Windows: SYSTEM and administrators) can read the folder.
//   - At most one process holds the Lock of a folder.
//   - No file larger than MaxFile is read into memory.
//
// Every package of the agent that keeps something may use state; none writes its files another
// way, but for the stage of a release, which images/apply keeps in a folder of its own.
package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/nattevakt/nattevakt/images/durable"
)

// MaxFile bounds what Read takes into memory. The largest file is the journal of a job.
const MaxFile = 4 << 20

// ErrLocked says that another agent works in the folder.
var ErrLocked = errors.New("another nattevakt-agent runs in this folder; stop it first (nattevakt-agent service stop)")

// Folder is a state folder. Methods may be called by several goroutines; two writers of one name must
// agree between themselves who is last.
type Folder struct {
	path string
}

// Open makes the folder if it is not there and closes it to other users of the machine.
func Open(path string) (*Folder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w (choose another with --state)", err)
	}
	if err := Protect(abs); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	return &Folder{path: abs}, nil
}

// At names a folder without making or changing it, for readers such as the status command.
func At(path string) *Folder { return &Folder{path: path} }

// Path gives the place of a file or folder with this name inside the state folder.
func (f *Folder) Path(name string) string { return filepath.Join(f.path, name) }

// Lock takes the folder for this process until release is called or the process ends.
func (f *Folder) Lock() (release func(), err error) {
	lock := flock.New(f.Path("agent.lock"))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock state folder: %w", err)
	}
	if !held {
		return nil, fmt.Errorf("lock %s: %w", f.path, ErrLocked)
	}
	return func() { _ = lock.Unlock() }, nil
}

// Read gives a file's bytes; the error of a missing one is fs.ErrNotExist.
func (f *Folder) Read(name string) ([]byte, error) {
	file, err := os.Open(f.Path(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", f.Path(name), MaxFile)
	}
	return data, nil
}

// Write replaces a file, readable by the owner alone.
func (f *Folder) Write(name string, data []byte) error {
	return durable.WriteFile(f.Path(name), data, 0o600)
}

// Remove deletes a file; one that is not there is no error.
func (f *Folder) Remove(name string) error {
	if err := os.Remove(f.Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(f.path)
}

// ReadJSON reads a file that WriteJSON wrote. Unknown fields are refused: they mean a newer agent wrote it.
func (f *Folder) ReadJSON(name string, into any) error {
	data, err := f.Read(name)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", f.Path(name), err)
	}
	return nil
}

// WriteJSON replaces a file by value's indented JSON.
func (f *Folder) WriteJSON(name string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return f.Write(name, append(data, '\n'))
}

// Sweep removes temporary files that a power cut left behind. Call it while holding the Lock.
func (f *Folder) Sweep() error {
	left, err := filepath.Glob(f.Path(".*.tmp"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("sweep state folder: %w", err)
		}
	}
	return nil
}
