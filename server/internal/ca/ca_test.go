package ca_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/ca"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string, at time.Time) *ca.CA {
	t.Helper()
	c, _, err := ca.Open(dir, ca.Options{}, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func issue(t *testing.T, c *ca.CA, who ca.Subject, at time.Time) []*x509.Certificate {
	t.Helper()
	ders, _, err := c.Issue(who, newKey(t).Public(), at)
	if err != nil {
		t.Fatal(err)
	}
	var chain []*x509.Certificate
	for _, der := range ders {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	return chain
}

func TestOpenKeepsTheAuthority(t *testing.T) {
	dir := t.TempDir()
	first, made, err := ca.Open(dir, ca.Options{}, now)
	if err != nil || !made {
		t.Fatalf("first open: made %v, %v", made, err)
	}
	second, made, err := ca.Open(dir, ca.Options{}, now)
	if err != nil || made {
		t.Fatalf("second open: made %v, %v", made, err)
	}
	if first.Fleet() != second.Fleet() {
		t.Error("the second open has another root")
	}
	chain := issue(t, first, ca.Subject{Role: ca.Device, Name: "d"}, now)
	if _, err := second.Verify(chain, now); err != nil {
		t.Errorf("certificate of the first does not verify under the second: %v", err)
	}
}

func TestRootKeyMayBeElsewhere(t *testing.T) {
	dir, usb := t.TempDir(), filepath.Join(t.TempDir(), "root.key")
	if _, _, err := ca.Open(dir, ca.Options{RootKey: usb}, now); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(usb, usb+".away"); err != nil {
		t.Fatal(err)
	}
	old := open(t, dir, now)
	chain := issue(t, old, ca.Subject{Role: ca.Device, Name: "d"}, now.Add(ca.IntermediateLife-ca.DeviceLife))

	late := now.Add(ca.IntermediateLife - ca.DeviceLife + 24*time.Hour)
	_, _, err := ca.Open(dir, ca.Options{RootKey: usb}, late)
	if err == nil || !strings.Contains(err.Error(), usb) {
		t.Fatalf("intermediate nearly over, root key away: %v; want an error that names the key", err)
	}
	if err := os.Rename(usb+".away", usb); err != nil {
		t.Fatal(err)
	}
	renewed, _, err := ca.Open(dir, ca.Options{RootKey: usb}, late)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := renewed.Verify(chain, late); err != nil {
		t.Errorf("a device of the old intermediate is shut out by the new one: %v", err)
	}
}

func TestVerify(t *testing.T) {
	c := open(t, t.TempDir(), now)
	foreign := open(t, t.TempDir(), now)
	device := ca.Subject{Role: ca.Device, Name: "7f0c"}
	for _, tc := range []struct {
		name  string
		chain []*x509.Certificate
		at    time.Time
		want  error
	}{
		{"valid", issue(t, c, device, now), now, nil},
		{"operator", issue(t, c, ca.Subject{Role: ca.Operator, Name: "kari"}, now), now, nil},
		{"last day", issue(t, c, device, now), now.Add(ca.DeviceLife - time.Hour), nil},
		{"ran out over the summer", issue(t, c, device, now), now.Add(ca.DeviceLife + 60*24*time.Hour), ca.ErrExpired},
		{"ran out too long ago", issue(t, c, device, now), now.Add(ca.DeviceLife + ca.Grace + time.Hour), ca.ErrForeign},
		{"not yet valid", issue(t, c, device, now.AddDate(0, 0, 3)), now, ca.ErrForeign},
		{"another fleet", issue(t, foreign, device, now), now, ca.ErrForeign},
		{"server's own", issue(t, c, ca.Subject{Role: ca.Server, Name: "server", Hosts: []string{"::1", "nv"}}, now), now, ca.ErrForeign},
		{"none", nil, now, ca.ErrForeign},
		{"self-made", []*x509.Certificate{selfMade(t)}, now, ca.ErrForeign},
	} {
		t.Run(tc.name, func(t *testing.T) {
			who, err := c.Verify(tc.chain, tc.at)
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if (err == nil || errors.Is(err, ca.ErrExpired)) && who.Name == "" {
				t.Error("no subject")
			}
		})
	}
}

func selfMade(t *testing.T) *x509.Certificate {
	t.Helper()
	k := newKey(t)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestIssueRefusesOtherKeys(t *testing.T) {
	c := open(t, t.TempDir(), now)
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Issue(ca.Subject{Role: ca.Device, Name: "d"}, pub, now); err == nil {
		t.Error("signed a key that no TPM could hold")
	}
}

func TestOpenRefusesWhatOthersCanRead(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, now)
	key := filepath.Join(dir, "intermediate.key")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ca.Open(dir, ca.Options{}, now); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v; want an error that says chmod 600", err)
	}
}

func TestOpenNamesTheDamage(t *testing.T) {
	for name, content := range map[string]string{"intermediate.key": "", "intermediate.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "root.crt": "garbage"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			open(t, dir, now)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := ca.Open(dir, ca.Options{}, now); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v; want an error that names %s", err, name)
			}
		})
	}
}

func FuzzParseRequest(f *testing.F) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, k)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add(der[:len(der)/2])
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		if req, err := ca.ParseRequest(b); err == nil && req.PublicKey == nil {
			t.Error("accepted a request without a key")
		}
	})
}
