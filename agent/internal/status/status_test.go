package status_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/checkin"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/state/statetest"
	"github.com/nattevakt/nattevakt/agent/internal/status"
	"github.com/nattevakt/nattevakt/proto/reason"
)

var now = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

func TestExitCode(t *testing.T) {
	tests := []struct {
		name   string
		status status.Status
		want   int
	}{
		{"not enrolled", status.Status{State: status.StateNotEnrolled}, status.NotEnrolled},
		{"waits", status.Status{State: status.StatePending}, status.Waiting},
		{"in touch", status.Status{State: "answered", Next: now.Add(time.Minute)}, status.InTouch},
		{"a little late", status.Status{State: "answered", Next: now.Add(-time.Minute)}, status.InTouch},
		{"the agent has stopped", status.Status{State: "answered", Next: now.Add(-time.Hour)}, status.OutOfTouch},
		{"away", status.Status{State: "away", Next: now.Add(time.Minute)}, status.OutOfTouch},
		{"refused", status.Status{State: "refused", Next: now.Add(-time.Hour)}, status.Refused},
	}
	for _, tt := range tests {
		if got := tt.status.ExitCode(now); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// counted is a folder that counts writes.
type counted struct {
	*state.Folder
	writes int
}

func (c *counted) WriteJSON(name string, value any) error {
	c.writes++
	return c.Folder.WriteJSON(name, value)
}

func TestKeeperWritesWhatChangedInKind(t *testing.T) {
	folder := statetest.Open(t)
	store, at := &counted{Folder: folder}, now
	keeper := status.NewKeeper(store, func() time.Time { return at }, status.Status{State: status.StateNotEnrolled})
	answered := checkin.Event{Outcome: checkin.Outcome{Kind: checkin.Answered}, Wait: time.Second}
	for range 30 { // thirty seconds of a busy night
		if err := keeper.CheckedIn(answered, 0); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
	}
	if store.writes > 4 {
		t.Errorf("%d writes in half a minute", store.writes)
	}
	away := checkin.Event{Outcome: checkin.Outcome{Kind: checkin.Away, Err: errors.New("no route")}}
	refused := checkin.Event{Outcome: checkin.Outcome{Kind: checkin.Refused, Reason: reason.IdentityCloned, Err: errors.New("no")}}
	for _, e := range []checkin.Event{away, refused} {
		if err := keeper.CheckedIn(e, 0); err != nil {
			t.Fatal(err)
		}
		var got status.Status
		if err := folder.ReadJSON(status.FileName, &got); err != nil || got.State != e.Outcome.Kind.String() || got.Problem != e.Outcome.Err.Error() {
			t.Errorf("%+v, %v", got, err)
		}
		if e.Outcome.Kind == checkin.Refused && got.Reason != "identity_cloned" {
			t.Errorf("reason %q", got.Reason)
		}
	}
}
