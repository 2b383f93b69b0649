package readiness_test

import (
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/readiness"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

// A planned job shows the plan's own reason: a machine that is gone does not "wait for its turn".
func TestPlannedJobShowsWhyThePlanLetsItWait(t *testing.T) {
	opens := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	seen := opens.Add(-time.Hour)
	now := opens.Add(5 * time.Hour)
	f := readiness.Facts{
		Device:   fleet.Device{ID: id.NewDevice(), State: fleet.Active},
		Presence: fleet.Presence{LastSeen: seen, NextDue: seen.Add(15 * time.Minute)},
		Job:      &rollout.Job{State: rollout.JobPlanned, PlannedStart: opens},
		Opens:    opens,
	}
	for waits, want := range map[reason.Code]readiness.Status{
		reason.None:          {Reason: reason.WaitingForTurn, Since: opens, AsOf: seen},
		reason.NoContact:     {Reason: reason.NoContact, Since: seen, AsOf: seen},
		reason.NotEnoughTime: {Reason: reason.NotEnoughTime, Since: opens, AsOf: seen},
	} {
		f.Waits = waits
		if got := readiness.Of(f, now); got != want {
			t.Errorf("plan says %v: %+v, want %+v", waits, got, want)
		}
	}
}
