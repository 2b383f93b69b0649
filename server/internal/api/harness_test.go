package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nattevakt/nattevakt/proto/capability"
	"github.com/nattevakt/nattevakt/proto/id"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/api"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// house is a whole control plane on loopback: real store, real authority, real TLS.
type house struct {
	t        *testing.T
	dir      string
	ca       *ca.CA
	store    *bolt.Store
	plane    *control.Plane
	addr     string
	operator *grpc.ClientConn
	clock    control.Clock
	limit    control.Limit
	stop     func()
}

// published answers for releases that are "published" by name; signatures are tested where they are made.
type published map[string]int64

func (p published) Release(_ context.Context, image, release string) ([]byte, int64, error) {
	size, ok := p[image+"/"+release]
	if !ok {
		return nil, 0, fmt.Errorf("release %s: %w", release, control.ErrNotFound)
	}
	return make([]byte, 32), size, nil
}

func newHouse(t *testing.T) *house { return open(t, &house{}, 0) }

// newHouseOfAge has an authority that was made a while ago.
func newHouseOfAge(t *testing.T, age time.Duration) *house { return open(t, &house{}, age) }

// newHouseWithClock lives in a demonstration's time.
func newHouseWithClock(t *testing.T, c control.Clock) *house { return open(t, &house{clock: c}, 0) }

