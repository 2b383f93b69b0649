package operatorcli_test

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rivo/uniseg"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli"
)

// evening is a quarter to one at night in Oslo.
var evening = time.Date(2026, 11, 22, 23, 45, 0, 0, time.UTC)

func at(hour, minute int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 11, 22, hour, minute, 0, 0, time.UTC))
}

// night is a cabinet in the middle of its night, with a device in each state.
func night() *operatorv1.CabinetNight {
	n := &operatorv1.CabinetNight{
		Cabinet: &operatorv1.Cabinet{Id: "a-101", Name: "Klasserom 101", SiteId: "nordvik-skole", Slots: 8},
		Rollout: &operatorv1.Rollout{
			Id: "r1", Image: "elev", Release: "2026-11", State: operatorv1.RolloutState_ROLLOUT_STATE_RUNNING, AtOnce: 3,
			OpensAt: at(21, 0), ClosesAt: timestamppb.New(evening.Add(5*time.Hour + 15*time.Minute)), BellAt: timestamppb.New(evening.Add(7 * time.Hour)),
		},
		ExpectedFinish: timestamppb.New(evening.Add(95 * time.Minute)),
		Ready:          2, Total: 8,
	}
	add := func(d *operatorv1.DeviceNight) {
		d.Slot = uint32(len(n.Devices) + 1)
		d.DeviceId = fmt.Sprintf("00000000-0000-4000-8000-%012d", d.Slot)
		d.Hostname, d.Model = fmt.Sprintf("NV-ELEV-%04d", d.Slot), "Dell Latitude 3140 2-in-1"
		n.Devices = append(n.Devices, d)
	}
	add(&operatorv1.DeviceNight{State: operatorv1.JobState_JOB_STATE_SUCCEEDED, StartedAt: at(21, 0), EndedAt: at(21, 40), Phase: nattevaktv1.Phase_PHASE_CONFIRM})
	add(&operatorv1.DeviceNight{State: operatorv1.JobState_JOB_STATE_RUNNING, StartedAt: at(23, 10), Attempt: 2, Phase: nattevaktv1.Phase_PHASE_WRITE, DoneBytes: 62, TotalBytes: 100, Reason: nattevaktv1.Reason_REASON_WORKING})
	add(&operatorv1.DeviceNight{State: operatorv1.JobState_JOB_STATE_FAILED, StartedAt: at(21, 0), EndedAt: at(21, 12), Phase: nattevaktv1.Phase_PHASE_WRITE, Reason: nattevaktv1.Reason_REASON_DISK_TOO_SMALL, Detail: "needs 64 GB, has 32 GB"})
	add(&operatorv1.DeviceNight{State: operatorv1.JobState_JOB_STATE_GRANTED, PlannedStart: at(23, 40), Reason: nattevaktv1.Reason_REASON_NO_CONTACT})
	add(&operatorv1.DeviceNight{State: operatorv1.JobState_JOB_STATE_PLANNED, PlannedStart: timestamppb.New(evening.Add(time.Hour)), Reason: nattevaktv1.Reason_REASON_WAITING_FOR_TURN})
	add(&operatorv1.DeviceNight{State: operatorv1.JobState_JOB_STATE_EXPIRED, Reason: nattevaktv1.Reason_REASON_NOT_ENOUGH_TIME})
	add(&operatorv1.DeviceNight{State: operatorv1.JobState_JOB_STATE_CANCELLED, Reason: nattevaktv1.Reason_REASON_CANCELLED})
	add(&operatorv1.DeviceNight{Reason: nattevaktv1.Reason_REASON_AWAITING_APPROVAL})
	return n
}

func TestNightAtSeveralWidths(t *testing.T) {
	for _, columns := range []int{0, 120, 80, 50, 24} {
		golden(t, fmt.Sprintf("night-%d.txt", columns), operatorcli.NightText("nb", oslo(t), evening, columns, 0, false, night()))
	}
	golden(t, "night-80-en.txt", operatorcli.NightText("en", oslo(t), evening, 80, 0, false, night()))
	golden(t, "night-80-limit.txt", operatorcli.NightText("nb", oslo(t), evening, 80, 4, false, night()))
	unplanned := night()
	unplanned.Rollout, unplanned.Devices = nil, unplanned.Devices[7:]
	golden(t, "night-80-unplanned.txt", operatorcli.NightText("nb", oslo(t), evening, 80, 0, false, unplanned))
}

var numbers = regexp.MustCompile(`\d+`)

func TestTotalsCountEveryDeviceOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := night()
		n.Devices = nil
		for i := range rapid.IntRange(0, 40).Draw(t, "devices") {
			n.Devices = append(n.Devices, &operatorv1.DeviceNight{Slot: uint32(i), State: operatorv1.JobState(rapid.IntRange(0, 7).Draw(t, "state"))})
		}
		text := operatorcli.NightText("nb", time.UTC, evening, 0, 0, false, n)
		lines := strings.Split(strings.TrimSpace(text), "\n")
		counts, _, _ := strings.Cut(lines[len(lines)-1], ". ")
		sum := 0
		found := numbers.FindAllString(counts, -1)
		for _, f := range found[1:] {
			k, _ := strconv.Atoi(f) // the expression matches digits only
			sum += k
		}
		if found[0] != strconv.Itoa(len(n.Devices)) || sum != len(n.Devices) {
			t.Fatalf("%d devices are told as %q", len(n.Devices), counts)
		}
	})
}

