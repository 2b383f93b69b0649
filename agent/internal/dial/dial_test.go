package dial_test

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/agent/internal/clock"
	"github.com/nattevakt/nattevakt/agent/internal/controltest"
	"github.com/nattevakt/nattevakt/agent/internal/dial"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// machine is a clock that may be wrong, and a floor.
type machine struct {
	offset time.Duration
	floor  time.Time
}

func (m machine) Read() clock.Reading { return clock.Reading{Wall: time.Now().Add(m.offset)} }
func (m machine) Floor() time.Time    { return m.floor }

func dialer(t *testing.T, s *controltest.Server, m machine, addresses ...string) *dial.Dialer {
	t.Helper()
	device := s.CA.Server(time.Now(), time.Now()) // a key to borrow
	chain := s.CA.Device(device.Leaf.PublicKey, "d", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	own := &tls.Certificate{Certificate: chain, PrivateKey: device.PrivateKey}
	d := dial.New(dial.Config{
		Addresses: addresses, Roots: s.CA.Pool(), Clock: m,
		Certificate: func() *tls.Certificate { return own },
	})
	t.Cleanup(d.Park)
	return d
}

func checkIn(d *dial.Dialer) error {
	return d.Do(context.Background(), func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := v1.NewCheckInServiceClient(conn).CheckIn(ctx, &v1.CheckInRequest{})
		return err
	})
}

func TestAddressesAreTriedInTurn(t *testing.T) {
	s := controltest.New(t).Start()
	d := dialer(t, s, machine{}, "127.0.0.1:1", s.Address())
	for range 2 {
		if err := checkIn(d); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := s.Connections(); all != 1 {
		t.Errorf("%d connections for two calls; the address that answered must be kept", all)
	}
}

func TestAwayAndBack(t *testing.T) {
	s := controltest.New(t).Start()
	d := dialer(t, s, machine{}, s.Address())
	if err := checkIn(d); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	var away *dial.Away
	if err := checkIn(d); !errors.As(err, &away) || away.Address != s.Address() {
		t.Fatalf("got %v", err)
	}
	s.Start()
	if err := checkIn(d); err != nil {
		t.Errorf("back again: %v", err)
	}
}

func TestParkedConnectionResumes(t *testing.T) {
	s := controltest.New(t).Start()
	d := dialer(t, s, machine{}, s.Address())
	for range 3 {
		if err := checkIn(d); err != nil {
			t.Fatal(err)
		}
		d.Park()
	}
	if all, resumed := s.Connections(); all != 3 || resumed != 2 {
		t.Errorf("%d connections, %d resumed; want 3 and 2", all, resumed)
	}
	d.Renewed()
	if err := checkIn(d); err != nil {
		t.Fatal(err)
	}
	if _, resumed := s.Connections(); resumed != 2 {
		t.Error("a session with the old certificate was resumed after renewal")
	}
}

func TestWrongClockIsSaidAndAForeignServerRefused(t *testing.T) {
	s := controltest.New(t).Start()
	year := 365 * 24 * time.Hour
	for _, offset := range []time.Duration{-2 * year, 0, 2 * year} {
		d := dialer(t, s, machine{offset: offset, floor: time.Now().Add(-time.Minute)}, s.Address())
		if err := checkIn(d); err != nil || d.ClockWrong() != (offset != 0) {
			t.Errorf("offset %v: wrong %v, %v", offset, d.ClockWrong(), err)
		}
	}
	other := controltest.New(t).Start()
	if err := checkIn(dialer(t, s, machine{}, other.Address())); err == nil {
		t.Error("a control plane of another root was believed")
	}
}

func TestErrors(t *testing.T) {
	s := controltest.New(t).Start()
	d := dialer(t, s, machine{}, s.Address())
	tests := []struct {
		name    string
		err     error
		refused bool
		reason  reason.Code
	}{
		{"revoked", controltest.Refuse(codes.PermissionDenied, v1.Reason_REASON_IDENTITY_REVOKED), true, reason.IdentityRevoked},
		{"too old", controltest.Refuse(codes.FailedPrecondition, v1.Reason_REASON_CAPABILITY_TOO_OLD), true, reason.CapabilityTooOld},
		{"no reason given", status.Error(codes.Unauthenticated, "no"), true, reason.None},
		{"too busy", status.Error(codes.ResourceExhausted, "slow down"), false, reason.None},
		{"broken", status.Error(codes.Internal, "oops"), false, reason.None},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.Do(func() {
				s.OnCheckIn = func(*v1.CheckInRequest) (*v1.CheckInResponse, error) { return nil, tt.err }
			})
			err := checkIn(d)
			var refused *dial.Refused
			if errors.As(err, &refused) != tt.refused || (tt.refused && refused.Reason != tt.reason) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		failures := rapid.IntRange(-1, 1000).Draw(t, "failures")
		limit := time.Duration(rapid.Int64().Draw(t, "limit"))
		got := dial.Backoff(failures, limit, rapid.Float64Range(0, 0.999).Draw(t, "random"))
		if got < dial.BackoffFloor || got > dial.BackoffMax {
			t.Fatalf("%v", got)
		}
	})
	if first, tenth := dial.Backoff(1, time.Hour, 0.99), dial.Backoff(10, time.Hour, 0.99); first > time.Second || tenth < 4*time.Minute {
		t.Errorf("first %v, tenth %v", first, tenth)
	}
}
