package api_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// inCabinet enrols machines and puts them into slots 1, 2, ….
func (h *house) inCabinet(serials ...string) []*machine {
	h.t.Helper()
	token := h.token(uint32(len(serials)))
	var out []*machine
	for i, serial := range serials {
		m := h.machine(serial).enroll(token)
		_, err := h.fleet().PlaceDevice(h.t.Context(), &operatorv1.PlaceDeviceRequest{Device: m.id, CabinetId: "solvang-a", Slot: uint32(i + 1)})
		if err != nil {
			h.t.Fatal(err)
		}
		m.mustCheckIn()
		out = append(out, m)
	}
	return out
}

func (h *house) push(change ...func(*operatorv1.PushRequest)) (*operatorv1.PushResponse, error) {
	req := &operatorv1.PushRequest{
		CabinetId: "solvang-a", Image: "skole", Release: "v1", AtOnce: 1, Now: true,
		Window: &operatorv1.Window{Open: "22:00", Close: "21:59", Bell: "21:59"},
	}
	for _, f := range change {
		f(req)
	}
	return h.nights().Push(h.t.Context(), req)
}

// night reads the cabinet until ok likes it.
func (h *house) night(ok func(*operatorv1.CabinetNight) bool) *operatorv1.CabinetNight {
	h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		out, err := h.nights().GetNight(h.t.Context(), &operatorv1.GetNightRequest{CabinetId: "solvang-a"})
		if err != nil {
			h.t.Fatal(err)
		}
		if n := out.GetCabinets()[0]; ok(n) {
			return n
		} else if time.Now().After(deadline) {
			h.t.Fatalf("the night never came to that: %v", n)
		}
		time.Sleep(20 * time.Millisecond) // between two questions to a real server
	}
}

func states(n *operatorv1.CabinetNight) (out []operatorv1.JobState) {
	for _, d := range n.GetDevices() {
		out = append(out, d.GetState())
	}
	return out
}

func granted(n *operatorv1.CabinetNight) (count int) {
	for _, s := range states(n) {
		if s == operatorv1.JobState_JOB_STATE_GRANTED || s == operatorv1.JobState_JOB_STATE_RUNNING {
			count++
		}
	}
	return count
}

// step reports one phase of the machine's assignment.
func (m *machine) step(a *nattevaktv1.Assignment, number uint32, phase nattevaktv1.Phase, state nattevaktv1.PhaseState, change ...func(*nattevaktv1.JobProgress)) *nattevaktv1.CheckInResponse {
	m.h.t.Helper()
	p := &nattevaktv1.JobProgress{
		JobId: a.GetJobId(), Attempt: a.GetAttempt(), Number: number, Phase: phase, State: state, TotalBytes: 64 << 20, At: timestamppb.Now(),
	}
	for _, f := range change {
		f(p)
	}
	return m.mustCheckIn(p)
}

// awaitGrant checks in until the machine may begin.
func (m *machine) awaitGrant() *nattevaktv1.Assignment {
	m.h.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if a := m.mustCheckIn().GetAssignment(); a.GetGranted() {
			return a
		}
		if time.Now().After(deadline) {
			m.h.t.Fatal("no grant came")
		}
		time.Sleep(20 * time.Millisecond) // a device waits between calls too
	}
}

func (m *machine) work(a *nattevaktv1.Assignment) {
	number := uint32(0)
	for _, phase := range a.GetPhases() {
		number++
		m.step(a, number, phase, nattevaktv1.PhaseState_PHASE_STATE_DONE)
	}
}

