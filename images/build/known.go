package build

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// known is what earlier releases of a store hold.
type known struct {
	files  []release.File
	places map[chunk.Digest]place // pack is a number in files
}

// maxKnown bounds the chunks remembered, and with them memory; beyond it only deduplication suffers.
const maxKnown = release.MaxChunks

// readKnown reads the indexes of all releases in the store that trust vouches for. Others are passed
// over: their word about what lies in a pack counts for nothing.
func readKnown(ctx context.Context, s store.WriteStore, trust release.Trust) (known, error) {
	k := known{places: map[chunk.Digest]place{}}
	names, err := s.List(ctx, "")
	if err != nil {
		return k, err
	}
	number := map[chunk.Digest]uint32{}
	for _, name := range names {
		if !strings.HasSuffix(name, "/manifest") {
			continue
		}
		m, err := readManifest(ctx, s, name, trust)
		if errors.Is(err, release.ErrSignature) {
			continue
		}
		if err != nil {
			return k, damagedRelease(name, err)
		}
		if err := k.add(ctx, s, m, number); err != nil {
			return k, damagedRelease(name, err)
		}
		if len(k.places) > maxKnown {
			break
		}
	}
	return k, nil
}

// damagedRelease stops a build: what else is damaged in such a store is for a person to find out.
func damagedRelease(name string, err error) error {
	return fmt.Errorf("%s: %w: if it is damaged, move this release out of the store", name, err)
}

func readManifest(ctx context.Context, s store.Store, name string, trust release.Trust) (release.Manifest, error) {
	sealed, err := store.ReadAll(ctx, s, name, release.MaxEnvelope)
	if err != nil {
		return release.Manifest{}, err
	}
	m, err := release.Verify(sealed, trust)
	if err == nil && release.ManifestPath(m.Image, m.Release) != name {
		err = fmt.Errorf("%w: signed for %s %s", release.ErrSignature, m.Image, m.Release)
	}
	return m, err
}

// add remembers the chunks of one release whose packs are there.
func (k *known) add(ctx context.Context, s store.Store, m release.Manifest, number map[chunk.Digest]uint32) error {
	r, err := s.Open(ctx, release.IndexPath(m.Image, m.Release), 0, m.Index.Size)
	if err != nil {
		return err
	}
	defer r.Close()
	x, err := release.ReadIndex(r, m)
	if err != nil {
		return err
	}
	there := make([]bool, len(m.Packs))
	for i, p := range m.Packs {
		size, err := s.Stat(ctx, release.PackPath(p.Digest))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if there[i] = err == nil && size == p.Size; there[i] {
			k.addPack(p, number)
		}
	}
	for _, c := range x.Chunks {
		if there[c.Pack] {
			k.places[c.Digest] = place{c.Stored, number[m.Packs[c.Pack].Digest], c.Offset}
		}
	}
	return nil
}

func (k *known) addPack(f release.File, number map[chunk.Digest]uint32) {
	if _, ok := number[f.Digest]; !ok {
		number[f.Digest] = uint32(len(k.files))
		k.files = append(k.files, f)
	}
}
