package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/proto/capability"
	"github.com/nattevakt/nattevakt/proto/id"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// machines are the devices that a script plays. They speak the real contract with identities of their
// own; what they say about disks they make up.
type machines struct{ byName map[string]*machine }

type machine struct {
	host     string
	hardware *nattevaktv1.HardwareIdentity
	boot     [16]byte
	seq      uint64
	number   uint32
	calls    nattevaktv1.CheckInServiceClient
}

// bootstrapFile is the part of the file that a machine needs.
type bootstrapFile struct {
	Server    string `json:"server"`
	CA        string `json:"ca"`
	SiteToken string `json:"site_token"`
}

// enrolMachines lets machines in: enrol BOOTSTRAP HOST...
func enrolMachines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: enrol BOOTSTRAP HOST...")
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	var boot bootstrapFile
	ts.Check(json.Unmarshal(b, &boot))
	all := ts.Value("machines").(*machines)
	for _, host := range args[1:] {
		m, err := enrol(boot, host)
		if err != nil {
			ts.Fatalf("enrol %s: %v", host, err)
		}
		all.byName[host] = m
	}
}

func enrol(boot bootstrapFile, host string) (*machine, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	m := &machine{host: host, hardware: &nattevaktv1.HardwareIdentity{
		Vendor: "Dell", Product: "Latitude 3140", ModelKey: "0C0D", Serial: "SN-" + strings.ToUpper(host),
		FormFactor: nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
	}}
	if _, err := rand.Read(m.boot[:]); err != nil {
		return nil, err
	}
	stranger, err := dialAs(boot, nil)
	if err != nil {
		return nil, err
	}
	defer stranger.Close()
	ctx, cancel := context.WithTimeout(context.Background(), awaitTime)
	defer cancel()
	resp, err := nattevaktv1.NewEnrollmentServiceClient(stranger).Enroll(ctx, &nattevaktv1.EnrollRequest{
		CapabilityVersion: uint32(capability.Current), Csr: csr, SiteToken: boot.SiteToken, Hardware: m.hardware, Hostname: host,
	})
	if err != nil {
		return nil, err
	}
	if resp.GetIssued() == nil {
		return nil, fmt.Errorf("must wait: %v", resp.GetPending().GetReason())
	}
	conn, err := dialAs(boot, &tls.Certificate{Certificate: resp.GetIssued().GetCertificates(), PrivateKey: key})
	if err != nil {
		return nil, err
	}
	m.calls = nattevaktv1.NewCheckInServiceClient(conn)
	_, err = m.checkIn()
	return m, err
}

func dialAs(boot bootstrapFile, own *tls.Certificate) (*grpc.ClientConn, error) {
	block, _ := pem.Decode([]byte(boot.CA))
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	host, _, err := net.SplitHostPort(boot.Server)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS13}
	if own != nil {
		config.Certificates = []tls.Certificate{*own}
	}
	return grpc.NewClient("passthrough:///"+boot.Server, grpc.WithTransportCredentials(credentials.NewTLS(config)))
}

func (m *machine) checkIn(progress ...*nattevaktv1.JobProgress) (*nattevaktv1.CheckInResponse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), awaitTime)
	defer cancel()
	m.seq++
	digest := id.Hardware(m.hardware)
	return m.calls.CheckIn(ctx, &nattevaktv1.CheckInRequest{
		CapabilityVersion: uint32(capability.Current), Seq: m.seq, BootId: m.boot[:], HardwareDigest: digest[:],
		DeviceTime: timestamppb.Now(), Progress: progress, Vitals: &nattevaktv1.Vitals{HasBattery: true, OnAc: true, BatteryPercent: 80},
	})
}

// workMachines does tonight's jobs: work HOST=done|broken...
func workMachines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: work HOST=done|broken...")
	}
	all := ts.Value("machines").(*machines)
	var g errgroup.Group
	for _, arg := range args {
		host, outcome, _ := strings.Cut(arg, "=")
		m := all.byName[host]
		if m == nil {
			ts.Fatalf("machine %s is not enrolled", host)
		}
		g.Go(func() error { return m.work(outcome == "done") })
	}
	ts.Check(g.Wait())
}

// work waits until the machine may begin and carries out its job.
func (m *machine) work(succeed bool) error {
	a, err := m.granted()
	if err != nil {
		return fmt.Errorf("%s: %w", m.host, err)
	}
	for _, phase := range a.GetPhases() {
		for _, state := range []nattevaktv1.PhaseState{nattevaktv1.PhaseState_PHASE_STATE_RUNNING, nattevaktv1.PhaseState_PHASE_STATE_DONE} {
			p := m.progress(a, phase, state)
			broken := !succeed && phase == nattevaktv1.Phase_PHASE_WRITE
			if broken {
				p.State, p.Reason = nattevaktv1.PhaseState_PHASE_STATE_FAILED, nattevaktv1.Reason_REASON_DISK_TOO_SMALL
			}
			if _, err := m.checkIn(p); err != nil || broken {
				return err
			}
		}
	}
	return nil
}

func (m *machine) progress(a *nattevaktv1.Assignment, phase nattevaktv1.Phase, state nattevaktv1.PhaseState) *nattevaktv1.JobProgress {
	m.number++
	return &nattevaktv1.JobProgress{
		JobId: a.GetJobId(), Attempt: a.GetAttempt(), Number: m.number, Phase: phase, State: state,
		DoneBytes: 1 << 20, TotalBytes: 1 << 20, FetchedBytes: 1 << 20, At: timestamppb.Now(),
	}
}

func (m *machine) granted() (*nattevaktv1.Assignment, error) {
	for end := time.Now().Add(awaitTime); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		resp, err := m.checkIn()
		if err != nil {
			return nil, err
		}
		if a := resp.GetAssignment(); a.GetGranted() {
			return a, nil
		}
	}
	return nil, errors.New("was never let to begin")
}
