// Package checkin keeps a device in touch: it says how the device is, brings orders, carries reports,
// renews the certificate, and comes back when it is told.
//
// Guarantees:
//   - An unchanged device costs a digest; a Report is sent only when it is asked for.
//   - An order is acknowledged in the check-in after the one that brought it, and only once it is on disk.
//   - Progress is forgotten only when an answer has acknowledged it.
//   - Between two check-ins there is at least a tenth of a second; a control plane that is
//     away is asked with full jitter and ever more seldom; one that refuses, at
//     most every ten minutes.
//   - From a minute's pause on, the connection is closed meanwhile.
//   - Nothing but urgent news and the time wakes the loop: an idle agent uses no processor time.
//
// How long to wait is a pure function (Contact.After); Loop is the thin rest. One goroutine runs Loop.Run;
// Poke may be called by any.
package checkin

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/agent/internal/clock"
	"github.com/nattevakt/nattevakt/agent/internal/dial"
	"github.com/nattevakt/nattevakt/agent/internal/footprint"
	"github.com/nattevakt/nattevakt/proto/capability"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// maxProgress is how many reports one check-in may carry; the contract's bound.
const maxProgress = 64

// Control is the way to the control plane; *dial.Dialer is one.
type Control interface {
	Do(ctx context.Context, call func(context.Context, grpc.ClientConnInterface) error) error
	Park()
	ClockWrong() bool
}

// Clock keeps the control plane's time; *clock.Keeper is one.
type Clock interface {
	Read() clock.Reading
	Now() time.Time
	Anchor() clock.Anchor
	Observe(said clock.Answer, r clock.Reading) error
}

// Reports holds the newest report; *report.Book is one.
type Reports interface {
	Digest() []byte
	Request() *v1.ReportRequest
	Accepted(*v1.ReportRequest)
	Forget()
}

// Jobs works on orders; *job.Runner is one.
type Jobs interface {
	Received() uint64
	Assign(*v1.Assignment) error
	Drop() error
	Reached(awaySince time.Time)
	Progress(limit int) []*v1.JobProgress
	Delivered([]*v1.JobProgress)
}

// Identity renews the certificate where it is time. It does nothing where it is not, unless asked is set.
type Identity interface {
	Renew(ctx context.Context, asked bool) error
}

// Machine is what the device says of itself.
type Machine struct {
	Boot           [16]byte
	HardwareDigest [16]byte
	Version        string
	// Vitals reads what moves by the minute.
	Vitals func() (*v1.Vitals, error)
}

// Event is told after each check-in.
type Event struct {
	Outcome Outcome
	Contact Contact
	// Wait is how long until the next one.
	Wait time.Duration
	// ClockWrong: the machine's own clock is known to be wrong.
	ClockWrong bool
}

// Loop keeps one device in touch. All fields must be set.
type Loop struct {
	Control  Control
	Clock    Clock
	Reports  Reports
	Jobs     Jobs
	Identity Identity
	Machine  Machine
	Log      *slog.Logger
	// Watch hears of each check-in.
	Watch func(Event)

	poke    chan struct{}
	contact Contact
	seq     uint64
	// local is a reason of the device's own from the last round: an order that could not be stored.
	local reason.Code
}

// New gives l what it needs inside. Calls of Poke before Run count.
func New(l Loop) *Loop {
	l.poke = make(chan struct{}, 1)
	// A boot's check-ins must be numbered upwards although the agent may restart within it.
	l.seq = uint64(max(0, l.Clock.Read().Up.Milliseconds())) //nolint:gosec // not negative
	return &l
}

// Poke makes the next check-in come soon: there is urgent news.
func (l *Loop) Poke() {
	select {
	case l.poke <- struct{}{}:
	default:
	}
}

// Run checks in until ctx ends.
func (l *Loop) Run(ctx context.Context) {
	for {
		outcome := l.once(ctx)
		if ctx.Err() != nil {
			return
		}
		var wait time.Duration
		l.contact, wait = l.contact.After(outcome, l.Clock.Now(), rand.Float64())
		l.note(outcome, wait)
		if Parks(wait) {
			l.Control.Park()
			footprint.Shrink()
		}
		if !l.sleep(ctx, wait) {
			return
		}
	}
}

func (l *Loop) note(o Outcome, wait time.Duration) {
	l.Jobs.Reached(l.contact.AwaySince)
	l.Watch(Event{Outcome: o, Contact: l.contact, Wait: wait, ClockWrong: l.clockWrong()})
	switch o.Kind {
	case Refused:
		l.Log.Error("the control plane refuses this machine", "error", o.Err, "reason", o.Reason, "next_in", wait.Round(time.Second))
	case Away:
		l.Log.Warn("the control plane does not answer", "error", o.Err, "failures", l.contact.Failures, "next_in", wait.Round(time.Millisecond))
	}
}

