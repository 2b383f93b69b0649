package checkin_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/agent/internal/checkin"
	"github.com/nattevakt/nattevakt/agent/internal/clock"
	"github.com/nattevakt/nattevakt/agent/internal/dial"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// world is everything around a Loop: a control plane that answers from a list, and a device's parts that
// note what is done to them.
type world struct {
	mu        sync.Mutex
	answers   []*v1.CheckInResponse
	needFull  int
	requests  []*v1.CheckInRequest
	reports   []*v1.ReportRequest
	progress  []*v1.JobProgress
	delivered int
	assigned  *v1.Assignment
	assignErr error
	dropped   int
	forgot    int
	renewals  []bool
	parked    int
	anchor    clock.Anchor
}

func (w *world) Do(ctx context.Context, call func(context.Context, grpc.ClientConnInterface) error) error {
	return call(ctx, w)
}

// Invoke is the connection: the control plane's answers, in turn.
func (w *world) Invoke(_ context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch request := args.(type) {
	case *v1.CheckInRequest:
		w.requests = append(w.requests, request)
		if len(w.answers) == 0 {
			return &dial.Refused{Reason: reason.Retired} // the script has ended: ten minutes' silence
		}
		proto.Merge(reply.(proto.Message), w.answers[0])
		w.answers = w.answers[1:]
	case *v1.ReportRequest:
		w.reports = append(w.reports, request)
		reply.(*v1.ReportResponse).NeedFull = w.needFull > 0
		w.needFull--
	}
	return nil
}

func (w *world) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("no streams in the contract")
}

func (w *world) Park()            { w.parked++ }
func (w *world) ClockWrong() bool { return false }

func (w *world) Read() clock.Reading  { return clock.Reading{Wall: now, Up: time.Hour} }
func (w *world) Now() time.Time       { return now }
func (w *world) Anchor() clock.Anchor { return w.anchor }
func (w *world) Observe(said clock.Answer, r clock.Reading) error {
	w.anchor = clock.NewAnchor(said, r)
	return nil
}

func (w *world) Digest() []byte             { return []byte("0123456789abcdef") }
func (w *world) Request() *v1.ReportRequest { return &v1.ReportRequest{} }
func (w *world) Accepted(*v1.ReportRequest) {}
func (w *world) Forget()                    { w.forgot++ }

func (w *world) Received() uint64 { return w.assigned.GetRevision() }
func (w *world) Assign(a *v1.Assignment) error {
	if w.assignErr == nil {
		w.assigned = a
	}
	return w.assignErr
}
func (w *world) Drop() error                      { w.dropped++; return nil }
func (w *world) Reached(time.Time)                {}
func (w *world) Progress(int) []*v1.JobProgress   { return w.progress[w.delivered:] }
func (w *world) Delivered(sent []*v1.JobProgress) { w.delivered += len(sent) }
func (w *world) Renew(_ context.Context, asked bool) error {
	w.renewals = append(w.renewals, asked)
	return nil
}

// play runs a loop until the script's answers are used up.
func play(t *testing.T, w *world, answers ...*v1.CheckInResponse) {
	t.Helper()
	for _, a := range answers {
		if a.NextInMs == 0 {
			a.NextInMs = 1
		}
	}
	w.answers = answers
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	loop := checkin.New(checkin.Loop{
		Control: w, Clock: w, Reports: w, Jobs: w, Identity: w, Log: slog.New(slog.DiscardHandler),
		Machine: checkin.Machine{Version: "test", Vitals: func() (*v1.Vitals, error) { return &v1.Vitals{BatteryPercent: 80}, nil }},
		Watch: func(e checkin.Event) {
			if e.Outcome.Kind == checkin.Refused {
				cancel()
			}
		},
	})
	loop.Run(ctx)
}

