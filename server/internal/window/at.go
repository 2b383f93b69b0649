package window

import (
	"fmt"
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
)

// State is the answer for one instant.
type State struct {
	Open bool
	// Span is the current window if Open, else the next.
	Span Span
	// ChangesAt is when this answer ends: Span.Closes if Open, else Span.Opens.
	ChangesAt time.Time
	// Why is WindowClosed unless Open.
	Why reason.Code
}

// Validate refuses what could never work at night: an unknown zone, a time that is none, a window that
// opens and closes at the same time, a bell that rings inside the window.
func (p Policy) Validate() error {
	_, err := p.load()
	return err
}

func (p Policy) load() (*time.Location, error) {
	loc, err := location(p.Zone)
	if err != nil {
		return nil, err
	}
	for _, c := range []Clock{p.Open, p.Close, p.Bell} {
		if !c.valid() {
			return nil, fmt.Errorf("time of day %d: outside 0–1439 minutes after midnight", int(c))
		}
	}
	if p.Open == p.Close {
		return nil, fmt.Errorf("window %v–%v never opens: opening and closing time are the same", p.Open, p.Close)
	}
	if p.Bell.strictlyBetween(p.Open, p.Close) {
		return nil, fmt.Errorf("bell %v rings inside the window %v–%v: close the window before the bell", p.Bell, p.Open, p.Close)
	}
	return loc, nil
}

// At tells whether work may run at t, and when that changes.
func At(p Policy, t time.Time) (State, error) {
	span, err := Next(p, t)
	if err != nil {
		return State{}, err
	}
	if span.Contains(t) {
		return State{Open: true, Span: span, ChangesAt: span.Closes}, nil
	}
	return State{Span: span, ChangesAt: span.Opens, Why: reason.WindowClosed}, nil
}

// Contains reports whether t is inside.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.Opens) && t.Before(s.Closes) }

// Next gives the window that t is in, or else the next to open. Its times are in the policy's zone.
func Next(p Policy, t time.Time) (Span, error) {
	loc, err := p.load()
	if err != nil {
		return Span{}, err
	}
	for _, d := range daysAround(t, loc) {
		span := p.spanOn(loc, d)
		// A clock change can swallow a short window whole; that night has none.
		if t.Before(span.Closes) && span.Opens.Before(span.Closes) {
			return span, nil
		}
	}
	return Span{}, fmt.Errorf("window %v–%v in %s: none near %v", p.Open, p.Close, p.Zone, t)
}

// Immediate gives a window that opens at t and closes when the policy next closes, with the bell after
// that: for a person who says "now" and not "tonight".
func Immediate(p Policy, t time.Time) (Span, error) {
	loc, err := p.load()
	if err != nil {
		return Span{}, err
	}
	for _, d := range daysAround(t, loc) {
		if _, closes := instants(loc, d, p.Close); t.Before(closes) {
			return Span{Opens: t.Round(0).In(loc), Closes: closes, Bell: p.bellAfter(loc, d, closes)}, nil
		}
	}
	return Span{}, fmt.Errorf("window %v–%v in %s: no close near %v", p.Open, p.Close, p.Zone, t)
}

// daysAround covers the window that opened last and the one that opens next, also where a zone once
// skipped a whole day.
func daysAround(t time.Time, loc *time.Location) []day {
	today := dayOf(t, loc)
	return []day{today - 2, today - 1, today, today + 1, today + 2, today + 3}
}

// spanOn is the window that opens on d.
func (p Policy) spanOn(loc *time.Location, d day) Span {
	opens, _ := instants(loc, d, p.Open)
	if p.Close < p.Open {
		d++
	}
	_, closes := instants(loc, d, p.Close)
	return Span{Opens: opens, Closes: closes, Bell: p.bellAfter(loc, d, closes)}
}

// bellAfter is the first bell from day d on that does not ring before closes. A bell that a clock change
// repeats rings the first time.
func (p Policy) bellAfter(loc *time.Location, d day, closes time.Time) time.Time {
	for {
		bell, _ := instants(loc, d, p.Bell)
		if !bell.Before(closes) {
			return bell
		}
		d++
	}
}
