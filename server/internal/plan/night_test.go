package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/plan"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

var (
	opens  = time.Date(2026, 11, 11, 21, 0, 0, 0, time.UTC)
	closes = opens.Add(8 * time.Hour)
)

func order(atOnce int) *rollout.Rollout {
	return &rollout.Rollout{
		ID: "r1", State: rollout.Running, AtOnce: atOnce, TotalBytes: 10 << 30,
		Span: window.Span{Opens: opens, Closes: closes, Bell: closes.Add(105 * time.Minute)},
	}
}

// cabinet is n healthy devices that just called, each with a planned job of half an hour.
func cabinet(r *rollout.Rollout, n int, now time.Time) plan.Snapshot {
	s := plan.Snapshot{Rollout: r, Cabinet: fleet.Cabinet{ID: "skap-1", Slots: n}}
	for slot := 1; slot <= n; slot++ {
		d := plan.Device{
			ID: id.NewDevice(), State: fleet.Active, Slot: slot, Expected: 30 * time.Minute,
			Presence: fleet.Presence{LastSeen: now, NextDue: now.Add(time.Minute)},
		}
		j := rollout.NewJob(*r, id.NewJob(), d.ID, 0)
		d.Job = &j
		s.Devices = append(s.Devices, d)
	}
	return s
}

func grant(t *testing.T, d *plan.Device, at time.Time) {
	t.Helper()
	j, err := d.Job.Grant(at)
	if err != nil {
		t.Fatal(err)
	}
	*d.Job = j
}

func TestCabinetGoesInWavesInSlotOrder(t *testing.T) {
	s := cabinet(order(4), 10, opens)
	slices.Reverse(s.Devices)
	p := plan.Night(s, opens)
	if len(p.Starts) != 10 || len(p.Grant) != 4 || len(p.Waits) != 0 {
		t.Fatalf("%d starts, %d grants, %d waits", len(p.Starts), len(p.Grant), len(p.Waits))
	}
	for i, start := range p.Starts {
		if want := opens.Add(time.Duration(i/4) * 30 * time.Minute); start.Device != s.Devices[9-i].ID || !start.At.Equal(want) {
			t.Errorf("start %d at %v, want slot %d at %v", i, start.At, i+1, want)
		}
	}
	if want := opens.Add(90 * time.Minute); !p.Finish.Equal(want) {
		t.Errorf("finish %v, want %v", p.Finish, want)
	}
}

func TestBeforeTheWindowAllIsForeseenAndNothingGranted(t *testing.T) {
	noon := opens.Add(-9 * time.Hour)
	s := cabinet(order(4), 6, noon)
	s.Devices[0].Presence = fleet.Presence{}
	p := plan.Night(s, noon)
	if len(p.Starts) != 6 || len(p.Grant) != 0 || !p.Starts[0].At.Equal(opens) {
		t.Errorf("%d starts, %d grants, first at %v", len(p.Starts), len(p.Grant), p.Starts[0].At)
	}
	if last := p.Starts[5].Device; last != s.Devices[0].ID {
		t.Error("a device that was never seen does not come last")
	}
}

func TestNothingIsGrantedThatWouldMissTheDeadline(t *testing.T) {
	s := cabinet(order(2), 4, opens)
	if p := plan.Night(s, closes.Add(-30*time.Minute)); len(p.Grant) != 0 {
		t.Errorf("granted %d to devices not heard for hours", len(p.Grant))
	}
	now := closes.Add(-30 * time.Minute)
	s = cabinet(order(2), 4, now)
	if p := plan.Night(s, now); len(p.Grant) != 2 || len(p.Waits) != 2 || p.Waits[0].Reason != reason.NotEnoughTime {
		t.Errorf("just in time: %+v", p)
	}
	now = now.Add(time.Second)
	if p := plan.Night(s, now); len(p.Grant) != 0 || len(p.Waits) != 4 || p.Waits[3].Reason != reason.NotEnoughTime {
		t.Errorf("a second too late: %+v", p)
	}
}

