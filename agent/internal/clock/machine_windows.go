package clock

import (
	"time"

	"golang.org/x/sys/windows"
)

// sinceBoot counts sleep and hibernation too (GetTickCount64).
func sinceBoot() time.Duration { return windows.DurationSinceBoot() }
