// Package ca is the control plane's own certificate authority: a root that can be kept elsewhere, and
// an intermediate on the server that signs devices, operators and the server itself.
//
// Parties and keys (all ECDSA P-256, because that is what TPM 2.0s hold):
//   - root: signs the intermediate, nothing else. Made at first start; its private key may be moved off
//     the server at once and is needed again only to replace the intermediate. Agents pin its certificate.
//   - intermediate: signs leaves. Its key stays on the server, 0600.
//   - leaf: a device, an operator or the server. What a leaf may do stands in one URI name:
//     nattevakt://<fleet>/device/<id>, …/operator/<name>, …/server/server. The fleet is 16 hex digits of the
//     root's SHA-256, so a certificate of another fleet is recognised even before its chain fails.
//
// Guarantees:
//   - A leaf verifies only under this root, with the key usage of its role and no other.
//   - Verify judges time by the instant given, and says apart "ran out" from "not ours".
//   - Key files are written 0600 through a temporary file, fsync and rename; Open refuses a key file that
//     others can read.
//
// A CA may be used by any number of goroutines. Revocation is not here: control looks at the device's
// record for every connection.
package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Lives of certificates. Devices: 180 days with renewal at two thirds survives a summer in a cabinet;
// see Grace for those that slept longer.
const (
	RootLife         = 20 * 365 * 24 * time.Hour
	IntermediateLife = 5 * 365 * 24 * time.Hour
	DeviceLife       = 180 * 24 * time.Hour
	OperatorLife     = 365 * 24 * time.Hour
	ServerLife       = 90 * 24 * time.Hour
	// Grace is how long after its end a device certificate may still do one thing: renew.
	Grace = 400 * 24 * time.Hour
	// skew lets machines whose clocks are a little behind accept a new certificate at once.
	skew = time.Hour
)

const (
	rootCertFile  = "root.crt"
	rootKeyFile   = "root.key"
	interCertFile = "intermediate.crt"
	interKeyFile  = "intermediate.key"
)

// CA signs and verifies the fleet's certificates.
type CA struct {
	root     *x509.Certificate
	inter    *x509.Certificate
	interKey crypto.Signer
	roots    *x509.CertPool
	inters   *x509.CertPool
	fleet    string
}

// Options for Open.
type Options struct {
	// RootKey is where the root's private key is written at first start and looked for when the
	// intermediate must be replaced; empty means root.key in the folder.
	RootKey string
}

// Open loads the authority from dir, or makes it there if the folder holds none. made tells which.
func Open(dir string, o Options, now time.Time) (c *CA, made bool, err error) {
	if o.RootKey == "" {
		o.RootKey = filepath.Join(dir, rootKeyFile)
	}
	if _, err := os.Stat(filepath.Join(dir, interCertFile)); errors.Is(err, os.ErrNotExist) {
		made = true
		if err := create(dir, o.RootKey, now); err != nil {
			return nil, false, fmt.Errorf("make certificate authority in %s: %w", dir, err)
		}
	}
	c, err = load(dir)
	if err != nil {
		return nil, false, fmt.Errorf("open certificate authority in %s: %w", dir, err)
	}
	if left := c.inter.NotAfter.Sub(now); left < DeviceLife {
		if err := c.replaceIntermediate(dir, o.RootKey, now); err != nil {
			return nil, false, fmt.Errorf("intermediate certificate ends in %d days and needs the root key %s: %w", int(left.Hours()/24), o.RootKey, err)
		}
		if c, err = load(dir); err != nil {
			return nil, false, err
		}
	}
	return c, made, nil
}

func create(dir, rootKeyPath string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tmpl := authority("Nattevakt root", now, RootLife, 1)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return err
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	if err := writeKey(rootKeyPath, key); err != nil {
		return err
	}
	if err := writeCert(filepath.Join(dir, rootCertFile), der); err != nil {
		return err
	}
	return issueIntermediate(dir, root, key, now)
}

