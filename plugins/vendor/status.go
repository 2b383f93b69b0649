package vendor

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// kinds are the errors that keep their kind over the wire.
var kinds = []struct {
	err  error
	code codes.Code
}{
	{ErrCatalogue, codes.InvalidArgument},
	{ErrNoCatalogue, codes.FailedPrecondition},
	{context.DeadlineExceeded, codes.DeadlineExceeded},
	{context.Canceled, codes.Canceled},
}

func toStatus(err error) error {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return status.Error(k.code, err.Error())
		}
	}
	return status.Error(codes.Unknown, err.Error())
}

// wireError is an error that came over the wire: the text of the other side, and its kind if it has one.
type wireError struct {
	text string
	kind error
	// status keeps the gRPC code for those who ask for it (a lost connection, say).
	status *status.Status
}

func (e *wireError) Error() string              { return e.text }
func (e *wireError) Unwrap() error              { return e.kind }
func (e *wireError) GRPCStatus() *status.Status { return e.status }

func fromStatus(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return fmt.Errorf("call plugin: %w", err)
	}
	w := &wireError{text: s.Message(), status: s}
	for _, k := range kinds {
		if s.Code() == k.code {
			w.kind = k.err
		}
	}
	return w
}
