package enroll

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/agent/internal/clock"
	"github.com/nattevakt/nattevakt/agent/internal/dial"
	"github.com/nattevakt/nattevakt/proto/capability"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// Bounds of the pace at which a waiting machine asks, whatever it is told.
const (
	minPoll = 200 * time.Millisecond
	maxPoll = time.Hour
	// maxChallenges bounds how many challenges in a row are answered without a pause.
	maxChallenges = 3
)

// Caller makes calls to the control plane; *dial.Dialer is one.
type Caller interface {
	Do(ctx context.Context, call func(context.Context, grpc.ClientConnInterface) error) error
}

// Clock keeps the control plane's time; *clock.Keeper is one.
type Clock interface {
	Read() clock.Reading
	Floor() time.Time
	Signed(t time.Time) error
}

// Prover is a key in a TPM, which can prove that it is there.
type Prover interface {
	Evidence() (ek, key []byte, err error)
	Activate(credentialBlob, encryptedSecret []byte) (secret []byte, err error)
}

// Enroller asks for an identity. All fields but Token and OnPending must be set.
type Enroller struct {
	Store Store
	Key   crypto.Signer
	Call  Caller
	Roots *x509.CertPool
	Clock Clock
	Log   *slog.Logger

	Hardware *v1.HardwareIdentity
	// HardwareDigest is over Hardware, as in CheckInRequest.
	HardwareDigest [16]byte
	Hostname       string
	Version        string
	// Token is the site token, or empty.
	Token string
	// OnPending hears why the machine waits, each time it is told.
	OnPending func(reason.Code)
}

// Enroll asks until there is an identity, which it stores. It ends early with *dial.Refused or with the
// context's error; a control plane that is away is waited for.
func (e *Enroller) Enroll(ctx context.Context) (*Identity, error) {
	request, err := e.request()
	if err != nil {
		return nil, err
	}
	failures, challenges := 0, 0
	for {
		response, err := e.ask(ctx, request)
		var away *dial.Away
		switch {
		case errors.As(err, &away):
			failures++
			e.Log.Warn("control plane does not answer", "error", err)
			err = sleep(ctx, dial.Backoff(failures, dial.BackoffMax, mathrand.Float64()))
		case err != nil:
		case response.GetIssued() != nil:
			return e.keep(response.GetIssued())
		default:
			failures = 0
			challenges, err = e.wait(ctx, request, response.GetPending(), challenges)
		}
		if err != nil {
			return nil, err
		}
	}
}

// request introduces the machine. The same key and words are sent each time.
func (e *Enroller) request() (*v1.EnrollRequest, error) {
	csr, err := e.csr()
	if err != nil {
		return nil, err
	}
	request := &v1.EnrollRequest{
		CapabilityVersion: uint32(capability.Current), Csr: csr, SiteToken: e.Token,
		Hardware: e.Hardware, Hostname: e.Hostname, AgentVersion: e.Version,
	}
	prover, ok := e.Key.(Prover)
	if !ok {
		return request, nil
	}
	ek, key, err := prover.Evidence()
	if err != nil {
		e.Log.Warn("TPM cannot prove itself; enrolling without proof", "error", err)
		return request, nil
	}
	request.Tpm = &v1.TpmEvidence{EkPublic: ek, KeyPublic: key}
	return request, nil
}

func (e *Enroller) csr() ([]byte, error) {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{SignatureAlgorithm: x509.ECDSAWithSHA256}, e.Key)
	if err != nil {
		return nil, fmt.Errorf("make certificate request: %w", err)
	}
	return csr, nil
}

func (e *Enroller) ask(ctx context.Context, request *v1.EnrollRequest) (response *v1.EnrollResponse, err error) {
	request.DeviceTime = timestamppb.New(e.Clock.Read().Wall)
	err = e.Call.Do(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		response, err = v1.NewEnrollmentServiceClient(conn).Enroll(ctx, request)
		return err
	})
	return response, err
}

// wait answers a challenge at once, a few times in a row at most, or sleeps as it is told.
func (e *Enroller) wait(ctx context.Context, request *v1.EnrollRequest, pending *v1.Pending, challenges int) (int, error) {
	if challenge := pending.GetChallenge(); challenge != nil && request.GetTpm() != nil && challenges < maxChallenges {
		secret, err := e.Key.(Prover).Activate(challenge.GetCredentialBlob(), challenge.GetEncryptedSecret())
		if err == nil {
			request.Tpm.Activation = secret
			return challenges + 1, nil
		}
		e.Log.Warn("TPM cannot open the control plane's challenge", "error", err)
	}
	why := reason.Of(pending.GetReason())
	e.Log.Info("waiting to be let in", "reason", why)
	if e.OnPending != nil {
		e.OnPending(why)
	}
	return 0, sleep(ctx, dial.Jitter(pollAfter(pending), mathrand.Float64()))
}

func pollAfter(pending *v1.Pending) time.Duration {
	return min(max(time.Duration(pending.GetPollAfterMs())*time.Millisecond, minPoll), maxPoll)
}

// Renew exchanges the certificate of the connection, which may have run out, for a new one.
func (e *Enroller) Renew(ctx context.Context) (*Identity, error) {
	csr, err := e.csr()
	if err != nil {
		return nil, err
	}
	request := &v1.RenewRequest{
		CapabilityVersion: uint32(capability.Current), Csr: csr, HardwareDigest: e.HardwareDigest[:],
	}
	var response *v1.RenewResponse
	err = e.Call.Do(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		response, err = v1.NewEnrollmentServiceClient(conn).Renew(ctx, request)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("renew certificate: %w", err)
	}
	return e.keep(response.GetIssued())
}

// keep checks and stores what was issued. The start of its validity is a time the control plane signed.
func (e *Enroller) keep(issued *v1.Issued) (*Identity, error) {
	identity, err := accept(issued, e.Key, e.Roots, e.Clock.Floor())
	if err != nil {
		return nil, fmt.Errorf("certificate from the control plane: %w", err)
	}
	if err := identity.save(e.Store); err != nil {
		return nil, fmt.Errorf("store identity: %w", err)
	}
	return identity, e.Clock.Signed(identity.Chain[0].NotBefore)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
