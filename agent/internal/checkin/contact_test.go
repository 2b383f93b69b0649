package checkin_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/agent/internal/checkin"
	"github.com/nattevakt/nattevakt/proto/reason"
)

var now = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)

func TestAfter(t *testing.T) {
	answered := checkin.Outcome{Kind: checkin.Answered, Next: time.Minute}
	away := checkin.Outcome{Kind: checkin.Away, Err: errors.New("no route")}
	refused := checkin.Outcome{Kind: checkin.Refused, Reason: reason.IdentityRevoked}
	tests := []struct {
		name      string
		outcomes  []checkin.Outcome
		low, high time.Duration
		awaySince time.Time
	}{
		{"as told", []checkin.Outcome{answered}, time.Minute, time.Minute, time.Time{}},
		{"told nonsense", []checkin.Outcome{{Kind: checkin.Answered}}, 100 * time.Millisecond, 100 * time.Millisecond, time.Time{}},
		{"away once", []checkin.Outcome{answered, away}, 0, time.Second, now},
		{"away for long", []checkin.Outcome{answered, away, away, away, away, away, away, away, away, away}, 30 * time.Second, time.Minute, now},
		{"away and back", []checkin.Outcome{away, away, answered}, time.Minute, time.Minute, time.Time{}},
		{"refused", []checkin.Outcome{answered, refused}, 10 * time.Minute, 20 * time.Minute, time.Time{}},
		{"refusal is an answer", []checkin.Outcome{away, refused}, 10 * time.Minute, 20 * time.Minute, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var contact checkin.Contact
			var wait time.Duration
			for _, o := range tt.outcomes {
				contact, wait = contact.After(o, now, 0.9)
			}
			if wait < tt.low || wait > tt.high || !contact.AwaySince.Equal(tt.awaySince) {
				t.Errorf("wait %v, away since %v", wait, contact.AwaySince)
			}
		})
	}
}

func TestNeverSpins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var contact checkin.Contact
		for range rapid.IntRange(1, 40).Draw(t, "check-ins") {
			o := checkin.Outcome{
				Kind: rapid.SampledFrom([]checkin.Kind{checkin.Answered, checkin.Away, checkin.Refused}).Draw(t, "kind"),
				Next: time.Duration(rapid.Int64().Draw(t, "next")),
			}
			var wait time.Duration
			contact, wait = contact.After(o, now, rapid.Float64Range(0, 0.999).Draw(t, "random"))
			switch {
			case wait < 100*time.Millisecond || wait > 24*time.Hour:
				t.Fatalf("%v after %v", wait, o.Kind)
			case o.Kind == checkin.Refused && (wait < 10*time.Minute || contact.Hurry(wait, 0) != wait):
				t.Fatalf("a refused device asks again after %v", contact.Hurry(wait, 0))
			case o.Kind == checkin.Away && (wait > 5*time.Minute || contact.Hurry(wait, 0) != wait):
				t.Fatalf("an away control plane is asked after %v", contact.Hurry(wait, 0))
			case o.Kind == checkin.Answered && contact.Hurry(wait, 0) > 500*time.Millisecond:
				t.Fatal("urgent news waits")
			}
		}
	})
}
