// Package record turns the nouns of the domain into rows of package store and back: their keys, and
// their values in CBOR (RFC 8949).
//
// Guarantees:
//   - Decode gives what Encode got, times to the microsecond and in UTC; empty byte slices come back nil.
//   - Encoding is deterministic: equal values give equal bytes.
//   - A decoder ignores fields it does not know, so a newer program may add some; it refuses a version
//     byte that it does not know, and never panics or allocates out of proportion to its input.
//   - Slices and strings of a decoded value are its own: a row lent by Scan may be reused.
//
// A value is one version byte, then a CBOR map with small integers as keys. To add a field, give it the
// next free number; a number is never used again. Changing what a field means takes a new version byte,
// or an upgrade of the whole store. Zero fields are left out, which keeps a device at about 400 bytes.
//
// All functions are pure and may be called from many goroutines at once.
package record

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// version is the first byte of every value.
const version = 1

var (
	encoding = must(cbor.CoreDetEncOptions().EncMode())
	// Text is what a machine's firmware or a supplier's list said, so it need not be UTF-8; it comes back as
	// it was.
	decoding = must(cbor.DecOptions{
		UTF8:             cbor.UTF8DecodeInvalid,
		DupMapKey:        cbor.DupMapKeyQuiet,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  8,
		MaxMapPairs:      1024,
		MaxArrayElements: 1024,
	}.DecMode())
)

func must[M any](mode M, err error) M {
	if err != nil {
		panic(err) // the options above contradict each other
	}
	return mode
}

// encode cannot fail: rows are structs of numbers, strings, byte slices and the same again.
func encode(row any) []byte {
	body, err := encoding.Marshal(row)
	if err != nil {
		panic(err)
	}
	return append([]byte{version}, body...)
}

func decode(noun string, value []byte, row any) error {
	body, err := versioned(noun, value)
	if err != nil {
		return err
	}
	if err := decoding.Unmarshal(body, row); err != nil {
		return fmt.Errorf("decode %s: %w", noun, err)
	}
	return nil
}

// versioned gives what follows the version byte.
func versioned(noun string, value []byte) ([]byte, error) {
	if len(value) == 0 {
		return nil, fmt.Errorf("decode %s: empty value", noun)
	}
	if value[0] != version {
		return nil, fmt.Errorf("decode %s: version %d, this program knows %d: it was written by a newer nattevakt", noun, value[0], version)
	}
	return value[1:], nil
}

// instant is microseconds since year 1 (the precision of PostgreSQL's timestamptz), so that the zero
// time is 0 and left out, and a machine whose clock fell back to 1970 is not taken for it.
type instant int64

var yearOne = time.Time{}.UnixMicro()

func instantOf(t time.Time) instant { return instant(t.UnixMicro() - yearOne) }

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(i) + yearOne).UTC()
}