func issueIntermediate(dir string, root *x509.Certificate, rootKey crypto.Signer, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, authority("Nattevakt intermediate", now, IntermediateLife, 0), root, key.Public(), rootKey)
	if err != nil {
		return err
	}
	if err := writeKey(filepath.Join(dir, interKeyFile), key); err != nil {
		return err
	}
	// The certificate comes last: Open takes its presence for a finished authority.
	return writeCert(filepath.Join(dir, interCertFile), der)
}

func (c *CA) replaceIntermediate(dir, rootKeyPath string, now time.Time) error {
	rootKey, err := readKey(rootKeyPath)
	if err != nil {
		return err
	}
	return issueIntermediate(dir, c.root, rootKey, now)
}

func authority(name string, now time.Time, life time.Duration, pathLen int) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(life),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLen:            pathLen,
		MaxPathLenZero:        pathLen == 0,
	}
}

func load(dir string) (*CA, error) {
	root, err := readCert(filepath.Join(dir, rootCertFile))
	if err != nil {
		return nil, err
	}
	inter, err := readCert(filepath.Join(dir, interCertFile))
	if err != nil {
		return nil, err
	}
	key, err := readKey(filepath.Join(dir, interKeyFile))
	if err != nil {
		return nil, err
	}
	if !inter.PublicKey.(*ecdsa.PublicKey).Equal(key.Public()) {
		return nil, fmt.Errorf("%s does not belong to %s: restore both from the same backup", interKeyFile, interCertFile)
	}
	if err := inter.CheckSignatureFrom(root); err != nil {
		return nil, fmt.Errorf("%s is not signed by %s: %w", interCertFile, rootCertFile, err)
	}
	c := &CA{root: root, inter: inter, interKey: key, roots: x509.NewCertPool(), inters: x509.NewCertPool()}
	c.roots.AddCert(root)
	c.inters.AddCert(inter)
	sum := sha256.Sum256(root.Raw)
	c.fleet = hex.EncodeToString(sum[:8])
	return c, nil
}

// Fleet names this authority: 16 hex digits of the root certificate's SHA-256.
func (c *CA) Fleet() string { return c.fleet }

// Root is the certificate that agents and operators pin.
func (c *CA) Root() *x509.Certificate { return c.root }

// Issue signs a leaf for who, valid from now. The answer is the chain below the root, leaf first, in DER.
func (c *CA) Issue(who Subject, pub crypto.PublicKey, now time.Time) ([][]byte, *x509.Certificate, error) {
	if err := checkKey(pub); err != nil {
		return nil, nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber:          newSerial(),
		Subject:               pkix.Name{CommonName: who.Name},
		URIs:                  []*url.URL{who.uri(c.fleet)},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(who.life()),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{who.usage()},
		BasicConstraintsValid: true,
	}
	if who.Serial != nil {
		tmpl.SerialNumber = who.Serial
	}
	for _, h := range who.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, c.inter, pub, c.interKey)
	if err != nil {
		return nil, nil, fmt.Errorf("sign certificate for %s: %w", who.Name, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	return [][]byte{der, c.inter.Raw}, leaf, nil
}

func checkKey(pub crypto.PublicKey) error {
	k, ok := pub.(*ecdsa.PublicKey)
	if !ok || k.Curve != elliptic.P256() {
		return errors.New("key is not ECDSA P-256: make a new one with nattevakt-agent enroll")
	}
	return nil
}

// ParseRequest reads a PKCS #10 request in DER and checks that its sender holds the key.
func ParseRequest(der []byte) (*x509.CertificateRequest, error) {
	req, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := req.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	return req, checkKey(req.PublicKey)
}

// KeySHA256 is the SHA-256 of the key's SubjectPublicKeyInfo.
func KeySHA256(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return sum[:], nil
}

func newSerial() *big.Int {
	// 127 random bits: positive and within the 20 octets of RFC 5280, 4.1.2.2.
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // crypto/rand never fails on the systems we build for
	}
	return n.Add(n, big.NewInt(1))
}
