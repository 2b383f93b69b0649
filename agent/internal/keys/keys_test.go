package keys_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/nattevakt/nattevakt/agent/internal/keys"
	"github.com/nattevakt/nattevakt/agent/internal/state/statetest"
)

func open(t *testing.T, store keys.Store, mode string) crypto.Signer {
	t.Helper()
	key, err := keys.Open(store, mode, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signs checks that key makes signatures that verify with its public part.
func signs(t *testing.T, key crypto.Signer) *ecdsa.PublicKey {
	t.Helper()
	digest := sha256.Sum256([]byte("melding"))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	public := key.Public().(*ecdsa.PublicKey)
	if !ecdsa.VerifyASN1(public, digest[:], signature) {
		t.Fatal("the signature does not verify")
	}
	return public
}

func TestFileKeyIsMadeOnce(t *testing.T) {
	f := statetest.Open(t)
	first := signs(t, open(t, f, keys.Off))
	if again := signs(t, open(t, f, keys.Auto)); !again.Equal(first) {
		t.Error("a second key was made")
	}
}

func TestOpenKeyFileIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix permissions; Wine does not keep access lists")
	}
	f := statetest.Open(t)
	open(t, f, keys.Off)
	if err := os.Chmod(f.Path(keys.FileName), 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := keys.Open(f, keys.Off, slog.Default())
	if err == nil || !strings.Contains(err.Error(), "0640") || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v", err)
	}
}

func TestBrokenKeyFileIsNamed(t *testing.T) {
	for _, content := range []string{"", "garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		f := statetest.Open(t)
		if err := f.Write(keys.FileName, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Open(f, keys.Off, slog.Default()); err == nil || !strings.Contains(err.Error(), keys.FileName) {
			t.Errorf("%q: got %v", content, err)
		}
	}
}

// softwareTPM starts a TPM of its own and gives its socket.
func softwareTPM(t *testing.T) string {
	t.Helper()
	swtpm, err := exec.LookPath("swtpm")
	if err != nil {
		t.Skip("needs swtpm (apt-get install swtpm)")
	}
	dir, err := os.MkdirTemp("", "tpm") // short: a socket's path has a bound of 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "sock")
	cmd := exec.Command(swtpm, "socket", "--tpm2", "--tpmstate", "dir="+dir,
		"--server", "type=unixio,path="+socket, "--flags", "not-need-init,startup-clear")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return socket
		}
		if time.Now().After(deadline) {
			t.Fatal("swtpm did not open its socket")
		}
	}
}

func TestTPMKey(t *testing.T) {
	socket, f := softwareTPM(t), statetest.Open(t)
	first := signs(t, open(t, f, socket))
	if again := signs(t, open(t, f, socket)); !again.Equal(first) {
		t.Error("a second key was made")
	}
	if _, err := os.Stat(f.Path(keys.FileName)); err == nil {
		t.Error("a key file was written beside the TPM's key")
	}
	if _, err := keys.Open(f, keys.Off, slog.Default()); err == nil || !strings.Contains(err.Error(), "--tpm") {
		t.Errorf("with the TPM switched off: %v", err)
	}
}

func TestTPMKeyIsWorthlessElsewhere(t *testing.T) {
	f := statetest.Open(t)
	open(t, f, softwareTPM(t))
	if _, err := keys.Open(f, softwareTPM(t), slog.Default()); err == nil {
		t.Error("another TPM loaded the key")
	}
}

// challenge is the control plane's half of credential protection: it encrypts secret to the endorsement
// key, bound to the name of the device key.
func challenge(t *testing.T, ek, key, secret []byte) (blob, encrypted []byte) {
	t.Helper()
	ekPublic, err := tpm2.Unmarshal[tpm2.TPMTPublic](ek)
	if err != nil {
		t.Fatal(err)
	}
	keyPublic, err := tpm2.Unmarshal[tpm2.TPMTPublic](key)
	if err != nil {
		t.Fatal(err)
	}
	name, err := tpm2.ObjectName(keyPublic)
	if err != nil {
		t.Fatal(err)
	}
	to, err := tpm2.ImportEncapsulationKey(ekPublic)
	if err != nil {
		t.Fatal(err)
	}
	blob, encrypted, err = tpm2.CreateCredential(rand.Reader, to, name.Buffer, secret)
	if err != nil {
		t.Fatal(err)
	}
	return blob, encrypted
}

type prover interface {
	Evidence() (ek, key []byte, err error)
	Activate(blob, encrypted []byte) ([]byte, error)
}

func evidence(t *testing.T, p prover) (ek, key []byte) {
	t.Helper()
	ek, key, err := p.Evidence()
	if err != nil {
		t.Fatal(err)
	}
	return ek, key
}

func TestTPMProvesItself(t *testing.T) {
	socket := softwareTPM(t)
	mine := open(t, statetest.Open(t), socket).(prover)
	ek, key := evidence(t, mine)
	if again, _ := evidence(t, mine); !bytes.Equal(ek, again) {
		t.Error("the endorsement key is not the same twice")
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	blob, encrypted := challenge(t, ek, key, secret)
	if got, err := mine.Activate(blob, encrypted); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("got %x, %v", got, err)
	}

	other := open(t, statetest.Open(t), socket).(prover) // another key in the same TPM
	if _, err := other.Activate(blob, encrypted); err == nil {
		t.Error("a challenge for one key was opened with another")
	}
	stranger := open(t, statetest.Open(t), softwareTPM(t)).(prover)
	if _, err := stranger.Activate(blob, encrypted); err == nil {
		t.Error("another TPM opened the challenge")
	}
}
