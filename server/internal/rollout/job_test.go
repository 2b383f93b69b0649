package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

var (
	opens  = time.Date(2026, 11, 11, 21, 0, 0, 0, time.UTC)
	closes = opens.Add(8 * time.Hour)
	order  = rollout.Rollout{
		ID: "r1", Cabinet: "skap-1", Image: "elev", Release: "2026.11", ManifestDigest: make([]byte, 32),
		TotalBytes: 1000, Span: window.Span{Opens: opens, Closes: closes, Bell: closes.Add(105 * time.Minute)},
		AtOnce: 6, State: rollout.Running,
	}
)

func planned() rollout.Job { return rollout.NewJob(order, id.NewJob(), id.NewDevice(), 7) }

func granted(t *testing.T) rollout.Job {
	t.Helper()
	j, err := planned().Grant(opens)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// report applies one report with the next number and wants it taken.
func report(t *testing.T, j rollout.Job, p rollout.Progress) rollout.Job {
	t.Helper()
	p.Job, p.Attempt, p.Number = j.ID, j.Attempt, j.Number+1
	after, changed, err := j.Apply(p, opens.Add(time.Minute))
	if err != nil || !changed {
		t.Fatalf("apply %+v: changed %v, %v", p, changed, err)
	}
	return after
}

func TestNewJobContinuesTheDevicesRevisions(t *testing.T) {
	j := planned()
	if j.Revision != 8 || j.Attempt != 1 || j.State != rollout.JobPlanned || j.TotalBytes != 1000 || j.Rollout != "r1" {
		t.Errorf("new job %+v", j)
	}
}

func TestFromGrantToSuccess(t *testing.T) {
	j := granted(t)
	if j.State != rollout.JobGranted || j.Revision != 9 || !j.GrantedAt.Equal(opens) {
		t.Fatalf("granted %+v", j)
	}
	for _, phase := range rollout.Phases() {
		j = report(t, j, rollout.Progress{Phase: phase, State: rollout.PhaseRunning, DoneBytes: 10, TotalBytes: 100, FetchedBytes: 40})
		if j.State != rollout.JobRunning || j.Phase != phase || j.DoneBytes != 10 {
			t.Fatalf("in %v: %+v", phase, j)
		}
		j = report(t, j, rollout.Progress{Phase: phase, State: rollout.PhaseDone, DoneBytes: 100, FetchedBytes: 40})
	}
	if j.State != rollout.JobSucceeded || j.Reason != reason.None || j.DoneBytes != 100 || j.FetchedBytes != 40 {
		t.Errorf("at the end %+v", j)
	}
	if j.StartedAt.IsZero() || j.EndedAt.IsZero() || j.Revision != 9 {
		t.Errorf("times or revision %+v", j)
	}
}

func TestOldAndRepeatedReportsChangeNothing(t *testing.T) {
	j := report(t, granted(t), rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseRunning, DoneBytes: 500})
	for _, p := range []rollout.Progress{
		{Attempt: 1, Number: j.Number, Phase: rollout.PhaseConfirm, State: rollout.PhaseDone},
		{Attempt: 1, Number: 0, Phase: rollout.PhaseConfirm, State: rollout.PhaseDone},
		{Attempt: 0, Number: 9, Phase: rollout.PhaseWrite, State: rollout.PhaseFailed},
	} {
		p.Job = j.ID
		if after, changed, err := j.Apply(p, opens); changed || err != nil || after != j {
			t.Errorf("%+v: changed %v, %v", p, changed, err)
		}
	}
}

func TestProgressNeverGoesBack(t *testing.T) {
	j := report(t, granted(t), rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseRunning, DoneBytes: 500, FetchedBytes: 80})
	j = report(t, j, rollout.Progress{Phase: rollout.PhaseFetch, State: rollout.PhaseRunning, DoneBytes: 3, FetchedBytes: 2})
	if j.Phase != rollout.PhaseWrite || j.DoneBytes != 500 || j.FetchedBytes != 80 {
		t.Errorf("after a restart %+v", j)
	}
	j = report(t, j, rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseRunning, DoneBytes: 400, FetchedBytes: 90})
	if j.DoneBytes != 500 || j.FetchedBytes != 90 {
		t.Errorf("in the same phase %+v", j)
	}
	j = report(t, j, rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseDone, DoneBytes: 1 << 40})
	if j.DoneBytes != 1000 || j.PhaseState != rollout.PhaseDone {
		t.Errorf("more done than there is: %+v", j)
	}
}

