package api_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/proto/capability"
	"github.com/nattevakt/nattevakt/proto/id"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

func TestEnrolAndCheckIn(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	out := m.mustCheckIn()
	if out.GetWantReport() || out.GetAssignment() != nil || out.GetNextInMs() == 0 {
		t.Errorf("first check-in: %v", out)
	}
	d, err := h.fleet().GetDevice(t.Context(), &operatorv1.GetDeviceRequest{Device: "aaa0001"})
	if err != nil {
		t.Fatal(err)
	}
	got := d.GetDevice()
	if got.GetState() != operatorv1.DeviceState_DEVICE_STATE_ACTIVE || got.GetSiteId() != "solvang" || got.GetOwnerId() != "nordvik" || got.GetLastSeen() == nil {
		t.Errorf("device after its first check-in: %v", got)
	}
}

func TestTokenUsedOnceTooOften(t *testing.T) {
	h := newHouse(t)
	h.places()
	secret := h.token(1)
	first := h.machine("AAA0001").enroll(secret)
	_, err := h.stranger().Enroll(t.Context(), h.machine("AAA0002").request(secret))
	wantReason(t, err, nattevaktv1.Reason_REASON_TOKEN_USED_UP)

	// The same machine asks again because the answer was lost: it is in, and counts once.
	if _, err := h.stranger().Enroll(t.Context(), first.request(secret)); err != nil {
		t.Errorf("asking again: %v", err)
	}
}

// Many machines race for the last places of a token: never one too many gets in.
func TestTokenUnderRace(t *testing.T) {
	h := newHouse(t)
	h.places()
	const places, machines = 5, 20
	secret := h.token(places)
	stranger := h.stranger()
	errs := make(chan error, machines)
	for n := range machines {
		req := h.machine(strings.Repeat("R", 4) + string(rune('A'+n))).request(secret)
		go func() {
			_, err := stranger.Enroll(context.Background(), req)
			errs <- err
		}()
	}
	in := 0
	for range machines {
		err := <-errs
		if err == nil {
			in++
		} else if reasonOf(err) != nattevaktv1.Reason_REASON_TOKEN_USED_UP && status.Code(err) != codes.Aborted {
			t.Error(err)
		}
	}
	if in > places {
		t.Errorf("%d machines entered with a token for %d", in, places)
	}
	if in == 0 {
		t.Error("nobody got in")
	}
}

func TestTokensThatOpenNothing(t *testing.T) {
	h := newHouse(t)
	h.places()
	good := h.token(3)
	list, err := h.tokens().ListTokens(t.Context(), &operatorv1.ListTokensRequest{})
	if err != nil || len(list.GetTokens()) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if _, err := h.tokens().RevokeToken(t.Context(), &operatorv1.RevokeTokenRequest{Id: list.GetTokens()[0].GetId()}); err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]nattevaktv1.Reason{
		good:                               nattevaktv1.Reason_REASON_TOKEN_REVOKED,
		"nv1-" + good[4:len(good)-1] + "a": nattevaktv1.Reason_REASON_TOKEN_INVALID,
		"nv1-aaaaaaaa-" + strings.Repeat("b", 32): nattevaktv1.Reason_REASON_TOKEN_INVALID,
		"rubbish": nattevaktv1.Reason_REASON_TOKEN_INVALID,
		"":        nattevaktv1.Reason_REASON_UNKNOWN_DEVICE,
	} {
		_, err := h.stranger().Enroll(t.Context(), h.machine("AAA0009").request(secret))
		wantReason(t, err, want)
	}
}

func TestRevocationReachesOpenConnections(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	m.mustCheckIn()
	if _, err := h.fleet().RevokeDevice(t.Context(), &operatorv1.RevokeDeviceRequest{Device: m.id}); err != nil {
		t.Fatal(err)
	}
	_, err := m.checkIn()
	wantReason(t, err, nattevaktv1.Reason_REASON_IDENTITY_REVOKED)
	m.client = nattevaktv1.NewCheckInServiceClient(h.connect(m.cert))
	_, err = m.checkIn()
	wantReason(t, err, nattevaktv1.Reason_REASON_IDENTITY_REVOKED)
}

