package chunk

import (
	"encoding/hex"
	"fmt"

	"github.com/zeebo/blake3"
)

// DigestID names the digest in manifests.
const DigestID = "blake3-256"

// DigestSize is the length of a Digest in bytes.
const DigestSize = 32

// Digest is the BLAKE3-256 of some bytes. Digests are comparable and may be map keys.
type Digest [DigestSize]byte

// Sum gives the digest of b.
func Sum(b []byte) Digest { return blake3.Sum256(b) }

// ParseDigest reads the form that String gives: 64 lower-case hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != 2*DigestSize {
		return Digest{}, fmt.Errorf("digest %.70q: want %d hexadecimal digits", s, 2*DigestSize)
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil || d.String() != s {
		return Digest{}, fmt.Errorf("digest %q: want lower-case hexadecimal digits only", s)
	}
	return d, nil
}

// String gives 64 lower-case hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText gives the form of String.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText is the inverse of MarshalText.
func (d *Digest) UnmarshalText(b []byte) error {
	v, err := ParseDigest(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
