package keys

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// deviceTemplate asks for a P-256 signing key that is made inside the TPM and cannot leave it. It is not
// restricted: it signs TLS transcripts, which come from outside. (TPM 2.0 Library, Part 2, 8.3.)
var deviceTemplate = tpm2.TPMTPublic{
	Type:    tpm2.TPMAlgECC,
	NameAlg: tpm2.TPMAlgSHA256,
	ObjectAttributes: tpm2.TPMAObject{
		FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true,
		UserWithAuth: true, NoDA: true, SignEncrypt: true,
	},
	Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
		Scheme: tpm2.TPMTECCScheme{
			Scheme:  tpm2.TPMAlgECDSA,
			Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256}),
		},
		CurveID: tpm2.TPMECCNistP256,
	}),
}

// The primaries, made anew for each use: the same seed and template give the same key, so nothing needs
// to be kept in the TPM's small memory. The endorsement key is the one of template L-1, RSA 2048, whose
// certificate every vendor supplies (TCG EK Credential Profile 2.5, B.3.3); its TPMT_PUBLIC is what a
// delivery list's digest is over. The storage key is the P-256 one of the TCG Provisioning Guidance.
var (
	endorsement = tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(tpm2.RSAEKTemplate)}
	storage     = tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}
)

// TPMKey is a device key inside a TPM. The TPM is opened for each use: its memory is small, shared, and
// lost when the machine sleeps.
type TPMKey struct {
	path   string
	public *ecdsa.PublicKey
	blobs  blobs

	mu sync.Mutex // one conversation with the TPM at a time
}

// blobs are what Create gave: usable with the TPM that made them, worthless elsewhere.
type blobs struct {
	Public  []byte `json:"public"`
	Private []byte `json:"private"`
}

func makeTPM(store Store, path string) (*TPMKey, error) {
	k := &TPMKey{path: path}
	err := k.with(func(tpm transport.TPM) error { return k.create(tpm) })
	if err != nil {
		return nil, fmt.Errorf("make device key in TPM %s: %w", path, err)
	}
	data, err := json.Marshal(k.blobs)
	if err != nil {
		return nil, err
	}
	return k, store.Write(TPMName, data)
}

func loadTPM(data []byte, path string) (*TPMKey, error) {
	k := &TPMKey{path: path}
	if err := json.Unmarshal(data, &k.blobs); err != nil {
		return nil, fmt.Errorf("device key %s: %w", TPMName, err)
	}
	if err := k.readPublic(); err != nil {
		return nil, fmt.Errorf("device key %s: %w", TPMName, err)
	}
	if err := k.with(func(tpm transport.TPM) error { return k.loaded(tpm, func(loadedKey) error { return nil }) }); err != nil {
		return nil, fmt.Errorf("device key in TPM %s: %w (was the mainboard changed? then enrol the machine anew)", path, err)
	}
	return k, nil
}

func (k *TPMKey) create(tpm transport.TPM) error {
	parent, err := primary(tpm, storage)
	if err != nil {
		return err
	}
	defer flush(tpm, parent.Handle)
	made, err := tpm2.Create{ParentHandle: parent, InPublic: tpm2.New2B(deviceTemplate)}.Execute(tpm)
	if err != nil {
		return err
	}
	k.blobs = blobs{Public: tpm2.Marshal(made.OutPublic), Private: tpm2.Marshal(made.OutPrivate)}
	return k.readPublic()
}

func (k *TPMKey) readPublic() error {
	public, err := k.publicArea()
	if err != nil {
		return err
	}
	parsed, err := tpm2.Pub(*public)
	if err != nil {
		return err
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return errors.New("want an ECDSA key")
	}
	k.public = key
	return nil
}

func (k *TPMKey) publicArea() (*tpm2.TPMTPublic, error) {
	sized, err := tpm2.Unmarshal[tpm2.TPM2BPublic](k.blobs.Public)
	if err != nil {
		return nil, err
	}
	return sized.Contents()
}

// Public gives the *ecdsa.PublicKey.
func (k *TPMKey) Public() crypto.PublicKey { return k.public }

// Sign signs a SHA-256 digest; the signature is ASN.1 as in crypto/ecdsa.
func (k *TPMKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 || len(digest) != crypto.SHA256.Size() {
		return nil, errors.New("device key signs SHA-256 digests only")
	}
	var signature []byte
	err := k.with(func(tpm transport.TPM) error {
		return k.loaded(tpm, func(key loadedKey) (err error) {
			signature, err = sign(tpm, key, digest)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("sign in TPM: %w", err)
	}
	return signature, nil
}

func sign(tpm transport.TPM, key loadedKey, digest []byte) ([]byte, error) {
	made, err := tpm2.Sign{
		KeyHandle:  key.auth(tpm2.PasswordAuth(nil)),
		Digest:     tpm2.TPM2BDigest{Buffer: digest},
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull},
	}.Execute(tpm)
	if err != nil {
		return nil, err
	}
	ec, err := made.Signature.Signature.ECDSA()
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(ec.SignatureR.Buffer), new(big.Int).SetBytes(ec.SignatureS.Buffer),
	})
}

// Evidence gives the TPMT_PUBLIC of the endorsement key and of the device key.
func (k *TPMKey) Evidence() (ek, key []byte, err error) {
	public, err := k.publicArea()
	if err != nil {
		return nil, nil, err
	}
	err = k.with(func(tpm transport.TPM) error {
		made, err := endorsement.Execute(tpm)
		if err != nil {
			return err
		}
		defer flush(tpm, made.ObjectHandle)
		contents, err := made.OutPublic.Contents()
		if err != nil {
			return err
		}
		ek = tpm2.Marshal(*contents)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read TPM's endorsement key: %w", err)
	}
	return ek, tpm2.Marshal(*public), nil
}

// Activate opens a challenge: only the TPM with this endorsement key can, and only for the device key
// that the challenge names (TPM2_ActivateCredential; Part 1, 24).
func (k *TPMKey) Activate(credentialBlob, encryptedSecret []byte) (secret []byte, err error) {
	err = k.with(func(tpm transport.TPM) error {
		return k.loaded(tpm, func(key loadedKey) (err error) {
			secret, err = activate(tpm, key, credentialBlob, encryptedSecret)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("answer TPM challenge: %w", err)
	}
	return secret, nil
}

func activate(tpm transport.TPM, key loadedKey, credentialBlob, encryptedSecret []byte) ([]byte, error) {
	ek, err := primary(tpm, endorsement)
	if err != nil {
		return nil, err
	}
	defer flush(tpm, ek.Handle)
	opened, err := tpm2.ActivateCredential{
		ActivateHandle: key.auth(tpm2.PasswordAuth(nil)),
		KeyHandle: tpm2.AuthHandle{
			Handle: ek.Handle, Name: ek.Name,
			Auth: tpm2.Policy(tpm2.TPMAlgSHA256, 16, endorsementPolicy),
		},
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: credentialBlob},
		Secret:         tpm2.TPM2BEncryptedSecret{Buffer: encryptedSecret},
	}.Execute(tpm)
	if err != nil {
		return nil, err
	}
	return opened.CertInfo.Buffer, nil
}

// endorsementPolicy satisfies the EK template's PolicySecret(TPM_RH_ENDORSEMENT).
func endorsementPolicy(tpm transport.TPM, session tpm2.TPMISHPolicy, nonce tpm2.TPM2BNonce) error {
	_, err := tpm2.PolicySecret{
		AuthHandle:    tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(nil)},
		PolicySession: session,
		NonceTPM:      nonce,
	}.Execute(tpm)
	return err
}
