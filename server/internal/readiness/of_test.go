package readiness_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/readiness"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

var now = time.Date(2026, 11, 12, 6, 30, 0, 0, time.UTC)

// healthy is an active laptop that checked in three minutes ago, with no job.
func healthy() readiness.Facts {
	return readiness.Facts{
		Device:   fleet.Device{State: fleet.Active, Identity: fleet.Identity{EnrolledAt: now.AddDate(-1, 0, 0)}},
		Presence: fleet.Presence{LastSeen: now.Add(-3 * time.Minute), NextDue: now.Add(12 * time.Minute), HasBattery: true, BatteryPercent: 90},
	}
}

func job(state rollout.JobState, why reason.Code) *rollout.Job {
	j := &rollout.Job{State: state, Reason: why}
	if state.Ended() {
		j.EndedAt = now.Add(-2 * time.Hour)
	}
	return j
}

func TestOf(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*readiness.Facts)
		want   reason.Code // None is ready
	}{
		"healthy":             {func(*readiness.Facts) {}, reason.None},
		"retired":             {func(f *readiness.Facts) { f.Device.State = fleet.Retired }, reason.Retired},
		"revoked":             {func(f *readiness.Facts) { f.Device.State = fleet.Revoked }, reason.IdentityRevoked},
		"announced":           {func(f *readiness.Facts) { f.Device.State = fleet.Announced }, reason.NeverSeen},
		"pending":             {func(f *readiness.Facts) { f.Device.State = fleet.Pending }, reason.AwaitingApproval},
		"pending, wrong site": {func(f *readiness.Facts) { f.Device.State, f.Device.StateReason = fleet.Pending, reason.WrongSite }, reason.WrongSite},
		"a copy called today": {func(f *readiness.Facts) {
			f.Device.Alarm, f.Device.AlarmAt = reason.IdentityCloned, now.Add(-time.Hour)
		}, reason.IdentityCloned},
		"a copy called last week": {func(f *readiness.Facts) {
			f.Device.Alarm, f.Device.AlarmAt = reason.IdentityCloned, now.AddDate(0, 0, -7)
		}, reason.None},
		"clock says it is wrong":   {func(f *readiness.Facts) { f.Presence.LocalReason = reason.WrongClock }, reason.WrongClock},
		"clock is a year behind":   {func(f *readiness.Facts) { f.Presence.ClockOffset = -8760 * time.Hour }, reason.WrongClock},
		"clock is a minute off":    {func(f *readiness.Facts) { f.Presence.ClockOffset = time.Minute }, reason.None},
		"granted":                  {func(f *readiness.Facts) { f.Job = job(rollout.JobGranted, 0) }, reason.Working},
		"running":                  {func(f *readiness.Facts) { f.Job = job(rollout.JobRunning, 0) }, reason.Working},
		"planned, window open":     {func(f *readiness.Facts) { f.Job = job(rollout.JobPlanned, 0); f.Opens = now.Add(-time.Hour) }, reason.WaitingForTurn},
		"planned, window unknown":  {func(f *readiness.Facts) { f.Job = job(rollout.JobPlanned, 0) }, reason.Planned},
		"planned for tonight":      {func(f *readiness.Facts) { f.Job = job(rollout.JobPlanned, 0); f.Opens = now.Add(time.Hour) }, reason.None},
		"succeeded":                {func(f *readiness.Facts) { f.Job = job(rollout.JobSucceeded, 0) }, reason.None},
		"failed":                   {func(f *readiness.Facts) { f.Job = job(rollout.JobFailed, reason.DiskFull) }, reason.DiskFull},
		"expired, not enough time": {func(f *readiness.Facts) { f.Job = job(rollout.JobExpired, reason.NotEnoughTime) }, reason.NotEnoughTime},
		"expired in silence, but calls again": {func(f *readiness.Facts) {
			f.Job = job(rollout.JobExpired, reason.NoContact)
		}, reason.OrderExpired},
		"expired in silence": {func(f *readiness.Facts) {
			f.Job = job(rollout.JobExpired, reason.NoContact)
			f.Presence.LastSeen = now.Add(-9 * time.Hour)
		}, reason.NoContact},
		"called off before it began": {func(f *readiness.Facts) { f.Job = job(rollout.JobCancelled, reason.Cancelled) }, reason.None},
		"called off while it wrote": {func(f *readiness.Facts) {
			f.Job = job(rollout.JobCancelled, reason.Cancelled)
			f.Job.Phase = rollout.PhaseWrite
		}, reason.Cancelled},
		"waits for its battery": {func(f *readiness.Facts) {
			f.Job = job(rollout.JobRunning, reason.BatteryLow)
			f.Job.PhaseState = rollout.PhaseWaiting
		}, reason.BatteryLow},
		"asleep since yesterday's last lesson": {func(f *readiness.Facts) {
			f.Presence.LastSeen, f.Presence.NextDue = now.Add(-16*time.Hour), now.Add(-15*time.Hour)
		}, reason.None},
		"asleep over the weekend, as told": {func(f *readiness.Facts) {
			f.Presence.LastSeen, f.Presence.NextDue = now.Add(-60*time.Hour), now.Add(-time.Minute)
		}, reason.None},
		"silent for two days": {func(f *readiness.Facts) {
			f.Presence.LastSeen, f.Presence.NextDue = now.Add(-48*time.Hour), now.Add(-47*time.Hour)
		}, reason.NoContact},
		"silent by a stricter limit": {func(f *readiness.Facts) {
			f.Silence = time.Hour
			f.Presence.LastSeen, f.Presence.NextDue = now.Add(-2*time.Hour), now.Add(-time.Hour)
		}, reason.NoContact},
		"enrolled a minute ago": {func(f *readiness.Facts) {
			f.Presence = fleet.Presence{}
			f.Device.Identity.EnrolledAt = now.Add(-time.Minute)
		}, reason.None},
		"active without a trace": {func(f *readiness.Facts) {
			f.Presence, f.Device.Identity = fleet.Presence{}, fleet.Identity{}
		}, reason.NeverSeen},
		"its disk is full":     {func(f *readiness.Facts) { f.Presence.LocalReason = reason.DiskFull }, reason.DiskFull},
		"battery at 19 %":      {func(f *readiness.Facts) { f.Presence.BatteryPercent = 19 }, reason.BatteryLow},
		"battery at 20 %":      {func(f *readiness.Facts) { f.Presence.BatteryPercent = 20 }, reason.None},
		"no battery at all":    {func(f *readiness.Facts) { f.Presence.HasBattery, f.Presence.BatteryPercent = false, 0 }, reason.None},
		"a state from the sky": {func(f *readiness.Facts) { f.Device.State = 99 }, reason.AwaitingApproval},
		"failed and retired": {func(f *readiness.Facts) {
			f.Device.State, f.Job = fleet.Retired, job(rollout.JobFailed, reason.DiskFull)
		}, reason.Retired},
		"running with a low battery": {func(f *readiness.Facts) {
			f.Job, f.Presence.BatteryPercent = job(rollout.JobRunning, 0), 3
		}, reason.Working},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy()
			tc.change(&f)
			s := readiness.Of(f, now)
			if s.Reason != tc.want || s.Ready != (tc.want == reason.None) {
				t.Errorf("ready %v, %v, want %v", s.Ready, s.Reason, tc.want)
			}
			if !s.AsOf.Equal(f.Presence.LastSeen) {
				t.Errorf("as of %v, want %v", s.AsOf, f.Presence.LastSeen)
			}
		})
	}
}