func TestNight(t *testing.T) {
	h := newHouse(t)
	h.places()
	ms := h.inCabinet("AAA0001", "AAA0002")
	if _, err := h.push(); err != nil {
		t.Fatal(err)
	}
	first := ms[0].awaitGrant()
	if got := first.GetReimage(); got.GetRelease() != "v1" || len(got.GetContentUrls()) != 1 {
		t.Errorf("order %v", got)
	}
	if a := ms[1].mustCheckIn().GetAssignment(); a == nil || a.GetGranted() {
		t.Errorf("the second machine should know its order and wait for its turn: %v", a)
	}
	ms[0].work(first)
	if out := ms[0].mustCheckIn(); out.GetAssignment() != nil || out.GetNoAssignment() {
		t.Errorf("the first machine is done, and told %v", out)
	}
	second := ms[1].awaitGrant()
	ms[1].step(second, 1, nattevaktv1.Phase_PHASE_WRITE, nattevaktv1.PhaseState_PHASE_STATE_FAILED, func(p *nattevaktv1.JobProgress) {
		p.Reason, p.Detail = nattevaktv1.Reason_REASON_DISK_ERROR, "write sda: input/output error"
	})
	n := h.night(func(n *operatorv1.CabinetNight) bool {
		return n.GetRollout().GetState() == operatorv1.RolloutState_ROLLOUT_STATE_DONE
	})
	if n.GetRollout().GetSucceeded() != 1 || n.GetRollout().GetFailed() != 1 || n.GetReady() != 1 || n.GetTotal() != 2 {
		t.Errorf("morning: %v", n)
	}
	if d := n.GetDevices()[1]; d.GetReason() != nattevaktv1.Reason_REASON_DISK_ERROR || d.GetReadiness().GetReady() {
		t.Errorf("the failed machine: %v", d)
	}
	d, err := h.fleet().GetDevice(t.Context(), &operatorv1.GetDeviceRequest{Device: ms[0].id})
	if err != nil || d.GetDevice().GetRelease() != "v1" {
		t.Errorf("the device's record: %v, %v", d.GetDevice(), err)
	}
}

func TestNightNeverExceedsAtOnce(t *testing.T) {
	h := newHouse(t)
	h.places()
	serials := []string{"A1", "A2", "A3", "A4", "A5", "A6", "A7"}
	ms := h.inCabinet(serials...)
	if _, err := h.push(func(r *operatorv1.PushRequest) { r.AtOnce = 3 }); err != nil {
		t.Fatal(err)
	}
	done := make(chan string, len(ms))
	for _, m := range ms {
		go func() {
			m.work(m.awaitGrant())
			done <- m.id
		}()
	}
	h.night(func(n *operatorv1.CabinetNight) bool {
		if g := granted(n); g > 3 {
			t.Errorf("%d at once, ordered were 3", g)
		}
		return n.GetRollout().GetState() == operatorv1.RolloutState_ROLLOUT_STATE_DONE
	})
	for range ms {
		<-done
	}
}

// What was acknowledged is there after a restart, and the night goes on.
func TestNightSurvivesARestart(t *testing.T) {
	h := newHouse(t)
	h.places()
	ms := h.inCabinet("AAA0001", "AAA0002")
	if _, err := h.push(); err != nil {
		t.Fatal(err)
	}
	a := ms[0].awaitGrant()
	ms[0].step(a, 1, nattevaktv1.Phase_PHASE_FETCH, nattevaktv1.PhaseState_PHASE_STATE_DONE)
	ms[0].step(a, 2, nattevaktv1.Phase_PHASE_WRITE, nattevaktv1.PhaseState_PHASE_STATE_RUNNING)
	h.stop()
	h.start()
	h.operator = h.connect(h.operatorCert("admin"))
	for _, m := range ms {
		m.client = nattevaktv1.NewCheckInServiceClient(h.connect(m.cert))
	}
	n := h.night(func(*operatorv1.CabinetNight) bool { return true })
	if d := n.GetDevices()[0]; d.GetState() != operatorv1.JobState_JOB_STATE_RUNNING || d.GetPhase() != nattevaktv1.Phase_PHASE_WRITE {
		t.Errorf("after the restart: %v", d)
	}
	ms[0].step(a, 3, nattevaktv1.Phase_PHASE_CONFIRM, nattevaktv1.PhaseState_PHASE_STATE_DONE)
	ms[1].work(ms[1].awaitGrant())
	h.night(func(n *operatorv1.CabinetNight) bool { return n.GetRollout().GetSucceeded() == 2 })
}

