package controltest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// DeviceID is the identity that the default answers give to every machine.
const DeviceID = "7b0e1c1e-6f0a-4a52-9a3f-0d2b6a1c9e55"

// Server is the control plane. The On functions may be replaced before Start or under Do; each gets a
// request of its own and may block.
type Server struct {
	v1.UnimplementedEnrollmentServiceServer
	v1.UnimplementedCheckInServiceServer

	CA *CA
	// Certificate is the server's own; a fresh one by default.
	Certificate tls.Certificate
	// DeviceLife is how long issued certificates are valid.
	DeviceLife time.Duration

	OnEnroll  func(*v1.EnrollRequest) (*v1.EnrollResponse, error)
	OnRenew   func(*x509.Certificate, *v1.RenewRequest) (*v1.RenewResponse, error)
	OnCheckIn func(*v1.CheckInRequest) (*v1.CheckInResponse, error)
	OnReport  func(*v1.ReportRequest) (*v1.ReportResponse, error)

	tb   testing.TB
	mu   sync.Mutex // guards the On functions and what follows
	grpc *grpc.Server
	addr string

	enrolls  []*v1.EnrollRequest
	renews   []*v1.RenewRequest
	checkIns []*v1.CheckInRequest
	reports  []*v1.ReportRequest
	// connections counts TLS connections, resumed those that took up an earlier session.
	connections, resumed int
}

// New makes a server that lets everybody in and asks for a check-in every 50 ms.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{CA: NewCA(tb), DeviceLife: 180 * 24 * time.Hour, tb: tb}
	s.Certificate = s.CA.Server(time.Now().Add(-time.Hour), time.Now().AddDate(0, 3, 0))
	s.OnEnroll = func(req *v1.EnrollRequest) (*v1.EnrollResponse, error) { return s.Issue(req.GetCsr()) }
	s.OnRenew = func(_ *x509.Certificate, req *v1.RenewRequest) (*v1.RenewResponse, error) {
		issued, err := s.Issue(req.GetCsr())
		return &v1.RenewResponse{Issued: issued.GetIssued()}, err
	}
	s.OnCheckIn = func(*v1.CheckInRequest) (*v1.CheckInResponse, error) { return Answer(50 * time.Millisecond), nil }
	s.OnReport = func(*v1.ReportRequest) (*v1.ReportResponse, error) { return &v1.ReportResponse{}, nil }
	return s
}

// Answer is an ordinary check-in answer with the right time.
func Answer(next time.Duration) *v1.CheckInResponse {
	now := timestamppb.Now()
	return &v1.CheckInResponse{
		NextInMs: uint32(next.Milliseconds()), //nolint:gosec // a test's own number
		Clock:    &v1.ServerClock{Time: now, Rate: 1, Wall: now},
	}
}

// Refuse is the error the control plane refuses an identity with.
func Refuse(code codes.Code, reason v1.Reason) error {
	st, err := status.New(code, "refused").WithDetails(&errdetails.ErrorInfo{Domain: "nattevakt", Reason: reason.String()})
	if err != nil {
		return err
	}
	return st.Err()
}

// Issue signs a request for DeviceLife from an hour ago.
func (s *Server) Issue(csr []byte) (*v1.EnrollResponse, error) {
	parsed, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if err := parsed.CheckSignature(); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	from := time.Now().Add(-time.Hour)
	return &v1.EnrollResponse{Outcome: &v1.EnrollResponse_Issued{Issued: &v1.Issued{
		DeviceId:     DeviceID,
		Certificates: s.CA.Device(parsed.PublicKey, DeviceID, from, from.Add(s.DeviceLife)),
		ServerTime:   timestamppb.Now(),
	}}}, nil
}

// Start listens on a free port of 127.0.0.1, or on the address it had before Stop.
func (s *Server) Start() *Server {
	s.tb.Helper()
	addr := s.Address()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		s.tb.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(s.tlsConfig())))
	v1.RegisterEnrollmentServiceServer(server, s)
	v1.RegisterCheckInServiceServer(server, s)
	s.Do(func() { s.grpc, s.addr = server, listener.Addr().String() })
	go func() { _ = server.Serve(listener) }()
	s.tb.Cleanup(server.Stop)
	return s
}

func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{s.Certificate}, ClientAuth: tls.RequestClientCert,
		VerifyConnection: func(c tls.ConnectionState) error {
			s.Do(func() {
				s.connections++
				if c.DidResume {
					s.resumed++
				}
			})
			return nil
		},
	}
}

// Stop goes away at once, as a server that lost power.
func (s *Server) Stop() {
	s.mu.Lock()
	server := s.grpc
	s.mu.Unlock()
	server.Stop()
}

// Forget makes the next Start choose another port.
func (s *Server) Forget() { s.Do(func() { s.addr = "" }) }

// Address is host:port, empty before Start.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Do runs change while no request is being looked at.
func (s *Server) Do(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Connections tells how many connections came, and how many of them resumed a session.
func (s *Server) Connections() (all, resumed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections, s.resumed
}

// Enrolls gives the Enroll requests so far.
func (s *Server) Enrolls() []*v1.EnrollRequest { return copied(s, &s.enrolls) }

// Renews gives the Renew requests so far.
func (s *Server) Renews() []*v1.RenewRequest { return copied(s, &s.renews) }

// CheckIns gives the CheckIn requests so far.
func (s *Server) CheckIns() []*v1.CheckInRequest { return copied(s, &s.checkIns) }

// Reports gives the Report requests so far.
func (s *Server) Reports() []*v1.ReportRequest { return copied(s, &s.reports) }

func copied[M proto.Message](s *Server, from *[]M) []M {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]M(nil), *from...)
}

// Enroll answers with OnEnroll.
func (s *Server) Enroll(_ context.Context, req *v1.EnrollRequest) (*v1.EnrollResponse, error) {
	s.mu.Lock()
	s.enrolls = append(s.enrolls, req)
	answer := s.OnEnroll
	s.mu.Unlock()
	return answer(req)
}

// Renew answers with OnRenew; without a client certificate it is refused.
func (s *Server) Renew(ctx context.Context, req *v1.RenewRequest) (*v1.RenewResponse, error) {
	cert := client(ctx)
	if cert == nil {
		return nil, status.Error(codes.Unauthenticated, "no certificate")
	}
	s.mu.Lock()
	s.renews = append(s.renews, req)
	answer := s.OnRenew
	s.mu.Unlock()
	return answer(cert, req)
}

// CheckIn answers with OnCheckIn; without a valid client certificate it is refused.
func (s *Server) CheckIn(ctx context.Context, req *v1.CheckInRequest) (*v1.CheckInResponse, error) {
	if err := valid(client(ctx)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.checkIns = append(s.checkIns, req)
	answer := s.OnCheckIn
	s.mu.Unlock()
	return answer(req)
}

// Report answers with OnReport; without a valid client certificate it is refused.
func (s *Server) Report(ctx context.Context, req *v1.ReportRequest) (*v1.ReportResponse, error) {
	if err := valid(client(ctx)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.reports = append(s.reports, req)
	answer := s.OnReport
	s.mu.Unlock()
	return answer(req)
}

func client(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return nil
	}
	return info.State.PeerCertificates[0]
}

func valid(cert *x509.Certificate) error {
	switch {
	case cert == nil:
		return status.Error(codes.Unauthenticated, "no certificate")
	case time.Now().After(cert.NotAfter):
		return Refuse(codes.Unauthenticated, v1.Reason_REASON_CERTIFICATE_EXPIRED)
	}
	return nil
}
