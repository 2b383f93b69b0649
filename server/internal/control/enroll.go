package control

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// Refusal is an answer, not a failure: the machine may not, and Reason says why.
type Refusal struct {
	Reason reason.Code
}

func (r *Refusal) Error() string { return "refused: " + r.Reason.String() }

func refuse(why reason.Code) error { return &Refusal{Reason: why} }

// Application is a machine's request to enter.
type Application struct {
	Key            crypto.PublicKey
	Hardware       fleet.Hardware
	HardwareDigest []byte
	Hostname       string
	Token          string
	// TPM is nil where the key lies in a file; Activation answers an earlier challenge.
	TPM        *ca.TPMKey
	Activation []byte
}

// Admittance is the outcome for a machine that was not refused.
type Admittance struct {
	// Device and Chain (leaf first, DER) are set when the machine is in.
	Device id.Device
	Chain  [][]byte
	// Waiting says why it is not in yet; Challenge, if set, is how its TPM can change that.
	Waiting   reason.Code
	Challenge *ca.Challenge
}

// Enroll lets a machine in, has it wait, or refuses it (*Refusal). It may be repeated: the same key on
// the same hardware gets a certificate again and counts once.
func (p *Plane) Enroll(ctx context.Context, a Application) (Admittance, error) {
	caller, err := p.caller(a)
	if err != nil {
		return Admittance{}, err
	}
	if a.Token != "" {
		// An entry changes its token's count: many at once would only undo each other's commits.
		p.entering.Lock()
		defer p.entering.Unlock()
	}
	for range maxTries {
		out, err := p.enroll(ctx, a, caller)
		if !errors.Is(err, store.ErrConflict) {
			return out, err
		}
	}
	return Admittance{}, fmt.Errorf("enrol: %w", store.ErrConflict)
}

