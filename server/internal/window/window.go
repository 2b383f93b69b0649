// Package window answers when disruptive work may run at a site: open or closed, why, and when that
// changes. Windows are functions of (policy, instant), never timers: open and close are wall-clock times
// in an IANA zone, and a window's end is a time, not a start plus a duration.
//
// Guarantees:
//   - At and Next are pure: no clock, no I/O; the same arguments give the same answer.
//   - A window over midnight belongs to the evening it opens on; over a clock change it still opens and
//     closes at the wall-clock times people set.
//   - A wall-clock time that a clock change skips stands for the first instant after the gap; one that
//     happens twice stands for the first for opening and the second for closing, so that work is never
//     cut short by the clock.
package window

import "time"

// Clock is a wall-clock time of day in minutes after midnight, 0 ≤ c < 1440.
type Clock int

// Policy says when work may run. Zone is an IANA name.
type Policy struct {
	Zone  string
	Open  Clock
	Close Clock
	// Bell is when the cabinet must be usable; the first one at or after Close belongs to the window.
	Bell Clock
}

// Span is one concrete window. Opens ≤ t < Closes is inside.
type Span struct {
	Opens  time.Time
	Closes time.Time
	Bell   time.Time
}
