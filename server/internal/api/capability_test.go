package api_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/nattevakt/nattevakt/proto/capability"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// recorded are the requests that agents of each capability version really sent; agents record them.
const recorded = "../../../agent/cmd/nattevakt-agent/testdata"

// An agent in the field must go on being understood: its requests still parse and pass validation, and a
// machine that introduces itself as it did gets in and is answered.
func TestOldAgentsAreUnderstood(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(recorded, "capability-*"))
	if err != nil || len(folders) != int(capability.Current-capability.Minimum)+1 {
		t.Fatalf("recorded are %v (%v); every version from %d to %d must be", folders, err, capability.Minimum, capability.Current)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			enroll, checkIn, report := &nattevaktv1.EnrollRequest{}, &nattevaktv1.CheckInRequest{}, &nattevaktv1.ReportRequest{}
			read(t, filepath.Join(folder, "enroll.json"), enroll)
			read(t, filepath.Join(folder, "checkin.json"), checkIn)
			read(t, filepath.Join(folder, "report.json"), report)
			play(t, enroll, checkIn, report)
		})
	}
}

func read(t *testing.T, path string, into proto.Message) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := protovalidate.Validate(into); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}

func play(t *testing.T, enroll *nattevaktv1.EnrollRequest, checkIn *nattevaktv1.CheckInRequest, report *nattevaktv1.ReportRequest) {
	t.Helper()
	h := newHouse(t)
	h.places()
	m := h.machine("OLD0001")
	m.hardware = enroll.GetHardware()
	enroll.SiteToken, enroll.Csr = h.token(1), m.request("").GetCsr() // the recorded ones were for another fleet
	out, err := h.stranger().Enroll(t.Context(), enroll)
	if err != nil {
		t.Fatalf("enrol: %v", err)
	}
	m.take(out.GetIssued())
	checkIn.HardwareDigest = m.call().GetHardwareDigest()
	if got, err := m.client.CheckIn(t.Context(), checkIn); err != nil || !got.GetWantReport() {
		t.Errorf("check in: %v, %v", got, err)
	}
	if _, err := m.client.Report(t.Context(), report); err != nil {
		t.Errorf("report: %v", err)
	}
}

func TestAgentThatIsTooOld(t *testing.T) {
	if capability.Supported(capability.Minimum - 1) {
		t.Error("a version before the minimum is supported")
	}
	if !capability.Supported(capability.Current + 1) {
		t.Error("a newer agent is turned away")
	}
	h := newHouse(t)
	h.places()
	req := h.machine("OLD0002").request(h.token(1))
	req.CapabilityVersion = uint32(capability.Minimum) - 1
	if _, err := h.stranger().Enroll(t.Context(), req); err == nil || !strings.Contains(err.Error(), "capability_version") {
		t.Errorf("got %v", err)
	}
}
