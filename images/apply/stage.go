package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/images/release"
)

// Stage is a folder for one target disk and one release at a time:
//
//	disk.index          index of what was last written to the disk; a hint, never trusted
//	<digest>/manifest   the signed envelope with this digest
//	<digest>/index
//	<digest>/chunks     the chunk log
type Stage struct {
	dir string
	mu  sync.Mutex // held by every exported method
}

const (
	diskIndexFile = "disk.index"
	manifestFile  = "manifest"
	indexFile     = "index"
	chunksFile    = "chunks"
)

// OpenStage opens the stage in dir and makes the folder if it is not there.
func OpenStage(dir string) (*Stage, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &Error{stageKind(err), "open stage", err}
	}
	return &Stage{dir: dir}, nil
}

// Manifest gives the manifest of a release that Fetch has begun.
func (s *Stage) Manifest(ref Ref) (release.Manifest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _, err := s.manifest(ref)
	return m, wrap(context.Background(), Internal, "read staged manifest", err)
}

// Free drops all staged content. The hint about the disk stays.
func (s *Stage) Free() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wrap(context.Background(), DiskIO, "free stage", s.drop(""))
}

// drop removes the folders of all releases but keep.
func (s *Stage) drop(keep string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := chunk.ParseDigest(e.Name()); err != nil || e.Name() == keep {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
			return err
		}
	}
	return durable.SyncDir(s.dir)
}

func (s *Stage) path(ref Ref, name string) string {
	return filepath.Join(s.dir, ref.digest().String(), name)
}

// dirOf gives the folder of a path, "." where it has none.
func dirOf(path string) string { return filepath.Dir(path) }

// makeDir makes the folder of a release, durably.
func (s *Stage) makeDir(ref Ref) error {
	if err := os.MkdirAll(s.path(ref, ""), 0o700); err != nil {
		return err
	}
	return durable.SyncDir(s.dir)
}

// manifest reads the staged envelope and checks its digest. fs.ErrNotExist means: not staged.
func (s *Stage) manifest(ref Ref) (release.Manifest, []byte, error) {
	sealed, err := readBounded(s.path(ref, manifestFile), release.MaxEnvelope)
	if errors.Is(err, fs.ErrNotExist) {
		return release.Manifest{}, nil, &Error{Missing, "read staged manifest", err}
	}
	if err != nil {
		return release.Manifest{}, nil, &Error{DiskIO, "read staged manifest", err}
	}
	m, err := openSealed(sealed, ref)
	return m, sealed, err
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return b, err
}

// openSealed gives the manifest in an envelope that ref names by digest.
func openSealed(sealed []byte, ref Ref) (release.Manifest, error) {
	if got := release.Digest(sealed); got != ref.digest() {
		return release.Manifest{}, &Error{Corrupt, "check manifest", fmt.Errorf("digest %s, ordered %s", got, ref.digest())}
	}
	m, err := release.Peek(sealed)
	if err != nil {
		return release.Manifest{}, &Error{Corrupt, "read manifest", err}
	}
	return m, checkNames(m, ref)
}

// checkSigned is openSealed for an envelope whose signatures count.
func checkSigned(sealed []byte, ref Ref, trust release.Trust) (release.Manifest, error) {
	m, err := release.Verify(sealed, trust)
	if err != nil {
		return release.Manifest{}, &Error{releaseKind(err), "check manifest", err}
	}
	if got := release.Digest(sealed); got != ref.digest() {
		return release.Manifest{}, &Error{Corrupt, "check manifest", fmt.Errorf("digest %s, ordered %s", got, ref.digest())}
	}
	return m, checkNames(m, ref)
}

func checkNames(m release.Manifest, ref Ref) error {
	if m.Image == ref.Image && m.Release == ref.Release {
		return nil
	}
	return &Error{Signature, "check manifest", fmt.Errorf("signed for %s %s, ordered %s %s", m.Image, m.Release, ref.Image, ref.Release)}
}

// staged is a release whose manifest and index are in the stage and checked.
type staged struct {
	manifest release.Manifest
	index    *release.Index
}

// load reads manifest and index from the stage.
func (s *Stage) load(ref Ref) (staged, error) {
	m, _, err := s.manifest(ref)
	if err != nil {
		return staged{}, err
	}
	x, err := s.loadIndex(ref, m)
	return staged{m, x}, err
}

func (s *Stage) loadIndex(ref Ref, m release.Manifest) (*release.Index, error) {
	f, err := os.Open(s.path(ref, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Missing, "read staged index", err}
	}
	if err != nil {
		return nil, &Error{DiskIO, "read staged index", err}
	}
	defer f.Close()
	x, err := release.ReadIndex(f, m)
	if err != nil {
		return nil, &Error{Corrupt, "read staged index", err}
	}
	return x, nil
}

// openLog opens the chunk log for reading.
func (s *Stage) readLog(ref Ref, x *release.Index) (*chunkLog, error) {
	l, err := readLog(s.path(ref, chunksFile), x)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Missing, "read staged chunks", err}
	case errors.Is(err, errDamaged):
		return nil, &Error{Corrupt, "read staged chunks", err}
	case err != nil:
		return nil, &Error{DiskIO, "read staged chunks", err}
	}
	return l, nil
}
