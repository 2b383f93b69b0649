package api

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	validator "buf.build/go/protovalidate"
	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/protovalidate"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/ratelimit"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// Limits of the listener.
const (
	maxDeviceMessage = 4 << 20  // a full report with thousands of missing updates is under 1 MiB
	maxStreams       = 8        // a device has one call under way, an operator a few
	window           = 64 << 10 // static windows switch off bandwidth probing: a third fewer bytes
)

// Options for New.
type Options struct {
	Plane *control.Plane
	// TLS is the server's side of the handshake; client certificates are asked for but judged by control.
	TLS *tls.Config
	// Limit is how often one device may call.
	Limit Limit
	Info  Info
	// Backup copies the store; see MaintenanceService.
	Backup  Backuper
	Metrics prometheus.Registerer
	Log     *slog.Logger
}

// Limit is control's.
type Limit = control.Limit

// New makes the gRPC server with all services. The caller serves it on a listener and stops it.
func New(o Options) (*grpc.Server, error) {
	v, err := validator.New()
	if err != nil {
		return nil, fmt.Errorf("message validation: %w", err)
	}
	calls := grpcprom.NewServerMetrics(grpcprom.WithServerHandlingTimeHistogram())
	checkIns := newCheckInMetrics()
	o.Metrics.MustRegister(calls, checkIns.total)
	s := grpc.NewServer(append(transport(o), chain(o, v, calls)...)...)
	nattevaktv1.RegisterEnrollmentServiceServer(s, &enrollment{plane: o.Plane})
	nattevaktv1.RegisterCheckInServiceServer(s, &checkIn{plane: o.Plane, metrics: checkIns, content: o.Info.ContentAddress})
	operatorv1.RegisterFleetServiceServer(s, &fleetService{plane: o.Plane})
	operatorv1.RegisterTokenServiceServer(s, &tokenService{plane: o.Plane, info: o.Info})
	operatorv1.RegisterNightServiceServer(s, &nightService{plane: o.Plane})
	operatorv1.RegisterMaintenanceServiceServer(s, &maintenance{plane: o.Plane, info: o.Info, backup: o.Backup})
	healthv1.RegisterHealthServer(s, health.NewServer())
	reflection.Register(s)
	calls.InitializeMetrics(s)
	return s, nil
}

func transport(o Options) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(creds{config: o.TLS, plane: o.Plane}),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
		grpc.ReadBufferSize(0),
		grpc.WriteBufferSize(4096),
		grpc.NumStreamWorkers(uint32(2 * runtime.GOMAXPROCS(0))),
		grpc.MaxConcurrentStreams(maxStreams),
		// Backups stream out and delivery lists come in whole; everything else is far smaller.
		grpc.MaxRecvMsgSize(20 << 20),
		grpc.MaxHeaderListSize(16 << 10),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: 20 * time.Minute,
			Time:              5 * time.Minute,
			Timeout:           20 * time.Second,
		}),
	}
}

// chain is what every call passes, outermost first.
func chain(o Options, v validator.Validator, calls *grpcprom.ServerMetrics) []grpc.ServerOption {
	hot := selector.MatchFunc(quiet)
	limit := limiter{perDevice: o.Limit, strangers: newStrangers()}
	recovered := recovery.WithRecoveryHandlerContext(func(_ context.Context, p any) error {
		o.Log.Error("a call panicked", "panic", p, "stack", string(debug.Stack()))
		return status.Error(codes.Internal, "internal error; the log of the control plane has the details")
	})
	logged := logging.WithLogOnEvents(logging.FinishCall)
	fields := logging.WithFieldsFromContext(callerFields)
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(
			recovery.UnaryServerInterceptor(recovered),
			selector.UnaryServerInterceptor(calls.UnaryServerInterceptor(), hot),
			selector.UnaryServerInterceptor(logging.UnaryServerInterceptor(logger(o.Log), logged, fields), hot),
			auth.UnaryServerInterceptor(authorise),
			ratelimit.UnaryServerInterceptor(limit),
			sizeInterceptor,
			protovalidate.UnaryServerInterceptor(v),
		),
		grpc.ChainStreamInterceptor(
			recovery.StreamServerInterceptor(recovered),
			calls.StreamServerInterceptor(),
			logging.StreamServerInterceptor(logger(o.Log), logged, fields),
			auth.StreamServerInterceptor(authorise),
			ratelimit.StreamServerInterceptor(limit),
			protovalidate.StreamServerInterceptor(v),
		),
	}
}
