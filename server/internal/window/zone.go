package window

import (
	"errors"
	"fmt"
	"path"
	"sort"
	"sync"
	"time"
	_ "time/tzdata" // the one place: a server without zone files (a bare container, Windows) still knows Oslo
)

// zones remembers what was loaded. Only names that exist get in, so the zone database bounds it.
var zones sync.Map

// location knows the IANA names of the machine's zone files, or else of the ones built into the program.
// "" and "Local" are refused: they would make the answer depend on the machine.
func location(name string) (*time.Location, error) {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if name == "" || name == "Local" || path.Clean(name) != name {
		return nil, zoneError(name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, zoneError(name)
	}
	zones.Store(name, loc)
	return loc, nil
}

func zoneError(name string) error {
	return fmt.Errorf("time zone %.70q: %w", name, errUnknownZone)
}

var errUnknownZone = errors.New("not an IANA name such as Europe/Oslo")

// day is a calendar date as the number of days since 1970-01-01, whatever the zone.
type day int64

func dayOf(t time.Time, loc *time.Location) day {
	year, month, date := t.In(loc).Date()
	return day(time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

const secondsPerDay = 24 * 60 * 60

// instants gives the first and the last instant at which the clocks of loc show c on d. They differ only
// where a clock change repeats that time; where one skips it, both are the first instant after the gap.
//
// It looks at the offsets in force 26 hours to either side, more than any zone is from UTC; no zone changes
// its clocks twice within that time. (time.Time.ZoneBounds would say it directly, but as of Go 1.26 it gives
// an end before its start on 31 December of leap years after 2037.)
func instants(loc *time.Location, d day, c Clock) (first, last time.Time) {
	wall := int64(d)*secondsPerDay + int64(c)*60
	before, after := offset(loc, wall-26*60*60), offset(loc, wall+26*60*60)
	early, late := wall-max(before, after), wall-min(before, after)
	if offset(loc, early) != wall-early {
		early = late
	}
	if offset(loc, late) != wall-late {
		late = early
	}
	if offset(loc, early) != wall-early { // before and after hold neither: c is skipped
		early = wall - after + int64(sort.Search(int(after-before), func(n int) bool {
			return offset(loc, wall-after+int64(n)) == after
		}))
		late = early
	}
	return time.Unix(early, 0).In(loc), time.Unix(late, 0).In(loc)
}

// offset is how many seconds loc is ahead of UTC at a Unix time.
func offset(loc *time.Location, unix int64) int64 {
	_, seconds := time.Unix(unix, 0).In(loc).Zone()
	return int64(seconds)
}
