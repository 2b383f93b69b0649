package ca_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/nattevakt/nattevakt/server/internal/ca"
)

// softTPM starts a software TPM of its own for the test.
func softTPM(t *testing.T) transport.TPMCloser {
	t.Helper()
	path, err := exec.LookPath("swtpm")
	if err != nil {
		t.Skip("needs swtpm (apt-get install swtpm)")
	}
	dir := t.TempDir()
	sock := filepath.Join(dir, "sock")
	cmd := exec.Command(path, "socket", "--tpm2", "--tpmstate", "dir="+dir, "--server", "type=unixio,path="+sock,
		"--ctrl", "type=unixio,path="+filepath.Join(dir, "ctrl"), "--flags", "not-need-init,startup-clear")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // ended by its test
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		tpm, err := linuxudstpm.Open(sock)
		if err == nil {
			t.Cleanup(func() { _ = tpm.Close() })
			return tpm
		}
		if time.Now().After(deadline) {
			t.Fatalf("swtpm does not answer: %v", err)
		}
		time.Sleep(5 * time.Millisecond) // no event to wait for: the socket appears when swtpm is ready
	}
}

type tpmKeys struct {
	ek, key *tpm2.CreatePrimaryResponse
	pub     *ecdsa.PublicKey
}

func makeKeys(t *testing.T, tpm transport.TPM, fixed bool) tpmKeys {
	t.Helper()
	ek, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(tpm2.RSAEKTemplate)}.Execute(tpm)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: fixed, FixedParent: fixed, SensitiveDataOrigin: true, UserWithAuth: true, SignEncrypt: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			CurveID: tpm2.TPMECCNistP256,
			Scheme:  tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
		}),
	}
	key, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tmpl)}.Execute(tpm)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.OutPublic.Contents()
	if err != nil {
		t.Fatal(err)
	}
	point, err := public.Unique.ECC()
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, pad(point.X.Buffer), pad(point.Y.Buffer)))
	if err != nil {
		t.Fatal(err)
	}
	return tpmKeys{ek, key, pub}
}

func (k tpmKeys) evidence() ca.TPMKey {
	return ca.TPMKey{EK: k.ek.OutPublic.Bytes(), Key: k.key.OutPublic.Bytes()}
}

func activate(tpm transport.TPM, k tpmKeys, c ca.Challenge) ([]byte, error) {
	policy := tpm2.Policy(tpm2.TPMAlgSHA256, 16, func(tpm transport.TPM, session tpm2.TPMISHPolicy, nonce tpm2.TPM2BNonce) error {
		_, err := tpm2.PolicySecret{AuthHandle: tpm2.TPMRHEndorsement, PolicySession: session, NonceTPM: nonce}.Execute(tpm)
		return err
	})
	rsp, err := tpm2.ActivateCredential{
		ActivateHandle: tpm2.NamedHandle{Handle: k.key.ObjectHandle, Name: k.key.Name},
		KeyHandle:      tpm2.AuthHandle{Handle: k.ek.ObjectHandle, Name: k.ek.Name, Auth: policy},
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: c.CredentialBlob},
		Secret:         tpm2.TPM2BEncryptedSecret{Buffer: c.EncryptedSecret},
	}.Execute(tpm)
	if err != nil {
		return nil, err
	}
	return rsp.CertInfo.Buffer, nil
}

func TestTPMProof(t *testing.T) {
	tpm := softTPM(t)
	keys := makeKeys(t, tpm, true)
	p := ca.NewProver()
	challenge, err := p.Challenge(keys.evidence(), keys.pub)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := activate(tpm, keys, challenge)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Proven(keys.evidence(), keys.pub, secret) {
		t.Error("the TPM opened the challenge, and it does not count")
	}
	if p.Proven(keys.evidence(), newKey(t).Public(), secret) {
		t.Error("the proof counts for another key")
	}
	secret[0] ^= 1
	if p.Proven(keys.evidence(), keys.pub, secret) {
		t.Error("a wrong secret counts")
	}
	if ca.NewProver().Proven(keys.evidence(), keys.pub, secret) {
		t.Error("the proof counts after a restart")
	}
}

func TestTPMProofFromAnotherTPM(t *testing.T) {
	honest, thief := softTPM(t), softTPM(t)
	mine, stolen := makeKeys(t, thief, true), makeKeys(t, honest, true)
	claim := ca.TPMKey{EK: stolen.evidence().EK, Key: mine.evidence().Key}
	challenge, err := ca.NewProver().Challenge(claim, mine.pub)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := activate(thief, mine, challenge); err == nil {
		t.Error("another TPM opened the challenge")
	}
}

func TestTPMKeyThatMayLeave(t *testing.T) {
	tpm := softTPM(t)
	keys := makeKeys(t, tpm, false)
	if _, err := ca.NewProver().Challenge(keys.evidence(), keys.pub); err == nil {
		t.Error("a key that may be copied out of its TPM was challenged")
	}
}

func FuzzTPMEvidence(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add(make([]byte, 100), []byte{0, 1, 2, 3})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	k, p := key.Public(), ca.NewProver()
	f.Fuzz(func(t *testing.T, ek, key []byte) {
		if _, err := p.Challenge(ca.TPMKey{EK: ek, Key: key}, k); err == nil {
			t.Error("evidence for a key that nobody made")
		}
	})
}

// pad gives a coordinate its full length; TPMs may drop leading zeroes.
func pad(b []byte) []byte { return append(make([]byte, 32-len(b)), b...) }
