package api_test

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error { *v.(*[]byte) = b; return nil }
func (rawCodec) Name() string                    { return "proto" }

// Bytes that are no message get an error, and the next caller an answer.
func TestMalformedMessages(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	cc := h.connect(m.cert)
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		b := make([]byte, 1+random.IntN(200))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		var out []byte
		err := cc.Invoke(t.Context(), nattevaktv1.CheckInService_CheckIn_FullMethodName, b, &out, grpc.ForceCodec(rawCodec{}))
		if code := status.Code(err); code != codes.Internal && code != codes.InvalidArgument {
			t.Fatalf("%x: %v", b, err)
		}
	}
	m.mustCheckIn()
}

// Every method of every service, called by everyone who may not.
func TestNobodyCallsWhatIsNotTheirs(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	device, stranger := h.connect(m.cert), h.connect(nil)
	for _, d := range []grpc.ServiceDesc{
		operatorv1.FleetService_ServiceDesc, operatorv1.TokenService_ServiceDesc, operatorv1.MaintenanceService_ServiceDesc,
		operatorv1.NightService_ServiceDesc, nattevaktv1.CheckInService_ServiceDesc, nattevaktv1.EnrollmentService_ServiceDesc,
	} {
		for _, method := range d.Methods {
			full := "/" + d.ServiceName + "/" + method.MethodName
			devices := d.ServiceName == nattevaktv1.CheckInService_ServiceDesc.ServiceName || full == nattevaktv1.EnrollmentService_Renew_FullMethodName
			anyone := full == nattevaktv1.EnrollmentService_Enroll_FullMethodName
			for name, c := range map[string]struct {
				cc   *grpc.ClientConn
				open bool
			}{
				"device": {device, devices || anyone}, "stranger": {stranger, anyone}, "operator": {h.operator, !devices},
			} {
				var out []byte
				err := c.cc.Invoke(t.Context(), full, []byte{}, &out, grpc.ForceCodec(rawCodec{}))
				if refused := status.Code(err) == codes.PermissionDenied; refused == c.open {
					t.Errorf("%s calls %s: %v; open to it: %v", name, full, err, c.open)
				}
			}
		}
	}
}