func TestTheBellEndsTheWindowIfItRingsFirst(t *testing.T) {
	r := order(4)
	r.Span.Bell = opens.Add(20 * time.Minute)
	if p := plan.Night(cabinet(r, 2, opens), opens); len(p.Grant) != 0 || len(p.Waits) != 2 {
		t.Errorf("a job of 30 minutes, 20 before the bell: %+v", p)
	}
}

func TestAShortJobFitsWhereALongOneDoesNot(t *testing.T) {
	now := closes.Add(-10 * time.Minute)
	s := cabinet(order(1), 2, now)
	s.Devices[1].Expected = 5 * time.Minute
	if p := plan.Night(s, now); len(p.Grant) != 1 || p.Grant[0] != s.Devices[1].Job.ID {
		t.Errorf("%+v", p)
	}
}

func TestWhoGetsNoTimeSaysWhy(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*plan.Snapshot)
		want   reason.Code
	}{
		"never seen":    {func(s *plan.Snapshot) { s.Devices[0].Presence = fleet.Presence{} }, reason.NeverSeen},
		"gone silent":   {func(s *plan.Snapshot) { s.Devices[0].Presence = fleet.Presence{LastSeen: opens.AddDate(0, 0, -3)} }, reason.NoContact},
		"announced":     {func(s *plan.Snapshot) { s.Devices[0].State, s.Devices[0].Job = fleet.Announced, nil }, reason.NeverSeen},
		"waits outside": {func(s *plan.Snapshot) { s.Devices[0].State, s.Devices[0].Job = fleet.Pending, nil }, reason.AwaitingApproval},
		"wrong site":    {func(s *plan.Snapshot) { s.Devices[0].State, s.Devices[0].StateReason = fleet.Pending, reason.WrongSite }, reason.WrongSite},
		"revoked":       {func(s *plan.Snapshot) { s.Devices[0].State = fleet.Revoked }, reason.IdentityRevoked},
		"retired":       {func(s *plan.Snapshot) { s.Devices[0].State, s.Devices[0].Job = fleet.Retired, nil }, reason.Retired},
		"called off":    {func(s *plan.Snapshot) { s.Rollout.State = rollout.Cancelled }, reason.Cancelled},
		"no places":     {func(s *plan.Snapshot) { s.Rollout.AtOnce = 0 }, reason.NotEnoughTime},
	} {
		s := cabinet(order(4), 1, opens)
		tc.change(&s)
		p := plan.Night(s, opens)
		if len(p.Grant) != 0 || len(p.Waits) != 1 || p.Waits[0].Reason != tc.want {
			t.Errorf("%s: %+v, want %v", name, p, tc.want)
		}
	}
}

