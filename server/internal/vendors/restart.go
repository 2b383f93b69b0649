package vendors

import "time"

// restart decides how long to wait before a plugin is started again.
type restart struct {
	first, most time.Duration
	// pause is the last wait; 0 before the first failure.
	pause time.Duration
}

// failed takes in that the plugin failed after it had been up for a while, and returns the wait: the first
// one, then twice the last up to the most. A plugin that was up for longer than the longest wait starts
// over, so that one crash a day stays a matter of a second.
func (r *restart) failed(up time.Duration) time.Duration {
	switch {
	case r.pause == 0 || up > r.most:
		r.pause = r.first
	default:
		r.pause = min(2*r.pause, r.most)
	}
	return r.pause
}
