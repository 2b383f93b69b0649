package api

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/ca"
)

// logger lets the logging interceptor write to slog. Failures of the server's own making are errors; a
// refused caller is news, not an error.
func logger(l *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(ctx context.Context, lvl logging.Level, msg string, fields ...any) {
		l.Log(ctx, slog.Level(lvl), msg, fields...)
	})
}

// callerFields names the call and who makes it in the log.
func callerFields(ctx context.Context) logging.Fields {
	f := logging.Fields{"request", uuid.NewString()}
	info, _ := caller(ctx)
	if info.who == nil {
		return f
	}
	if info.who.Role == ca.Device {
		return append(f, "device", info.who.Device.String())
	}
	return append(f, "operator", info.who.Name)
}

// limiter slows one device that calls too often, and all those together that have no certificate.
type limiter struct {
	perDevice Limit
	strangers *rate.Limiter
}

// newStrangers lets a county's worth of new machines in within minutes and no more: each costs the
// server a signature and an fsync.
func newStrangers() *rate.Limiter { return rate.NewLimiter(100, 1000) }

// Limit is the ratelimit interceptor's question.
func (l limiter) Limit(ctx context.Context) error {
	info, _ := caller(ctx)
	if info.who == nil {
		if l.strangers.Allow() {
			return nil
		}
		return status.Error(codes.ResourceExhausted, "too many machines without a certificate at once; try again in a minute")
	}
	if info.who.Allow(l.perDevice, time.Now()) {
		return nil
	}
	return status.Error(codes.ResourceExhausted, "this device calls too often; it was told when to come back")
}

// sizeInterceptor bounds what devices send more tightly than what operators may.
func sizeInterceptor(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if info.FullMethod == nattevaktv1.CheckInService_Report_FullMethodName {
		if size := proto.Size(req.(proto.Message)); size > maxDeviceMessage {
			return nil, status.Errorf(codes.ResourceExhausted, "report of %d bytes: at most %d", size, maxDeviceMessage)
		}
	}
	return next(ctx, req)
}
