package enroll_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/agent/internal/clock"
	"github.com/nattevakt/nattevakt/agent/internal/controltest"
	"github.com/nattevakt/nattevakt/agent/internal/dial"
	"github.com/nattevakt/nattevakt/agent/internal/enroll"
	"github.com/nattevakt/nattevakt/agent/internal/keys"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/state/statetest"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

const year = 365 * 24 * time.Hour

// machine is one agent's half, with a clock that may be off.
type machine struct {
	*enroll.Enroller
	folder *state.Folder
	dialer *dial.Dialer
	clock  *clock.Keeper
	// identity is what the next connection shows.
	identity *enroll.Identity
}

func newMachine(t *testing.T, s *controltest.Server, offset time.Duration) *machine {
	t.Helper()
	folder := statetest.Open(t)
	key, err := keys.Open(folder, keys.Off, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	return assemble(t, s, folder, key, offset)
}

func assemble(t *testing.T, s *controltest.Server, folder *state.Folder, key crypto.Signer, offset time.Duration) *machine {
	t.Helper()
	keeper, err := clock.Open(folder, clock.Machine([16]byte{1}, offset))
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{folder: folder, clock: keeper}
	m.dialer = dial.New(dial.Config{Addresses: []string{s.Address()}, Roots: s.CA.Pool(), Clock: keeper, Certificate: m.certificate})
	t.Cleanup(m.dialer.Park)
	m.Enroller = &enroll.Enroller{
		Store: folder, Key: key, Call: m.dialer, Roots: s.CA.Pool(), Clock: keeper, Log: slog.Default(),
		Hardware: &v1.HardwareIdentity{Vendor: "Dell", Serial: "ABC1234"}, HardwareDigest: [16]byte{7},
		Hostname: "pc-1", Version: "test", Token: "hemmelig",
	}
	return m
}

func (m *machine) certificate() *tls.Certificate {
	if m.identity == nil {
		return nil
	}
	return m.identity.Certificate(m.Key)
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestEnrollByToken(t *testing.T) {
	s := controltest.New(t).Start()
	m := newMachine(t, s, 0)
	got, err := m.Enroll(within(t))
	if err != nil {
		t.Fatal(err)
	}
	again, err := enroll.Load(m.folder)
	if err != nil || again.Device.String() != controltest.DeviceID || !again.Chain[0].Equal(got.Chain[0]) {
		t.Errorf("stored %+v, %v", again, err)
	}
	request := s.Enrolls()[0]
	if request.GetSiteToken() != "hemmelig" || request.GetHardware().GetSerial() != "ABC1234" || request.GetHostname() != "pc-1" {
		t.Errorf("asked with %v", request)
	}
	if m.clock.Floor().IsZero() {
		t.Error("no floor after the first contact")
	}
}

func TestNotEnrolled(t *testing.T) {
	s := controltest.New(t).Start()
	if _, err := enroll.Load(newMachine(t, s, 0).folder); !errors.Is(err, enroll.ErrNotEnrolled) {
		t.Errorf("got %v", err)
	}
}

func TestEnrollWithAWrongClock(t *testing.T) {
	for _, offset := range []time.Duration{-2 * year, 2 * year} {
		s := controltest.New(t).Start()
		m := newMachine(t, s, offset)
		if _, err := m.Enroll(within(t)); err != nil {
			t.Errorf("offset %v: %v", offset, err)
		}
		if !m.dialer.ClockWrong() {
			t.Errorf("offset %v: the clock was not called wrong", offset)
		}
	}
}

func TestPendingAsksAgainWithTheSameKey(t *testing.T) {
	s := controltest.New(t).Start()
	asked := 0
	s.Do(func() {
		s.OnEnroll = func(req *v1.EnrollRequest) (*v1.EnrollResponse, error) {
			if asked++; asked < 3 {
				return pending(&v1.Pending{Reason: v1.Reason_REASON_AWAITING_APPROVAL, PollAfterMs: 1}), nil
			}
			return s.Issue(req.GetCsr())
		}
	})
	m := newMachine(t, s, 0)
	var heard []reason.Code
	m.OnPending = func(why reason.Code) { heard = append(heard, why) }
	if _, err := m.Enroll(within(t)); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 2 || heard[0] != reason.AwaitingApproval {
		t.Errorf("heard %v", heard)
	}
	if all := s.Enrolls(); !bytes.Equal(all[0].GetCsr(), all[2].GetCsr()) {
		t.Error("the request changed while waiting")
	}
}

func pending(p *v1.Pending) *v1.EnrollResponse {
	p.ServerTime = timestamppb.Now()
	return &v1.EnrollResponse{Outcome: &v1.EnrollResponse_Pending{Pending: p}}
}

func TestRefusalEndsTheAsking(t *testing.T) {
	s := controltest.New(t).Start()
	s.Do(func() {
		s.OnEnroll = func(*v1.EnrollRequest) (*v1.EnrollResponse, error) {
			return nil, controltest.Refuse(codes.PermissionDenied, v1.Reason_REASON_TOKEN_USED_UP)
		}
	})
	var refused *dial.Refused
	if _, err := newMachine(t, s, 0).Enroll(within(t)); !errors.As(err, &refused) || refused.Reason != reason.TokenUsedUp {
		t.Errorf("got %v", err)
	}
}

func TestAwayIsWaitedFor(t *testing.T) {
	s := controltest.New(t).Start()
	m := newMachine(t, s, 0)
	s.Stop()
	done := make(chan error, 1)
	go func() { _, err := m.Enroll(within(t)); done <- err }()
	s.Start()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhatIsIssuedIsChecked(t *testing.T) {
	s, other := controltest.New(t).Start(), controltest.New(t)
	stranger := s.CA.Server(time.Now(), time.Now()).Leaf.PublicKey
	soon := time.Now().Add(time.Hour)
	tests := []struct {
		name   string
		issued func(own any) *v1.Issued
	}{
		{"another root", func(own any) *v1.Issued {
			return &v1.Issued{DeviceId: controltest.DeviceID, Certificates: other.CA.Device(own, "d", time.Now(), soon)}
		}},
		{"another key", func(any) *v1.Issued {
			return &v1.Issued{DeviceId: controltest.DeviceID, Certificates: s.CA.Device(stranger, "d", time.Now(), soon)}
		}},
		{"no id", func(own any) *v1.Issued {
			return &v1.Issued{Certificates: s.CA.Device(own, "d", time.Now(), soon)}
		}},
		{"no certificate", func(any) *v1.Issued { return &v1.Issued{DeviceId: controltest.DeviceID} }},
		{"not a certificate", func(any) *v1.Issued {
			return &v1.Issued{DeviceId: controltest.DeviceID, Certificates: [][]byte{{1, 2, 3}}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, s, 0)
			s.Do(func() {
				s.OnEnroll = func(*v1.EnrollRequest) (*v1.EnrollResponse, error) {
					return &v1.EnrollResponse{Outcome: &v1.EnrollResponse_Issued{Issued: tt.issued(m.Key.Public())}}, nil
				}
			})
			if _, err := m.Enroll(within(t)); err == nil {
				t.Error("accepted")
			}
			if _, err := enroll.Load(m.folder); !errors.Is(err, enroll.ErrNotEnrolled) {
				t.Errorf("something was stored: %v", err)
			}
		})
	}
}

func TestRenewWithAnExpiredCertificate(t *testing.T) {
	s := controltest.New(t)
	s.DeviceLife = time.Minute // from an hour ago: expired at birth
	s.Start()
	m := newMachine(t, s, 0)
	first, err := m.Enroll(within(t))
	if err != nil {
		t.Fatal(err)
	}
	m.identity = first
	m.dialer.Renewed()
	s.Do(func() { s.DeviceLife = year })
	second, err := m.Renew(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if !second.NotAfter().After(time.Now()) || second.Device != first.Device {
		t.Errorf("renewed to %v", second.NotAfter())
	}
	if digest := s.Renews()[0].GetHardwareDigest(); digest[0] != 7 {
		t.Errorf("hardware digest %x", digest)
	}
}

func TestRenewAt(t *testing.T) {
	from := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	leaf := &x509.Certificate{NotBefore: from, NotAfter: from.Add(180 * 24 * time.Hour)}
	early := enroll.Identity{Chain: []*x509.Certificate{leaf}}
	late := enroll.Identity{Device: [16]byte{255, 255, 255, 255}, Chain: []*x509.Certificate{leaf}}
	if got := early.RenewAt(); !got.Equal(from.Add(120 * 24 * time.Hour)) {
		t.Errorf("earliest %v", got)
	}
	if got := late.RenewAt(); got.Before(from.Add(128*24*time.Hour)) || got.After(from.Add(129*24*time.Hour)) {
		t.Errorf("latest %v", got)
	}
}
