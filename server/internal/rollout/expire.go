package rollout

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
)

// Overdue is how long after the time it was told to come back a device counts as gone.
const Overdue = 15 * time.Minute

// Contact is what is known of a device when its window has closed.
type Contact struct {
	// Opened is when the window opened.
	Opened time.Time
	// LastSeen is zero if the device was never heard; NextDue is when it was to come back.
	LastSeen time.Time
	NextDue  time.Time
	// WrongClock: the device has said, or was seen, to have its clock wrong.
	WrongClock bool
}

// Expire ends a job whose window has closed, with the one reason that explains it; an ended job stays as
// it is.
func (j Job) Expire(now time.Time, c Contact) (Job, bool) {
	return j.end(JobExpired, j.whyLate(now, c), now)
}

// whyLate reads from top to bottom; the first that holds is the reason.
func (j Job) whyLate(now time.Time, c Contact) reason.Code {
	switch {
	case c.LastSeen.IsZero():
		return reason.NeverSeen
	case c.LastSeen.Before(c.Opened), c.gone(now):
		return reason.NoContact
	case c.WrongClock:
		return reason.WrongClock
	case j.Reason != reason.None && j.Reason.Kind() != reason.KindWork:
		return j.Reason // what held the device back, in its own words
	}
	return reason.NotEnoughTime
}

func (c Contact) gone(now time.Time) bool {
	return !c.NextDue.IsZero() && now.After(c.NextDue.Add(Overdue))
}
