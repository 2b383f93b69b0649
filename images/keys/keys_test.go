package keys_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/images/keys"
)

func generate(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	k, err := keys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSaveAndLoad(t *testing.T) {
	k, dir := generate(t), t.TempDir()
	private, public := filepath.Join(dir, "release.key"), filepath.Join(dir, "release.pub")
	if err := keys.SavePrivate(private, k); err != nil {
		t.Fatal(err)
	}
	if err := keys.SavePublic(public, k.Public().(ed25519.PublicKey)); err != nil {
		t.Fatal(err)
	}
	if got, err := keys.LoadPrivate(private); err != nil || !got.Equal(k) {
		t.Errorf("private key: %v", err)
	}
	if got, err := keys.LoadPublic(public); err != nil || !got.Equal(k.Public()) {
		t.Errorf("public key: %v", err)
	}
	if keys.SavePrivate(private, generate(t)) == nil {
		t.Error("private key was overwritten")
	}
	if info, err := os.Stat(private); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("private file: %v, %v", info, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":         {nil, "no PEM block"},
		"other kind":    {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"}), `want "PRIVATE KEY"`},
		"other key":     {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "want ed25519"},
		"broken key":    {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der[:20]}), "private key"},
		"huge file":     {bytes.Repeat([]byte(" "), 1<<20), "no PEM block"},
		"PKCS 1 header": {[]byte("-----BEGIN RSA PRIVATE KEY-----\n"), "no PEM block"},
	} {
		path := filepath.Join(dir, "key")
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.LoadPrivate(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %q and the path", name, err, c.want)
		}
	}
	if _, err := keys.LoadPublic(filepath.Join(dir, "missing")); err == nil {
		t.Error("loaded a key that is not there")
	}
}

func TestLoadRefusesKeyThatOthersMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs file modes: on Windows the folder's ACL decides")
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := keys.SavePrivate(path, generate(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.LoadPrivate(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("error %v, want one that says what to do", err)
	}
}

func TestOpenSSLReadsAndMakesKeys(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl (apt-get install openssl)")
	}
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	k := generate(t)
	if err := keys.SavePrivate(ours, k); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(openssl, "pkey", "-in", ours, "-pubout").Output()
	if err != nil {
		t.Fatal(err)
	}
	if public, err := keys.ParsePublic(out); err != nil || !public.Equal(k.Public()) {
		t.Errorf("openssl gives another public key: %v", err)
	}
	if out, err := exec.Command(openssl, "genpkey", "-algorithm", "ed25519", "-out", theirs).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	if err := os.Chmod(theirs, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.LoadPrivate(theirs); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := keys.ParsePrivate(b); err == nil && len(k) != ed25519.PrivateKeySize {
			t.Errorf("private key of %d bytes", len(k))
		}
		if k, err := keys.ParsePublic(b); err == nil && len(k) != ed25519.PublicKeySize {
			t.Errorf("public key of %d bytes", len(k))
		}
	})
}
