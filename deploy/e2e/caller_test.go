//go:build linux

package e2e_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/proto/capability"
	"github.com/nattevakt/nattevakt/proto/id"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// callTime bounds one call; a call that outlasts its control plane ends much sooner.
const callTime = 10 * time.Second

// fleet is how the machines that speak the contract themselves reach their control plane.
type fleet struct {
	server, token string
	tls           *tls.Config
	// strangers is the connection without a certificate that machines share until they have one.
	strangers *grpc.ClientConn
}

func newFleet(t *testing.T, p *plane, bootstrap string) *fleet {
	t.Helper()
	b, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Server    string `json:"server"`
		SiteToken string `json:"site_token"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	host, _, err := net.SplitHostPort(file.Server)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{server: file.Server, token: file.SiteToken, tls: &tls.Config{RootCAs: p.roots(), ServerName: host, MinVersion: tls.VersionTLS13}}
	if f.strangers, err = f.dial(f.tls); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.strangers.Close() })
	return f
}

func (f *fleet) dial(config *tls.Config) (*grpc.ClientConn, error) {
	again := grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond}, MinConnectTimeout: callTime}
	return grpc.NewClient("passthrough:///"+f.server, grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithConnectParams(again))
}

// caller is one machine that speaks the contract. It does as an agent does: what is not acknowledged it
// says again, with the same key and the same words.
type caller struct {
	fleet    *fleet
	key      *ecdsa.PrivateKey
	csr      []byte
	hardware *nattevaktv1.HardwareIdentity
	boot     []byte
	seq      atomic.Uint64
	// device and chain are set once it is enrolled, reported once its report is acknowledged.
	device   string
	chain    [][]byte
	reported atomic.Bool
}

func newCaller(f *fleet) (*caller, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	boot := make([]byte, 16)
	rand.Read(boot) // never fails
	return &caller{fleet: f, key: key, csr: csr, boot: boot, hardware: &nattevaktv1.HardwareIdentity{
		Vendor: "HP", Product: "HP EliteBook 840 G8 Notebook PC", ModelKey: "880D", Serial: rand.Text(),
		FormFactor: nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
	}}, nil
}

// enroll returns nil once the control plane has acknowledged the machine.
func (c *caller) enroll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	resp, err := nattevaktv1.NewEnrollmentServiceClient(c.fleet.strangers).Enroll(ctx, &nattevaktv1.EnrollRequest{
		CapabilityVersion: uint32(capability.Current), Csr: c.csr, SiteToken: c.fleet.token, Hardware: c.hardware,
		Hostname: "pc-" + c.hardware.GetSerial(), DeviceTime: timestamppb.Now(),
	})
	if err != nil {
		return err
	}
	if resp.GetIssued() == nil {
		return fmt.Errorf("must wait: %v", resp.GetPending().GetReason())
	}
	c.device, c.chain = resp.GetIssued().GetDeviceId(), resp.GetIssued().GetCertificates()
	return nil
}

// connected runs calls over a connection with the machine's own certificate.
func (c *caller) connected(ctx context.Context, calls func(context.Context, nattevaktv1.CheckInServiceClient) error) error {
	config := c.fleet.tls.Clone()
	config.Certificates = []tls.Certificate{{Certificate: c.chain, PrivateKey: c.key}}
	conn, err := c.fleet.dial(config)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return calls(ctx, nattevaktv1.NewCheckInServiceClient(conn))
}

// checkIn shows a report's digest and learns whether the control plane wants the report.
func (c *caller) checkIn(ctx context.Context, client nattevaktv1.CheckInServiceClient, digest []byte) (wanted bool, err error) {
	hardware := id.Hardware(c.hardware)
	resp, err := client.CheckIn(ctx, &nattevaktv1.CheckInRequest{
		CapabilityVersion: uint32(capability.Current), Seq: c.seq.Add(1), BootId: c.boot, HardwareDigest: hardware[:],
		ReportDigest: digest, DeviceTime: timestamppb.Now(), Vitals: &nattevaktv1.Vitals{HasBattery: true, OnAc: true, BatteryPercent: 80},
	})
	return resp.GetWantReport(), err
}

// report checks in with a new report and sends it; nil once it is acknowledged.
func (c *caller) report(ctx context.Context) error {
	return c.connected(ctx, func(ctx context.Context, client nattevaktv1.CheckInServiceClient) error {
		wanted, err := c.checkIn(ctx, client, c.digest())
		if err == nil && wanted {
			_, err = client.Report(ctx, c.inventory())
		}
		c.reported.Store(err == nil)
		return err
	})
}

// digest names the machine's only report.
func (c *caller) digest() []byte {
	sum := sha256.Sum256([]byte(c.hardware.GetSerial()))
	return sum[:16]
}

func (c *caller) inventory() *nattevaktv1.ReportRequest {
	digest := c.digest()
	return &nattevaktv1.ReportRequest{Digest: digest, CollectedAt: timestamppb.Now(), Sections: []*nattevaktv1.Section{{
		Name: "identity", Digest: digest,
		Content: &nattevaktv1.Section_Inventory{Inventory: &nattevaktv1.Inventory{Identity: c.hardware}},
	}}}
}

// remembered checks in with what was acknowledged: the control plane must know the machine and hold its
// report.
func (c *caller) remembered(ctx context.Context) error {
	return c.connected(ctx, func(ctx context.Context, client nattevaktv1.CheckInServiceClient) error {
		var digest []byte
		if c.reported.Load() {
			digest = c.digest()
		}
		wanted, err := c.checkIn(ctx, client, digest)
		if err != nil {
			return fmt.Errorf("device %s was acknowledged and now hears: %w", c.device, err)
		}
		if wanted {
			return fmt.Errorf("the report of device %s was acknowledged and is asked for again", c.device)
		}
		return nil
	})
}
