// Package clock estimates the control plane's time on a machine whose own clock may be wrong, and says
// when it is.
//
// The agent anchors each answer of the control plane (time and rate) to a Reading of the machine: wall
// clock, time since boot, and which boot. From then on it counts with the time since boot, which a
// person at the machine cannot set and which goes on while the machine sleeps. After a reboot without
// network there is only the wall clock to count with: then the wall clock's difference, not its value,
// is added to the last known time, so that a clock that is steadily wrong does no harm.
//
// Guarantees:
//   - Now never goes back below the newest time that the control plane has said in this boot's anchor.
//   - Sure is true only while the anchor is from this boot: only then may an order be given up as expired.
//   - Floor is a time that has certainly passed. It grows only by the control plane's own wall clock and by
//     what it signed, never by a demonstration's fast clock and never by the machine's wall clock.
//   - The file is written when the anchor moved by more than the machine could know, and hourly: rarely.
//
// The estimate and the judgement are pure functions of Readings; Keeper adds a lock and a file.
package clock

import (
	"math"
	"time"
)

// WrongBy is how far a machine's clock may be off before it is called wrong. Kerberos draws the same
// line (RFC 4120, 7.1.4: five minutes).
const WrongBy = 5 * time.Minute

// MaxRate bounds how fast a demonstration may run.
const MaxRate = 100_000

// Reading is what a machine can know of time by itself at one instant.
type Reading struct {
	// Wall is the machine's clock, right or wrong.
	Wall time.Time
	// Up is the time since boot, sleep included.
	Up time.Duration
	// Boot tells boots apart.
	Boot [16]byte
}

// Answer is what the control plane says of time: see proto ServerClock.
type Answer struct {
	// Time is what orders are written in; it runs Rate times as fast as Wall.
	Time time.Time
	Rate float64
	// Wall is the control plane's own clock. Zero where an older control plane does not say.
	Wall time.Time
}

// Anchor ties one answer of the control plane to a Reading. The zero Anchor is "never heard".
type Anchor struct {
	Time time.Time     `json:"time"`
	Rate float64       `json:"rate"`
	Real time.Time     `json:"real"`
	Wall time.Time     `json:"wall"`
	Up   time.Duration `json:"up"`
	Boot [16]byte      `json:"boot"`
}

// NewAnchor ties; a rate that makes no sense counts as 1.
func NewAnchor(said Answer, at Reading) Anchor {
	if math.IsNaN(said.Rate) || said.Rate <= 0 || said.Rate > MaxRate {
		said.Rate = 1
	}
	if said.Wall.IsZero() && said.Rate == 1 {
		said.Wall = said.Time
	}
	return Anchor{Time: said.Time, Rate: said.Rate, Real: said.Wall, Wall: at.Wall.Round(0), Up: at.Up, Boot: at.Boot}
}

// IsZero reports that the control plane was never heard.
func (a Anchor) IsZero() bool { return a.Time.IsZero() }

// Now estimates the control plane's time at r; the machine's own clock where it was never heard.
func (a Anchor) Now(r Reading) time.Time {
	if a.IsZero() {
		return r.Wall
	}
	return a.Time.Add(scale(a.gone(r), a.Rate))
}

// RealNow estimates the control plane's own wall clock at r; zero where it was never told.
func (a Anchor) RealNow(r Reading) time.Time {
	if a.Real.IsZero() {
		return time.Time{}
	}
	return a.Real.Add(a.gone(r))
}

// gone is the real time from the anchor to r, never negative.
func (a Anchor) gone(r Reading) time.Duration {
	if r.Boot == a.Boot {
		return max(0, r.Up-a.Up)
	}
	return max(0, r.Wall.Sub(a.Wall))
}

// Until is how long the machine must wait, in real time from r, for the control plane's time to be t.
func (a Anchor) Until(t time.Time, r Reading) time.Duration {
	rate := a.Rate
	if a.IsZero() {
		rate = 1
	}
	return scale(t.Sub(a.Now(r)), 1/rate)
}

// Sure reports whether the estimate at r counts with this boot's own time alone.
func (a Anchor) Sure(r Reading) bool { return !a.IsZero() && r.Boot == a.Boot }

// Offset is the machine's clock minus the control plane's own; known is false where it was never told.
func (a Anchor) Offset(r Reading) (offset time.Duration, known bool) {
	if a.Real.IsZero() {
		return 0, false
	}
	return r.Wall.Sub(a.RealNow(r)), true
}

// Wrong reports whether the machine's clock is known to be wrong at r.
func (a Anchor) Wrong(r Reading) bool {
	offset, known := a.Offset(r)
	return known && offset.Abs() > WrongBy
}

// scale multiplies and saturates.
func scale(d time.Duration, rate float64) time.Duration {
	f := float64(d) * rate
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(f)
}