func open(t *testing.T, h *house, age time.Duration) *house {
	t.Helper()
	h.t, h.dir = t, t.TempDir()
	if _, _, err := ca.Open(filepath.Join(h.dir, "ca"), ca.Options{}, time.Now().Add(-age)); err != nil {
		t.Fatal(err)
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	h.operator = h.connect(h.operatorCert("admin"))
	return h
}

func (h *house) start() {
	t := h.t
	t.Helper()
	var err error
	if h.ca, _, err = ca.Open(filepath.Join(h.dir, "ca"), ca.Options{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if h.store, err = bolt.Open(filepath.Join(h.dir, "nattevakt.db"), bolt.Options{}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	h.plane, err = control.Open(t.Context(), control.Options{
		Store: h.store, CA: h.ca, Dir: h.dir, Clock: h.clock, Log: log,
		Pace:     control.Pace{Idle: time.Minute, Busy: 50 * time.Millisecond},
		Releases: published{"skole/v1": 64 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = l.Addr().String()
	server, err := api.New(api.Options{
		Plane: h.plane, TLS: h.serverTLS(), Info: api.Info{Version: "test", AgentAddresses: []string{h.addr}, ContentAddress: "https://127.0.0.1:1/content/", RootDER: h.ca.Root().Raw, ReleaseThreshold: 1},
		Limit: h.limit, Backup: h.store, Metrics: prometheus.NewRegistry(), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l) // ends with Stop
	h.stop = func() {
		server.Stop()
		if err := errors.Join(h.plane.Close(), h.store.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func (h *house) serverTLS() *tls.Config {
	key := newKey(h.t)
	chain, _, err := h.ca.Issue(ca.Subject{Role: ca.Server, Name: "server", Hosts: []string{"127.0.0.1"}}, key.Public(), time.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: key}},
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (h *house) operatorCert(name string) *tls.Certificate {
	h.t.Helper()
	key := newKey(h.t)
	chain, err := h.plane.CertifyOperator(h.t.Context(), name, key.Public())
	if err != nil {
		h.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key}
}

// connect dials with a certificate, or without one.
func (h *house) connect(cert *tls.Certificate) *grpc.ClientConn {
	h.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(h.ca.Root())
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	cc, err := grpc.NewClient("passthrough:///"+h.addr, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = cc.Close() })
	return cc
}

func (h *house) fleet() operatorv1.FleetServiceClient {
	return operatorv1.NewFleetServiceClient(h.operator)
}
func (h *house) tokens() operatorv1.TokenServiceClient {
	return operatorv1.NewTokenServiceClient(h.operator)
}
func (h *house) nights() operatorv1.NightServiceClient {
	return operatorv1.NewNightServiceClient(h.operator)
}
func (h *house) stranger() nattevaktv1.EnrollmentServiceClient {
	return nattevaktv1.NewEnrollmentServiceClient(h.connect(nil))
}

// places makes an owner with one school and one cabinet.
func (h *house) places() {
	h.t.Helper()
	ctx := h.t.Context()
	_, err1 := h.fleet().CreateOwner(ctx, &operatorv1.CreateOwnerRequest{Owner: &operatorv1.Owner{Id: "nordvik", Name: "Nordvik kommune"}})
	_, err2 := h.fleet().CreateSite(ctx, &operatorv1.CreateSiteRequest{Site: &operatorv1.Site{Id: "solvang", Name: "Solvang skole", OwnerId: "nordvik"}})
	_, err3 := h.fleet().CreateCabinet(ctx, &operatorv1.CreateCabinetRequest{Cabinet: &operatorv1.Cabinet{Id: "solvang-a", Name: "Skap A", SiteId: "solvang", Slots: 30}})
	if err := errors.Join(err1, err2, err3); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) token(uses uint32) string {
	h.t.Helper()
	out, err := h.tokens().CreateToken(h.t.Context(), &operatorv1.CreateTokenRequest{SiteId: "solvang", MaxUses: uses, Life: durationpb.New(time.Hour)})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.GetSecret()
}

// machine is one PC as the control plane sees it.
type machine struct {
	h        *house
	hardware *nattevaktv1.HardwareIdentity
	key      *ecdsa.PrivateKey
	cert     *tls.Certificate
	id       string
	boot     []byte
	seq      uint64
	client   nattevaktv1.CheckInServiceClient
	assigned uint64
}

func (h *house) machine(serial string) *machine {
	return &machine{
		h: h, key: newKey(h.t), boot: randomBytes(h.t, 16),
		hardware: &nattevaktv1.HardwareIdentity{
			Vendor: "Dell", Product: "Latitude 5440", ModelKey: "0C00", Serial: serial, SystemUuid: uuidOf(serial),
			FormFactor: nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP,
		},
	}
}

func uuidOf(serial string) string {
	return fmt.Sprintf("4c4c4544-0030-3010-8031-%012x", []byte(serial + "      ")[:6])
}

func randomBytes(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func (m *machine) request(token string) *nattevaktv1.EnrollRequest {
	m.h.t.Helper()
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, m.key)
	if err != nil {
		m.h.t.Fatal(err)
	}
	return &nattevaktv1.EnrollRequest{
		CapabilityVersion: uint32(capability.Current), Csr: csr, SiteToken: token, Hardware: m.hardware, Hostname: "pc-" + m.hardware.GetSerial(),
	}
}

// enroll must succeed.
func (m *machine) enroll(token string) *machine {
	m.h.t.Helper()
	out, err := m.h.stranger().Enroll(m.h.t.Context(), m.request(token))
	if err != nil {
		m.h.t.Fatal(err)
	}
	m.take(out.GetIssued())
	return m
}

func (m *machine) take(i *nattevaktv1.Issued) {
	m.h.t.Helper()
	if i == nil {
		m.h.t.Fatal("no certificate was issued")
	}
	m.id = i.GetDeviceId()
	m.cert = &tls.Certificate{Certificate: i.GetCertificates(), PrivateKey: m.key}
	m.client = nattevaktv1.NewCheckInServiceClient(m.h.connect(m.cert))
}

func (m *machine) call() *nattevaktv1.CheckInRequest {
	m.seq++
	digest := id.Hardware(m.hardware)
	return &nattevaktv1.CheckInRequest{
		CapabilityVersion: uint32(capability.Current), Seq: m.seq, BootId: m.boot, HardwareDigest: digest[:], AssignmentReceived: m.assigned,
	}
}

func (m *machine) checkIn(progress ...*nattevaktv1.JobProgress) (*nattevaktv1.CheckInResponse, error) {
	req := m.call()
	req.Progress = progress
	out, err := m.client.CheckIn(m.h.t.Context(), req)
	if a := out.GetAssignment(); a != nil {
		m.assigned = a.GetRevision()
	}
	if out.GetNoAssignment() {
		m.assigned = 0
	}
	return out, err
}

func (m *machine) mustCheckIn(progress ...*nattevaktv1.JobProgress) *nattevaktv1.CheckInResponse {
	m.h.t.Helper()
	out, err := m.checkIn(progress...)
	if err != nil {
		m.h.t.Fatal(err)
	}
	return out
}

// reasonOf reads the stable reason out of a refusal.
func reasonOf(err error) nattevaktv1.Reason {
	for _, d := range status.Convert(err).Details() {
		if i, ok := d.(*errdetails.ErrorInfo); ok && i.GetDomain() == api.ErrorDomain {
			return nattevaktv1.Reason(nattevaktv1.Reason_value[i.GetReason()])
		}
	}
	return nattevaktv1.Reason_REASON_UNSPECIFIED
}

func wantReason(t *testing.T, err error, want nattevaktv1.Reason) {
	t.Helper()
	if got := reasonOf(err); got != want {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
}
