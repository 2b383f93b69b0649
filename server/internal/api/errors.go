package api

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/store"
)

// ErrorDomain is the domain of every google.rpc.ErrorInfo that Nattevakt sends.
const ErrorDomain = "nattevakt"

var errNotYours = errors.New("this certificate's role may not call this method")

// statusOf gives the gRPC form of an error of control. What it does not know is internal: the log has it,
// the caller only learns that it was not their doing.
func statusOf(err error) error {
	var refusal *control.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		s := status.New(codes.PermissionDenied, refusal.Error())
		if d, derr := s.WithDetails(&errdetails.ErrorInfo{Domain: ErrorDomain, Reason: refusal.Reason.Proto().String()}); derr == nil {
			s = d
		}
		return s.Err()
	case errors.Is(err, errNotYours):
		return status.Error(codes.PermissionDenied, err.Error())
	case errors.Is(err, control.ErrNotFound):
		return status.Error(codes.NotFound, err.Error())
	case errors.Is(err, control.ErrExists):
		return status.Error(codes.AlreadyExists, err.Error())
	case errors.Is(err, control.ErrInvalid), errors.Is(err, store.ErrInvalid):
		return status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, store.ErrFull):
		return status.Error(codes.ResourceExhausted, err.Error())
	case errors.Is(err, store.ErrConflict):
		return status.Error(codes.Aborted, err.Error())
	case errors.Is(err, store.ErrBroken), errors.Is(err, store.ErrClosed):
		return status.Error(codes.Unavailable, err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Internal, err.Error())
}
