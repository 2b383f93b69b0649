package control

import "time"

// Clock is the control plane's time. The zero value is the machine's own clock. A demonstration starts
// elsewhere and runs faster until it has reached Until; trust (certificates, sessions) never asks it.
type Clock struct {
	// Real is the instant at which the demonstration began, Start what the clock showed then.
	Real, Start time.Time
	Rate        float64
	Until       time.Time
}

// Demonstration is a clock that shows start now and runs at rate until it shows until.
func Demonstration(start, until time.Time, rate float64) Clock {
	return Clock{Real: time.Now(), Start: start, Rate: rate, Until: until}
}

// Now is the control plane's time.
func (c Clock) Now() time.Time { return c.at(time.Now()) }

func (c Clock) at(real time.Time) time.Time {
	if c.Rate == 0 {
		return real.Round(0)
	}
	t := c.Start.Add(time.Duration(float64(real.Sub(c.Real)) * c.Rate))
	if t.Before(c.Until) {
		return t
	}
	return c.Until.Add(real.Sub(c.Real) - time.Duration(float64(c.Until.Sub(c.Start))/c.Rate))
}

// RateAt is how fast the clock runs when it shows t.
func (c Clock) RateAt(t time.Time) float64 {
	if c.Rate == 0 || !t.Before(c.Until) {
		return 1
	}
	return c.Rate
}

// Real turns a duration of this clock, beginning when it shows t, into real time.
func (c Clock) real(t time.Time, d time.Duration) time.Duration {
	rate := c.RateAt(t)
	if rate == 1 {
		return d
	}
	if fast := c.Until.Sub(t); d > fast {
		return time.Duration(float64(fast)/rate) + d - fast
	}
	return time.Duration(float64(d) / rate)
}
