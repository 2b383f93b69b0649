//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// load is one way to call a server.
type load struct {
	what                      string
	connections, rotate, rate int
	duration                  time.Duration
}

// called is what a load generator prints, as `nattevakt sim agents --json` does, and what it cost.
type called struct {
	CheckIns, Failed, Missed, Dialled uint64
	Seconds, PerSecond                float64
	P50, P90, P99, Max                time.Duration
	FirstError                        string

	load   load
	server time.Duration // CPU of the server while it was called
	caller time.Duration // CPU of the generator
	after  usage         // of the server
}

// checkIns calls the control plane in every way that has a promise, and the peer beside it.
func (b bench) checkIns(ctx context.Context, cp *plane) ([]called, error) {
	short := b.duration / 2
	var out []called
	for _, l := range []load{
		{"500 devices connected", 500, 0, 0, b.duration},
		{"2,000 devices connected", 2000, 0, 0, b.duration},
		{"500 devices, 20,000/s due", 500, 0, leastRate, b.duration},
		{"2,000 devices, 20,000/s due", 2000, 0, leastRate, b.duration},
		{"another device each time: TLS handshake and check-in", 64, 1, 0, short},
		{"500 devices connected, once more", 500, 0, 0, short},
	} {
		c, err := b.call(ctx, cp.process, l, cp.nattevakt, "sim", "agents", "--json", "--data", cp.data,
			"--server", cp.agents, "--devices", fmt.Sprint(b.devices))
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	peers, err := b.peerCheckIns(ctx, short)
	return append(out, peers...), err
}

// call runs a load generator, which takes the load's flags after args, against a server.
func (b bench) call(ctx context.Context, server *process, l load, generator string, args ...string) (called, error) {
	say("calling: %s", l.what)
	before, err := server.usage()
	if err != nil {
		return called{}, err
	}
	s, err := command(ctx, generator, append(args, "--connections", fmt.Sprint(l.connections), "--rotate", fmt.Sprint(l.rotate),
		"--rate", fmt.Sprint(l.rate), "--duration", l.duration.String())...)
	if err != nil {
		return called{}, err
	}
	c := called{load: l, caller: s.cpu}
	if c.after, err = server.usage(); err != nil {
		return called{}, err
	}
	c.server = c.after.cpu - before.cpu
	if err := json.Unmarshal(s.out, &c); err != nil {
		return called{}, fmt.Errorf("answer of the load generator: %w", err)
	}
	if c.CheckIns == 0 {
		return called{}, fmt.Errorf("%s: no check-in succeeded: %s", l.what, c.FirstError)
	}
	return c, nil
}

// micros is CPU for each check-in.
func (c called) micros(cpu time.Duration) float64 {
	return float64(cpu.Microseconds()) / float64(c.CheckIns)
}

// keeps says whether the load kept what is promised of it: 20,000 a second; at that rate, not when
// everybody calls as fast as they are answered, a latency too; and never a failure.
func (c called) keeps() string {
	switch {
	case c.Failed > 0:
		return fmt.Sprintf("%s: %.100s", missed, c.FirstError)
	case c.load.rotate > 0 && !isPeer(c):
		return "no failure: " + kept
	case isPeer(c):
		return ""
	case c.load.rate > 0:
		return verdict(c.P99 < mostP99 && c.PerSecond >= 0.99*leastRate)
	}
	return verdict(c.PerSecond >= leastRate)
}

const checkInText = `### Check-ins over mTLS

One gRPC call each, of a device that has not changed; nothing is written. The load generator is a process of its own
beside the server on the same cores. Promised: 20,000 a second sustained for %d s, no failure, and p99 under 50 ms
while 20,000 a second are due. Where no rate stands, everybody calls again as soon as they are answered; latency is
then connections ÷ rate. A call that is due is timed from when it was due. CPU is microseconds for each check-in.`

const peerText = `The peer is what one would write first: Go's net/http with client certificates, JSON over HTTP/1.1 connections that stay
open, a map behind a mutex. It checks no message, limits nobody, judges no identity beyond its certificate, and
knows only the devices that call. Its CPU for each check-in ÷ Nattevakt's: %s.`

func (b bench) checkInTable(p *page, calls []called) {
	p.text(checkInText, int(b.duration.Seconds()))
	var rows [][]string
	for _, c := range calls {
		rows = append(rows, []string{
			c.load.what, fmt.Sprintf("%.0f", c.PerSecond), millis(c.P50), millis(c.P99), millis(c.Max),
			fmt.Sprint(c.Failed), fmt.Sprintf("%.1f", c.micros(c.server)), fmt.Sprintf("%.1f", c.micros(c.caller)),
			megabytes(c.after.anon), c.keeps(),
		})
	}
	p.table([]string{"load", "check-ins/s", "p50", "p99", "max", "failed", "CPU server", "CPU caller", "anon after", ""}, rows)
	p.text(peerText, ratios(calls))
}

// self is this program, for the parts that must run in a process of their own.
func self() (string, error) { return os.Executable() }

// peerCheckIns calls the peer as Nattevakt was called.
func (b bench) peerCheckIns(ctx context.Context, duration time.Duration) (_ []called, err error) {
	program, err := self()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, "peer")
	if err := makePeerCA(dir); err != nil {
		return nil, err
	}
	server, err := background(dir+".log", program, peerServe, dir)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	address := filepath.Join(dir, peerAddress)
	if err := server.until(ctx, "the peer listens", 5*time.Millisecond, exists(address)); err != nil {
		return nil, err
	}
	var out []called
	for _, l := range []load{
		{"peer: 500 devices connected", 500, 0, 0, duration},
		{"peer: 2,000 devices connected", 2000, 0, 0, duration},
		{"peer: another device each time", 64, 1, 0, duration},
	} {
		c, err := b.call(ctx, server, l, program, peerCall, dir)
		if err != nil {
			return nil, errors.Join(err, fmt.Errorf("peer:\n%s", server.tail()))
		}
		out = append(out, c)
	}
	return out, nil
}

// ratios compares each load of the peer with Nattevakt's of the same shape.
func ratios(calls []called) string {
	text := ""
	for _, peer := range calls {
		for _, own := range calls {
			same := own.load.connections == peer.load.connections && own.load.rotate == peer.load.rotate && own.load.rate == 0
			if !isPeer(peer) || isPeer(own) || !same {
				continue
			}
			if text != "" {
				text += "; "
			}
			text += fmt.Sprintf("%.2f (%s)", peer.micros(peer.server)/own.micros(own.server), own.load.what)
			break
		}
	}
	return text
}
