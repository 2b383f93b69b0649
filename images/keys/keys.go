// Package keys keeps the ed25519 keys that sign releases in files.
//
// A private key is PKCS #8 and a public key PKIX, both in PEM, so that OpenSSL reads and makes them too
// (openssl genpkey -algorithm ed25519). Guarantees: Save never overwrites a private key; private files
// have mode 0600, and Load refuses one that others may read (on Windows the folder's ACL decides).
package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/nattevakt/nattevakt/images/durable"
)

const (
	privateType = "PRIVATE KEY"
	publicType  = "PUBLIC KEY"
	// maxFile is far above any PEM file of one ed25519 key.
	maxFile = 16 << 10
)

// Generate makes a new key.
func Generate() (ed25519.PrivateKey, error) {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	return k, err
}

// SavePrivate writes a private key to a new file with mode 0600.
func SavePrivate(path string, k ed25519.PrivateKey) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("save private key: %s is there already: move it away if it is not needed", path)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return fmt.Errorf("save private key: %w", err)
	}
	return durable.WriteFile(path, encode(privateType, der), 0o600)
}

// SavePublic writes a public key.
func SavePublic(path string, k ed25519.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		return fmt.Errorf("save public key: %w", err)
	}
	return durable.WriteFile(path, encode(publicType, der), 0o644)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// LoadPrivate reads a private key.
func LoadPrivate(path string) (ed25519.PrivateKey, error) {
	b, mode, err := read(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("private key %s: others may read it (mode %v): chmod 600 it, and think of who has", path, mode.Perm())
	}
	k, err := ParsePrivate(b)
	if err != nil {
		return nil, fmt.Errorf("private key %s: %w", path, err)
	}
	return k, nil
}

// LoadPublic reads a public key.
func LoadPublic(path string) (ed25519.PublicKey, error) {
	b, _, err := read(path)
	if err != nil {
		return nil, err
	}
	k, err := ParsePublic(b)
	if err != nil {
		return nil, fmt.Errorf("public key %s: %w", path, err)
	}
	return k, nil
}

// ParsePrivate reads the PEM form of a private key.
func ParsePrivate(b []byte) (ed25519.PrivateKey, error) {
	der, err := decode(privateType, b)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	if k, ok := k.(ed25519.PrivateKey); ok {
		return k, nil
	}
	return nil, fmt.Errorf("is a %T, want ed25519", k)
}

// ParsePublic reads the PEM form of a public key.
func ParsePublic(b []byte) (ed25519.PublicKey, error) {
	der, err := decode(publicType, b)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	if k, ok := k.(ed25519.PublicKey); ok {
		return k, nil
	}
	return nil, fmt.Errorf("is a %T, want ed25519", k)
}

func decode(kind string, b []byte) ([]byte, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("no PEM block %q in it", kind)
	}
	if block.Type != kind {
		return nil, fmt.Errorf("holds a PEM block %.40q, want %q", block.Type, kind)
	}
	return block.Bytes, nil
}

func read(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("read key: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, 0, fmt.Errorf("read key %s: %w", path, err)
	}
	return b, info.Mode(), nil
}
