package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/proto/capability"
	"github.com/nattevakt/nattevakt/proto/id"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

// pendingPoll is how often a waiting machine asks again; answering its TPM's challenge is immediate.
const (
	pendingPoll   = 30 * time.Second
	challengePoll = time.Second
)

type enrollment struct {
	nattevaktv1.UnimplementedEnrollmentServiceServer
	plane *control.Plane
}

func (e *enrollment) Enroll(ctx context.Context, in *nattevaktv1.EnrollRequest) (*nattevaktv1.EnrollResponse, error) {
	if err := supported(in.GetCapabilityVersion()); err != nil {
		return nil, statusOf(err)
	}
	a, err := application(in)
	if err != nil {
		return nil, statusOf(err)
	}
	out, err := e.plane.Enroll(ctx, a)
	if err != nil {
		return nil, statusOf(err)
	}
	if out.Waiting != reason.None {
		return &nattevaktv1.EnrollResponse{Outcome: &nattevaktv1.EnrollResponse_Pending{Pending: pending(out)}}, nil
	}
	return &nattevaktv1.EnrollResponse{Outcome: &nattevaktv1.EnrollResponse_Issued{Issued: issued(out)}}, nil
}

func supported(v uint32) error {
	if !capability.Supported(capability.Version(v)) {
		return &control.Refusal{Reason: reason.CapabilityTooOld}
	}
	return nil
}

func application(in *nattevaktv1.EnrollRequest) (control.Application, error) {
	req, err := ca.ParseRequest(in.GetCsr())
	if err != nil {
		return control.Application{}, fmt.Errorf("%w: %w", control.ErrInvalid, err)
	}
	digest := id.Hardware(in.GetHardware())
	a := control.Application{
		Key:            req.PublicKey,
		Hardware:       hardwareOf(in.GetHardware()),
		HardwareDigest: digest[:],
		Hostname:       in.GetHostname(),
		Token:          in.GetSiteToken(),
	}
	if t := in.GetTpm(); t != nil {
		a.TPM = &ca.TPMKey{EK: t.GetEkPublic(), Key: t.GetKeyPublic()}
		a.Activation = t.GetActivation()
	}
	return a, nil
}

func hardwareOf(h *nattevaktv1.HardwareIdentity) fleet.Hardware {
	return fleet.Hardware{
		Vendor: h.GetVendor(), Product: h.GetProduct(), ModelKey: h.GetModelKey(),
		Serial: strings.TrimSpace(h.GetSerial()), SystemUUID: strings.ToLower(h.GetSystemUuid()),
		FormFactor: fleet.FormFactor(h.GetFormFactor()),
	}
}

func pending(out control.Admittance) *nattevaktv1.Pending {
	p := &nattevaktv1.Pending{
		Reason: out.Waiting.Proto(), PollAfterMs: uint32(pendingPoll.Milliseconds()), ServerTime: timestamppb.Now(),
	}
	if c := out.Challenge; c != nil {
		p.Challenge = &nattevaktv1.TpmChallenge{CredentialBlob: c.CredentialBlob, EncryptedSecret: c.EncryptedSecret}
		p.PollAfterMs = uint32(challengePoll.Milliseconds())
	}
	return p
}

func issued(out control.Admittance) *nattevaktv1.Issued {
	return &nattevaktv1.Issued{DeviceId: out.Device.String(), Certificates: out.Chain, ServerTime: timestamppb.Now()}
}

func (e *enrollment) Renew(ctx context.Context, in *nattevaktv1.RenewRequest) (*nattevaktv1.RenewResponse, error) {
	if err := supported(in.GetCapabilityVersion()); err != nil {
		return nil, statusOf(err)
	}
	req, err := ca.ParseRequest(in.GetCsr())
	if err != nil {
		return nil, statusOf(fmt.Errorf("%w: %w", control.ErrInvalid, err))
	}
	info, _ := caller(ctx)
	out, err := e.plane.Renew(ctx, info.who, req.PublicKey, in.GetHardwareDigest())
	if err != nil {
		return nil, statusOf(err)
	}
	return &nattevaktv1.RenewResponse{Issued: issued(out)}, nil
}

type checkIn struct {
	nattevaktv1.UnimplementedCheckInServiceServer
	plane   *control.Plane
	metrics *checkInMetrics
	// content is where releases lie.
	content string
}

// checkInMetrics counts the hot path without labels made per call.
type checkInMetrics struct {
	total                               *prometheus.CounterVec
	unchanged, changed, refused, failed prometheus.Counter
}

func newCheckInMetrics() *checkInMetrics {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "nattevakt_checkins_total",
		Help: "Check-ins by result: unchanged, changed (a report, progress or an assignment moved), refused, failed.",
	}, []string{"result"})
	return &checkInMetrics{
		total:     total,
		unchanged: total.WithLabelValues("unchanged"),
		changed:   total.WithLabelValues("changed"),
		refused:   total.WithLabelValues("refused"),
		failed:    total.WithLabelValues("failed"),
	}
}

func (m *checkInMetrics) count(moved bool, err error) {
	var refusal *control.Refusal
	switch {
	case errors.As(err, &refusal):
		m.refused.Inc()
	case err != nil:
		m.failed.Inc()
	case moved:
		m.changed.Inc()
	default:
		m.unchanged.Inc()
	}
}

func (c *checkIn) CheckIn(ctx context.Context, in *nattevaktv1.CheckInRequest) (*nattevaktv1.CheckInResponse, error) {
	out, err := c.checkIn(ctx, in)
	c.metrics.count(err == nil && (out.GetWantReport() || out.Assignment != nil || len(in.GetProgress()) > 0), err)
	return out, statusOf(err)
}

