package clock_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/agent/internal/clock"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/state/statetest"
)

var (
	noon  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	boot1 = [16]byte{1}
	boot2 = [16]byte{2}
)

const year = 365 * 24 * time.Hour

func TestNow(t *testing.T) {
	tests := []struct {
		name   string
		anchor clock.Anchor
		at     clock.Reading
		want   time.Time
		sure   bool
	}{
		{"never heard", clock.Anchor{}, clock.Reading{Wall: noon}, noon, false},
		{
			"same boot counts by time since boot, not by a clock that was set",
			clock.NewAnchor(clock.Answer{Time: noon, Rate: 1}, clock.Reading{Wall: noon, Up: time.Hour, Boot: boot1}),
			clock.Reading{Wall: noon.Add(-year), Up: 2 * time.Hour, Boot: boot1}, noon.Add(time.Hour), true,
		},
		{
			"fast clock of a demonstration",
			clock.NewAnchor(clock.Answer{Time: noon, Rate: 60}, clock.Reading{Wall: noon, Boot: boot1}),
			clock.Reading{Wall: noon, Up: time.Minute, Boot: boot1}, noon.Add(time.Hour), true,
		},
		{
			"new boot, clock two years ahead all the time",
			clock.NewAnchor(clock.Answer{Time: noon, Rate: 1}, clock.Reading{Wall: noon.Add(2 * year), Up: time.Hour, Boot: boot1}),
			clock.Reading{Wall: noon.Add(2*year + time.Hour), Up: time.Second, Boot: boot2}, noon.Add(time.Hour), false,
		},
		{
			"new boot, clock lost to 2010: never before what was heard",
			clock.NewAnchor(clock.Answer{Time: noon, Rate: 1}, clock.Reading{Wall: noon, Up: time.Hour, Boot: boot1}),
			clock.Reading{Wall: noon.AddDate(-16, 0, 0), Up: time.Second, Boot: boot2}, noon, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.anchor.Now(tt.at); !got.Equal(tt.want) {
				t.Errorf("Now = %v, want %v", got, tt.want)
			}
			if got := tt.anchor.Sure(tt.at); got != tt.sure {
				t.Errorf("Sure = %v, want %v", got, tt.sure)
			}
		})
	}
}

func TestWrong(t *testing.T) {
	at := func(offset time.Duration) clock.Reading { return clock.Reading{Wall: noon.Add(offset), Boot: boot1} }
	fast := clock.Answer{Time: noon.Add(9 * year), Rate: 60, Wall: noon}
	tests := []struct {
		name   string
		said   clock.Answer
		offset time.Duration
		want   bool
	}{
		{"right", clock.Answer{Time: noon, Rate: 1}, 0, false},
		{"five minutes is not yet wrong", clock.Answer{Time: noon, Rate: 1}, -clock.WrongBy, false},
		{"six minutes", clock.Answer{Time: noon, Rate: 1}, 6 * time.Minute, true},
		{"two years behind", clock.Answer{Time: noon, Rate: 1}, -2 * year, true},
		{"two years ahead", clock.Answer{Time: noon, Rate: 1}, 2 * year, true},
		{"fast clock, machine right", fast, 0, false},
		{"fast clock, machine two years behind", fast, -2 * year, true},
		{"fast clock without a wall clock says nothing", clock.Answer{Time: noon, Rate: 60}, 2 * year, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := clock.NewAnchor(tt.said, at(tt.offset)).Wrong(at(tt.offset)); got != tt.want {
				t.Errorf("Wrong = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNowNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(rapid.Just(1.0), rapid.Float64(), rapid.Just(math.NaN())).Draw(t, "rate")
		anchor := clock.NewAnchor(clock.Answer{Time: noon, Rate: rate}, clock.Reading{Wall: noon, Up: time.Hour, Boot: boot1})
		at := clock.Reading{
			Wall: noon.Add(time.Duration(rapid.Int64Range(-int64(9*year), int64(9*year)).Draw(t, "wall"))),
			Up:   time.Duration(rapid.Int64Range(0, int64(year)).Draw(t, "up")),
			Boot: rapid.SampledFrom([][16]byte{boot1, boot2}).Draw(t, "boot"),
		}
		if anchor.Now(at).Before(noon) {
			t.Fatalf("Now(%+v) = %v, before the anchor", at, anchor.Now(at))
		}
	})
}

type countingStore struct {
	*state.Folder
	writes int
}

func (s *countingStore) WriteJSON(name string, value any) error {
	s.writes++
	return s.Folder.WriteJSON(name, value)
}

func openStore(t *testing.T) *countingStore {
	t.Helper()
	return &countingStore{Folder: statetest.Open(t)}
}

func TestKeeperWritesRarelyAndSurvives(t *testing.T) {
	store := openStore(t)
	now := clock.Reading{Wall: noon, Up: time.Minute, Boot: boot1}
	read := func() clock.Reading { return now }
	k, err := clock.Open(store, read)
	if err != nil {
		t.Fatal(err)
	}
	if !k.Floor().IsZero() {
		t.Error("a floor before the first contact")
	}
	const answers = 120
	for range answers { // two hours of check-ins, one a minute
		if err := k.Observe(clock.Answer{Time: noon.Add(now.Up), Rate: 1}, now); err != nil {
			t.Fatal(err)
		}
		now.Up += time.Minute
		now.Wall = now.Wall.Add(time.Minute)
	}
	if store.writes < 2 || store.writes > 4 {
		t.Errorf("%d writes for %d answers", store.writes, answers)
	}
	heard := k.Floor()
	now = clock.Reading{Wall: noon.Add(-year), Up: time.Second, Boot: boot2}
	again, err := clock.Open(store, read)
	if err != nil {
		t.Fatal(err)
	}
	if lost := heard.Sub(again.Floor()); lost < 0 || lost > time.Hour+time.Minute {
		t.Errorf("the floor lost %v over a power cut", lost)
	}
	if again.Sure() {
		t.Error("sure without an answer in this boot")
	}
}

func TestFastClockDoesNotRaiseTheFloor(t *testing.T) {
	k, err := clock.Open(openStore(t), func() clock.Reading { return clock.Reading{Wall: noon, Boot: boot1} })
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Observe(clock.Answer{Time: noon.Add(9 * year), Rate: 600}, k.Read()); err != nil {
		t.Fatal(err)
	}
	if !k.Floor().IsZero() {
		t.Errorf("floor %v", k.Floor())
	}
	if err := k.Signed(noon); err != nil || !k.Floor().Equal(noon) {
		t.Errorf("floor %v after a signed time, %v", k.Floor(), err)
	}
	if got := k.Until(noon.Add(9*year + time.Hour)); got != 6*time.Second {
		t.Errorf("an hour at rate 600 lasts %v", got)
	}
}
