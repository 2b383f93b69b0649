package readiness

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

const (
	// DefaultSilence is how long a device may be silent before that is the reason: one night and a day, so
	// that a laptop that sleeps in its cabinet from the last lesson to the next morning's is not "missing".
	DefaultSilence = 36 * time.Hour
	// AlarmAge is how long a refused copy of a device's identity counts against the device.
	AlarmAge = 24 * time.Hour
	// MaxClockOffset is what Kerberos tolerates (RFC 4120, 1.6), beyond which people cannot log in.
	MaxClockOffset = 5 * time.Minute
	// BatteryFloor is the charge, in percent, below which a laptop does not last a lesson.
	BatteryFloor = 20
)

// Facts is all that the answer rests on.
type Facts struct {
	Device fleet.Device
	// Presence is zero if the device was not heard.
	Presence fleet.Presence
	// Job is the newest one, nil if there never was any.
	Job *rollout.Job
	// Opens is when the job's window opens: until then a planned job keeps nobody from using the machine.
	// Zero: it is open.
	Opens time.Time
	// Waits is why the night plan gives a planned job no time; None where it does.
	Waits reason.Code
	// Finish is when the night plan expects the job to be done; zero where unknown.
	Finish time.Time
	// Silence is DefaultSilence unless set.
	Silence time.Duration
}

// rule gives a status, or false where it has nothing to say.
type rule func(f Facts, now time.Time) (Status, bool)

// rules are read from top to bottom; the first that speaks is the answer. First what the device is, then
// what is wrong with it, then what is being done to it, then what it said last.
var rules = []rule{
	retired,
	revoked,
	announced,
	pending,
	cloned,
	wrongClock,
	working,
	planned,
	unfinished,
	silent,
	troubled,
	batteryLow,
}

// Of gives the answer for one device at one instant.
func Of(f Facts, now time.Time) Status {
	for _, speak := range rules {
		if s, ok := speak(f, now); ok {
			s.AsOf = f.Presence.LastSeen
			return s
		}
	}
	return Status{Ready: true, Since: readySince(f), AsOf: f.Presence.LastSeen}
}

// Count splits statuses; the two add up to their number.
func Count(statuses []Status) (ready, notReady int) {
	for _, s := range statuses {
		if s.Ready {
			ready++
		}
	}
	return ready, len(statuses) - ready
}

// WrongClock reports whether a device's clock is too far off for people to log in, by what the device
// said itself or by what was measured.
func WrongClock(p fleet.Presence) bool {
	return p.LocalReason == reason.WrongClock || p.ClockOffset.Abs() > MaxClockOffset
}

func readySince(f Facts) time.Time {
	if f.Job != nil && f.Job.State == rollout.JobSucceeded {
		return f.Job.EndedAt
	}
	return time.Time{}
}

func because(why reason.Code, since time.Time) (Status, bool) {
	return Status{Reason: why, Since: since}, true
}

func nothing() (Status, bool) { return Status{}, false }

func retired(f Facts, _ time.Time) (Status, bool) {
	if f.Device.State == fleet.Retired {
		return because(reason.Retired, time.Time{})
	}
	return nothing()
}

func revoked(f Facts, _ time.Time) (Status, bool) {
	if f.Device.State != fleet.Revoked {
		return nothing()
	}
	return because(or(f.Device.StateReason, reason.IdentityRevoked), time.Time{})
}

func announced(f Facts, _ time.Time) (Status, bool) {
	if f.Device.State == fleet.Announced {
		return because(reason.NeverSeen, time.Time{})
	}
	return nothing()
}

// pending is for every other state in which a device may not yet call.
func pending(f Facts, _ time.Time) (Status, bool) {
	if f.Device.State == fleet.Active {
		return nothing()
	}
	return because(or(f.Device.StateReason, reason.AwaitingApproval), time.Time{})
}

func cloned(f Facts, now time.Time) (Status, bool) {
	if f.Device.Alarm == reason.None || now.Sub(f.Device.AlarmAt) > AlarmAge {
		return nothing()
	}
	return because(f.Device.Alarm, f.Device.AlarmAt)
}

func wrongClock(f Facts, _ time.Time) (Status, bool) {
	if !WrongClock(f.Presence) {
		return nothing()
	}
	return because(reason.WrongClock, time.Time{})
}

func working(f Facts, _ time.Time) (Status, bool) {
	if f.Job == nil || !f.Job.Busy() {
		return nothing()
	}
	why := reason.Working
	if f.Job.PhaseState == rollout.PhaseWaiting {
		why = or(f.Job.Reason, reason.Working)
	}
	since := f.Job.StartedAt
	if since.IsZero() {
		since = f.Job.GrantedAt
	}
	return Status{Reason: why, Since: since, Expected: f.Finish, Detail: f.Job.Detail}, true
}

func planned(f Facts, now time.Time) (Status, bool) {
	if f.Job == nil || f.Job.State != rollout.JobPlanned || now.Before(f.Opens) {
		return nothing()
	}
	if f.Waits.Kind() == reason.KindContact {
		return because(f.Waits, f.Presence.LastSeen)
	}
	why := or(f.Waits, reason.Planned)
	if f.Waits == reason.None && !f.Job.PlannedStart.After(now) && !f.Opens.IsZero() {
		why = reason.WaitingForTurn
	}
	return Status{Reason: why, Since: f.Opens, Expected: f.Finish, Detail: f.Job.Detail}, true
}

// unfinished: the newest job ended without success. One that was called off before it touched the disk
// left the machine as it was.
func unfinished(f Facts, _ time.Time) (Status, bool) {
	j := f.Job
	switch {
	case j == nil || !j.State.Ended() || j.State == rollout.JobSucceeded:
		return nothing()
	case j.State == rollout.JobCancelled && !j.Phase.Disruptive():
		return nothing()
	}
	return Status{Reason: stillTrue(j, f.Presence), Since: j.EndedAt, Detail: j.Detail}, true
}

// stillTrue: "has not been in touch" explained why a job expired, but is no longer so once the device calls.
func stillTrue(j *rollout.Job, p fleet.Presence) reason.Code {
	if j.State == rollout.JobExpired && j.Reason.Kind() == reason.KindContact && p.LastSeen.After(j.EndedAt) {
		return reason.OrderExpired
	}
	return or(j.Reason, reason.Internal)
}

// silent: a device that came back when it was told, or is not yet due, is not silent however long it sleeps.
func silent(f Facts, now time.Time) (Status, bool) {
	last := f.Presence.LastSeen
	if f.Device.Identity.EnrolledAt.After(last) {
		last = f.Device.Identity.EnrolledAt
	}
	limit := f.Silence
	if limit <= 0 {
		limit = DefaultSilence
	}
	switch {
	case last.IsZero():
		return because(reason.NeverSeen, time.Time{})
	case now.Sub(last) <= limit || !now.After(f.Presence.NextDue.Add(rollout.Overdue)):
		return nothing()
	}
	return because(reason.NoContact, last)
}

// troubled: the device itself knows why it cannot work.
func troubled(f Facts, _ time.Time) (Status, bool) {
	if f.Presence.LocalReason == reason.None {
		return nothing()
	}
	return because(f.Presence.LocalReason, time.Time{})
}

// batteryLow counts on the charger too: the pupil takes the machine off it.
func batteryLow(f Facts, _ time.Time) (Status, bool) {
	if f.Presence.HasBattery && f.Presence.BatteryPercent < BatteryFloor {
		return because(reason.BatteryLow, time.Time{})
	}
	return nothing()
}

func or(why, otherwise reason.Code) reason.Code {
	if why == reason.None {
		return otherwise
	}
	return why
}
