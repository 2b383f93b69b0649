package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// Fetch brings into the stage what the target lacks of the release: manifest, index, and each chunk that
// is not already in its place on the target everywhere it is used. Content of other releases leaves the stage.
func (s *Stage) Fetch(ctx context.Context, src store.Store, ref Ref, trust release.Trust, target Target, p Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.fetchManifest(ctx, src, ref, trust)
	if err != nil {
		return wrap(ctx, Internal, "fetch manifest", err)
	}
	if err := checkSize(target, m.DiskSize); err != nil {
		return err
	}
	if err := s.drop(ref.digest().String()); err != nil {
		return wrap(ctx, DiskIO, "free stage", err)
	}
	x, err := s.fetchIndex(ctx, src, ref, m)
	if err != nil {
		return wrap(ctx, Internal, "fetch index", err)
	}
	log, err := openLog(s.path(ref, chunksFile), x)
	if err != nil {
		return wrap(ctx, stageKind(err), "open stage", err)
	}
	f := &fetch{stage: s, src: src, manifest: m, index: x, target: target, log: log}
	f.meter = newMeter(p, x.ContentSize())
	err = f.run(ctx)
	return wrap(ctx, Internal, "fetch", errors.Join(err, log.close()))
}

func checkSize(t Target, want int64) error {
	size, err := t.Size()
	if err != nil {
		return &Error{DiskIO, "measure target", err}
	}
	if size < want {
		return &Error{DiskTooSmall, "measure target", fmt.Errorf("%d bytes, release needs %d", size, want)}
	}
	return nil
}

// fetchManifest gives the manifest from the stage or else the store. Signatures are checked each time:
// trust may have changed.
func (s *Stage) fetchManifest(ctx context.Context, src store.Store, ref Ref, trust release.Trust) (release.Manifest, error) {
	if _, sealed, err := s.manifest(ref); err == nil {
		return checkSigned(sealed, ref, trust)
	}
	if err := errors.Join(release.CheckName(ref.Image), release.CheckName(ref.Release)); err != nil {
		return release.Manifest{}, &Error{Internal, "order", err}
	}
	sealed, err := store.ReadAll(ctx, src, release.ManifestPath(ref.Image, ref.Release), release.MaxEnvelope)
	if err != nil {
		return release.Manifest{}, wrap(ctx, storeKind(err), "fetch manifest", err)
	}
	m, err := checkSigned(sealed, ref, trust)
	if err != nil {
		return release.Manifest{}, err
	}
	if err := s.makeDir(ref); err != nil {
		return release.Manifest{}, wrap(ctx, stageKind(err), "stage manifest", err)
	}
	err = durable.WriteFile(s.path(ref, manifestFile), sealed, 0o600)
	return m, wrap(ctx, stageKind(err), "stage manifest", err)
}

// fetchIndex gives the index from the stage or else the store.
func (s *Stage) fetchIndex(ctx context.Context, src store.Store, ref Ref, m release.Manifest) (*release.Index, error) {
	if x, err := s.loadIndex(ref, m); err == nil {
		return x, nil
	}
	r, err := src.Open(ctx, release.IndexPath(ref.Image, ref.Release), 0, m.Index.Size)
	if err != nil {
		return nil, wrap(ctx, storeKind(err), "fetch index", err)
	}
	defer r.Close()
	temp := s.path(ref, indexFile) + ".tmp"
	if err := copyTo(temp, r); err != nil {
		return nil, wrap(ctx, err.kind, "fetch index", err.error)
	}
	if err := checkIndexFile(temp, m); err != nil {
		return nil, errors.Join(&Error{Corrupt, "fetch index", err}, os.Remove(temp))
	}
	if err := durable.Rename(temp, s.path(ref, indexFile)); err != nil {
		return nil, wrap(ctx, stageKind(err), "stage index", err)
	}
	return s.loadIndex(ref, m)
}

func checkIndexFile(path string, m release.Manifest) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = release.ReadIndex(f, m)
	return err
}

// copyError says on which side of a copy the trouble was.
type copyError struct {
	error
	kind Kind
}

// copyTo writes what r gives to a file and makes its content durable.
func copyTo(path string, r io.Reader) *copyError {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return &copyError{err, stageKind(err)}
	}
	source := &noteError{r: r}
	_, err = io.Copy(f, source)
	if source.err != nil {
		return &copyError{errors.Join(source.err, f.Close()), storeKind(source.err)}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return &copyError{err, stageKind(err)}
	}
	return nil
}

// noteError remembers what went wrong with reading.
type noteError struct {
	r   io.Reader
	err error
}

func (n *noteError) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return k, err
}

// fetch is one call of Fetch, once manifest and index are there.
type fetch struct {
	stage    *Stage
	src      store.Store
	manifest release.Manifest
	index    *release.Index
	target   Target
	log      *chunkLog
	meter    *meter
}

// run stages first what the target holds at other places, then what only the store has.
func (f *fetch) run(ctx context.Context) error {
	seeds, err := f.missing(ctx)
	if err != nil {
		return err
	}
	if err := f.copySeeds(ctx, seeds); err != nil {
		return err
	}
	if err := f.download(ctx, f.ranges(seeds)); err != nil {
		return err
	}
	err = f.log.sync()
	return wrap(ctx, stageKind(err), "sync stage", err)
}
