package release

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nattevakt/nattevakt/images/chunk"
)

// PayloadType binds signatures to this kind of document.
const PayloadType = "application/vnd.nattevakt.release-manifest.v1"

// ErrSignature is wrapped by every error that means: not signed as Trust demands.
var ErrSignature = errors.New("signature not trusted")

// Trust says whose signatures make a release: at least Threshold different ones of Keys.
type Trust struct {
	Keys      []ed25519.PublicKey
	Threshold int
}

// envelope is DSSE (github.com/secure-systems-lab/dsse, envelope.md v1.0) in one canonical JSON form.
type envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// KeyID names a public key: the SHA-256 of its 32 bytes in hexadecimal.
func KeyID(k ed25519.PublicKey) string {
	sum := sha256.Sum256(k)
	return hex.EncodeToString(sum[:])
}

// Seal encodes m and signs it with every key. It gives the envelope's bytes.
func Seal(m Manifest, keys ...ed25519.PrivateKey) ([]byte, error) {
	payload, err := m.Encode()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return encodeSigned(envelope{PayloadType: PayloadType, Payload: payload, Signatures: []signature{}}, keys)
}

// Sign adds signatures to a sealed envelope, for keys that are held in different places. Signatures
// that are there already are kept as they are.
func Sign(sealed []byte, keys ...ed25519.PrivateKey) ([]byte, error) {
	e, err := decodeEnvelope(sealed)
	if err != nil {
		return nil, err
	}
	if _, err := DecodeManifest(e.Payload); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return encodeSigned(e, keys)
}

func encodeSigned(e envelope, keys []ed25519.PrivateKey) ([]byte, error) {
	message := preAuth(e.PayloadType, e.Payload)
	for _, k := range keys {
		id := KeyID(k.Public().(ed25519.PublicKey)) // documented to be of this type
		e.Signatures = slices.DeleteFunc(e.Signatures, func(s signature) bool { return s.KeyID == id })
		e.Signatures = append(e.Signatures, signature{KeyID: id, Sig: ed25519.Sign(k, message)})
	}
	slices.SortFunc(e.Signatures, func(a, b signature) int { return strings.Compare(a.KeyID, b.KeyID) })
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode envelope: %w", err)
	}
	if len(e.Signatures) > MaxSignatures || len(b) > MaxEnvelope {
		return nil, fmt.Errorf("envelope: %d signatures, %d bytes; at most %d and %d", len(e.Signatures), len(b), MaxSignatures, MaxEnvelope)
	}
	return b, nil
}

// Verify gives the manifest of an envelope if it is signed as trust demands.
func Verify(sealed []byte, trust Trust) (Manifest, error) {
	e, err := decodeEnvelope(sealed)
	if err != nil {
		return Manifest{}, err
	}
	if err := trust.check(e); err != nil {
		return Manifest{}, err
	}
	return DecodeManifest(e.Payload)
}

// Digest names an envelope: the digest of its exact bytes.
func Digest(sealed []byte) chunk.Digest { return chunk.Sum(sealed) }

func (t Trust) check(e envelope) error {
	if t.Threshold < 1 {
		return fmt.Errorf("%w: threshold %d, want at least 1", ErrSignature, t.Threshold)
	}
	message := preAuth(e.PayloadType, e.Payload)
	signed := map[string]bool{}
	for _, k := range t.Keys {
		if len(k) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: trusted key of %d bytes, want %d", ErrSignature, len(k), ed25519.PublicKeySize)
		}
		id := KeyID(k)
		for _, s := range e.Signatures {
			if s.KeyID == id && ed25519.Verify(k, message, s.Sig) {
				signed[id] = true
			}
		}
	}
	if len(signed) < t.Threshold {
		return fmt.Errorf("%w: %d of %d trusted keys signed, %d needed", ErrSignature, len(signed), len(t.Keys), t.Threshold)
	}
	return nil
}

// preAuth is DSSE's pre-authentication encoding: what is signed.
func preAuth(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

func decodeEnvelope(b []byte) (envelope, error) {
	if len(b) > MaxEnvelope {
		return envelope{}, fmt.Errorf("envelope: %d bytes, more than %d", len(b), MaxEnvelope)
	}
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil {
		return envelope{}, fmt.Errorf("envelope: %w", err)
	}
	if e.PayloadType != PayloadType {
		return envelope{}, fmt.Errorf("envelope: payload type %.80q, want %q", e.PayloadType, PayloadType)
	}
	if len(e.Signatures) > MaxSignatures {
		return envelope{}, fmt.Errorf("envelope: %d signatures, more than %d", len(e.Signatures), MaxSignatures)
	}
	if canonical, err := json.Marshal(e); err != nil || !bytes.Equal(canonical, b) {
		return envelope{}, errors.New("envelope: not in canonical form")
	}
	return e, nil
}

// Peek gives the manifest of an envelope without looking at its signatures, for a caller who knows the
// envelope by its digest.
func Peek(sealed []byte) (Manifest, error) {
	e, err := decodeEnvelope(sealed)
	if err != nil {
		return Manifest{}, err
	}
	return DecodeManifest(e.Payload)
}