// A machine that has every trouble at once shows them one after the other, as each is put right.
func TestTheOrderOfTheReasons(t *testing.T) {
	f := healthy()
	f.Device.State, f.Device.StateReason = fleet.Retired, reason.WrongSite
	f.Device.Alarm, f.Device.AlarmAt = reason.IdentityCloned, now
	f.Device.Identity.EnrolledAt = now.AddDate(-1, 0, 0)
	f.Job = job(rollout.JobRunning, 0)
	f.Opens = now.Add(-time.Hour)
	f.Presence = fleet.Presence{LastSeen: now.AddDate(0, 0, -9), LocalReason: reason.DiskFull, ClockOffset: time.Hour, HasBattery: true}
	for _, step := range []struct {
		want reason.Code
		fix  func()
	}{
		{reason.Retired, func() { f.Device.State = fleet.Pending }},
		{reason.WrongSite, func() { f.Device.State = fleet.Active }},
		{reason.IdentityCloned, func() { f.Device.Alarm = reason.None }},
		{reason.WrongClock, func() { f.Presence.ClockOffset = 0 }},
		{reason.Working, func() { f.Job.State = rollout.JobPlanned }},
		{reason.WaitingForTurn, func() { f.Job = job(rollout.JobFailed, reason.DiskError) }},
		{reason.DiskError, func() { f.Job = nil }},
		{reason.NoContact, func() { f.Presence.LastSeen = now }},
		{reason.DiskFull, func() { f.Presence.LocalReason = reason.None }},
		{reason.BatteryLow, func() { f.Presence.BatteryPercent = 100 }},
		{reason.None, func() {}},
	} {
		if s := readiness.Of(f, now); s.Reason != step.want {
			t.Fatalf("%v, want %v", s.Reason, step.want)
		}
		step.fix()
	}
}

