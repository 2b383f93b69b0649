package ca

import (
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"
)

// Role is what a certificate's holder is.
type Role string

// The roles, as they stand in the certificate's URI.
const (
	Device   Role = "device"
	Operator Role = "operator"
	Server   Role = "server"
)

const scheme = "nattevakt"

// Subject is who a leaf certificate names.
type Subject struct {
	Role Role
	// Name is the device id, the operator's name, or "server".
	Name string
	// Hosts are DNS names and IP addresses, for servers.
	Hosts []string
	// Serial is nil for a random serial number; a simulated fleet derives its own.
	Serial *big.Int
}

func (s Subject) uri(fleet string) *url.URL {
	return &url.URL{Scheme: scheme, Host: fleet, Path: "/" + string(s.Role) + "/" + s.Name}
}

func (s Subject) life() time.Duration {
	switch s.Role {
	case Server:
		return ServerLife
	case Operator:
		return OperatorLife
	default:
		return DeviceLife
	}
}

func (s Subject) usage() x509.ExtKeyUsage {
	if s.Role == Server {
		return x509.ExtKeyUsageServerAuth
	}
	return x509.ExtKeyUsageClientAuth
}

// Errors of Verify. ErrExpired comes with a valid Subject.
var (
	ErrForeign = errors.New("certificate is not of this fleet")
	ErrExpired = errors.New("certificate has run out")
)

// Verify says who holds a client certificate chain (leaf first) at the instant now. A chain of ours that
// has run out within Grace gives the Subject and ErrExpired; anything else that does not verify gives
// ErrForeign.
func (c *CA) Verify(chain []*x509.Certificate, now time.Time) (Subject, error) {
	if len(chain) == 0 {
		return Subject{}, fmt.Errorf("%w: no certificate", ErrForeign)
	}
	leaf := chain[0]
	at, expired := now, false
	if now.After(leaf.NotAfter) && now.Before(leaf.NotAfter.Add(Grace)) {
		at, expired = leaf.NotAfter.Add(-time.Second), true
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         c.roots,
		Intermediates: c.intermediates(chain[1:]),
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return Subject{}, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	who, err := c.subject(leaf)
	if err == nil && expired {
		err = fmt.Errorf("%w on %s", ErrExpired, leaf.NotAfter.Format(time.DateOnly))
	}
	return who, err
}

// intermediates adds what the peer sent, so that leaves of a replaced intermediate go on working.
func (c *CA) intermediates(sent []*x509.Certificate) *x509.CertPool {
	if len(sent) == 0 || (len(sent) == 1 && sent[0].Equal(c.inter)) {
		return c.inters
	}
	pool := c.inters.Clone()
	for _, cert := range sent {
		pool.AddCert(cert)
	}
	return pool
}

func (c *CA) subject(leaf *x509.Certificate) (Subject, error) {
	if len(leaf.URIs) != 1 || leaf.URIs[0].Scheme != scheme || leaf.URIs[0].Host != c.fleet {
		return Subject{}, fmt.Errorf("%w: no name of fleet %s in it", ErrForeign, c.fleet)
	}
	role, name, ok := strings.Cut(strings.TrimPrefix(leaf.URIs[0].Path, "/"), "/")
	if !ok || name == "" {
		return Subject{}, fmt.Errorf("%w: name %q", ErrForeign, leaf.URIs[0].Path)
	}
	switch Role(role) {
	case Device, Operator:
		return Subject{Role: Role(role), Name: name}, nil
	}
	return Subject{}, fmt.Errorf("%w: role %q", ErrForeign, role)
}
