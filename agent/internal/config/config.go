// Package config reads the bootstrap file: the few facts a machine needs before it knows anything else.
// The control plane writes it, a person or an image puts it on the machine.
//
// Guarantees:
//   - A file with an unknown field, a missing field or a value that cannot work is refused with the
//     field's name; nothing is guessed.
//   - It holds no secret but the optional site token, and String and logs never show that one.
//   - After enrolment the copy in the state folder holds no token.
//
// Only package agent uses it.
package config

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
)

// Version is the form of the file that this build reads.
const Version = 1

// Bounds of a bootstrap file.
const (
	MaxBytes   = 64 << 10
	MaxServers = 8
	MaxKeys    = 16
)

// Bootstrap is the file as it is written.
type Bootstrap struct {
	Version int `json:"version"`
	// Server is the control plane's address for agents, host:port.
	Server string `json:"server"`
	// Servers are more addresses of the same control plane, tried in turn.
	Servers []string `json:"servers,omitempty"`
	// CA is the control plane's root certificate in PEM.
	CA string `json:"ca"`
	// SiteToken opens one site at enrolment. A secret.
	SiteToken string `json:"site_token,omitempty"`
	// ReleaseKeys are Ed25519 public keys in base64 that sign releases.
	ReleaseKeys []string `json:"release_keys,omitempty"`
	// ReleaseThreshold is how many different keys must have signed a release; 0 where there are no keys.
	ReleaseThreshold int `json:"release_threshold,omitempty"`
}

// Load reads and checks a file.
func Load(path string) (Bootstrap, error) {
	file, err := os.Open(path)
	if err != nil {
		return Bootstrap{}, fmt.Errorf("bootstrap: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err != nil {
		return Bootstrap{}, fmt.Errorf("bootstrap: %w", err)
	}
	b, err := Parse(data)
	if err != nil {
		return Bootstrap{}, fmt.Errorf("bootstrap %s: %w (fetch it anew from the control plane)", path, err)
	}
	return b, nil
}

// Parse reads a file's bytes and checks every field.
func Parse(data []byte) (Bootstrap, error) {
	if len(data) > MaxBytes {
		return Bootstrap{}, fmt.Errorf("larger than %d bytes", MaxBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var b Bootstrap
	if err := dec.Decode(&b); err != nil {
		return Bootstrap{}, err
	}
	if dec.More() {
		return Bootstrap{}, errors.New("something follows the JSON object")
	}
	return b, b.check()
}

func (b Bootstrap) check() error {
	if b.Version != Version {
		return fmt.Errorf("version %d: this agent reads version %d", b.Version, Version)
	}
	if len(b.Servers) >= MaxServers {
		return fmt.Errorf("servers: more than %d", MaxServers-1)
	}
	for _, address := range b.Addresses() {
		if err := checkAddress(address); err != nil {
			return fmt.Errorf("server %.80q: %w", address, err)
		}
	}
	if _, err := b.Roots(); err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	if len(b.SiteToken) > 128 {
		return errors.New("site_token: longer than 128 characters")
	}
	_, err := b.Keys()
	return err
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("want host:port")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || host == "" {
		return errors.New("want host:port")
	}
	return nil
}

// Addresses gives Server and Servers, each once, in the order of the file.
func (b Bootstrap) Addresses() []string {
	var all []string
	for _, a := range append([]string{b.Server}, b.Servers...) {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// Roots parses CA. There is exactly one certificate in it, and it is an authority.
func (b Bootstrap) Roots() (*x509.CertPool, error) {
	root, err := b.root()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return pool, nil
}

func (b Bootstrap) root() (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(b.CA))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("want one PEM block CERTIFICATE")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, errors.New("more than one PEM block")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if !cert.IsCA {
		return nil, errors.New("the certificate is not an authority's")
	}
	return cert, nil
}

// SameCA reports whether two files pin the same control plane.
func (b Bootstrap) SameCA(other Bootstrap) bool {
	mine, err := b.root()
	if err != nil {
		return false
	}
	theirs, err := other.root()
	return err == nil && mine.Equal(theirs)
}

// Keys parses ReleaseKeys and holds ReleaseThreshold against their number.
func (b Bootstrap) Keys() ([]ed25519.PublicKey, error) {
	if len(b.ReleaseKeys) > MaxKeys {
		return nil, fmt.Errorf("release_keys: more than %d", MaxKeys)
	}
	var keys []ed25519.PublicKey
	for i, text := range b.ReleaseKeys {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("release_keys[%d]: want %d bytes in base64", i, ed25519.PublicKeySize)
		}
		if slices.ContainsFunc(keys, func(k ed25519.PublicKey) bool { return k.Equal(ed25519.PublicKey(raw)) }) {
			return nil, fmt.Errorf("release_keys[%d]: the same key twice", i)
		}
		keys = append(keys, raw)
	}
	return keys, b.checkThreshold()
}

func (b Bootstrap) checkThreshold() error {
	if len(b.ReleaseKeys) == 0 && b.ReleaseThreshold == 0 {
		return nil
	}
	if b.ReleaseThreshold < 1 || b.ReleaseThreshold > len(b.ReleaseKeys) {
		return fmt.Errorf("release_threshold %d: want 1 to the number of release_keys (%d)", b.ReleaseThreshold, len(b.ReleaseKeys))
	}
	return nil
}

// WithoutToken is what stays in the state folder once the machine is enrolled.
func (b Bootstrap) WithoutToken() Bootstrap {
	b.SiteToken = ""
	return b
}

// String names the control plane and hides the token.
func (b Bootstrap) String() string {
	return fmt.Sprintf("bootstrap version %d for %v", b.Version, b.Addresses())
}