func TestSeqGrows(t *testing.T) {
	w := &world{}
	play(t, w, &v1.CheckInResponse{}, &v1.CheckInResponse{})
	if w.requests[1].GetSeq() != w.requests[0].GetSeq()+1 || w.requests[0].GetSeq() < uint64(time.Hour.Milliseconds()) {
		t.Errorf("seq %d, then %d", w.requests[0].GetSeq(), w.requests[1].GetSeq())
	}
	if len(w.reports) != 0 {
		t.Error("a report that nobody asked for")
	}
}

func TestReportWholeWhenTheBaseIsUnknown(t *testing.T) {
	w := &world{needFull: 1}
	play(t, w, &v1.CheckInResponse{WantReport: true})
	if len(w.reports) != 2 || w.forgot != 1 {
		t.Errorf("%d reports, base forgotten %d times", len(w.reports), w.forgot)
	}
}

func TestReportIsNotSentForEver(t *testing.T) {
	w := &world{needFull: 1000}
	play(t, w, &v1.CheckInResponse{WantReport: true})
	if len(w.reports) != 2 {
		t.Errorf("%d reports to a control plane that never has the base", len(w.reports))
	}
}

func TestAssignmentIsAcknowledgedOnceStored(t *testing.T) {
	w := &world{}
	play(t, w, &v1.CheckInResponse{Assignment: &v1.Assignment{Revision: 7}}, &v1.CheckInResponse{NoAssignment: true})
	if w.requests[0].GetAssignmentReceived() != 0 || w.requests[1].GetAssignmentReceived() != 7 || w.dropped != 1 {
		t.Errorf("acknowledged %d then %d, dropped %d times", w.requests[0].GetAssignmentReceived(), w.requests[1].GetAssignmentReceived(), w.dropped)
	}
}

func TestAssignmentThatCannotBeStored(t *testing.T) {
	w := &world{assignErr: errors.New("no space left")}
	play(t, w, &v1.CheckInResponse{Assignment: &v1.Assignment{Revision: 7}}, &v1.CheckInResponse{})
	if w.requests[1].GetAssignmentReceived() != 0 || w.requests[1].GetLocalReason() != v1.Reason_REASON_DISK_FULL {
		t.Errorf("acknowledged %d, reason %v", w.requests[1].GetAssignmentReceived(), w.requests[1].GetLocalReason())
	}
}

func TestProgressIsForgottenOnceDelivered(t *testing.T) {
	w := &world{progress: []*v1.JobProgress{{Number: 1}, {Number: 2}}}
	play(t, w, &v1.CheckInResponse{}, &v1.CheckInResponse{})
	if len(w.requests[0].GetProgress()) != 2 || len(w.requests[1].GetProgress()) != 0 {
		t.Errorf("sent %d, then %d", len(w.requests[0].GetProgress()), len(w.requests[1].GetProgress()))
	}
}

func TestWrongClockIsSaid(t *testing.T) {
	w := &world{}
	right := timestamppb.New(now.AddDate(2, 0, 0))
	play(t, w, &v1.CheckInResponse{Clock: &v1.ServerClock{Time: right, Rate: 1, Wall: right}}, &v1.CheckInResponse{})
	if got := w.requests[1].GetLocalReason(); got != v1.Reason_REASON_WRONG_CLOCK {
		t.Errorf("local reason %v", got)
	}
	if !w.requests[1].GetDeviceTime().AsTime().Equal(now) {
		t.Error("device_time must be the machine's own, wrong as it is")
	}
}

func TestRenewalWhenAsked(t *testing.T) {
	w := &world{}
	play(t, w, &v1.CheckInResponse{Renew: true})
	if len(w.renewals) != 3 || w.renewals[0] || !w.renewals[1] || w.renewals[2] {
		t.Errorf("renewals %v; want not asked, asked, not asked", w.renewals)
	}
}

func TestLongPausesPark(t *testing.T) {
	w := &world{}
	play(t, w, &v1.CheckInResponse{})
	if w.parked != 1 { // the refusal's ten minutes, not the answer's 100 ms
		t.Errorf("parked %d times", w.parked)
	}
}
