// Package enroll gives the machine its identity and keeps it: the device key's certificate, asked for
// once with Enroll and exchanged with Renew before it runs out, or after, when the machine slept through
// the summer.
//
// Guarantees:
//   - A certificate is stored only if its chain ends in the pinned root and it certifies our own key.
//   - The stored identity is the old one or the new one, whole, at any instant.
//   - A machine that has to wait asks again at the pace it is told, within bounds, for as long as it is let.
//   - A refusal ends the asking: the caller decides when to try again.
//   - Nothing is sent that is secret but the site token, and that only to the pinned control plane.
//
// Certificates are renewed from two thirds of their life on, each device at an instant of its own. What
// the machine's clock says plays no part in it: time is the control plane's (package clock).
package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/trust"
	"github.com/nattevakt/nattevakt/proto/id"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// FileName is where the identity is kept.
const FileName = "identity.json"

// maxChain bounds how many certificates an identity may have.
const maxChain = 8

// ErrNotEnrolled says that there is no identity yet.
var ErrNotEnrolled = errors.New("this machine is not enrolled (run nattevakt-agent enroll --bootstrap FILE)")

// Store keeps files; the error of a missing one is fs.ErrNotExist.
type Store interface {
	ReadJSON(name string, into any) error
	WriteJSON(name string, value any) error
}

// Identity is who the machine is.
type Identity struct {
	Device id.Device
	// Chain begins with the device certificate and ends below the root.
	Chain []*x509.Certificate
}

type kept struct {
	Device       id.Device `json:"device"`
	Certificates [][]byte  `json:"certificates"`
}

// Load reads the identity; ErrNotEnrolled if there is none.
func Load(store Store) (*Identity, error) {
	var k kept
	switch err := store.ReadJSON(FileName, &k); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotEnrolled
	case err != nil:
		return nil, fmt.Errorf("identity: %w", err)
	}
	chain, err := parseChain(k.Certificates)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return &Identity{Device: k.Device, Chain: chain}, nil
}

func (i *Identity) save(store Store) error {
	k := kept{Device: i.Device}
	for _, c := range i.Chain {
		k.Certificates = append(k.Certificates, c.Raw)
	}
	return store.WriteJSON(FileName, k)
}

func parseChain(ders [][]byte) ([]*x509.Certificate, error) {
	if len(ders) == 0 || len(ders) > maxChain {
		return nil, fmt.Errorf("%d certificates: want 1 to %d", len(ders), maxChain)
	}
	var chain []*x509.Certificate
	for i, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i, err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// accept turns an answer into an identity if it is ours and the pinned control plane's.
func accept(issued *v1.Issued, key crypto.Signer, roots *x509.CertPool, floor time.Time) (*Identity, error) {
	device, err := id.ParseDevice(issued.GetDeviceId())
	if err != nil {
		return nil, err
	}
	chain, err := parseChain(issued.GetCertificates())
	if err != nil {
		return nil, err
	}
	public, ok := chain[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || !public.Equal(key.Public()) {
		return nil, errors.New("the certificate is for another key")
	}
	if err := trust.Own(chain, roots, floor); err != nil {
		return nil, err
	}
	return &Identity{Device: device, Chain: chain}, nil
}

// Certificate is the identity in the form that TLS takes.
func (i *Identity) Certificate(key crypto.Signer) *tls.Certificate {
	cert := &tls.Certificate{PrivateKey: key, Leaf: i.Chain[0]}
	for _, c := range i.Chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert
}

// RenewAt is two thirds into the certificate's life and up to a twentieth later, by device: a school's
// machines enrolled in one morning do not renew in one.
func (i *Identity) RenewAt() time.Time {
	leaf := i.Chain[0]
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	share := float64(binary.BigEndian.Uint32(i.Device[:4])) / (1 << 32)
	return leaf.NotBefore.Add(life*2/3 + time.Duration(share*float64(life/20)))
}

// NotAfter is when the certificate runs out.
func (i *Identity) NotAfter() time.Time { return i.Chain[0].NotAfter }
