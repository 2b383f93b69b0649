package release

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nattevakt/nattevakt/images/chunk"
)

// FormatVersion is the version of manifest and index that this package reads and writes.
const FormatVersion = 1

// Manifest says what a release is. Its canonical encoding is JSON with the fields in this order, no
// white space, and times in UTC with whole seconds.
type Manifest struct {
	Format      int       `json:"format"`
	Image       string    `json:"image"`
	Release     string    `json:"release"`
	Created     time.Time `json:"created"`
	DiskSize    int64     `json:"disk_size"` // bytes
	DiskSHA256  SHA256    `json:"disk_sha256"`
	Digest      string    `json:"digest"`      // chunk.DigestID
	Chunker     string    `json:"chunker"`     // chunk.ID; readers need not know it
	Compression string    `json:"compression"` // codec.ID
	Index       File      `json:"index"`
	Packs       []File    `json:"packs"`
}

// File names immutable bytes.
type File struct {
	Digest chunk.Digest `json:"digest"`
	Size   int64        `json:"size"`
}

// SHA256 is the SHA-256 of the whole disk, for verification with other tools.
type SHA256 [32]byte

// String gives the form that sha256sum prints.
func (s SHA256) String() string { return hex.EncodeToString(s[:]) }

// MarshalText gives the form of String.
func (s SHA256) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText is the inverse of MarshalText.
func (s *SHA256) UnmarshalText(b []byte) error {
	d, err := chunk.ParseDigest(string(b)) // the same form
	*s = SHA256(d)
	return err
}

// Encode gives the canonical encoding of a valid manifest.
func (m Manifest) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return b, nil
}

// DecodeManifest reads a canonical encoding. It does not know who wrote it: use Verify.
func DecodeManifest(b []byte) (Manifest, error) {
	if len(b) > MaxEnvelope {
		return Manifest{}, fmt.Errorf("manifest: %d bytes, more than %d", len(b), MaxEnvelope)
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	if version.Format != FormatVersion {
		return Manifest{}, fmt.Errorf("manifest: format %d, this program reads %d; update it", version.Format, FormatVersion)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	canonical, err := m.Encode()
	if err != nil {
		return Manifest{}, err
	}
	if !bytes.Equal(canonical, b) {
		return Manifest{}, fmt.Errorf("manifest of %s %s: not in canonical form", m.Image, m.Release)
	}
	return m, nil
}

// Validate tells whether every field is within the bounds of the format.
func (m Manifest) Validate() error {
	for _, name := range []string{m.Image, m.Release} {
		if err := CheckName(name); err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
	}
	if err := m.validate(); err != nil {
		return fmt.Errorf("manifest of %s %s: %w", m.Image, m.Release, err)
	}
	return nil
}

func (m Manifest) validate() error {
	switch {
	case m.Format != FormatVersion:
		return fmt.Errorf("format %d, want %d", m.Format, FormatVersion)
	case m.Digest != chunk.DigestID:
		return fmt.Errorf("digest %.40q, want %q", m.Digest, chunk.DigestID)
	case m.Compression != Compression:
		return fmt.Errorf("compression %.40q, want %q", m.Compression, Compression)
	case !nameForm.MatchString(m.Chunker):
		return fmt.Errorf("chunker %.70q is not a name", m.Chunker)
	case m.DiskSize < 1 || m.DiskSize > MaxDisk:
		return fmt.Errorf("disk size %d, want 1 to %d", m.DiskSize, int64(MaxDisk))
	case m.Index.Size < 1 || m.Index.Size > MaxIndex:
		return fmt.Errorf("index of %d bytes, want 1 to %d", m.Index.Size, MaxIndex)
	case m.Packs == nil || len(m.Packs) > MaxPacks:
		return fmt.Errorf("%d packs, want a list of at most %d", len(m.Packs), MaxPacks)
	case !m.Created.Equal(m.Created.Truncate(time.Second)) || m.Created.Location() != time.UTC:
		return fmt.Errorf("created %v, want whole seconds in UTC", m.Created)
	}
	for i, p := range m.Packs {
		if p.Size < 1 || p.Size > MaxPack {
			return fmt.Errorf("pack %d of %d bytes, want 1 to %d", i, p.Size, MaxPack)
		}
	}
	return nil
}

// Compression names how chunks are compressed in packs: each one a zstd frame (RFC 8878), or as it is
// where that is not shorter.
const Compression = "zstd"
