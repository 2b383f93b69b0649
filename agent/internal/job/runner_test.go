package job_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/state/statetest"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

const jobID = "5d3d1c6a-0f43-4f0a-8a8e-0b6b0a4f9c11"

// hands is an executor whose phases the test opens one by one, or all.
type hands struct {
	mu       sync.Mutex
	begun    []job.Phase
	released int
	// fails gives a phase's error, once.
	fails map[job.Phase]error
	// hold makes a phase wait until its channel is closed; a cancelled context ends the wait.
	hold map[job.Phase]chan struct{}
	// deaf phases do not end with their context.
	deaf  job.Phase
	start chan job.Phase
}

func (h *hands) Do(ctx context.Context, _ job.Order, phase job.Phase, progress func(done, total, fetched int64)) error {
	h.mu.Lock()
	h.begun = append(h.begun, phase)
	err := h.fails[phase]
	delete(h.fails, phase)
	hold := h.hold[phase]
	h.mu.Unlock()
	progress(1, 10, 5)
	h.start <- phase
	if hold != nil {
		done := ctx.Done()
		if phase == h.deaf {
			done = nil
		}
		select {
		case <-hold:
		case <-done:
			return ctx.Err()
		}
	}
	return err
}

func (h *hands) Release() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.released++
	return nil
}

func (h *hands) phases() []job.Phase {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.begun)
}

// steady is a clock that stands still.
type steady struct{ at time.Time }

func (c steady) Now() time.Time                  { return c.at }
func (c steady) Sure() bool                      { return true }
func (c steady) Until(t time.Time) time.Duration { return t.Sub(c.at) }

// rig is a runner at work.
type rig struct {
	*job.Runner
	folder *state.Folder
	hands  *hands
	over   chan struct{}
	stop   func()
}

