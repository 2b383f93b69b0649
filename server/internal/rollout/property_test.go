package rollout_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

func codes() *rapid.Generator[reason.Code] {
	return rapid.SampledFrom([]reason.Code{
		reason.None, reason.ContentUnreachable, reason.SignatureInvalid, reason.DiskError, reason.BatteryLow, reason.Internal,
	})
}

func progress(j rollout.Job) *rapid.Generator[rollout.Progress] {
	return rapid.Custom(func(t *rapid.T) rollout.Progress {
		return rollout.Progress{
			Job:          j.ID,
			Attempt:      rapid.IntRange(0, j.Attempt+1).Draw(t, "attempt"),
			Number:       uint32(rapid.IntRange(0, int(j.Number)+2).Draw(t, "number")),
			Phase:        rollout.Phase(rapid.IntRange(0, 5).Draw(t, "phase")),
			State:        rollout.PhaseState(rapid.IntRange(0, 5).Draw(t, "state")),
			DoneBytes:    rapid.Uint64Range(0, 2000).Draw(t, "done"),
			TotalBytes:   rapid.SampledFrom([]uint64{0, 1000, 1500}).Draw(t, "total"),
			FetchedBytes: rapid.Uint64Range(0, 500).Draw(t, "fetched"),
			Reason:       codes().Draw(t, "reason"),
		}
	})
}

// step does one random thing to a job.
func step(t *rapid.T, j rollout.Job, now time.Time) rollout.Job {
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0, 1:
		j, _ = j.Grant(now)
	case 2:
		j, _ = j.Withdraw(now)
	case 3:
		j, _ = j.Expire(now, rollout.Contact{Opened: opens, LastSeen: opens})
	case 4:
		j, _ = j.Cancel(now)
	default:
		p := progress(j).Draw(t, "progress")
		after, changed, err := j.Apply(p, now)
		if (err != nil || !changed) && after != j {
			t.Fatalf("a report that changed nothing made %+v of %+v", after, j)
		}
		if again, changed, _ := after.Apply(p, now.Add(time.Second)); err == nil && (changed || again != after) && after.Attempt == j.Attempt {
			t.Fatalf("the same report twice: %+v, then %+v", after, again)
		}
		return after
	}
	return j
}

func TestAnySequenceKeepsTheRulesAndEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j, now := rollout.NewJob(order, id.NewJob(), id.NewDevice(), 0), opens
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			now = now.Add(time.Minute)
			after := step(t, j, now)
			checkStep(t, j, after)
			j = after
		}
		j, _ = j.Expire(closes, rollout.Contact{Opened: opens, LastSeen: now})
		checkEnd(t, j)
		ended := []rollout.Job{j}
		if s := order.Sum(ended); s.Open != 0 || s.Succeeded+s.Failed+s.Expired+s.Cancelled != 1 || order.Settle(ended).State != rollout.Done {
			t.Fatalf("sums %+v", s)
		}
	})
}

func checkStep(t *rapid.T, before, after rollout.Job) {
	switch {
	case after.State < rollout.JobPlanned || after.State > rollout.JobCancelled:
		t.Fatalf("state %v", after.State)
	case after.State != before.State && !reachable(before.State, after.State):
		t.Fatalf("%v became %v", before.State, after.State)
	case (before.State == rollout.JobSucceeded || before.State == rollout.JobFailed) && after != before:
		t.Fatalf("an end that the device reported changed: %+v, then %+v", before, after)
	case after.Revision < before.Revision || after.Attempt < before.Attempt || after.Attempt > rollout.MaxAttempts:
		t.Fatalf("revision or attempt: %+v, then %+v", before, after)
	case after.Attempt != before.Attempt && after.Revision == before.Revision:
		t.Fatalf("a new attempt that the device is not told of")
	case after.FetchedBytes < before.FetchedBytes || after.DoneBytes > after.TotalBytes:
		t.Fatalf("bytes: %+v, then %+v", before, after)
	case after.Attempt == before.Attempt && (after.Phase < before.Phase || after.Number < before.Number):
		t.Fatalf("went back: %+v, then %+v", before, after)
	case after.Attempt == before.Attempt && after.Phase == before.Phase && after.DoneBytes < before.DoneBytes:
		t.Fatalf("bytes went back: %+v, then %+v", before, after)
	case after.State.Ended():
		checkEnd(t, after)
	}
}

// reachable: one report may stand for two moves, begun and finished.
func reachable(from, to rollout.JobState) bool {
	return rollout.Legal(from, to) || (rollout.Legal(from, rollout.JobRunning) && rollout.Legal(rollout.JobRunning, to))
}

func checkEnd(t *rapid.T, j rollout.Job) {
	switch {
	case !j.State.Ended() || j.EndedAt.IsZero() || j.Busy():
		t.Fatalf("not ended: %+v", j)
	case (j.State == rollout.JobSucceeded) != (j.Reason == reason.None):
		t.Fatalf("%v with reason %v", j.State, j.Reason)
	}
}

func BenchmarkApply(b *testing.B) {
	j, err := rollout.NewJob(order, id.NewJob(), id.NewDevice(), 0).Grant(opens)
	if err != nil {
		b.Fatal(err)
	}
	p := rollout.Progress{Job: j.ID, Attempt: 1, Number: 1, Phase: rollout.PhaseWrite, State: rollout.PhaseRunning, DoneBytes: 10}
	for b.Loop() {
		if _, changed, err := j.Apply(p, opens); err != nil || !changed {
			b.Fatal(changed, err)
		}
	}
}