func TestTheAnswerCarriesItsTimes(t *testing.T) {
	f := healthy()
	f.Job = &rollout.Job{State: rollout.JobRunning, StartedAt: now.Add(-20 * time.Minute), Detail: "writing"}
	f.Finish = now.Add(10 * time.Minute)
	if s := readiness.Of(f, now); !s.Since.Equal(f.Job.StartedAt) || !s.Expected.Equal(f.Finish) || s.Detail != "writing" {
		t.Errorf("working: %+v", s)
	}
	f.Job = job(rollout.JobSucceeded, 0)
	if s := readiness.Of(f, now); !s.Since.Equal(f.Job.EndedAt) {
		t.Errorf("ready since %v, want %v", s.Since, f.Job.EndedAt)
	}
}

// facts draws any state of the world, sound or not.
func facts() *rapid.Generator[readiness.Facts] {
	return rapid.Custom(func(t *rapid.T) readiness.Facts {
		code := func(name string) reason.Code {
			return rapid.SampledFrom([]reason.Code{0, reason.WrongClock, reason.DiskFull, reason.NoContact, reason.IdentityCloned}).Draw(t, name)
		}
		when := func(name string) time.Time {
			hours := rapid.IntRange(-200, 48).Draw(t, name)
			if hours == -200 {
				return time.Time{}
			}
			return now.Add(time.Duration(hours) * time.Hour)
		}
		f := readiness.Facts{Opens: when("opens"), Finish: when("finish")}
		f.Device.State = fleet.State(rapid.IntRange(0, 6).Draw(t, "state"))
		f.Device.StateReason, f.Device.Alarm, f.Device.AlarmAt = code("state reason"), code("alarm"), when("alarm at")
		f.Device.Identity.EnrolledAt = when("enrolled")
		f.Presence = fleet.Presence{
			LastSeen: when("seen"), NextDue: when("due"), HasBattery: rapid.Bool().Draw(t, "battery"),
			BatteryPercent: uint8(rapid.IntRange(0, 100).Draw(t, "percent")), LocalReason: code("local"),
			ClockOffset: time.Duration(rapid.IntRange(-400, 400).Draw(t, "offset")) * time.Second,
		}
		if rapid.Bool().Draw(t, "has job") {
			f.Job = &rollout.Job{
				State: rollout.JobState(rapid.IntRange(0, 8).Draw(t, "job")), Phase: rollout.Phase(rapid.IntRange(0, 4).Draw(t, "phase")),
				PhaseState: rollout.PhaseState(rapid.IntRange(0, 4).Draw(t, "phase state")), Reason: code("why"), EndedAt: when("ended"),
			}
		}
		return f
	})
}

func TestExactlyOneReasonAndSumsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cabinet := rapid.SliceOfN(facts(), 0, 30).Draw(t, "cabinet")
		statuses := make([]readiness.Status, len(cabinet))
		for i, f := range cabinet {
			s := readiness.Of(f, now)
			if s.Ready != (s.Reason == reason.None) {
				t.Fatalf("ready %v with reason %v", s.Ready, s.Reason)
			}
			if s.Ready && f.Device.State != fleet.Active {
				t.Fatalf("%v is ready", f.Device.State)
			}
			statuses[i] = s
		}
		if ready, notReady := readiness.Count(statuses); ready+notReady != len(cabinet) {
			t.Fatalf("%d + %d of %d", ready, notReady, len(cabinet))
		}
	})
}

func BenchmarkOf(b *testing.B) {
	f := healthy()
	for b.Loop() {
		if !readiness.Of(f, now).Ready {
			b.Fatal("not ready")
		}
	}
}
