package release_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/release"
)

// key gives the n-th test key.
func key(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func trust(threshold int, keys ...byte) release.Trust {
	t := release.Trust{Threshold: threshold}
	for _, n := range keys {
		t.Keys = append(t.Keys, key(n).Public().(ed25519.PublicKey))
	}
	return t
}

func manifest() release.Manifest {
	return release.Manifest{
		Format: 1, Image: "skole", Release: "2026-11",
		Created:  time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC),
		DiskSize: 1 << 20, DiskSHA256: release.SHA256{1},
		Digest: chunk.DigestID, Chunker: chunk.ID, Compression: release.Compression,
		Index: release.File{Digest: chunk.Sum([]byte("index")), Size: 5},
		Packs: []release.File{{Digest: chunk.Sum([]byte("pack")), Size: 4}},
	}
}

func seal(t *testing.T, m release.Manifest, keys ...byte) []byte {
	t.Helper()
	var private []ed25519.PrivateKey
	for _, n := range keys {
		private = append(private, key(n))
	}
	b, err := release.Seal(m, private...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		name   string
		signed []byte
		trust  release.Trust
		ok     bool
	}{
		{"one of one", []byte{1}, trust(1, 1), true},
		{"two of three", []byte{1, 3}, trust(2, 1, 2, 3), true},
		{"more than needed", []byte{1, 2, 3}, trust(2, 1, 2, 3), true},
		{"a stranger beside", []byte{1, 9}, trust(1, 1), true},
		{"unsigned", nil, trust(1, 1), false},
		{"stranger only", []byte{9}, trust(1, 1), false},
		{"one of two", []byte{1}, trust(2, 1, 2), false},
		{"one key named twice", []byte{1}, trust(2, 1, 1), false},
		{"threshold zero", []byte{1}, trust(0, 1), false},
		{"nobody trusted", []byte{1}, trust(1), false},
		{"short key", []byte{1}, release.Trust{Keys: []ed25519.PublicKey{{1}}, Threshold: 1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := release.Verify(seal(t, manifest(), c.signed...), c.trust)
			if c.ok != (err == nil) || !c.ok && !errors.Is(err, release.ErrSignature) {
				t.Fatalf("verify: %v", err)
			}
			if c.ok && m.Release != "2026-11" {
				t.Errorf("manifest is %v", m)
			}
		})
	}
}

func TestSignAddsToOthers(t *testing.T) {
	sealed := seal(t, manifest(), 1)
	both, err := release.Sign(sealed, key(2))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(both, seal(t, manifest(), 2, 1)) {
		t.Error("signing in steps and at once differ")
	}
	again, err := release.Sign(both, key(2))
	if err != nil || !bytes.Equal(again, both) {
		t.Errorf("signing twice with one key changes the envelope: %v", err)
	}
	if _, err := release.Verify(both, trust(2, 1, 2)); err != nil {
		t.Error(err)
	}
}

// TestEveryChangedByteIsRefused flips each byte of a signed envelope.
func TestEveryChangedByteIsRefused(t *testing.T) {
	sealed := seal(t, manifest(), 1)
	for i := range sealed {
		b := bytes.Clone(sealed)
		b[i] ^= 1
		if _, err := release.Verify(b, trust(1, 1)); err == nil {
			t.Errorf("byte %d changed from %q to %q and was accepted", i, sealed[i], b[i])
		}
	}
}

func TestVerifyRefusesOtherForms(t *testing.T) {
	sealed := string(seal(t, manifest(), 1))
	for name, b := range map[string]string{
		"empty":         "",
		"space":         sealed + " ",
		"truncated":     sealed[:len(sealed)-1],
		"twice":         sealed + sealed,
		"unknown field": strings.Replace(sealed, `{"payloadType"`, `{"x":1,"payloadType"`, 1),
		"field twice":   strings.Replace(sealed, `{"payloadType"`, `{"payloadType":"x","payloadType"`, 1),
		"other case":    strings.Replace(sealed, `"payload":`, `"Payload":`, 1),
		"other type":    strings.Replace(sealed, release.PayloadType, "text/plain", 1),
		"too long":      sealed + strings.Repeat(" ", release.MaxEnvelope),
		"deep":          strings.Repeat("[", 100_000),
	} {
		if _, err := release.Verify([]byte(b), trust(1, 1)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestManifestBounds(t *testing.T) {
	for name, change := range map[string]func(*release.Manifest){
		"image":       func(m *release.Manifest) { m.Image = "../x" },
		"release":     func(m *release.Manifest) { m.Release = "A" },
		"packs image": func(m *release.Manifest) { m.Image = "packs" },
		"format":      func(m *release.Manifest) { m.Format = 2 },
		"digest":      func(m *release.Manifest) { m.Digest = "md5" },
		"compression": func(m *release.Manifest) { m.Compression = "lzma" },
		"chunker":     func(m *release.Manifest) { m.Chunker = "" },
		"no disk":     func(m *release.Manifest) { m.DiskSize = 0 },
		"huge disk":   func(m *release.Manifest) { m.DiskSize = release.MaxDisk + 1 },
		"no index":    func(m *release.Manifest) { m.Index.Size = 0 },
		"huge index":  func(m *release.Manifest) { m.Index.Size = release.MaxIndex + 1 },
		"null packs":  func(m *release.Manifest) { m.Packs = nil },
		"empty pack":  func(m *release.Manifest) { m.Packs[0].Size = 0 },
		"huge pack":   func(m *release.Manifest) { m.Packs[0].Size = release.MaxPack + 1 },
		"many packs":  func(m *release.Manifest) { m.Packs = make([]release.File, release.MaxPacks+1) },
		"local time":  func(m *release.Manifest) { m.Created = m.Created.In(time.FixedZone("", 3600)) },
		"nanoseconds": func(m *release.Manifest) { m.Created = m.Created.Add(1) },
	} {
		m := manifest()
		change(&m)
		if _, err := m.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := release.DecodeManifest(b); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, ok := range []string{"a", "skole", "2026-11", "v1.2_3", strings.Repeat("a", 63)} {
		if err := release.CheckName(ok); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "..", "-a", "a-", "a/b", "A", "ø", "a b", "packs", strings.Repeat("a", 64)} {
		if release.CheckName(bad) == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func FuzzVerify(f *testing.F) {
	sealed, err := release.Seal(manifest(), key(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := release.Verify(b, trust(1, 1)); err == nil && !bytes.Equal(b, sealed) {
			t.Fatal("forged")
		}
		if _, err := release.Peek(b); err == nil {
			if _, err := release.Sign(b, key(2)); err != nil && len(b) < release.MaxEnvelope/2 {
				t.Fatalf("sound envelope cannot be signed: %v", err)
			}
		}
	})
}

func FuzzDecodeManifest(f *testing.F) {
	b, err := manifest().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := release.DecodeManifest(b)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("decoded and encoded to other bytes: %v", err)
		}
	})
}
