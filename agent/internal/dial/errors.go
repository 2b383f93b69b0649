package dial

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// Domain is the google.rpc.ErrorInfo domain of the control plane's reasons; the info's reason is the
// name of a v1.Reason.
const Domain = "nattevakt"

// Refused means that the control plane answered, and the answer was no. Asking again soon cannot help.
type Refused struct {
	// Reason is None where the control plane, or its TLS, gave none.
	Reason  reason.Code
	Message string
}

func (e *Refused) Error() string {
	if e.Reason == reason.None {
		return "refused by the control plane: " + e.Message
	}
	return fmt.Sprintf("refused by the control plane (%s): %s", e.Reason, e.Message)
}

// Away means that no address gave an answer that could be used. It may pass.
type Away struct {
	// Address is the last one tried.
	Address string
	Err     error
}

func (e *Away) Error() string { return fmt.Sprintf("call %s: %v", e.Address, e.Err) }

func (e *Away) Unwrap() error { return e.Err }

func classify(err error, address string) error {
	st := status.Convert(err)
	if code, ok := reasonOf(st); ok {
		return &Refused{Reason: code, Message: st.Message()}
	}
	switch st.Code() {
	case codes.Unauthenticated, codes.PermissionDenied:
		return &Refused{Message: st.Message()}
	case codes.Unavailable:
		// A control plane that refuses a certificate in its TLS ends the connection with an alert.
		if strings.Contains(st.Message(), "remote error: tls:") {
			return &Refused{Message: st.Message()}
		}
	}
	return &Away{Address: address, Err: err}
}

func reasonOf(st *status.Status) (reason.Code, bool) {
	for _, detail := range st.Details() {
		info, ok := detail.(*errdetails.ErrorInfo)
		if !ok || info.GetDomain() != Domain {
			continue
		}
		number, known := v1.Reason_value[info.GetReason()]
		return reason.Of(v1.Reason(number)), known
	}
	return reason.None, false
}
