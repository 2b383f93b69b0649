package dial

import "time"

// The bounds of waiting for a control plane that is away.
const (
	BackoffBase  = time.Second
	BackoffFloor = 200 * time.Millisecond
	BackoffMax   = 5 * time.Minute
)

// Backoff is how long to wait after the given number of failed tries in a row (from 1): full jitter below
// a doubling bound, so that thousands of machines that lost the same control plane come back spread out
// (AWS Architecture Blog, "Exponential Backoff And Jitter"). random is in [0, 1).
func Backoff(failures int, limit time.Duration, random float64) time.Duration {
	limit = min(max(limit, BackoffBase), BackoffMax)
	bound := limit
	if shift := max(0, failures-1); shift < 16 {
		bound = min(limit, BackoffBase<<shift)
	}
	return max(BackoffFloor, time.Duration(random*float64(bound)))
}

// Jitter moves d by up to a tenth either way. random is in [0, 1).
func Jitter(d time.Duration, random float64) time.Duration {
	return d + time.Duration((random-0.5)*0.2*float64(d))
}
