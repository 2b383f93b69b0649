package operatorcli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// How a broken connection is taken up again while somebody watches the night.
const (
	firstPause = time.Second
	maxPause   = 15 * time.Second
	patience   = 10 * time.Minute
)

// watch follows a cabinet until its rollout is over: the one with this id, or whichever there is. Where
// nothing was ordered it follows until it is interrupted. It ends with exitNotDone if a job did not succeed.
func (c *CLI) watch(ctx context.Context, k *client, p places, cabinet, rollout string) error {
	out := c.watcher(p)
	pause, heard := firstPause, time.Now()
	for {
		last, err := follow(ctx, k, cabinet, rollout, func(m *operatorv1.WatchNightResponse) error {
			pause, heard = firstPause, time.Now()
			return out.news(m)
		})
		if last != nil {
			return errors.Join(out.end(last), outcome(last.GetCabinet()))
		}
		var f *fault
		if !errors.As(err, &f) || f.code != exitUnreachable || time.Since(heard) > patience {
			return err
		}
		c.note(c.t("nattevakt: mistet forbindelsen; prøver igjen om %s. Maskinene arbeider videre.", "nattevakt: lost the connection; trying again in %s. The machines go on working."), pause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// follow reads one stream. It gives the message with which the night was over.
func follow(ctx context.Context, k *client, cabinet, rollout string, news func(*operatorv1.WatchNightResponse) error) (*operatorv1.WatchNightResponse, error) {
	stream, err := k.night.WatchNight(ctx, &operatorv1.WatchNightRequest{CabinetId: cabinet})
	if err != nil {
		return nil, err
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return nil, unended(err)
		}
		if err := news(m); err != nil {
			return nil, err
		}
		if over(m.GetCabinet().GetRollout(), rollout) {
			return m, nil
		}
	}
}

// unended makes the orderly end of a stream, as from a control plane that stops, one to come back from.
func unended(err error) error {
	if errors.Is(err, io.EOF) {
		return &fault{code: exitUnreachable, what: "stream ended"}
	}
	return err
}

func over(r *operatorv1.Rollout, id string) bool {
	return r != nil && (id == "" || r.GetId() == id) && r.GetState() != operatorv1.RolloutState_ROLLOUT_STATE_RUNNING
}

// outcome is nil if every job succeeded.
func outcome(n *operatorv1.CabinetNight) error {
	for _, d := range n.GetDevices() {
		switch d.GetState() {
		case operatorv1.JobState_JOB_STATE_SUCCEEDED, operatorv1.JobState_JOB_STATE_UNSPECIFIED:
		default:
			return errQuiet{exitNotDone}
		}
	}
	return nil
}

// watcher shows the night as it goes.
type watcher interface {
	news(*operatorv1.WatchNightResponse) error
	end(*operatorv1.WatchNightResponse) error
}

func (c *CLI) watcher(p places) watcher {
	switch {
	case c.flags.json:
		return jsonWatcher{c}
	case c.terminal():
		return &screenWatcher{c: c, places: p}
	}
	return &lineWatcher{c: c, places: p, said: map[string]string{}}
}

// jsonWatcher writes each message on a line of its own.
type jsonWatcher struct{ c *CLI }

func (j jsonWatcher) news(m *operatorv1.WatchNightResponse) error { return j.c.writeJSONLine(m) }

func (j jsonWatcher) end(*operatorv1.WatchNightResponse) error { return nil }

// screenWatcher draws the whole night over what it drew before.
type screenWatcher struct {
	c      *CLI
	places places
	drawn  int // lines
}

// frame is how many lines of a night are not devices: heading, order, titles, totals, "and more", blanks,
// with room for headings that wrap.
const frame = 12

func (s *screenWatcher) news(m *operatorv1.WatchNightResponse) error {
	_, rows := s.c.host.Screen()
	return s.draw(m, max(1, rows-frame))
}

// end leaves the whole night on the screen, however long.
func (s *screenWatcher) end(m *operatorv1.WatchNightResponse) error { return s.draw(m, 0) }

func (s *screenWatcher) draw(m *operatorv1.WatchNightResponse, limit int) error {
	v := s.c.nightView(s.places, m.GetCabinet(), timeOf(m.GetNow()))
	v.limit = limit
	var b bytes.Buffer
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn) // up (ECMA-48, CUU)
	}
	b.WriteString("\r\x1b[J") // clear to the end of the screen (ED)
	start := b.Len()
	if err := v.write(&b, m.GetCabinet()); err != nil {
		return err
	}
	s.drawn = bytes.Count(b.Bytes()[start:], []byte("\n"))
	_, err := s.c.host.Stdout.Write(b.Bytes())
	return err
}

// lineWatcher writes a line whenever a device comes to another step, and the whole night at the end.
type lineWatcher struct {
	c      *CLI
	places places
	said   map[string]string // by device id
}

func (l *lineWatcher) news(m *operatorv1.WatchNightResponse) error {
	v := l.c.nightView(l.places, m.GetCabinet(), timeOf(m.GetNow()))
	for _, d := range m.GetCabinet().GetDevices() {
		text := joined(", ", v.jobLook(d.GetState()).word, v.step(d), v.why(d))
		if l.said[d.GetDeviceId()] == text {
			continue
		}
		l.said[d.GetDeviceId()] = text
		line := fmt.Sprintf(v.t("%s plass %s %s: %s", "%s slot %s %s: %s"), v.clock(v.now), slotOf(d.GetSlot()), nightName(d), text)
		if _, err := fmt.Fprintln(l.c.host.Stdout, table.Clean(line)); err != nil {
			return err
		}
	}
	return nil
}

func (l *lineWatcher) end(m *operatorv1.WatchNightResponse) error {
	if _, err := fmt.Fprintln(l.c.host.Stdout); err != nil {
		return err
	}
	return l.c.nightView(l.places, m.GetCabinet(), timeOf(m.GetNow())).write(l.c.host.Stdout, m.GetCabinet())
}
