package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/checkin"
	"github.com/nattevakt/nattevakt/agent/internal/dial"
	"github.com/nattevakt/nattevakt/agent/internal/enroll"
	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// refusedPause is how long a machine that was refused at enrolment waits before it asks again: the token
// may be replaced meanwhile, and a service that stops would only be started again.
const refusedPause = 10 * time.Minute

// renewPause is the shortest time between two tries to renew.
const renewPause = time.Minute

// Enrolled tells who the machine is; nil if it is nobody yet.
func (a *Agent) Enrolled() *enroll.Identity { return a.identity.Load() }

// Enroll asks for an identity until there is one, it is refused, or ctx ends.
func (a *Agent) Enroll(ctx context.Context) error {
	enroller, err := a.enroller()
	if err != nil {
		return err
	}
	identity, err := enroller.Enroll(ctx)
	if err != nil {
		a.noteRefusal(err)
		return err
	}
	a.adopt(identity)
	a.log.Info("enrolled", "device", identity.Device, "until", identity.NotAfter())
	return a.keep(true)
}

func (a *Agent) noteRefusal(err error) {
	var refused *dial.Refused
	if !errors.As(err, &refused) {
		return
	}
	event := checkin.Event{Outcome: checkin.Outcome{Kind: checkin.Refused, Reason: refused.Reason, Err: err}}
	a.noteStatus(a.status.CheckedIn(event, 0))
}

// noteStatus logs a status file that could not be written: nothing else depends on it.
func (a *Agent) noteStatus(err error) {
	if err != nil {
		a.log.Warn("status not written", "error", err)
	}
}

// enrollPatiently is Enroll that outlasts refusals.
func (a *Agent) enrollPatiently(ctx context.Context) error {
	for {
		err := a.Enroll(ctx)
		var refused *dial.Refused
		if err == nil || !errors.As(err, &refused) {
			return err
		}
		pause := refusedPause + time.Duration(rand.Float64()*float64(refusedPause))
		a.log.Error("enrolment refused", "error", err, "next_in", pause.Round(time.Second))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (a *Agent) enroller() (*enroll.Enroller, error) {
	roots, err := a.bootstrap.Roots()
	if err != nil {
		return nil, err
	}
	return &enroll.Enroller{
		Store: a.folder, Key: a.key, Call: a.dialer, Roots: roots, Clock: a.clock, Log: a.log,
		Hardware: a.hardware, HardwareDigest: id.Hardware(a.hardware), Hostname: a.hostname(),
		Version: a.options.Version, Token: a.bootstrap.SiteToken, OnPending: a.pending,
	}, nil
}

func (a *Agent) pending(why reason.Code) {
	a.noteStatus(a.status.Pending(why))
	if a.options.OnPending != nil {
		a.options.OnPending(why)
	}
}

// adopt makes an identity the one that connections show from now on.
func (a *Agent) adopt(identity *enroll.Identity) {
	a.identity.Store(identity)
	a.dialer.Renewed()
	a.noteStatus(a.status.Enrolled(identity.Device.String(), identity.NotAfter()))
}

// renewer is checkin.Identity.
type renewer struct {
	agent    *Agent
	enroller *enroll.Enroller
	renewed  func(notAfter time.Time)
	tried    time.Time
}

// Renew renews at the time the identity says, or when asked, but not twice within renewPause. The time is
// the control plane's own, not a demonstration's: certificates know no other.
func (r *renewer) Renew(ctx context.Context, asked bool) error {
	if !asked && r.agent.clock.RealNow().Before(r.agent.identity.Load().RenewAt()) {
		return nil
	}
	if !r.tried.IsZero() && time.Since(r.tried) < renewPause {
		return nil
	}
	r.tried = time.Now()
	identity, err := r.enroller.Renew(ctx)
	if err != nil {
		return err
	}
	r.agent.adopt(identity)
	r.renewed(identity.NotAfter())
	r.agent.log.Info("certificate renewed", "until", identity.NotAfter())
	return nil
}