func TestClonesAreRefusedAndShown(t *testing.T) {
	for name, clone := range map[string]func(t *testing.T, m *machine) error{
		"other hardware": func(_ *testing.T, m *machine) error {
			m.hardware = m.h.machine("BBB0001").hardware
			_, err := m.checkIn()
			return err
		},
		"taking turns": func(t *testing.T, m *machine) error {
			original := m.boot
			m.boot = randomBytes(t, 16)
			m.mustCheckIn()
			m.boot = original
			_, err := m.checkIn()
			return err
		},
		"a certificate from before": func(t *testing.T, m *machine) error {
			old := *m.cert
			m.renew(t)
			m.mustCheckIn()
			m.client = nattevaktv1.NewCheckInServiceClient(m.h.connect(&old))
			_, err := m.checkIn()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.places()
			m := h.machine("AAA0001").enroll(h.token(1))
			m.mustCheckIn()
			wantReason(t, clone(t, m), nattevaktv1.Reason_REASON_IDENTITY_CLONED)
			d, err := h.fleet().GetDevice(t.Context(), &operatorv1.GetDeviceRequest{Device: m.id})
			if err != nil || d.GetDevice().GetAlarm() != nattevaktv1.Reason_REASON_IDENTITY_CLONED {
				t.Errorf("the clone is not shown: %v, %v", d.GetDevice().GetAlarm(), err)
			}
		})
	}
}

// renew exchanges the certificate over the current one.
func (m *machine) renew(t *testing.T) {
	t.Helper()
	out, err := m.tryRenew(t, m.cert)
	if err != nil {
		t.Fatal(err)
	}
	m.take(out.GetIssued())
}

func (m *machine) tryRenew(t *testing.T, with *tls.Certificate) (*nattevaktv1.RenewResponse, error) {
	t.Helper()
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, m.key)
	if err != nil {
		t.Fatal(err)
	}
	digest := id.Hardware(m.hardware)
	return nattevaktv1.NewEnrollmentServiceClient(m.h.connect(with)).Renew(t.Context(), &nattevaktv1.RenewRequest{
		CapabilityVersion: uint32(capability.Current), Csr: csr, HardwareDigest: digest[:],
	})
}

func TestRenewKeepsTheOldCertificateUntilTheNewIsUsed(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	old := *m.cert
	m.renew(t)
	// The answer might have been lost: the old certificate may ask again.
	if _, err := m.tryRenew(t, &old); err != nil {
		t.Errorf("renewing again with the old certificate: %v", err)
	}
}

