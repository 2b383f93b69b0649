package window

import "fmt"

const minutesPerDay = 24 * 60

// ParseClock reads "22:00": two digits, a colon, two digits, 00:00–23:59.
func ParseClock(s string) (Clock, error) {
	if len(s) != len("22:00") || s[2] != ':' {
		return 0, clockError(s)
	}
	hour, okHour := twoDigits(s[:2])
	minute, okMinute := twoDigits(s[3:])
	if !okHour || !okMinute || hour > 23 || minute > 59 {
		return 0, clockError(s)
	}
	return Clock(hour*60 + minute), nil
}

func clockError(s string) error {
	return fmt.Errorf("time of day %.20q: write it as 22:00, from 00:00 to 23:59", s)
}

func twoDigits(s string) (int, bool) {
	tens, ones := s[0]-'0', s[1]-'0'
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}

// String is the form that ParseClock reads.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

func (c Clock) valid() bool { return 0 <= c && c < minutesPerDay }

// strictlyBetween reports whether the clock's hand passes c on its way from one time of day to another.
func (c Clock) strictlyBetween(from, to Clock) bool {
	return c != from && after(from, c) < after(from, to)
}

// after is how many minutes the hand needs from one time of day to the next that shows the other.
func after(from, to Clock) int { return int(to-from+minutesPerDay) % minutesPerDay }
