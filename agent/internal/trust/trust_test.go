package trust_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/controltest"
	"github.com/nattevakt/nattevakt/agent/internal/trust"
)

func parse(t *testing.T, cert tls.Certificate) []*x509.Certificate {
	t.Helper()
	var chain []*x509.Certificate
	for _, der := range cert.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, c)
	}
	return chain
}

func TestJudge(t *testing.T) {
	ca, other := controltest.NewCA(t), controltest.NewCA(t)
	now := time.Now()
	valid := parse(t, ca.Server(now.Add(-time.Hour), now.AddDate(0, 3, 0)))
	expired := parse(t, ca.Server(now.AddDate(0, -4, 0), now.AddDate(0, -1, 0)))
	tests := []struct {
		name         string
		chain        []*x509.Certificate
		host         string
		local, floor time.Time
		wrong, fails bool
	}{
		{"all is well", valid, "127.0.0.1", now, now.AddDate(0, 0, -1), false, false},
		{"by name", valid, "localhost", now, now.AddDate(0, 0, -1), false, false},
		{"first contact, clock right", valid, "127.0.0.1", now, time.Time{}, false, false},
		{"first contact, clock two years behind", valid, "127.0.0.1", now.AddDate(-2, 0, 0), time.Time{}, true, false},
		{"first contact, clock two years ahead", valid, "127.0.0.1", now.AddDate(2, 0, 0), time.Time{}, true, false},
		{"clock two years behind", valid, "127.0.0.1", now.AddDate(-2, 0, 0), now, true, false},
		{"clock two years ahead", valid, "127.0.0.1", now.AddDate(2, 0, 0), now, true, false},
		{"clock lost, and the server's certificate changed over the summer", valid, "127.0.0.1", time.Unix(0, 0), now.AddDate(0, -3, 0), true, false},
		{"clock behind into the certificate's validity, but before the floor", valid, "127.0.0.1", now, now.AddDate(0, 0, 7), true, false},
		{"expired before the floor", expired, "127.0.0.1", now, now, false, true},
		{"expired before the floor, clock behind", expired, "127.0.0.1", now.AddDate(0, -2, 0), now, false, true},
		{"another name", valid, "nattevakt.example", now, now, false, true},
		{"another address", valid, "127.0.0.2", now, now, false, true},
		{"another root", parse(t, other.Server(now.Add(-time.Hour), now.AddDate(0, 3, 0))), "127.0.0.1", now, time.Time{}, false, true},
		{"no certificate", nil, "127.0.0.1", now, time.Time{}, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wrong, err := trust.Judge(tt.chain, ca.Pool(), tt.host, tt.local, tt.floor)
			if (err != nil) != tt.fails || wrong != tt.wrong {
				t.Errorf("wrong %v, error %v", wrong, err)
			}
		})
	}
}

func TestDeviceCertificateIsNoServer(t *testing.T) {
	ca := controltest.NewCA(t)
	server := ca.Server(time.Now(), time.Now().AddDate(0, 1, 0))
	device := ca.Device(server.Leaf.PublicKey, "device", time.Now(), time.Now().AddDate(0, 1, 0))
	chain := parse(t, tls.Certificate{Certificate: device})
	if _, err := trust.Judge(chain, ca.Pool(), "", time.Now(), time.Time{}); err == nil {
		t.Error("a device certificate passed for the control plane's")
	}
	if err := trust.Own(chain, ca.Pool(), time.Now()); err != nil {
		t.Errorf("Own: %v", err)
	}
	if err := trust.Own(parse(t, server), ca.Pool(), time.Now()); err == nil {
		t.Error("a server certificate passed for a device's")
	}
}