// sleep waits, less if poked; false if ctx ended.
func (l *Loop) sleep(ctx context.Context, wait time.Duration) bool {
	begun := time.Now()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-l.poke:
			gone := time.Since(begun)
			timer.Reset(l.contact.Hurry(wait-gone, gone))
		}
	}
}

// once renews if it is time, checks in, and sends the report if it is wanted.
func (l *Loop) once(ctx context.Context) Outcome {
	renewErr := l.Identity.Renew(ctx, false)
	if renewErr != nil {
		l.Log.Warn("certificate not renewed yet", "error", renewErr)
	}
	response, err := l.checkIn(ctx)
	if refused(err, reason.CertificateExpired) {
		if renewErr = l.Identity.Renew(ctx, true); renewErr == nil {
			response, err = l.checkIn(ctx)
		}
	}
	if err != nil {
		return outcomeOf(err)
	}
	if err := l.take(ctx, response); err != nil {
		return outcomeOf(err)
	}
	return Outcome{Kind: Answered, Next: time.Duration(response.GetNextInMs()) * time.Millisecond}
}

func refused(err error, why reason.Code) bool {
	var r *dial.Refused
	return errors.As(err, &r) && r.Reason == why
}

func outcomeOf(err error) Outcome {
	var r *dial.Refused
	if errors.As(err, &r) {
		return Outcome{Kind: Refused, Reason: r.Reason, Err: err}
	}
	return Outcome{Kind: Away, Err: err}
}

func (l *Loop) checkIn(ctx context.Context) (response *v1.CheckInResponse, err error) {
	request := l.request()
	err = l.Control.Do(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		response, err = v1.NewCheckInServiceClient(conn).CheckIn(ctx, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.hear(response.GetClock())
	l.Jobs.Delivered(request.GetProgress())
	return response, nil
}

func (l *Loop) request() *v1.CheckInRequest {
	l.seq++
	vitals, err := l.Machine.Vitals()
	if err != nil {
		l.Log.Debug("vitals not read", "error", err)
	}
	return &v1.CheckInRequest{
		CapabilityVersion: uint32(capability.Current), Seq: l.seq, AgentVersion: l.Machine.Version,
		BootId: l.Machine.Boot[:], HardwareDigest: l.Machine.HardwareDigest[:],
		ReportDigest: l.Reports.Digest(), AssignmentReceived: l.Jobs.Received(), Progress: l.Jobs.Progress(maxProgress),
		Vitals: vitals, DeviceTime: timestamppb.New(l.Clock.Read().Wall), LocalReason: l.localReason().Proto(),
	}
}

func (l *Loop) localReason() reason.Code {
	if l.clockWrong() {
		return reason.WrongClock
	}
	return l.local
}

func (l *Loop) clockWrong() bool {
	return l.Clock.Anchor().Wrong(l.Clock.Read()) || l.Control.ClockWrong()
}

func (l *Loop) hear(said *v1.ServerClock) {
	answer := clock.Answer{Rate: said.GetRate()}
	if said.GetTime().IsValid() {
		answer.Time = said.GetTime().AsTime()
	}
	if said.GetWall().IsValid() {
		answer.Wall = said.GetWall().AsTime()
	}
	if err := l.Clock.Observe(answer, l.Clock.Read()); err != nil {
		l.Log.Warn("cannot store the control plane's time", "error", err)
	}
}

// take carries out what an answer asks for.
func (l *Loop) take(ctx context.Context, response *v1.CheckInResponse) error {
	l.order(response)
	if response.GetRenew() {
		if err := l.Identity.Renew(ctx, true); err != nil {
			l.Log.Warn("certificate not renewed yet", "error", err)
		}
	}
	if response.GetWantReport() {
		return l.report(ctx)
	}
	return nil
}

// order stores or drops the assignment. One that cannot be stored is not acknowledged, and comes again.
func (l *Loop) order(response *v1.CheckInResponse) {
	l.local = reason.None
	var err error
	switch {
	case response.GetNoAssignment():
		err = l.Jobs.Drop()
	case response.GetAssignment() != nil:
		err = l.Jobs.Assign(response.GetAssignment())
	}
	if err != nil {
		l.Log.Error("cannot store the assignment", "error", err)
		l.local = reason.DiskFull
	}
}

// report sends what changed, and everything if the control plane does not hold the rest.
func (l *Loop) report(ctx context.Context) error {
	for range 2 {
		request := l.Reports.Request()
		if request == nil {
			return nil // not collected yet; it will be asked for again
		}
		var response *v1.ReportResponse
		err := l.Control.Do(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
			response, err = v1.NewCheckInServiceClient(conn).Report(ctx, request)
			return err
		})
		if err != nil {
			return err
		}
		if !response.GetNeedFull() {
			l.Reports.Accepted(request)
			l.Log.Info("report sent", "sections", len(request.GetSections()), "whole", len(request.GetBaseDigest()) == 0)
			return nil
		}
		l.Reports.Forget()
	}
	return nil
}