func TestNoLineOfANightIsWiderThanTheScreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := night()
		n.Cabinet.Name = rapid.String().Draw(t, "name")
		n.Devices[0].Hostname = rapid.String().Draw(t, "hostname")
		n.Devices[2].Detail = rapid.String().Draw(t, "detail")
		columns := rapid.IntRange(12, 200).Draw(t, "columns")
		for _, line := range strings.Split(operatorcli.NightText("nb", time.UTC, evening, columns, 0, false, n), "\n") {
			if w := uniseg.StringWidth(line); w > columns {
				t.Fatalf("%d columns on a screen of %d: %q", w, columns, line)
			}
		}
	})
}

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		width int
		want  string
	}{
		{0, "en to · tre · fire fem\n"},
		{14, "en to · tre\nfire fem\n"},
		{7, "en to\ntre\nfire\nfem\n"},
		{3, "en\nto\ntre\nfi…\nfem\n"},
	} {
		if got := operatorcli.Wrap([]string{"en to", "tre", "fire fem"}, tc.width); got != tc.want {
			t.Errorf("width %d: %q, want %q", tc.width, got, tc.want)
		}
	}
}

// nights is a service that plays streams one after the other.
type nights struct {
	operatorv1.NightServiceClient
	streams [][]*operatorv1.WatchNightResponse
	opened  int
	end     error // of each stream
}

func (n *nights) WatchNight(context.Context, *operatorv1.WatchNightRequest, ...grpc.CallOption) (grpc.ServerStreamingClient[operatorv1.WatchNightResponse], error) {
	s := &stream{end: n.end}
	if n.opened < len(n.streams) {
		s.messages = n.streams[n.opened]
	}
	n.opened++
	return s, nil
}

type stream struct {
	grpc.ClientStream
	messages []*operatorv1.WatchNightResponse
	end      error
}

func (s *stream) Recv() (*operatorv1.WatchNightResponse, error) {
	if len(s.messages) == 0 {
		return nil, s.end
	}
	m := s.messages[0]
	s.messages = s.messages[1:]
	return m, nil
}

func moment(n *operatorv1.CabinetNight) *operatorv1.WatchNightResponse {
	return &operatorv1.WatchNightResponse{Now: timestamppb.New(evening), Cabinet: n}
}

// ended is a night that is over, well or not.
func ended(well bool) *operatorv1.CabinetNight {
	n := night()
	n.Rollout.State = operatorv1.RolloutState_ROLLOUT_STATE_DONE
	if well {
		for _, d := range n.Devices {
			d.State, d.Reason, d.Detail = operatorv1.JobState_JOB_STATE_SUCCEEDED, 0, ""
		}
	}
	return n
}

func TestWatchEndsWithTheNight(t *testing.T) {
	for _, tc := range []struct {
		well bool
		want int
	}{{true, 0}, {false, 7}} {
		s := &screen{}
		service := &nights{streams: [][]*operatorv1.WatchNightResponse{{moment(night()), moment(night()), moment(ended(tc.well))}}, end: io.EOF}
		if code := s.cli().Watch(context.Background(), service, "a-101"); code != tc.want {
			t.Errorf("ended with %d, want %d: %s", code, tc.want, &s.err)
		}
		if n := strings.Count(s.out.String(), "plass 3 NV-ELEV-0003: mislyktes"); n != 1 {
			t.Errorf("the same step was told %d times:\n%s", n, &s.out)
		}
	}
}

func TestWatchComesBackAfterABreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{}
		service := &nights{streams: [][]*operatorv1.WatchNightResponse{{moment(night())}, nil, nil, {moment(ended(true))}}, end: io.EOF}
		if code := s.cli().Watch(t.Context(), service, "a-101"); code != 0 || service.opened != 4 {
			t.Errorf("ended with %d after %d streams: %s", code, service.opened, &s.err)
		}
		if !strings.Contains(s.err.String(), "mistet forbindelsen") {
			t.Errorf("the break is not told: %s", &s.err)
		}
	})
}

func TestWatchGivesUpInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{}
		began := time.Now()
		if code := s.cli().Watch(t.Context(), &nights{end: io.EOF}, "a-101"); code != 5 {
			t.Errorf("ended with %d: %s", code, &s.err)
		}
		if took := time.Since(began); took < 5*time.Minute || took > 20*time.Minute {
			t.Errorf("gave up after %v", took)
		}
	})
}

func TestWatchOnATerminalDrawsOver(t *testing.T) {
	s := &screen{columns: 80, rows: 40, env: map[string]string{"TERM": "xterm", "NO_COLOR": "1"}}
	service := &nights{streams: [][]*operatorv1.WatchNightResponse{{moment(night()), moment(ended(true))}}, end: io.EOF}
	s.cli().Watch(context.Background(), service, "a-101")
	out := s.out.String()
	first, rest, _ := strings.Cut(out, "\x1b[J")
	frame, _, _ := strings.Cut(rest, "\x1b[")
	if up := fmt.Sprintf("\x1b[%dA", strings.Count(frame, "\n")); first != "\r" || !strings.Contains(rest, up) {
		t.Errorf("second drawing does not begin where the first did: %q", out)
	}
	if strings.Contains(out, "m✓") {
		t.Errorf("coloured in spite of NO_COLOR: %q", out)
	}
}

func TestWatchFitsALowTerminal(t *testing.T) {
	s := &screen{columns: 80, rows: 16, env: map[string]string{"TERM": "xterm"}}
	service := &nights{streams: [][]*operatorv1.WatchNightResponse{{moment(night())}}, end: status.Error(codes.Canceled, "")}
	s.cli().Watch(context.Background(), service, "a-101")
	if lines := strings.Count(s.out.String(), "\n"); lines > 16 || !strings.Contains(s.out.String(), "… og 4 til") {
		t.Errorf("%d lines on a terminal of 16:\n%s", lines, &s.out)
	}
}
