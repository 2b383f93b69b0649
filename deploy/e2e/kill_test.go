//go:build linux

package e2e_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

const (
	// killsVariable sets how often TestKillUnderLoad kills.
	killsVariable = "NATTEVAKT_KILLS"
	seeded        = 3000
	callers       = 12
	// longestLife bounds how long machines come in between a start and a kill.
	longestLife = 400 * time.Millisecond
	// tokenUses is the most that one token can have; mostKills leaves each life a few of them.
	tokenUses = 10_000
	mostKills = 1000
	// olderAsked is how many machines of earlier lives are asked after each kill; all are in the end.
	olderAsked = 20
)

// TestKillUnderLoad kills the control plane again and again while machines enrol and report. After each
// restart every machine that was acknowledged is known and every report that was acknowledged is held, and
// in the end the token counts exactly the machines that came in.
func TestKillUnderLoad(t *testing.T) {
	beside(t)
	p := preparePlane(t)
	if r := command(t, "nattevakt", "sim", "seed", "--data", p.data, "--devices", strconv.Itoa(seeded)); r.code != 0 {
		t.Fatalf("sim seed: %d, %s%s", r.code, r.out, r.err)
	}
	p.start()
	rounds := kills(t)
	l := startLoad(t, newFleet(t, p, p.tokenOf("sim-s0", tokenUses)), tokenUses/(2*rounds))
	for range rounds {
		l.letIn()
		time.Sleep(rand.N(longestLife)) // a random moment; there is nothing to wait for
		p.server.kill()
		l.hold()
		acknowledged := l.take()
		p.start()
		l.ask(acknowledged)
		l.ask(l.older())
	}
	l.end()
	l.ask(l.all)
	countMachines(t, p, l.all)
	t.Logf("%d kills, %d machines acknowledged, calls made again by code: %v", rounds, len(l.all), l.again)
}

func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv(killsVariable)
	if text == "" {
		return 16
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostKills {
		t.Fatalf("%s=%s: want 1 to %d kills", killsVariable, text, mostKills)
	}
	return n
}

// countMachines holds the list of devices and the token's count against what the machines were told. Nobody
// is under way any more; a machine that gave up before its answer came may be in as well, and is counted.
func countMachines(t *testing.T, p *plane, acknowledged []*caller) {
	t.Helper()
	known := map[string]*operatorv1.Device{}
	for _, d := range p.devices() {
		known[d.GetId()] = d
	}
	for _, c := range acknowledged {
		d := known[c.device]
		if d.GetState() != operatorv1.DeviceState_DEVICE_STATE_ACTIVE || d.GetHardware().GetSerial() != c.hardware.GetSerial() || c.reported.Load() && d.GetReportAt() == nil {
			t.Errorf("the list has %v for the machine %s with serial %s", d, c.device, c.hardware.GetSerial())
		}
	}
	entered := len(known) - seeded
	if uses := p.tokens()[0].GetUses(); int(uses) != entered || entered < len(acknowledged) || entered > len(acknowledged)+callers {
		t.Errorf("the token counts %d, %d machines are in, %d were told so", uses, entered, len(acknowledged))
	}
}

// load is machines that enrol and report, one after the other in each of several goroutines.
type load struct {
	t     *testing.T
	fleet *fleet
	stop  context.CancelFunc
	group *errgroup.Group
	// permits are for one new machine each.
	permits chan struct{}

	mu sync.Mutex // guards what follows
	// all are in; fresh are those of them that were acknowledged, or their reports, since the last take.
	all, fresh []*caller
	// again counts calls that had to be made again.
	again map[codes.Code]int
}

// startLoad has machines ready, of which none comes in before letIn, and at most perLife after each.
func startLoad(t *testing.T, f *fleet, perLife int) *load {
	ctx, stop := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	l := &load{t: t, fleet: f, stop: stop, group: group, permits: make(chan struct{}, perLife), again: map[codes.Code]int{}}
	for range callers {
		group.Go(func() error { return l.machines(ctx) })
	}
	t.Cleanup(func() { stop(); _ = group.Wait() }) // its error is end's to tell
	return l
}

// letIn lets machines come in until hold; those that are under way go on.
func (l *load) letIn() {
	for len(l.permits) < cap(l.permits) {
		l.permits <- struct{}{}
	}
}

func (l *load) hold() {
	for {
		select {
		case <-l.permits:
		default:
			return
		}
	}
}

// machines brings in one machine after the other until ctx ends.
func (l *load) machines(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.permits:
		}
		c, err := newCaller(l.fleet)
		if err != nil {
			return err
		}
		if err := l.insist(ctx, c.enroll); err != nil {
			return err
		}
		l.acknowledge(c)
		if err := l.insist(ctx, c.report); err != nil {
			return err
		}
		l.acknowledge(c)
	}
}

// insist calls until it is acknowledged. A failure that is not that of a control plane which is away or busy
// is returned, and so is the end of ctx.
func (l *load) insist(ctx context.Context, call func(context.Context) error) error {
	for {
		err := call(ctx)
		code := status.Code(err)
		switch {
		case err == nil, ctx.Err() != nil:
			return ctx.Err()
		case code != codes.Unavailable && code != codes.ResourceExhausted:
			return err
		}
		l.mu.Lock()
		l.again[code]++
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(2 * pollEvery)):
		}
	}
}

// acknowledge notes that a machine, or then its report, is in.
func (l *load) acknowledge(c *caller) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.reported.Load() {
		l.all = append(l.all, c)
	}
	l.fresh = append(l.fresh, c)
}

// take gives what was acknowledged since the last time.
func (l *load) take() []*caller {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := l.fresh
	l.fresh = nil
	return fresh
}

// older gives some of all that was acknowledged.
func (l *load) older() []*caller {
	l.mu.Lock()
	defer l.mu.Unlock()
	var some []*caller
	for range min(olderAsked, len(l.all)) {
		some = append(some, l.all[rand.IntN(len(l.all))])
	}
	return some
}

// ask has the control plane say whether it still knows what it acknowledged.
func (l *load) ask(these []*caller) {
	l.t.Helper()
	var group errgroup.Group
	group.SetLimit(4)
	for _, c := range these {
		group.Go(func() error { return c.remembered(l.t.Context()) })
	}
	if err := group.Wait(); err != nil {
		l.t.Fatal(err)
	}
}

// end stops the load and demands that it went well.
func (l *load) end() {
	l.t.Helper()
	l.stop()
	if err := l.group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		l.t.Fatalf("a machine was turned away: %v", err)
	}
	if len(l.all) == 0 {
		l.t.Fatal("no machine was ever acknowledged: nothing was tested")
	}
}