func TestFailureIsRetriedByKindOfReason(t *testing.T) {
	for why, again := range map[reason.Code]bool{
		reason.ContentUnreachable: true,
		reason.BatteryLow:         true,
		reason.Internal:           true,
		reason.None:               true,
		reason.SignatureInvalid:   false,
		reason.ContentCorrupt:     false,
		reason.DowngradeRefused:   false,
		reason.DiskTooSmall:       false,
		reason.WindowClosed:       false,
	} {
		j := report(t, granted(t), rollout.Progress{Phase: rollout.PhaseFetch, State: rollout.PhaseRunning, DoneBytes: 9, FetchedBytes: 70})
		before := j.Revision
		j = report(t, j, rollout.Progress{Phase: rollout.PhaseFetch, State: rollout.PhaseFailed, Reason: why, Detail: "said so"})
		switch {
		case !again && (j.State != rollout.JobFailed || j.Reason != why || j.Attempt != 1):
			t.Errorf("%v: %+v, want failed", why, j)
		case again && (j.State != rollout.JobPlanned || j.Attempt != 2 || j.Revision != before+1 || j.Number != 0 || j.Phase != 0):
			t.Errorf("%v: %+v, want planned again", why, j)
		case again && (j.FetchedBytes != 70 || j.Reason != why || j.Detail != "said so" || !j.GrantedAt.IsZero()):
			t.Errorf("%v: %+v forgot the attempt before", why, j)
		}
	}
}

func TestAttemptsAreBoundedAndFetchedBytesAddUp(t *testing.T) {
	j := planned()
	for n := range rollout.MaxAttempts {
		var err error
		if j, err = j.Grant(opens); err != nil {
			t.Fatalf("attempt %d: %v", n+1, err)
		}
		j = report(t, j, rollout.Progress{Phase: rollout.PhaseFetch, State: rollout.PhaseFailed, FetchedBytes: 100})
	}
	if j.State != rollout.JobFailed || j.Attempt != rollout.MaxAttempts || j.Reason != reason.Internal {
		t.Errorf("after %d attempts %+v", rollout.MaxAttempts, j)
	}
	if j.FetchedBytes != 300 {
		t.Errorf("fetched %d bytes in all, want 300", j.FetchedBytes)
	}
}

func TestFetchingAheadTakesNobodysPlace(t *testing.T) {
	j := report(t, planned(), rollout.Progress{Phase: rollout.PhaseFetch, State: rollout.PhaseRunning, DoneBytes: 100})
	if j.State != rollout.JobPlanned || j.Busy() || j.DoneBytes != 100 {
		t.Errorf("while it fetches %+v", j)
	}
	j = report(t, j, rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseRunning})
	if j.State != rollout.JobRunning || j.StartedAt.IsZero() {
		t.Errorf("began by itself, out of reach: %+v", j)
	}
}

func TestAReportThatSkipsStepsStillCounts(t *testing.T) {
	j := report(t, planned(), rollout.Progress{Phase: rollout.PhaseConfirm, State: rollout.PhaseDone})
	if j.State != rollout.JobSucceeded || j.StartedAt.IsZero() {
		t.Errorf("%+v", j)
	}
}

func TestWaitingSaysWhy(t *testing.T) {
	j := report(t, granted(t), rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseWaiting, Reason: reason.BatteryLow})
	if j.Reason != reason.BatteryLow || j.PhaseState != rollout.PhaseWaiting {
		t.Errorf("waiting %+v", j)
	}
	if j = report(t, j, rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseRunning}); j.Reason != reason.None {
		t.Errorf("running again, but still %v", j.Reason)
	}
}

