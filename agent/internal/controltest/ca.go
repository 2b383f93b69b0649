// Package controltest is a small control plane for the agent's tests: a real gRPC server over real mTLS
// with a CA of its own, whose answers the test decides. It does no bookkeeping beyond the calls it saw.
//
// Only tests may use it.
package controltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/google/uuid"
)

// CA is a root with one intermediate that signs leaves.
type CA struct {
	tb    testing.TB
	root  *x509.Certificate
	inter *x509.Certificate
	key   *ecdsa.PrivateKey
}

// NewCA makes a fresh one.
func NewCA(tb testing.TB) *CA {
	tb.Helper()
	ca := &CA{tb: tb}
	rootKey := ca.newKey()
	ca.key = ca.newKey()
	root := ca.template("Test root", time.Now().AddDate(-10, 0, 0), time.Now().AddDate(10, 0, 0))
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign
	ca.root = ca.sign(root, root, rootKey.Public(), rootKey)
	inter := ca.template("Test intermediate", root.NotBefore, root.NotAfter)
	inter.IsCA, inter.BasicConstraintsValid, inter.KeyUsage = true, true, x509.KeyUsageCertSign
	ca.inter = ca.sign(inter, ca.root, ca.key.Public(), rootKey)
	return ca
}

// PEM is the root as a bootstrap file carries it.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})
}

// Pool holds the root alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.root)
	return pool
}

// Server issues a certificate for 127.0.0.1 and localhost with a validity of its own.
func (ca *CA) Server(notBefore, notAfter time.Time) tls.Certificate {
	ca.tb.Helper()
	key := ca.newKey()
	leaf := ca.template("server", notBefore, notAfter)
	leaf.IPAddresses, leaf.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	cert := ca.sign(leaf, ca.inter, key.Public(), ca.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw, ca.inter.Raw}, PrivateKey: key, Leaf: cert}
}

// Device issues a chain (leaf first) over a public key.
func (ca *CA) Device(public crypto.PublicKey, id string, notBefore, notAfter time.Time) [][]byte {
	ca.tb.Helper()
	leaf := ca.template(id, notBefore, notAfter)
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return [][]byte{ca.sign(leaf, ca.inter, public, ca.key).Raw, ca.inter.Raw}
}

func (ca *CA) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.tb.Fatal(err)
	}
	return key
}

func (ca *CA) template(name string, notBefore, notAfter time.Time) *x509.Certificate {
	serial := uuid.New()
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:]), Subject: pkix.Name{CommonName: name},
		NotBefore: notBefore, NotAfter: notAfter, KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func (ca *CA) sign(cert, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, public, key)
	if err != nil {
		ca.tb.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		ca.tb.Fatal(err)
	}
	return parsed
}
