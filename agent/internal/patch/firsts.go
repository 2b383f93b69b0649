package patch

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"strings"
	"time"
)

// Memory keeps small JSON files between collections; the agent's state folder is one. ReadJSON's error
// matches fs.ErrNotExist where nothing was written yet.
type Memory interface {
	ReadJSON(name string, into any) error
	WriteJSON(name string, value any) error
}

// firstsFile is the name in Memory: a JSON object from key to RFC 3339 time.
const firstsFile = "patch-firsts.json"

// firsts tells for each missing update since when the installed version has been behind.
type firsts map[string]time.Time

// key leaves out the available version: the machine is as far behind when a newer one takes its place.
func key(source string, u Update) string {
	return source + " " + u.Name + " " + u.Installed
}

// remember brings the memory up to date and writes it where it changed. A memory that cannot be read is
// begun anew: the dates that lists and advisories carry come back by themselves.
func remember(m Memory, answers []answer, now time.Time, log *slog.Logger) firsts {
	old := firsts{}
	if m != nil {
		if err := m.ReadJSON(firstsFile, &old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.Warn("patch: first-seen dates are lost", "error", err)
			old = firsts{}
		}
	}
	next := advance(old, answers, now)
	if m == nil || maps.EqualFunc(old, next, time.Time.Equal) {
		return next
	}
	if err := m.WriteJSON(firstsFile, next); err != nil {
		log.Warn("patch: first-seen dates are not kept", "error", err)
	}
	return next
}

// advance gives the new memory: every missing update with the earliest date known for it, and what was
// known of sources that could not answer. Updates that are no longer missing are forgotten, so it never
// holds more than the machine lacks.
func advance(old firsts, answers []answer, now time.Time) firsts {
	next := firsts{}
	for _, a := range answers {
		if a.problem != nil {
			keep(next, old, a.source)
		}
		for _, u := range a.result.Updates {
			k := key(a.source, u)
			next[k] = behindSince(old[k], u, now).UTC().Truncate(time.Second)
		}
	}
	return next
}

// behindSince takes the machine's own clock only where neither the service nor the memory has a date, or
// where the memory was written by a clock that ran ahead.
func behindSince(remembered time.Time, u Update, now time.Time) time.Time {
	published := earliest(u.AvailableSince, u.MissedSince)
	since := earliest(remembered, published)
	if since.IsZero() || published.IsZero() && since.After(now) {
		return now
	}
	return since
}

func keep(next, old firsts, source string) {
	for k, since := range old {
		if strings.HasPrefix(k, source+" ") {
			next[k] = since
		}
	}
}

// earliest gives the first of the times that are known, zero if none is.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
