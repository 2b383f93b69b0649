package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// TPMKey is what a machine says of the TPM that holds its key; see proto TpmEvidence.
type TPMKey struct {
	// EK and Key are TPMT_PUBLIC structures.
	EK, Key []byte
}

// Challenge is what TPM2_ActivateCredential takes.
type Challenge struct {
	CredentialBlob, EncryptedSecret []byte
}

// EKSHA256 is the SHA-256 of the endorsement key's TPMT_PUBLIC, as a delivery list may announce it.
func (k TPMKey) EKSHA256() []byte {
	sum := sha256.Sum256(k.EK)
	return sum[:]
}

// Prover makes and checks TPM challenges without keeping any: the secret is derived from a key that
// lives as long as the process and from the evidence itself.
type Prover struct {
	key [32]byte
}

// NewProver makes a prover; challenges of an earlier process no longer count, and the machine asks again.
func NewProver() *Prover {
	p := &Prover{}
	if _, err := rand.Read(p.key[:]); err != nil {
		panic(err) // crypto/rand never fails on the systems we build for
	}
	return p
}

// Challenge encrypts a secret to the endorsement key, bound to the device key's name, after checking
// that the device key is pub, cannot leave the TPM and was made there (TPM 2.0 Library, Part 1, 24).
func (p *Prover) Challenge(k TPMKey, pub crypto.PublicKey) (Challenge, error) {
	key, name, err := deviceKey(k, pub)
	if err != nil {
		return Challenge{}, err
	}
	const want = "fixedTPM, fixedParent and sensitiveDataOrigin"
	if a := key.ObjectAttributes; !a.FixedTPM || !a.FixedParent || !a.SensitiveDataOrigin {
		return Challenge{}, errors.New("device key may leave its TPM: it needs " + want)
	}
	ek, err := tpm2.Unmarshal[tpm2.TPMTPublic](k.EK)
	if err != nil {
		return Challenge{}, fmt.Errorf("endorsement key: %w", err)
	}
	if a := ek.ObjectAttributes; !a.Restricted || !a.Decrypt {
		return Challenge{}, errors.New("endorsement key is not a restricted decryption key")
	}
	enc, err := tpm2.ImportEncapsulationKey(ek)
	if err != nil {
		return Challenge{}, fmt.Errorf("endorsement key: %w", err)
	}
	blob, secret, err := tpm2.CreateCredential(rand.Reader, enc, name, p.secret(k))
	if err != nil {
		return Challenge{}, fmt.Errorf("make credential: %w", err)
	}
	return Challenge{CredentialBlob: blob, EncryptedSecret: secret}, nil
}

// Proven reports whether activation is the secret that only the TPM of k could recover.
func (p *Prover) Proven(k TPMKey, pub crypto.PublicKey, activation []byte) bool {
	if _, _, err := deviceKey(k, pub); err != nil {
		return false
	}
	return hmac.Equal(activation, p.secret(k))
}

func (p *Prover) secret(k TPMKey) []byte {
	m := hmac.New(sha256.New, p.key[:])
	fmt.Fprintf(m, "%d:", len(k.EK))
	m.Write(k.EK)
	m.Write(k.Key)
	return m.Sum(nil)
}

// deviceKey parses the device key and checks that it is the one of the certificate request.
func deviceKey(k TPMKey, pub crypto.PublicKey) (*tpm2.TPMTPublic, []byte, error) {
	key, err := tpm2.Unmarshal[tpm2.TPMTPublic](k.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("device key: %w", err)
	}
	ec, err := key.Unique.ECC()
	if err != nil {
		return nil, nil, fmt.Errorf("device key: %w", err)
	}
	want, ok := pub.(*ecdsa.PublicKey)
	if !ok {
		return nil, nil, errors.New("device key is not ECDSA")
	}
	point, err := want.Bytes()
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(point, uncompressed(ec.X.Buffer, ec.Y.Buffer)) {
		return nil, nil, errors.New("device key in the TPM is not the key of the request")
	}
	name, err := tpm2.ObjectName(key)
	if err != nil {
		return nil, nil, err
	}
	return key, name.Buffer, nil
}

// uncompressed is the SEC 1 form of a P-256 point; TPMs may drop leading zeroes.
func uncompressed(x, y []byte) []byte {
	out := make([]byte, 65)
	out[0] = 4
	if len(x) <= 32 && len(y) <= 32 {
		copy(out[33-len(x):33], x)
		copy(out[65-len(y):], y)
	}
	return out
}
