package clock

import "time"

// Machine reads this machine's clocks. offset is added to the wall clock: a demonstration's way to
// pretend that the machine's clock is off.
func Machine(boot [16]byte, offset time.Duration) func() Reading {
	return func() Reading {
		return Reading{Wall: time.Now().Add(offset).Round(0), Up: sinceBoot(), Boot: boot}
	}
}
