package job_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/proto/reason"
)

var (
	evening = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	opens   = evening.Add(4 * time.Hour)
	closes  = opens.Add(8 * time.Hour)
)

func order(granted bool) job.Order {
	return job.Order{
		Revision: 1, Attempt: 1, Granted: granted, NotBefore: opens, NotAfter: closes,
		Phases: []job.Phase{job.Fetch, job.Verify, job.Write, job.Confirm},
	}
}

func TestDecide(t *testing.T) {
	night := opens.Add(time.Hour)
	unsupported := job.Order{Unsupported: "action"}
	lost := job.Retry{At: night.Add(time.Minute), Reason: reason.ContentUnreachable, Count: 1}
	tests := []struct {
		name string
		view job.View
		want job.Step
	}{
		{"granted in the evening: fetch", job.View{Order: order(true), Now: evening},
			job.Step{Act: job.Do, Phase: job.Fetch}},
		{"granted in the evening: write waits for the window", job.View{Order: order(true), Done: 2, Now: evening},
			job.Step{Act: job.Wait, Phase: job.Write, Reason: reason.WindowClosed, Until: opens}},
		{"granted at night: write", job.View{Order: order(true), Done: 2, Now: opens},
			job.Step{Act: job.Do, Phase: job.Write}},
		{"not granted: wait, even at night", job.View{Order: order(false), Now: night},
			job.Step{Act: job.Wait, Phase: job.Fetch, Reason: reason.WaitingForTurn, Until: closes}},
		{"not granted and away since a minute: wait", job.View{Order: order(false), Now: night, AwaySince: night.Add(-time.Minute)},
			job.Step{Act: job.Wait, Phase: job.Fetch, Reason: reason.WaitingForTurn, Until: night.Add(4 * time.Minute)}},
		{"not granted and away for long: go on", job.View{Order: order(false), Now: night, AwaySince: evening},
			job.Step{Act: job.Do, Phase: job.Fetch}},
		{"away for long, in the evening: wait for not_before", job.View{Order: order(false), Now: evening.Add(time.Hour), AwaySince: evening},
			job.Step{Act: job.Wait, Phase: job.Fetch, Reason: reason.WaitingForTurn, Until: opens}},
		{"put off", job.View{Order: order(true), Now: night, Retry: lost},
			job.Step{Act: job.Wait, Phase: job.Fetch, Reason: reason.ContentUnreachable, Until: lost.At}},
		{"expired", job.View{Order: order(true), Done: 2, Now: closes, Sure: true},
			job.Step{Act: job.Fail, Phase: job.Write, Reason: reason.OrderExpired}},
		{"expired while the content was out of reach", job.View{Order: order(true), Now: closes, Sure: true, Retry: lost},
			job.Step{Act: job.Fail, Phase: job.Fetch, Reason: reason.ContentUnreachable}},
		{"expired by a clock that nobody has confirmed", job.View{Order: order(true), Now: closes},
			job.Step{Act: job.Wait, Phase: job.Fetch, Reason: reason.NoContact}},
		{"all done", job.View{Order: order(true), Done: 4, Now: closes, Sure: true}, job.Step{}},
		{"over", job.View{Order: order(true), Over: true, Now: night}, job.Step{}},
		{"not understood", job.View{Order: unsupported, Now: night}, job.Step{Act: job.Fail, Reason: reason.UnsupportedAction}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := job.Decide(tt.view); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestDecideKeepsToTheWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := func(label string) time.Time {
			return evening.Add(time.Duration(rapid.IntRange(0, 20*60).Draw(t, label)) * time.Minute)
		}
		v := job.View{
			Order: order(rapid.Bool().Draw(t, "granted")), Done: rapid.IntRange(0, 4).Draw(t, "done"),
			Over: rapid.Bool().Draw(t, "over"), Now: at("now"), Sure: rapid.Bool().Draw(t, "sure"),
		}
		if rapid.Bool().Draw(t, "away") {
			v.AwaySince = at("since")
		}
		if rapid.Bool().Draw(t, "retry") {
			v.Retry = job.Retry{At: at("retry"), Reason: reason.ContentUnreachable}
		}
		step := job.Decide(v)
		inside := !v.Now.Before(opens) && v.Now.Before(closes)
		away := !v.AwaySince.IsZero() && v.Now.Sub(v.AwaySince) >= job.AwayAfter
		switch {
		case step.Act == job.Do && step.Phase.Disruptive() && !inside:
			t.Fatal("disruptive work outside the window")
		case step.Act == job.Do && !v.Order.Granted && (!away || !inside):
			t.Fatal("work without a place")
		case step.Act == job.Do && step.Phase != v.Order.Phases[v.Done]:
			t.Fatal("not the next phase")
		case step.Act == job.Do && (v.Over || v.Now.Before(v.Retry.At)):
			t.Fatal("work that should rest")
		case step.Act == job.Fail && (!v.Sure || v.Now.Before(closes)):
			t.Fatal("given up too early")
		case step.Act == job.Wait && (step.Reason == reason.None || (!step.Until.IsZero() && !step.Until.After(v.Now))):
			t.Fatalf("waits for nothing: %+v", step)
		case step.Act == job.Wait && step.Until.After(closes):
			t.Fatal("sleeps past the end of the window")
		}
	})
}
