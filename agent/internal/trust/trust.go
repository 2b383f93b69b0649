// Package trust judges whether the certificate at the other end is the control plane's.
//
// The root is pinned by the bootstrap file; the machine's other roots play no part. What makes the
// judgement hard is time: school laptops come back from the summer with an empty clock battery and
// believe that it is 2010, and a certificate says from when until when it is valid. Asking the network
// for the time needs the network that the certificate protects. The way out is that the agent need not
// know what the time is to know what it is not: the real time is never before the floor, the newest
// time the control plane has said (clock.Keeper.Floor).
//
//   - If the machine's clock is at or after the floor and the chain is valid by it, all is well.
//   - Else, if the chain is valid at some instant from the floor on, the control plane may well be right
//     and the machine's clock wrong: the call goes on and the machine reports a wrong clock.
//   - Else the chain ran out before the floor (or is not ours at all): refused.
//
// What this gives away: somebody who has stolen the key of a server certificate that has run out can use
// it against machines that have not heard the control plane since before it ran out. Somebody without
// such a key gains nothing, since every chain must end in the pinned root. Before the first contact
// there is no floor, and only the chain counts; the bootstrap file is then the only proof there is.
//
// The judgement is a pure function; dial and enroll are its callers.
package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// ErrNoCertificate says that the other end showed none.
var ErrNoCertificate = errors.New("the control plane showed no certificate")

// Judge verifies chain (leaf first) for a name or an IP address. clockWrong is true where the chain is
// accepted although the machine's clock says it is not valid now.
func Judge(chain []*x509.Certificate, roots *x509.CertPool, name string, local, floor time.Time) (clockWrong bool, err error) {
	if len(chain) == 0 {
		return false, ErrNoCertificate
	}
	options := x509.VerifyOptions{
		Roots: roots, DNSName: name, Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return judge(chain, options, local, floor)
}

// Own verifies the chain of a device certificate that the control plane has just issued, at any time
// from floor on.
func Own(chain []*x509.Certificate, roots *x509.CertPool, floor time.Time) error {
	if len(chain) == 0 {
		return ErrNoCertificate
	}
	options := x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	_, err := judge(chain, options, time.Time{}, floor)
	return err
}

func judge(chain []*x509.Certificate, options x509.VerifyOptions, local, floor time.Time) (clockWrong bool, err error) {
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	if !local.Before(floor) && verifyAt(chain[0], options, local) == nil {
		return false, nil
	}
	if err := verifyAt(chain[0], options, firstInstant(chain, floor)); err != nil {
		return false, fmt.Errorf("verify the control plane's certificate: %w", err)
	}
	return true, nil
}

func verifyAt(leaf *x509.Certificate, options x509.VerifyOptions, at time.Time) error {
	if at.IsZero() { // the zero time means "now" to x509
		at = time.Unix(1, 0)
	}
	options.CurrentTime = at
	_, err := leaf.Verify(options)
	return err
}

// firstInstant is the first instant from floor on at which every certificate of the chain has begun.
func firstInstant(chain []*x509.Certificate, floor time.Time) time.Time {
	at := floor
	for _, c := range chain {
		if c.NotBefore.After(at) {
			at = c.NotBefore
		}
	}
	return at
}
