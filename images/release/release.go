// Package release defines what a release of an image is in bytes: a manifest inside a signed envelope,
// and an index that puts the disk together from chunks. FORMAT.md is the specification for other
// implementations; testdata holds vectors for them.
//
// It decides what is a well-formed release and who has signed it. It does no I/O of its own (Index
// works on a reader and writer given by the caller), reads no clock and starts no goroutine.
//
// Guarantees:
//
//   - Verify gives a Manifest only if enough trusted keys signed its exact bytes; nothing of it is parsed
//     before that.
//   - Every encoding is canonical: one value has one form, and no other form is accepted.
//   - An Index that was decoded covers its disk exactly, its chunks lie inside their packs and do not
//     overlap, and every repeat points back.
//   - Nothing is allocated for a length that was not checked against a bound of this package.
package release

import (
	"fmt"
	"regexp"

	"github.com/nattevakt/nattevakt/images/chunk"
)

// The bounds of the format.
const (
	// MaxEnvelope is the largest signed manifest in bytes.
	MaxEnvelope = 1 << 20
	// MaxIndex is the largest index in bytes.
	MaxIndex = 128 << 20
	// MaxDisk is the largest disk in bytes.
	MaxDisk = 1 << 46
	// MaxPack is the largest pack in bytes.
	MaxPack = 64 << 20
	// MaxPacks is the largest number of packs of one release.
	MaxPacks = 4096
	// MaxChunks is the largest number of different chunks of one release, about 80 GB of content.
	MaxChunks = 1 << 20
	// MaxSegments is the largest number of segments of one release.
	MaxSegments = 1 << 22
	// MaxSignatures is the largest number of signatures of one envelope.
	MaxSignatures = 16
)

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)

// CheckName tells whether s may name an image or a release: a safe part of a URL path and of a file name.
func CheckName(s string) error {
	if !nameForm.MatchString(s) || s == packFolder {
		return fmt.Errorf("name %.70q: use 1–63 lower-case letters a–z, digits and inner . _ -, and not %q", s, packFolder)
	}
	return nil
}

const packFolder = "packs"

// ManifestPath is where a store holds the envelope of a release.
func ManifestPath(image, release string) string { return image + "/" + release + "/manifest" }

// IndexPath is where a store holds the index of a release.
func IndexPath(image, release string) string { return image + "/" + release + "/index" }

// PackPath is where a store holds a pack; releases share packs.
func PackPath(d chunk.Digest) string { return packFolder + "/" + d.String() + ".pack" }