// A certificate that ran out over the summer may do one thing: renew.
func TestExpiredCertificateMayOnlyRenew(t *testing.T) {
	h := newHouseOfAge(t, 2*ca.DeviceLife)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	leaf, err := x509.ParseCertificate(m.cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	chain, _, err := h.ca.Issue(ca.Subject{Role: ca.Device, Name: m.id, Serial: leaf.SerialNumber}, m.key.Public(), time.Now().Add(-ca.DeviceLife-60*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	expired := &tls.Certificate{Certificate: chain, PrivateKey: m.key}
	m.client = nattevaktv1.NewCheckInServiceClient(h.connect(expired))
	_, err = m.checkIn()
	wantReason(t, err, nattevaktv1.Reason_REASON_CERTIFICATE_EXPIRED)

	out, err := m.tryRenew(t, expired)
	if err != nil {
		t.Fatalf("renew with the expired certificate: %v", err)
	}
	m.take(out.GetIssued())
	m.mustCheckIn()
}

func TestCertificateOfAnotherFleet(t *testing.T) {
	h := newHouse(t)
	other, _, err := ca.Open(t.TempDir(), ca.Options{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	chain, _, err := other.Issue(ca.Subject{Role: ca.Device, Name: id.NewDevice().String()}, key.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := h.machine("AAA0001")
	m.client = nattevaktv1.NewCheckInServiceClient(h.connect(&tls.Certificate{Certificate: chain, PrivateKey: key}))
	_, err = m.checkIn()
	wantReason(t, err, nattevaktv1.Reason_REASON_FOREIGN_CERTIFICATE)
}

func TestReportByDelta(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	section := func(name string, inv *nattevaktv1.Inventory) *nattevaktv1.Section {
		return &nattevaktv1.Section{Name: name, Digest: randomBytes(t, 16), Content: &nattevaktv1.Section_Inventory{Inventory: inv}}
	}
	os := section("os", &nattevaktv1.Inventory{Os: &nattevaktv1.OperatingSystem{Name: "Debian 12", Version: "12", Hostname: "pc-1"}})
	disks := section("disks", &nattevaktv1.Inventory{Disks: []*nattevaktv1.Disk{{Name: "nvme0n1", SizeBytes: 256 << 30}}})
	first, second := randomBytes(t, 16), randomBytes(t, 16)

	send := func(r *nattevaktv1.ReportRequest) bool {
		t.Helper()
		r.CollectedAt = timestamppb.Now()
		out, err := m.client.Report(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return out.GetNeedFull()
	}
	if send(&nattevaktv1.ReportRequest{Digest: first, Sections: []*nattevaktv1.Section{os, disks}}) {
		t.Error("a full report needs no base")
	}
	if !send(&nattevaktv1.ReportRequest{Digest: second, BaseDigest: randomBytes(t, 16)}) {
		t.Error("a delta to a report that is not here was taken")
	}
	patch := &nattevaktv1.Section{Name: "patch", Digest: randomBytes(t, 16), Content: &nattevaktv1.Section_Patch{Patch: &nattevaktv1.PatchState{
		Sources: []*nattevaktv1.PatchSource{{Name: "apt"}},
		Missing: []*nattevaktv1.Update{{Source: "apt", Name: "openssl", Severity: nattevaktv1.Severity_SEVERITY_SECURITY, DaysBehind: 9}},
	}}}
	if send(&nattevaktv1.ReportRequest{Digest: second, BaseDigest: first, Sections: []*nattevaktv1.Section{patch}}) {
		t.Error("a delta to the stored report was not taken")
	}
	req := m.call()
	req.ReportDigest = second
	out, err := m.client.CheckIn(t.Context(), req)
	if err != nil || out.GetWantReport() {
		t.Errorf("the report is stored, and asked for again (%v)", err)
	}
	d, err := h.fleet().GetDevice(t.Context(), &operatorv1.GetDeviceRequest{Device: m.id})
	if err != nil {
		t.Fatal(err)
	}
	if d.GetInventory().GetOs().GetName() != "Debian 12" || len(d.GetInventory().GetDisks()) != 1 || len(d.GetPatch().GetMissing()) != 1 {
		t.Errorf("the stored report lost something: %v %v", d.GetInventory(), d.GetPatch())
	}
	if s := d.GetDevice().GetPatch(); s.GetSecurity() != 1 || s.GetOldestDays() != 9 {
		t.Errorf("summary %v", s)
	}
}

func TestBadMessages(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	for name, spoil := range map[string]func(*nattevaktv1.CheckInRequest){
		"boot id of the wrong length": func(r *nattevaktv1.CheckInRequest) { r.BootId = []byte{1} },
		"battery over 100 percent":    func(r *nattevaktv1.CheckInRequest) { r.Vitals = &nattevaktv1.Vitals{BatteryPercent: 255} },
		"no capability":               func(r *nattevaktv1.CheckInRequest) { r.CapabilityVersion = 0 },
		"a job that is no id":         func(r *nattevaktv1.CheckInRequest) { r.Progress = []*nattevaktv1.JobProgress{{JobId: "x"}} },
	} {
		req := m.call()
		spoil(req)
		if _, err := m.client.CheckIn(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	huge := &nattevaktv1.ReportRequest{Digest: randomBytes(t, 16), Sections: []*nattevaktv1.Section{{
		Name: "os", Digest: randomBytes(t, 16), Content: &nattevaktv1.Section_Inventory{Inventory: &nattevaktv1.Inventory{Os: &nattevaktv1.OperatingSystem{Name: strings.Repeat("x", 5<<20)}}},
	}}}
	if _, err := m.client.Report(t.Context(), huge); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a report of 5 MiB: %v", err)
	}
	if _, err := m.client.Report(t.Context(), &nattevaktv1.ReportRequest{Digest: randomBytes(t, 16), Sections: []*nattevaktv1.Section{{Name: "../etc", Digest: randomBytes(t, 16)}}}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a section of no name: %v", err)
	}
}

func TestDeviceThatCallsTooOften(t *testing.T) {
	h := open(t, &house{limit: control.DefaultLimit}, 0)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	for range 1000 {
		if _, err := m.checkIn(); status.Code(err) == codes.ResourceExhausted {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("a thousand calls in a row were answered")
}
