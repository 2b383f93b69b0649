package sim_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nattevakt/nattevakt/server/internal/api"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/sim"
	"github.com/nattevakt/nattevakt/server/internal/store/memory"
)

const seeded = 70 // two cabinets and a bit

// fleet is a control plane on loopback whose store was seeded.
func fleet(t *testing.T) sim.Load {
	t.Helper()
	authority, _, err := ca.Open(t.TempDir(), ca.Options{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	store := memory.New()
	if err := sim.Seed(t.Context(), store, seeded, time.Now(), func(uint64) {}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	plane, err := control.Open(t.Context(), control.Options{Store: store, CA: authority, Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if n := plane.Counts(); n.Active != seeded {
		t.Fatalf("%d devices are in service, seeded %d", n.Active, seeded)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := api.New(api.Options{Plane: plane, TLS: serverTLS(t, authority), Metrics: prometheus.NewRegistry(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l) // ends with Stop
	t.Cleanup(func() {
		server.Stop()
		if err := plane.Close(); err != nil {
			t.Error(err)
		}
	})
	return sim.Load{
		Server: l.Addr().String(), Authority: authority, Devices: seeded, Connections: 10, Duration: 300 * time.Millisecond,
	}
}

func serverTLS(t *testing.T, authority *ca.CA) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain, _, err := authority.Issue(ca.Subject{Role: ca.Server, Name: "server", Hosts: []string{"127.0.0.1"}}, key.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: key}},
	}
}

func TestLoad(t *testing.T) {
	for name, change := range map[string]func(*sim.Load){
		"as fast as answered":      func(*sim.Load) {},
		"at a rate":                func(l *sim.Load) { l.Rate = 100 },
		"a new device each time":   func(l *sim.Load) { l.Rotate = 1 },
		"fewer devices than calls": func(l *sim.Load) { l.Rotate, l.Devices = 1, 15 },
	} {
		t.Run(name, func(t *testing.T) {
			l := fleet(t)
			change(&l)
			r, err := l.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.Failed != 0 || r.CheckIns == 0 {
				t.Errorf("%d check-ins, %d failed: %s", r.CheckIns, r.Failed, r.FirstError)
			}
			if r.P50 <= 0 || r.P50 > r.P99 || r.P99 > r.Max {
				t.Errorf("latencies p50 %v p99 %v max %v", r.P50, r.P99, r.Max)
			}
			if moves := l.Rotate > 0; (r.Dialled > uint64(l.Connections)) != moves {
				t.Errorf("%d connections made for %d devices at once, rotate %d", r.Dialled, l.Connections, l.Rotate)
			}
			if l.Rate > 0 && r.CheckIns+r.Missed > uint64(float64(l.Rate)*r.Seconds)+1 {
				t.Errorf("%d check-ins in %.2f s at a rate of %d", r.CheckIns, r.Seconds, l.Rate)
			}
		})
	}
}

// The generator must not count refusals and full reports as unchanged check-ins.
func TestLoadOfUnknownDevices(t *testing.T) {
	l := fleet(t)
	l.Devices = seeded + 1
	l.Connections = seeded + 1
	_, err := l.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "PermissionDenied") && !strings.Contains(err.Error(), "Unauthenticated") {
		t.Errorf("a device that was not seeded: %v", err)
	}
}

func TestLoadWithoutServer(t *testing.T) {
	l := fleet(t)
	l.Server = "127.0.0.1:1"
	if _, err := l.Run(t.Context()); err == nil {
		t.Error("nobody listens, and no error")
	}
}
