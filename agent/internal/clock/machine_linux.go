package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

var started = time.Now()

// sinceBoot counts sleep too (clock_gettime(2): CLOCK_BOOTTIME).
func sinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Since(started)
	}
	return time.Duration(ts.Nano())
}