func TestAsleepAsToldIsNotSilent(t *testing.T) {
	s := cabinet(order(4), 1, opens)
	s.Devices[0].Presence = fleet.Presence{LastSeen: opens.Add(-6 * time.Hour), NextDue: opens.Add(time.Minute)}
	if p := plan.Night(s, opens); len(p.Grant) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestWithoutAJobADeviceIsIdle(t *testing.T) {
	s := cabinet(order(4), 2, opens)
	s.Devices[0].Job = nil
	if p := plan.Night(s, opens); len(p.Idle) != 1 || p.Idle[0] != s.Devices[0].ID || len(p.Grant) != 1 {
		t.Errorf("%+v", p)
	}
	s.Rollout = nil
	if p := plan.Night(s, opens); len(p.Idle) != 2 || !p.Finish.IsZero() {
		t.Errorf("nothing ordered: %+v", p)
	}
}

func TestASilentHolderLosesItsPlaceToTheNext(t *testing.T) {
	s := cabinet(order(1), 2, opens)
	grant(t, &s.Devices[0], opens)
	now := opens.Add(plan.DefaultLease)
	s.Devices[1].Presence.LastSeen = now
	if p := plan.Night(s, now); len(p.Withdraw) != 0 || len(p.Grant) != 0 || len(p.Working) != 1 {
		t.Errorf("within the lease: %+v", p)
	}
	now = now.Add(time.Second)
	p := plan.Night(s, now)
	if !slices.Equal(p.Withdraw, []id.Job{s.Devices[0].Job.ID}) || !slices.Equal(p.Grant, []id.Job{s.Devices[1].Job.ID}) {
		t.Errorf("after the lease: %+v", p)
	}
	if len(p.Waits) != 1 || p.Waits[0].Reason != reason.NoContact {
		t.Errorf("the silent one waits for %+v", p.Waits)
	}
}

func TestMoreAtWorkThanPlacesGrantsNothing(t *testing.T) {
	s := cabinet(order(2), 4, opens)
	for i := range 3 {
		s.Devices[i].Expected = time.Duration(i+1) * 10 * time.Minute
		grant(t, &s.Devices[i], opens)
	}
	// The first to finish leaves two at work, as many as there may be; the second makes room.
	if p := plan.Night(s, opens); len(p.Grant) != 0 || len(p.Working) != 3 || !p.Starts[0].At.Equal(opens.Add(20*time.Minute)) {
		t.Errorf("%+v", p)
	}
}

func TestALateDeviceKeepsItsPlace(t *testing.T) {
	s := cabinet(order(1), 2, opens)
	grant(t, &s.Devices[0], opens)
	now := opens.Add(45 * time.Minute)
	for i := range s.Devices {
		s.Devices[i].Presence.LastSeen = now
	}
	p := plan.Night(s, now)
	if len(p.Grant) != 0 || !p.Working[0].Finish.After(now) || !p.Starts[0].At.Equal(p.Working[0].Finish) {
		t.Errorf("%+v", p)
	}
}

// The queue of another system stopped after its first batch.
func TestCalendarBugQueueStopsAfterTheFirstBatch(t *testing.T) {
	s := newSimulation(order(3), 10)
	s.run(t)
	if got := s.sums(); got.Succeeded != 10 {
		t.Errorf("%+v, want all 10", got)
	}
}

// Another system asks only who is online in the very minute of the start, and takes asking for doing.
func TestCalendarBugOnlyWhoIsOnlineAtTheStart(t *testing.T) {
	s := newSimulation(order(3), 4)
	s.machines[1].wakes = opens.Add(3 * time.Hour)
	s.machines[2].dies = opens.Add(5 * time.Minute)
	s.run(t)
	if got := s.snapshot.Devices[1].Job.State; got != rollout.JobSucceeded {
		t.Errorf("the laptop that woke at one o'clock: %v", got)
	}
	if j := s.snapshot.Devices[2].Job; j.State != rollout.JobExpired || j.Reason != reason.NoContact {
		t.Errorf("the laptop that died at work: %v, %v", j.State, j.Reason)
	}
}

func TestEstimate(t *testing.T) {
	for _, tc := range []struct {
		bytes, rate int64
		want        time.Duration
	}{
		{0, 0, plan.Overhead},
		{-5, 0, plan.Overhead},
		{600 << 20, 1 << 20, plan.Overhead + 10*time.Minute},
		{20 << 20, 0, plan.Overhead + time.Second},
		{1<<63 - 1, 1, plan.Overhead + 365*24*time.Hour},
	} {
		if got := plan.Estimate(tc.bytes, tc.rate); got != tc.want {
			t.Errorf("Estimate(%d, %d) = %v, want %v", tc.bytes, tc.rate, got, tc.want)
		}
	}
}

func BenchmarkNight(b *testing.B) {
	for _, n := range []int{30, 200} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			s := cabinet(order(6), n, opens)
			for b.Loop() {
				if p := plan.Night(s, opens); len(p.Grant) != 6 {
					b.Fatal(len(p.Grant))
				}
			}
		})
	}
}
