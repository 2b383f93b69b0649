// Package operatorfile keeps what a person needs to command a control plane in one file, operator.json:
// where the control plane is, the root to trust, and the person's own certificate and private key.
//
// The control plane writes the first one (serve, in DATA/operator); people move it to their own machine.
//
// Guarantees:
//   - Save writes the file 0600, whole or not at all; Load refuses one that others may read. On Windows the
//     folder's access list decides, as for any file in a person's profile.
//   - A File that Load gives can be used: the version is known, every address is one, root, certificate and
//     key parse, and the key belongs to the certificate. Unknown fields are refused, not lost.
//   - Nothing but the pinned root is trusted; the machine's own list of roots plays no part.
//
// It holds no state and asks no clock: whether the certificate has run out is the caller's question.
package operatorfile

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nattevakt/nattevakt/images/durable"
)

// Version is the version of the format that this package reads and writes.
const Version = 1

// Bounds of a file.
const (
	maxFile      = 256 << 10
	maxAddresses = 16
)

// File is the content of operator.json.
type File struct {
	Version int `json:"version"`
	// Name is the operator's, as in the certificate.
	Name string `json:"name"`
	// Servers are host:port of the control plane; the first that answers is used.
	Servers []string `json:"servers"`
	// Content are https URLs with a final slash under which releases lie.
	Content []string `json:"content"`
	// CA is the root certificate in PEM.
	CA string `json:"ca"`
	// Certificate is the operator's chain in PEM, leaf first.
	Certificate string `json:"certificate"`
	// Key is the private key in PEM, PKCS #8.
	Key string `json:"key"`
	// ReleaseKey is the file of the key that signs releases; relative to the folder of this file. Empty
	// for an operator who signs none.
	ReleaseKey string `json:"release_key,omitempty"`

	path string
}

// ErrReadable is wrapped by the error for a file that others may read.
var ErrReadable = errors.New("others may read the private key in it")

// Save puts f at path, 0600, replacing what is there.
func Save(path string, f File) error {
	f.Version = Version
	if err := f.check(); err != nil {
		return fmt.Errorf("operator file %s: %w", path, err)
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("operator file %s: %w", path, err)
	}
	return durable.WriteFile(path, append(b, '\n'), 0o600)
}

// Load reads the file at path.
func Load(path string) (File, error) {
	b, err := read(path)
	if err != nil {
		return File{}, fmt.Errorf("operator file: %w", err)
	}
	f, err := Parse(b)
	if err != nil {
		return File{}, fmt.Errorf("operator file %s: %w", path, err)
	}
	f.path = path
	return f, nil
}

func read(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	if err := private(info); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return io.ReadAll(io.LimitReader(in, maxFile+1))
}

// Parse reads the content of a file and checks it.
func Parse(b []byte) (File, error) {
	if len(b) > maxFile {
		return File{}, fmt.Errorf("more than %d bytes; this is not an operator file", maxFile)
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return File{}, fmt.Errorf("not JSON: %w", err)
	}
	if version.Version != Version {
		return File{}, fmt.Errorf("version %d; this program reads %d: use the nattevakt that the file came with", version.Version, Version)
	}
	var f File
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&f); err != nil {
		return File{}, err
	}
	return f, f.check()
}

func (f File) check() error {
	if f.Name == "" {
		return errors.New("name is missing")
	}
	if err := checkAddresses(f.Servers, f.Content); err != nil {
		return err
	}
	if _, err := f.Roots(); err != nil {
		return err
	}
	_, err := f.pair()
	return err
}

func checkAddresses(servers, content []string) error {
	if n := len(servers); n < 1 || n > maxAddresses {
		return fmt.Errorf("%d servers; write 1 to %d as host:port", n, maxAddresses)
	}
	if n := len(content); n > maxAddresses {
		return fmt.Errorf("%d content addresses; write at most %d", n, maxAddresses)
	}
	for _, s := range servers {
		if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port == "" {
			return fmt.Errorf("server %.100q: write it as host:port", s)
		}
	}
	for _, c := range content {
		if u, err := url.Parse(c); err != nil || u.Scheme != "https" || u.Host == "" || c[len(c)-1] != '/' {
			return fmt.Errorf("content %.100q: write it as https://host:port/content/", c)
		}
	}
	return nil
}

// Roots is the pool with the pinned root alone.
func (f File) Roots() (*x509.CertPool, error) {
	block, _ := pem.Decode([]byte(f.CA))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("ca: no PEM certificate in it")
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return pool, nil
}

func (f File) pair() (tls.Certificate, error) {
	pair, err := tls.X509KeyPair([]byte(f.Certificate), []byte(f.Key))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate and key: %w", err)
	}
	return pair, nil
}

// TLS is the client's side of mutual TLS with this operator's certificate. The caller sets ServerName
// where its transport does not.
func (f File) TLS() (*tls.Config, error) {
	roots, err := f.Roots()
	if err != nil {
		return nil, err
	}
	pair, err := f.pair()
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, Certificates: []tls.Certificate{pair}}, nil
}

// Ends is when the operator's certificate runs out.
func (f File) Ends() (time.Time, error) {
	pair, err := f.pair()
	if err != nil {
		return time.Time{}, err
	}
	return pair.Leaf.NotAfter, nil
}

// Folder is where the file was loaded from; empty for a File that was not.
func (f File) Folder() string {
	if f.path == "" {
		return ""
	}
	return filepath.Dir(f.path)
}

// ReleaseKeyPath is the file of the release key; empty if there is none.
func (f File) ReleaseKeyPath() string {
	if f.ReleaseKey == "" || filepath.IsAbs(f.ReleaseKey) {
		return f.ReleaseKey
	}
	return filepath.Join(f.Folder(), f.ReleaseKey)
}
