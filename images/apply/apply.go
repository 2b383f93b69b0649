// Package apply turns a signed release into the bytes of a disk, on the machine that the disk is in.
//
// A Stage is a folder on local disk. Its methods are the phases of a reimage, in this order; each may be
// called again after success, failure, kill or power cut, and goes on from what is there:
//
//	Fetch    brings what the disk lacks into the stage; does not touch the disk
//	Verify   checks the signature and every staged chunk
//	Write    changes the disk, from the stage alone
//	Confirm  reads the whole disk back
//	Free     drops the staged content
//
// Guarantees:
//
//   - Nothing is believed before the manifest's signature and digest are checked, and no byte reaches the
//     stage or the disk whose digest the signed index does not name.
//   - A chunk crosses the network only if neither the stage nor the disk holds it. What the disk may hold
//     is never trusted, only compared.
//   - After a kill or power cut Fetch gets at most 32 MiB a second time.
//   - Write writes only what differs and needs no network. Cut at any point and run again, it ends with
//     the same disk. It changes nothing if the disk is too small or the stage incomplete.
//   - Memory is bounded: about 16 MiB of buffers and 100 bytes per chunk (1.3 MiB per GB of content).
//
// One call at a time works on a Stage; a second one waits. Errors are of type *Error, but a context that
// ended gives the context's error.
package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// Kind says what sort of trouble stopped a phase, and so what can help.
type Kind uint8

// The kinds of trouble.
const (
	_            Kind = iota
	Network           // no store could be reached or stay reachable: try later
	DiskFull          // no room in the stage
	DiskTooSmall      // the target is smaller than the release's disk
	DiskIO            // stage or target cannot be read or written, or gives back other bytes
	Signature         // not signed as trust demands, or signed for another release
	Corrupt           // bytes do not have the digest they should
	Missing           // the store lacks an object, or the stage a chunk: fetch again
	Internal          // none of these
)

var kindNames = [...]string{"", "network", "disk full", "disk too small", "disk i/o", "signature", "corrupt", "missing", "internal"}

// String names the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error carries what kind of trouble it was, so that the caller can map it to a reason.
type Error struct {
	Kind Kind
	Op   string // the phase and what it did
	Err  error
}

func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Ref names one signed release.
type Ref struct {
	Image   string
	Release string
	// ManifestDigest is the BLAKE3-256 of the signed envelope's bytes.
	ManifestDigest [32]byte
}

func (r Ref) digest() chunk.Digest { return r.ManifestDigest }

// Progress is told how far a phase is: done of total bytes, and the bytes that crossed the network in
// this call. It is called often, one call at a time, and must be quick. For Fetch and Verify the bytes
// are those of the release's different chunks, for Write and Confirm those of the disk.
type Progress func(done, total, fetched int64)

// wrap gives err its kind. It leaves errors that have one, and those of an ended context.
func wrap(ctx context.Context, kind Kind, op string, err error) error {
	var known *Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &known):
		return err
	default:
		return &Error{kind, op, err}
	}
}

// storeKind tells a missing object from an unreachable store.
func storeKind(err error) Kind {
	if errors.Is(err, store.ErrNotFound) {
		return Missing
	}
	return Network
}

// stageKind tells a full disk from a broken one.
func stageKind(err error) Kind {
	if isDiskFull(err) {
		return DiskFull
	}
	return DiskIO
}

// releaseKind tells a bad signature from bad bytes.
func releaseKind(err error) Kind {
	if errors.Is(err, release.ErrSignature) {
		return Signature
	}
	return Corrupt
}