func TestReportsThatNoDeviceSendsAreErrors(t *testing.T) {
	j := granted(t)
	good := rollout.Progress{Job: j.ID, Attempt: 1, Number: 1, Phase: rollout.PhaseFetch, State: rollout.PhaseRunning}
	for want, spoil := range map[string]func(*rollout.Progress){
		"this is job": func(p *rollout.Progress) { p.Job = id.NewJob() },
		"attempt 2":   func(p *rollout.Progress) { p.Attempt = 2 },
		"phase 0":     func(p *rollout.Progress) { p.Phase = 0 },
		"phase 5":     func(p *rollout.Progress) { p.Phase = 5 },
		"state 9":     func(p *rollout.Progress) { p.State = 9 },
	} {
		p := good
		spoil(&p)
		after, changed, err := j.Apply(p, opens)
		if err == nil || !strings.Contains(err.Error(), want) || changed || after != j {
			t.Errorf("%s: changed %v, error %v", want, changed, err)
		}
	}
}

func TestWithdrawLetsTheJobGoOnLater(t *testing.T) {
	j := report(t, granted(t), rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseRunning, DoneBytes: 500})
	revision := j.Revision
	j, err := j.Withdraw(opens.Add(time.Hour))
	if err != nil || j.State != rollout.JobPlanned || j.Attempt != 1 || j.DoneBytes != 500 || j.Revision != revision+1 {
		t.Fatalf("withdrawn %+v, %v", j, err)
	}
	if _, err := j.Withdraw(opens); err == nil {
		t.Error("withdrew a place that the job does not hold")
	}
	if j = report(t, j, rollout.Progress{Phase: rollout.PhaseConfirm, State: rollout.PhaseDone}); j.State != rollout.JobSucceeded {
		t.Errorf("came back and finished: %+v", j)
	}
}

func TestExpireGivesTheOneReason(t *testing.T) {
	seen := rollout.Contact{Opened: opens, LastSeen: closes.Add(-time.Minute), NextDue: closes}
	for name, tc := range map[string]struct {
		contact func(*rollout.Contact)
		job     func(*rollout.Job)
		want    reason.Code
	}{
		"never seen":              {contact: func(c *rollout.Contact) { c.LastSeen = time.Time{} }, want: reason.NeverSeen},
		"not since it opened":     {contact: func(c *rollout.Contact) { c.LastSeen = opens.Add(-time.Second) }, want: reason.NoContact},
		"fell silent":             {contact: func(c *rollout.Contact) { c.NextDue = opens.Add(time.Hour) }, want: reason.NoContact},
		"wrong clock":             {contact: func(c *rollout.Contact) { c.WrongClock = true }, want: reason.WrongClock},
		"too late":                {want: reason.NotEnoughTime},
		"waited for its battery":  {job: func(j *rollout.Job) { j.Reason = reason.BatteryLow }, want: reason.BatteryLow},
		"waited for its turn":     {job: func(j *rollout.Job) { j.Reason = reason.WaitingForTurn }, want: reason.NotEnoughTime},
		"could not fetch all day": {job: func(j *rollout.Job) { j.Reason = reason.ContentUnreachable }, want: reason.ContentUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			j, c := granted(t), seen
			if tc.contact != nil {
				tc.contact(&c)
			}
			if tc.job != nil {
				tc.job(&j)
			}
			after, changed := j.Expire(closes, c)
			if !changed || after.State != rollout.JobExpired || after.Reason != tc.want || !after.EndedAt.Equal(closes) {
				t.Errorf("%v with %v, want %v", after.State, after.Reason, tc.want)
			}
			if _, changed := after.Expire(closes, c); changed {
				t.Error("expired twice")
			}
		})
	}
}