func (c *checkIn) checkIn(ctx context.Context, in *nattevaktv1.CheckInRequest) (*nattevaktv1.CheckInResponse, error) {
	if err := supported(in.GetCapabilityVersion()); err != nil {
		return nil, err
	}
	info, _ := caller(ctx)
	req, err := checkInOf(in)
	if err != nil {
		return nil, err
	}
	a, err := c.plane.CheckIn(ctx, info.who, req)
	if err != nil {
		return nil, err
	}
	return &nattevaktv1.CheckInResponse{
		NextInMs:     uint32(min(a.NextIn.Milliseconds(), 1<<31)),
		WantReport:   a.WantReport,
		Assignment:   assignmentProto(a.Assignment, c.content),
		NoAssignment: a.Drop,
		Renew:        a.Renew,
		Clock:        &nattevaktv1.ServerClock{Time: timestamppb.New(a.Now), Rate: a.Rate, Wall: timestamppb.New(a.Wall)},
	}, nil
}

func checkInOf(in *nattevaktv1.CheckInRequest) (control.CheckIn, error) {
	req := control.CheckIn{
		Seq: in.GetSeq(), BootID: in.GetBootId(), HardwareDigest: in.GetHardwareDigest(), ReportDigest: in.GetReportDigest(),
		AssignmentReceived: in.GetAssignmentReceived(),
		HasBattery:         in.GetVitals().GetHasBattery(), OnAC: in.GetVitals().GetOnAc(),
		BatteryPercent: uint8(min(in.GetVitals().GetBatteryPercent(), 100)),
		LocalReason:    reason.Of(in.GetLocalReason()),
		AgentVersion:   in.GetAgentVersion(),
	}
	if t := in.GetDeviceTime(); t != nil {
		req.DeviceTime = t.AsTime()
	}
	for _, p := range in.GetProgress() {
		job, err := id.ParseJob(p.GetJobId())
		if err != nil {
			return req, fmt.Errorf("%w: %w", control.ErrInvalid, err)
		}
		req.Progress = append(req.Progress, rollout.Progress{
			Job: job, Attempt: int(p.GetAttempt()), Number: p.GetNumber(),
			Phase: rollout.Phase(p.GetPhase()), State: rollout.PhaseState(p.GetState()),
			DoneBytes: p.GetDoneBytes(), TotalBytes: p.GetTotalBytes(), FetchedBytes: p.GetFetchedBytes(),
			Reason: reason.Of(p.GetReason()), Detail: p.GetDetail(), At: p.GetAt().AsTime(),
		})
	}
	return req, nil
}

func (c *checkIn) Report(ctx context.Context, in *nattevaktv1.ReportRequest) (*nattevaktv1.ReportResponse, error) {
	info, _ := caller(ctx)
	rep, err := reportOf(in)
	if err != nil {
		return nil, statusOf(err)
	}
	full, err := c.plane.Report(ctx, info.who, rep)
	return &nattevaktv1.ReportResponse{NeedFull: full}, statusOf(err)
}

// sectionNames are the fields of Inventory, and "patch".
var sectionNames = func() []string {
	fields := (&nattevaktv1.Inventory{}).ProtoReflect().Descriptor().Fields()
	names := []string{"patch"}
	for i := range fields.Len() {
		names = append(names, string(fields.Get(i).Name()))
	}
	return names
}()

func reportOf(in *nattevaktv1.ReportRequest) (control.Report, error) {
	rep := control.Report{Digest: in.GetDigest(), Base: in.GetBaseDigest()}
	for _, s := range in.GetSections() {
		if !slices.Contains(sectionNames, s.GetName()) {
			return rep, fmt.Errorf("%w: section %.40q is none of %s", control.ErrInvalid, s.GetName(), strings.Join(sectionNames, ", "))
		}
		content, err := proto.Marshal(s)
		if err != nil {
			return rep, err
		}
		rep.Sections = append(rep.Sections, control.Section{Name: s.GetName(), Digest: s.GetDigest(), Content: content})
		if h := s.GetInventory().GetOs().GetHostname(); h != "" {
			rep.Hostname = h
		}
	}
	rep.Summary = func(sum *fleet.ReportSummary) { summarise(sum, in) }
	return rep, nil
}

// summarise takes what lists show from the sections that are there.
func summarise(sum *fleet.ReportSummary, in *nattevaktv1.ReportRequest) {
	for _, s := range in.GetSections() {
		if os := s.GetInventory().GetOs(); os != nil {
			sum.OSName, sum.OSVersion = os.GetName(), os.GetVersion()
		}
		if s.GetPatch() != nil {
			sum.Patch = patchSummary(s.GetPatch())
		}
	}
}

func patchSummary(p *nattevaktv1.PatchState) fleet.PatchSummary {
	out := fleet.PatchSummary{RebootPending: p.GetRebootPending()}
	for _, s := range p.GetSources() {
		if s.GetProblem() != "" {
			out.Silent++
		}
	}
	out.Known = out.Silent < len(p.GetSources())
	for _, u := range p.GetMissing() {
		switch u.GetSeverity() {
		case nattevaktv1.Severity_SEVERITY_CRITICAL:
			out.Critical++
		case nattevaktv1.Severity_SEVERITY_SECURITY:
			out.Security++
		default:
			out.Other++
		}
		out.OldestDays = max(out.OldestDays, int(u.GetDaysBehind()))
	}
	return out
}