func (p *Plane) caller(a Application) (fleet.Caller, error) {
	sum, err := ca.KeySHA256(a.Key)
	if err != nil {
		return fleet.Caller{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	c := fleet.Caller{Hardware: a.Hardware, HardwareDigest: a.HardwareDigest, Hostname: a.Hostname, KeySHA256: sum, KeyHeld: "file"}
	if a.TPM != nil {
		c.EKSHA256 = a.TPM.EKSHA256()
		c.Proven = len(a.Activation) > 0 && p.prover.Proven(*a.TPM, a.Key, a.Activation)
		if c.Proven {
			c.KeyHeld = "tpm"
		}
	}
	return c, nil
}

// enroll decides once and commits device, index and token use together.
func (p *Plane) enroll(ctx context.Context, a Application, c fleet.Caller) (Admittance, error) {
	var batch store.Batch
	token, err := p.presented(ctx, a.Token, &batch)
	if err != nil {
		return Admittance{}, err
	}
	known, err := p.known(ctx, a.Hardware)
	if err != nil {
		return Admittance{}, err
	}
	verdict := fleet.Admit(c, token, known, p.clock.Now())
	if verdict.Verdict == fleet.Refuse {
		return Admittance{}, refuse(verdict.Reason)
	}
	return p.admit(ctx, a, verdict, token, batch)
}

// presented looks up the token that came with the call, and has the batch check that it stays as it is.
func (p *Plane) presented(ctx context.Context, secret string, batch *store.Batch) (*fleet.Token, error) {
	if secret == "" {
		return nil, nil
	}
	t, rev, err := p.tokenOf(ctx, secret)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(reason.TokenInvalid)
	}
	if err != nil {
		return nil, err
	}
	batch.Checks = append(batch.Checks, store.Check{Table: store.Tokens, Key: []byte(t.ID), Rev: rev})
	return &t, nil
}

func (p *Plane) admit(ctx context.Context, a Application, v fleet.Admission, token *fleet.Token, batch store.Batch) (Admittance, error) {
	d := v.Device
	unlock := p.stripes.lock(d.ID)
	defer unlock()
	old, rev, err := p.load(ctx, d.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Admittance{}, err
	}
	out := Admittance{Device: d.ID}
	if v.Verdict == fleet.Issue {
		if out.Chain, err = p.certify(&d, a.Key); err != nil {
			return Admittance{}, err
		}
	} else {
		out.Waiting = v.Reason
		out.Challenge = p.challenge(a)
	}
	if at, err := p.places.resolve(d.Place); err == nil {
		d.Place = at
	}
	previous := &old
	if rev == 0 {
		previous = nil
	}
	batch.Checks = append(batch.Checks, store.Check{Table: store.Devices, Key: d.ID[:], Rev: rev})
	batch.Ops = deviceOps(previous, d)
	if v.UseToken {
		token.Uses++
		batch.Ops = append(batch.Ops, store.Put(store.Tokens, []byte(token.ID), record.EncodeToken(*token)))
	}
	if _, err := p.store.Commit(ctx, batch); err != nil {
		return Admittance{}, fmt.Errorf("store device %s: %w", d.ID, err)
	}
	p.remember(d)
	return out, nil
}

// certify signs a new certificate for d and makes it the newest.
func (p *Plane) certify(d *fleet.Device, key crypto.PublicKey) ([][]byte, error) {
	chain, leaf, err := p.ca.Issue(ca.Subject{Role: ca.Device, Name: d.ID.String()}, key, time.Now())
	if err != nil {
		return nil, err
	}
	d.Identity.CertSerial = leaf.SerialNumber.Bytes()
	d.Identity.NotAfter = leaf.NotAfter
	return chain, nil
}

// challenge offers a machine with a TPM to prove it. A TPM that cannot be asked is as good as none.
func (p *Plane) challenge(a Application) *ca.Challenge {
	if a.TPM == nil || len(a.Activation) > 0 {
		return nil
	}
	c, err := p.prover.Challenge(*a.TPM, a.Key)
	if err != nil {
		p.log.Warn("machine's TPM cannot be asked for proof", "serial", a.Hardware.Serial, "err", err)
		return nil
	}
	return &c
}

// Renew signs a new certificate for the device of the connection, which may hold one that ran out. The
// old one goes on working until the new one is used, since the answer may be lost.
func (p *Plane) Renew(ctx context.Context, peer *Peer, key crypto.PublicKey, hardwareDigest []byte) (Admittance, error) {
	sum, err := ca.KeySHA256(key)
	if err != nil {
		return Admittance{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	out := Admittance{Device: peer.Device}
	var why reason.Code
	_, err = p.edit(ctx, peer.Device, func(d *fleet.Device) error {
		why = fleet.Judge(d.State, d.Identity, fleet.Presence{}, fleet.Call{CertSerial: peer.certSerial, HardwareDigest: hardwareDigest})
		if why != reason.None {
			return refuse(why)
		}
		d.Identity.PreviousSerial = peer.certSerial
		d.Identity.KeySHA256 = sum
		out.Chain, err = p.certify(d, key)
		return err
	}, nil)
	if why == reason.IdentityCloned {
		p.alarm(ctx, peer.Device, why)
	}
	return out, err
}

// Peer is who is at the other end of a connection, found once when it opens.
type Peer struct {
	Role ca.Role
	// Name is the operator's; Device the device's id.
	Name   string
	Device id.Device
	// Expired: the certificate ran out; only Renew is open to it.
	Expired    bool
	certSerial []byte
	cert       [16]byte
	notAfter   time.Time
	handle     handle
}

// Authenticate says whose connection this is. No certificate gives nil: only Enroll is open to it. A
// certificate that is not of this fleet, or whose device is revoked or unknown, is a *Refusal.
func (p *Plane) Authenticate(ctx context.Context, chain []*x509.Certificate) (*Peer, error) {
	if len(chain) == 0 {
		return nil, nil
	}
	who, err := p.ca.Verify(chain, time.Now())
	expired := errors.Is(err, ca.ErrExpired)
	if err != nil && !expired {
		p.log.Warn("refused a certificate", "err", err)
		return nil, refuse(reason.ForeignCertificate)
	}
	peer := &Peer{Role: who.Role, Name: who.Name, Expired: expired, certSerial: chain[0].SerialNumber.Bytes(), notAfter: chain[0].NotAfter}
	peer.cert = to16(peer.certSerial)
	if who.Role != ca.Device {
		if expired {
			return nil, refuse(reason.CertificateExpired)
		}
		return peer, p.operatorAllowed(who.Name, peer.certSerial)
	}
	return peer, p.authenticateDevice(ctx, peer)
}

func (p *Plane) authenticateDevice(ctx context.Context, peer *Peer) error {
	dev, err := id.ParseDevice(peer.Name)
	if err != nil {
		return refuse(reason.ForeignCertificate)
	}
	h, ok := p.hot.find(dev)
	if !ok {
		return refuse(reason.UnknownDevice)
	}
	peer.Device, peer.handle = dev, h
	r := h.copy()
	why := r.judge(peer, nil, nil)
	if why == reason.IdentityCloned && p.catchUp(ctx, peer) {
		return nil
	}
	if why != reason.None {
		if why == reason.IdentityCloned {
			p.alarm(ctx, dev, why)
		}
		return refuse(why)
	}
	if r.cert == peer.cert && r.previousCert != [16]byte{} {
		return p.dropPrevious(ctx, peer)
	}
	return nil
}

// catchUp takes over a certificate of ours that is newer than the newest one on record: the store was put
// back from a backup that was made before the device renewed. It reports whether that was so.
func (p *Plane) catchUp(ctx context.Context, peer *Peer) bool {
	_, err := p.edit(ctx, peer.Device, func(d *fleet.Device) error {
		if !peer.notAfter.After(d.Identity.NotAfter) {
			return errUnchanged
		}
		d.Identity.CertSerial, d.Identity.PreviousSerial = peer.certSerial, nil
		d.Identity.NotAfter = peer.notAfter
		return nil
	}, nil)
	if err == nil {
		p.log.Warn("device holds a newer certificate than the store: the store was restored from a backup", "device", peer.Device)
	}
	return err == nil
}

// dropPrevious closes the door to the old certificate once the new one has been used.
func (p *Plane) dropPrevious(ctx context.Context, peer *Peer) error {
	_, err := p.edit(ctx, peer.Device, func(d *fleet.Device) error {
		d.Identity.PreviousSerial = nil
		return nil
	}, nil)
	return err
}