func TestPushIsRefused(t *testing.T) {
	h := newHouse(t)
	h.places()
	if _, err := h.push(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an empty cabinet: %v", err)
	}
	h.inCabinet("AAA0001")
	for name, tc := range map[string]struct {
		change func(*operatorv1.PushRequest)
		want   codes.Code
	}{
		"no such cabinet":  {func(r *operatorv1.PushRequest) { r.CabinetId = "x" }, codes.NotFound},
		"no such release":  {func(r *operatorv1.PushRequest) { r.Release = "v9" }, codes.NotFound},
		"no window at all": {func(r *operatorv1.PushRequest) { r.Window.Close = r.Window.Open }, codes.InvalidArgument},
		"a time of 25:00":  {func(r *operatorv1.PushRequest) { r.Window.Open = "25:00" }, codes.InvalidArgument},
		"nobody at once":   {func(r *operatorv1.PushRequest) { r.AtOnce = 0 }, codes.InvalidArgument},
	} {
		if _, err := h.push(tc.change); status.Code(err) != tc.want {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if _, err := h.push(func(r *operatorv1.PushRequest) { r.DryRun = true }); err != nil {
		t.Errorf("a dry run: %v", err)
	}
	if _, err := h.push(); err != nil {
		t.Errorf("after a dry run: %v", err)
	}
	if _, err := h.push(); status.Code(err) != codes.AlreadyExists {
		t.Errorf("a second order while the first runs: %v", err)
	}
}

func TestCancel(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.inCabinet("AAA0001")[0]
	out, err := h.push()
	if err != nil {
		t.Fatal(err)
	}
	m.awaitGrant()
	if _, err := h.nights().CancelRollout(t.Context(), &operatorv1.CancelRolloutRequest{Id: out.GetRollout().GetId()}); err != nil {
		t.Fatal(err)
	}
	if out := m.mustCheckIn(); !out.GetNoAssignment() {
		t.Errorf("the machine was not told: %v", out)
	}
}

// At the close every machine that has not ended gets its one reason.
func TestMorning(t *testing.T) {
	h := newHouseWithClock(t, control.Demonstration(
		time.Date(2026, 11, 22, 21, 59, 0, 0, time.FixedZone("", 3600)), time.Date(2026, 11, 23, 7, 0, 0, 0, time.FixedZone("", 3600)), 7200))
	h.places()
	h.inCabinet("AAA0001")
	if _, err := h.push(func(r *operatorv1.PushRequest) {
		r.Window = &operatorv1.Window{Open: "22:00", Close: "06:00", Bell: "07:45"}
	}); err != nil {
		t.Fatal(err)
	}
	n := h.night(func(n *operatorv1.CabinetNight) bool {
		return n.GetRollout().GetState() == operatorv1.RolloutState_ROLLOUT_STATE_DONE
	})
	d := n.GetDevices()[0]
	if d.GetState() != operatorv1.JobState_JOB_STATE_EXPIRED || d.GetReason() != nattevaktv1.Reason_REASON_NO_CONTACT {
		t.Errorf("the machine that never called again: %v", d)
	}
	if n.GetReady()+1 != n.GetTotal() {
		t.Errorf("ready %d of %d", n.GetReady(), n.GetTotal())
	}
}

func TestWatchNight(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.inCabinet("AAA0001")[0]
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream, err := h.nights().WatchNight(ctx, &operatorv1.WatchNightRequest{CabinetId: "solvang-a"})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := stream.Recv(); err != nil || first.GetCabinet().GetRollout() != nil {
		t.Fatalf("before the order: %v, %v", first, err)
	}
	if _, err := h.push(); err != nil {
		t.Fatal(err)
	}
	go func() { m.work(m.awaitGrant()) }()
	for {
		out, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if out.GetCabinet().GetRollout().GetSucceeded() == 1 {
			return
		}
	}
}
