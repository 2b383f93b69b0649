package api

import (
	"context"
	"strings"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// who may call.
type access uint8

const (
	anyone    access = iota + 1 // no certificate needed
	renewing                    // a device certificate, even one that ran out
	devices                     // a device certificate
	operators                   // an operator certificate
	either                      // a certificate of the fleet
)

// rules is the authorisation table: whole services, and methods where they differ from their service.
// A method without a row is closed.
var rules = map[string]access{
	nattevaktv1.EnrollmentService_Enroll_FullMethodName: anyone,
	nattevaktv1.EnrollmentService_Renew_FullMethodName:  renewing,

	service(&nattevaktv1.CheckInService_ServiceDesc):         devices,
	service(&operatorv1.FleetService_ServiceDesc):            operators,
	service(&operatorv1.TokenService_ServiceDesc):            operators,
	service(&operatorv1.NightService_ServiceDesc):            operators,
	service(&operatorv1.MaintenanceService_ServiceDesc):      operators,
	service(&reflectionv1.ServerReflection_ServiceDesc):      operators,
	service(&reflectionv1alpha.ServerReflection_ServiceDesc): operators,
	service(&healthv1.Health_ServiceDesc):                    either,
}

func service(d *grpc.ServiceDesc) string { return "/" + d.ServiceName + "/" }

func ruleOf(method string) access {
	if a, ok := rules[method]; ok {
		return a
	}
	return rules[method[:strings.LastIndexByte(method, '/')+1]]
}

// authorise is the go-grpc-middleware auth function: it lets the call through or says why not.
func authorise(ctx context.Context) (context.Context, error) {
	method, _ := grpc.Method(ctx)
	info, ok := caller(ctx)
	if !ok {
		return ctx, statusOf(&control.Refusal{Reason: reason.ForeignCertificate})
	}
	if why := allowed(ruleOf(method), info); why != nil {
		return ctx, statusOf(why)
	}
	return ctx, nil
}

func allowed(rule access, info authInfo) error {
	if rule == anyone {
		return nil
	}
	if info.refusal != nil {
		return info.refusal
	}
	who := info.who
	if who == nil {
		return &control.Refusal{Reason: reason.UnknownDevice}
	}
	if who.Expired && rule != renewing {
		return &control.Refusal{Reason: reason.CertificateExpired}
	}
	ok := false
	switch rule {
	case renewing, devices:
		ok = who.Role == ca.Device
	case operators:
		ok = who.Role == ca.Operator
	case either:
		ok = true
	}
	if !ok {
		return errNotYours
	}
	return nil
}

// quiet leaves the hot path out of an interceptor.
func quiet(_ context.Context, c interceptors.CallMeta) bool {
	return c.FullMethod() != nattevaktv1.CheckInService_CheckIn_FullMethodName
}