func start(t *testing.T, folder *state.Folder, h *hands, at time.Time) *rig {
	t.Helper()
	h.start = make(chan job.Phase, 64)
	r := &rig{folder: folder, hands: h, over: make(chan struct{}, 8)}
	var err error
	r.Runner, err = job.Open(folder, h, steady{at}, slog.New(slog.DiscardHandler), job.Hooks{
		Urgent: func() {}, Over: func() { r.over <- struct{}{} }, Reported: func(job.Progress) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(r.stop)
	return r
}

func assignment(revision uint64, attempt uint32) *v1.Assignment {
	return &v1.Assignment{
		Revision: revision, JobId: jobID, Attempt: attempt, Granted: true,
		Phases:    []v1.Phase{v1.Phase_PHASE_FETCH, v1.Phase_PHASE_VERIFY, v1.Phase_PHASE_WRITE, v1.Phase_PHASE_CONFIRM},
		NotBefore: timestamppb.New(opens), NotAfter: timestamppb.New(closes),
		Action: &v1.Assignment_Reimage{Reimage: &v1.Reimage{
			Image: "elev", Release: "2026.11", ManifestDigest: make([]byte, 32), ContentUrls: []string{"https://a/"},
		}},
	}
}

func (r *rig) assign(t *testing.T, a *v1.Assignment) {
	t.Helper()
	if err := r.Assign(a); err != nil {
		t.Fatal(err)
	}
	if r.Received() != a.GetRevision() {
		t.Fatalf("received %d", r.Received())
	}
}

// wait gives the value of a channel, or fails.
func wait[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// summary gives each report as phase:state in order, and checks that the numbers grow.
func (r *rig) summary(t *testing.T) (all []string) {
	t.Helper()
	number := map[uint32]uint32{} // by attempt
	for _, p := range r.Progress(64) {
		if before := number[p.GetAttempt()]; p.GetNumber() <= before {
			t.Errorf("number %d after %d", p.GetNumber(), before)
		}
		number[p.GetAttempt()] = p.GetNumber()
		all = append(all, p.GetPhase().String()[6:]+":"+p.GetState().String()[12:])
	}
	return all
}

func TestAllPhasesInOrder(t *testing.T) {
	r := start(t, statetest.Open(t), &hands{}, opens)
	r.assign(t, assignment(1, 1))
	wait(t, r.over, "the end")
	if got := r.hands.phases(); !slices.Equal(got, []job.Phase{job.Fetch, job.Verify, job.Write, job.Confirm}) {
		t.Errorf("carried out %v", got)
	}
	want := []string{"FETCH:DONE", "VERIFY:DONE", "WRITE:DONE", "CONFIRM:DONE"}
	if got := r.summary(t); !slices.Equal(got, want) {
		t.Errorf("reported %v", got)
	}
	if p := r.Progress(64)[3]; p.GetFetchedBytes() != 20 || p.GetDoneBytes() != 1 || p.GetTotalBytes() != 10 {
		t.Errorf("counted %v", p) // each call of the executor fetches 5 and stops at 1 of 10
	}
	r.Delivered(r.Progress(2))
	if got := r.summary(t); len(got) != 2 || r.hands.released != 1 {
		t.Errorf("after delivery %v; released %d times", got, r.hands.released)
	}
}

func TestRestartRepeatsOnlyTheUnfinishedPhase(t *testing.T) {
	f := statetest.Open(t)
	h := &hands{hold: map[job.Phase]chan struct{}{job.Write: make(chan struct{})}}
	first := start(t, f, h, opens)
	first.assign(t, assignment(1, 1))
	for wait(t, h.start, "write") != job.Write {
	}
	before := first.Progress(64)
	first.stop() // the journal is as a kill would leave it: nothing is written at the end
	second := start(t, f, &hands{}, opens)
	wait(t, second.over, "the end")
	if got := second.hands.phases(); !slices.Equal(got, []job.Phase{job.Write, job.Confirm}) {
		t.Errorf("carried out again %v", got)
	}
	after := second.Progress(64)
	if last := before[len(before)-1]; after[len(after)-1].GetNumber() <= last.GetNumber() {
		t.Errorf("number %d was used before the restart, %d after it", last.GetNumber(), after[len(after)-1].GetNumber())
	}
}

func TestOneReasonForAFailure(t *testing.T) {
	r := start(t, statetest.Open(t), &hands{fails: map[job.Phase]error{job.Verify: coded(reason.SignatureInvalid)}}, opens)
	r.assign(t, assignment(1, 1))
	wait(t, r.over, "the end")
	p := r.Progress(64)
	last := p[len(p)-1]
	if last.GetState() != v1.PhaseState_PHASE_STATE_FAILED || last.GetReason() != v1.Reason_REASON_SIGNATURE_INVALID || last.GetDetail() == "" {
		t.Errorf("reported %v", last)
	}
	if got := r.hands.phases(); len(got) != 2 {
		t.Errorf("carried out %v", got)
	}
}

type coded reason.Code

func (c coded) Error() string       { return "does not verify" }
func (c coded) Reason() reason.Code { return reason.Code(c) }

func TestUnreachableContentIsWaitedFor(t *testing.T) {
	r := start(t, statetest.Open(t), &hands{fails: map[job.Phase]error{job.Fetch: coded(reason.ContentUnreachable)}}, opens)
	r.assign(t, assignment(1, 1))
	wait(t, r.hands.start, "fetch")
	for { // the report comes after the phase has returned
		p := r.Progress(64)
		if last := p[len(p)-1]; last.GetState() == v1.PhaseState_PHASE_STATE_WAITING {
			if last.GetReason() != v1.Reason_REASON_CONTENT_UNREACHABLE {
				t.Errorf("waits for %v", last.GetReason())
			}
			return
		}
		select {
		case <-r.over:
			t.Fatal("the attempt was given up")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestExpiredOrderIsRefused(t *testing.T) {
	r := start(t, statetest.Open(t), &hands{}, closes)
	r.assign(t, assignment(1, 1))
	wait(t, r.over, "the end")
	if p := r.Progress(64); p[0].GetReason() != v1.Reason_REASON_ORDER_EXPIRED || len(r.hands.phases()) != 0 {
		t.Errorf("reported %v, carried out %v", p, r.hands.phases())
	}
}

func TestUnsupportedOrderIsRefused(t *testing.T) {
	a := assignment(1, 1)
	a.Action = nil
	r := start(t, statetest.Open(t), &hands{}, opens)
	r.assign(t, a)
	wait(t, r.over, "the end")
	if p := r.Progress(64); p[0].GetReason() != v1.Reason_REASON_UNSUPPORTED_ACTION || p[0].GetDetail() != "action" {
		t.Errorf("reported %v", p)
	}
}

func TestDropStopsAPhaseButNotTheWriting(t *testing.T) {
	for _, phase := range []job.Phase{job.Fetch, job.Write} {
		h := &hands{hold: map[job.Phase]chan struct{}{phase: make(chan struct{})}}
		r := start(t, statetest.Open(t), h, opens)
		r.assign(t, assignment(1, 1))
		for wait(t, h.start, string(phase)) != phase {
		}
		if err := r.Drop(); err != nil {
			t.Fatal(err)
		}
		if r.Received() != 0 {
			t.Errorf("%s: still acknowledged", phase)
		}
		close(h.hold[phase])
		r.assign(t, assignment(2, 2)) // proves that the runner is alive and has let go
		for wait(t, h.start, "the next attempt") != job.Fetch {
		}
		dropped := !slices.Contains(r.summary(t), "WRITE:DONE")
		if dropped != (phase == job.Fetch) {
			t.Errorf("%s: dropped in the middle: %v", phase, dropped)
		}
	}
}

func TestAnotherJobWaitsForTheWritingEvenOverARestart(t *testing.T) {
	f := statetest.Open(t)
	h := &hands{hold: map[job.Phase]chan struct{}{job.Write: make(chan struct{})}}
	first := start(t, f, h, opens)
	first.assign(t, assignment(1, 1))
	for wait(t, h.start, "write") != job.Write {
	}
	first.assign(t, assignment(2, 2))
	first.stop()
	second := start(t, f, &hands{}, opens)
	wait(t, second.over, "the end")
	want := []job.Phase{job.Write, job.Fetch, job.Verify, job.Write, job.Confirm}
	if got := second.hands.phases(); !slices.Equal(got, want) {
		t.Errorf("carried out %v, want %v", got, want)
	}
}

func TestAssignRefusesWhatHasNoName(t *testing.T) {
	r := start(t, statetest.Open(t), &hands{}, opens)
	for _, a := range []*v1.Assignment{nil, {JobId: "x", Revision: 1, Attempt: 1}, {JobId: jobID, Attempt: 1}} {
		if err := r.Assign(a); err == nil {
			t.Errorf("%v was taken", a)
		}
	}
}

func TestBrokenJournalIsNamed(t *testing.T) {
	f := statetest.Open(t)
	if err := f.Write(job.FileName, []byte(`{"done":9`)); err != nil {
		t.Fatal(err)
	}
	if _, err := job.Read(f); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzOrderOf(f *testing.F) {
	f.Add(jobID, uint64(1), uint32(1), int32(3), 32, 1)
	f.Add("", uint64(0), uint32(0), int32(-1), 0, 0)
	f.Fuzz(func(t *testing.T, id string, revision uint64, attempt uint32, phase int32, digest, urls int) {
		if digest < 0 || digest > 64 || urls < 0 || urls > 64 {
			t.Skip("out of the wire's bounds")
		}
		a := &v1.Assignment{
			JobId: id, Revision: revision, Attempt: attempt, Phases: []v1.Phase{v1.Phase(phase)},
			Action: &v1.Assignment_Reimage{Reimage: &v1.Reimage{ManifestDigest: make([]byte, digest), ContentUrls: make([]string, urls)}},
		}
		o, err := job.OrderOf(a)
		if err == nil && o.Unsupported == "" && (len(o.Phases) == 0 || len(o.Reimage.ContentURLs) == 0) {
			t.Errorf("taken for supported: %+v", o)
		}
	})
}
