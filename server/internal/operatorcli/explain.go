package operatorcli

import (
	"context"
	"errors"
	"io"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// errorDomain is the domain of the google.rpc.ErrorInfo that the control plane sends.
const errorDomain = "nattevakt"

func (c *CLI) explainUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return c.explain(call(ctx, method, req, reply, cc, opts...))
}

func (c *CLI) explainStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, c.explain(err)
	}
	return explained{s, c}, nil
}

type explained struct {
	grpc.ClientStream
	c *CLI
}

func (e explained) RecvMsg(m any) error {
	err := e.ClientStream.RecvMsg(m)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return e.c.explain(err)
}

// explanation is what one gRPC code means to a person.
type explanation struct {
	exit                           exitCode
	whatNB, whatEN, nextNB, nextEN string
	unsure                         bool // the change may have been made
	quote                          bool // the server's words add something
}

var explanations = map[codes.Code]explanation{
	codes.NotFound:           {exit: exitNotFound, whatNB: "det finnes ikke", whatEN: "it does not exist", nextNB: "Se hva som finnes med kommandoene som slutter på list.", nextEN: "See what exists with the commands that end in list.", quote: true},
	codes.AlreadyExists:      {exit: exitConflict, whatNB: "det finnes fra før", whatEN: "it exists already", nextNB: "Ingenting er endret.", nextEN: "Nothing has been changed.", quote: true},
	codes.Aborted:            {exit: exitConflict, whatNB: "noen andre endret det samtidig", whatEN: "somebody else changed it meanwhile", nextNB: "Kjør kommandoen en gang til.", nextEN: "Run the command again.", quote: true},
	codes.FailedPrecondition: {exit: exitConflict, whatNB: "det lar seg ikke gjøre slik ting står nå", whatEN: "it cannot be done as things stand", quote: true},
	codes.InvalidArgument:    {exit: exitUsage, whatNB: "kontrollplanet kan ikke bruke opplysningene", whatEN: "the control plane cannot use what was given", nextNB: "Ingenting er endret. Rett opplysningene, og kjør kommandoen en gang til.", nextEN: "Nothing has been changed. Correct it and run the command again.", quote: true},
	codes.PermissionDenied:   {exit: exitRefused, whatNB: "operatørfilen gir ikke adgang til dette", whatEN: "the operator file does not allow this", nextNB: "Be om en operatørfil som gjør det.", nextEN: "Ask for an operator file that does.", quote: true},
	codes.Unauthenticated:    {exit: exitRefused, whatNB: "kontrollplanet kjenner ikke igjen operatørfilen", whatEN: "the control plane does not recognise the operator file", nextNB: "Be om en ny operatørfil.", nextEN: "Ask for a new operator file."},
	codes.ResourceExhausted:  {exit: exitFailed, whatNB: "kontrollplanet har ikke plass eller tid til det nå", whatEN: "the control plane has no room or time for it now", nextNB: "Vent litt og prøv igjen. Gjelder det lagringsplass, må noen rydde på tjeneren først.", nextEN: "Wait a little and try again. If it is about storage, somebody must make room on the server first.", quote: true},
	codes.Unimplemented:      {exit: exitFailed, whatNB: "kontrollplanet kjenner ikke denne kommandoen", whatEN: "the control plane does not know this command", nextNB: "Kontrollplanet er eldre enn dette programmet. Bruk samme utgave begge steder.", nextEN: "The control plane is older than this program. Use the same version on both sides."},
	codes.Unavailable:        {exit: exitUnreachable, whatNB: "forbindelsen til kontrollplanet ble brutt", whatEN: "the connection to the control plane broke", unsure: true, quote: true},
	codes.DeadlineExceeded:   {exit: exitUnreachable, whatNB: "kontrollplanet svarte ikke i tide", whatEN: "the control plane did not answer in time", unsure: true},
}

// explain turns an error of a call into a fault.
func (c *CLI) explain(err error) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err)
	if why := reasonOf(s); why != reason.None {
		return c.refusal(why)
	}
	x, known := explanations[s.Code()]
	if !known {
		x = explanation{
			exit: exitFailed, whatNB: "det oppsto en feil i kontrollplanet", whatEN: "the control plane ran into an error", unsure: true, quote: true,
		}
	}
	f := &fault{code: x.exit, what: c.t(x.whatNB, x.whatEN), next: c.t(x.nextNB, x.nextEN)}
	if x.quote && s.Message() != "" {
		f.cause = errors.New(s.Message())
	}
	if x.unsure {
		f.safe = c.t("Det er uvisst om det ble gjort.", "It is not certain whether it was done.")
		f.next = c.t("Se etter med list eller status. Loggen til kontrollplanet sier mer.", "Look with list or status. The log of the control plane says more.")
	}
	return f
}

func reasonOf(s *status.Status) reason.Code {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == errorDomain {
			if n, ok := nattevaktv1.Reason_value[info.GetReason()]; ok {
				return reason.Of(nattevaktv1.Reason(n))
			}
		}
	}
	return reason.None
}

// refusal gives a reason's own sentence and next step. The reasons of an identity are worded for a machine;
// here it is the operator's.
func (c *CLI) refusal(why reason.Code) *fault {
	f := &fault{
		code: exitRefused, reason: why.String(), safe: c.t("Ingenting er endret.", "Nothing has been changed."),
		what: why.Sentence(string(c.lang)), next: why.NextStep(string(c.lang)),
	}
	switch why {
	case reason.IdentityRevoked:
		f.what, f.next = c.t("operatørfilen er sperret eller erstattet av en nyere", "the operator file has been revoked or replaced by a newer one"), c.newFile()
	case reason.CertificateExpired:
		f.what, f.next = c.t("operatørfilen har gått ut på dato", "the operator file has run out"), c.newFile()
	case reason.ForeignCertificate, reason.UnknownDevice:
		f.what, f.next = c.t("operatørfilen hører til en annen Nattevakt", "the operator file belongs to another Nattevakt"), c.newFile()
	}
	return f
}
