package patch

import (
	"strings"
	"time"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxText bounds every text of a report, in bytes: packages have one-line summaries, and the end of an error
// says less than its beginning.
const maxText = 500

// report puts answers into the contract's form: sources as asked, updates by source and name.
func report(answers []answer, firsts firsts, now time.Time, reboot bool, causes []string) *nattevaktv1.PatchState {
	state := &nattevaktv1.PatchState{RebootPending: reboot}
	for _, a := range answers {
		source := &nattevaktv1.PatchSource{Name: a.source, RefreshedAt: stamp(a.result.RefreshedAt)}
		if a.problem != nil {
			source.Problem = text(a.problem.Error())
		}
		state.Sources = append(state.Sources, source)
		for _, u := range a.result.Updates {
			state.Missing = append(state.Missing, wire(a.source, u, days(firsts[key(a.source, u)], now)))
		}
	}
	for _, cause := range causes {
		state.RebootCauses = append(state.RebootCauses, text(cause))
	}
	return state
}

func wire(source string, u Update, days uint32) *nattevaktv1.Update {
	return &nattevaktv1.Update{
		Source:           source,
		Name:             text(u.Name),
		InstalledVersion: text(u.Installed),
		AvailableVersion: text(u.Available),
		Severity:         nattevaktv1.Severity(u.Severity),
		Origin:           text(u.Origin),
		InstalledSince:   stamp(u.InstalledSince),
		AvailableSince:   stamp(u.AvailableSince),
		DaysBehind:       days,
		Summary:          text(u.Summary),
		Held:             u.Held,
	}
}

// days counts whole days from since to now; a since in the future, or none, is no day.
func days(since, now time.Time) uint32 {
	if since.IsZero() || since.After(now) {
		return 0
	}
	return uint32(now.Sub(since) / (24 * time.Hour))
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// text makes a tool's words fit for the wire: valid UTF-8 and at most maxText bytes.
func text(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