func TestLateNewsCountsAgainstAnEndThatWasOnlyBelieved(t *testing.T) {
	done := rollout.Progress{Phase: rollout.PhaseConfirm, State: rollout.PhaseDone}
	broken := rollout.Progress{Phase: rollout.PhaseWrite, State: rollout.PhaseFailed, Reason: reason.DiskError}
	expired, _ := granted(t).Expire(closes, rollout.Contact{Opened: opens})
	cancelled, _ := granted(t).Cancel(opens)

	if j := report(t, expired, done); j.State != rollout.JobSucceeded || j.Reason != reason.None {
		t.Errorf("expired, then done: %v, %v", j.State, j.Reason)
	}
	if j := report(t, expired, broken); j.State != rollout.JobFailed || j.Reason != reason.DiskError {
		t.Errorf("expired, then failed: %v, %v", j.State, j.Reason)
	}
	if j := report(t, cancelled, done); j.State != rollout.JobSucceeded {
		t.Errorf("cancelled, then done: %v", j.State)
	}
	broken.Job, broken.Attempt, broken.Number = cancelled.ID, 1, 1
	if j, changed, err := cancelled.Apply(broken, closes); changed || err != nil || j != cancelled {
		t.Errorf("cancelled, then failed: %v, %v, %v", j.State, changed, err)
	}
}

func TestCancel(t *testing.T) {
	j, changed := granted(t).Cancel(opens)
	if !changed || j.State != rollout.JobCancelled || j.Reason != reason.Cancelled {
		t.Errorf("cancelled %+v", j)
	}
	if _, err := j.Grant(opens); err == nil {
		t.Error("granted a cancelled job")
	}
	if _, changed := j.Cancel(opens); changed {
		t.Error("cancelled twice")
	}
}

func TestSettleAndSum(t *testing.T) {
	done := report(t, granted(t), rollout.Progress{Phase: rollout.PhaseConfirm, State: rollout.PhaseDone})
	cancelled, _ := planned().Cancel(opens)
	expired, _ := planned().Expire(closes, rollout.Contact{})
	foreign := planned()
	foreign.Rollout = "another"
	jobs := []rollout.Job{done, cancelled, expired, planned(), foreign}

	if got := order.Sum(jobs); got != (rollout.Sums{Succeeded: 1, Cancelled: 1, Expired: 1, Open: 1}) {
		t.Errorf("sums %+v", got)
	}
	if got := order.Settle(jobs).State; got != rollout.Running {
		t.Errorf("with an open job: %v", got)
	}
	jobs[3], _ = jobs[3].Cancel(opens)
	if got := order.Settle(jobs).State; got != rollout.Done {
		t.Errorf("with all ended: %v", got)
	}
	called := order
	called.State = rollout.Cancelled
	if got := called.Settle(jobs).State; got != rollout.Cancelled {
		t.Errorf("a cancelled rollout became %v", got)
	}
}

func TestAssignment(t *testing.T) {
	j := planned()
	j.PlannedStart = opens.Add(time.Hour)
	a, ok := rollout.AssignmentOf(order, j)
	if !ok || a.Granted || !a.NotBefore.Equal(j.PlannedStart) || !a.NotAfter.Equal(closes) || len(a.Phases) != 4 || a.Revision != j.Revision {
		t.Errorf("planned: %+v", a)
	}
	j, _ = j.Grant(opens)
	if a, ok = rollout.AssignmentOf(order, j); !ok || !a.Granted || !a.NotBefore.Equal(opens) {
		t.Errorf("granted: %+v", a)
	}
	j, _ = j.Cancel(opens)
	if _, ok = rollout.AssignmentOf(order, j); ok {
		t.Error("an ended job has an assignment")
	}
}

func TestDeadlineIsTheEarlierOfCloseAndBell(t *testing.T) {
	r := order
	r.Span.Bell = closes.Add(-time.Hour)
	if got := r.Deadline(); !got.Equal(r.Span.Bell) {
		t.Errorf("deadline %v", got)
	}
	if got := order.Deadline(); !got.Equal(closes) {
		t.Errorf("deadline %v", got)
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"running": rollout.Running.String(), "expired": rollout.JobExpired.String(), "write": rollout.PhaseWrite.String(),
		"waiting": rollout.PhaseWaiting.String(), "unknown_0": rollout.JobState(0).String(), "unknown_9": rollout.Phase(9).String(),
	} {
		if got != want {
			t.Errorf("name %q, want %q", got, want)
		}
	}
}
