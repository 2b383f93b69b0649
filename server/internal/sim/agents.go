package sim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/proto/capability"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/ca"
)

// Load says how to call.
type Load struct {
	// Server is host:port of the machines' listener; Authority signs the devices' certificates.
	Server    string
	Authority *ca.CA
	// Devices is how many the store was seeded with; Connections how many of them are connected at once.
	Devices     uint64
	Connections int
	// Rotate is after how many check-ins a connection is closed and the next device takes its place; 0
	// keeps the same devices connected.
	Rotate int
	// Rate is how many check-ins all of them together make in a second, whether or not the server keeps up;
	// 0 is as many as are answered.
	Rate     int
	Duration time.Duration
}

// Result of a run.
type Result struct {
	CheckIns uint64
	Failed   uint64
	Dialled  uint64
	// Missed check-ins were due by Rate while as many as there are connections were waiting already.
	Missed    uint64
	Seconds   float64
	PerSecond float64
	// Latencies of single check-ins, over all connections; with a Rate, from when the check-in was due.
	P50, P90, P99, Max time.Duration
	// FirstError is why the first failed check-in failed.
	FirstError string
}

// perConn bounds how many latencies one connection keeps: enough for a percentile, little memory.
const perConn = 20_000

// grace is how long after the end a call that is under way may take.
const grace = 10 * time.Second

// Run calls until the time is up. It connects everybody first, and counts from then on.
func (l Load) Run(ctx context.Context) (Result, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Result{}, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(l.Authority.Root())
	r := &runner{Load: l, key: key, roots: roots, due: make(chan time.Time, l.Connections)}
	if err := r.connectAll(); err != nil {
		return Result{}, err
	}
	start := time.Now()
	r.end = start.Add(l.Duration + grace)
	ctx, cancel := context.WithTimeout(ctx, l.Duration)
	defer cancel()
	var wg sync.WaitGroup
	for _, c := range r.conns {
		wg.Go(func() { r.drive(ctx, c) })
	}
	if l.Rate > 0 {
		wg.Go(func() { r.pace(ctx) })
	}
	wg.Wait()
	return r.result(time.Since(start)), nil
}

type runner struct {
	Load
	key   *ecdsa.PrivateKey
	roots *x509.CertPool
	conns []*conn
	next  atomic.Uint64
	due   chan time.Time // when each check-in should begin
	end   time.Time

	dialled atomic.Uint64
	missed  atomic.Uint64
	mu      sync.Mutex // guards first
	first   error
}

// conn is one connection and the device it speaks for.
type conn struct {
	wire   *wire
	req    *nattevaktv1.CheckInRequest
	resp   nattevaktv1.CheckInResponse
	took   []time.Duration
	done   uint64
	failed uint64
}

func (r *runner) connectAll() error {
	r.conns = make([]*conn, r.Connections)
	errs := make(chan error, r.Connections)
	gate := make(chan struct{}, 16) // handshakes at once
	for i := range r.conns {
		r.conns[i] = &conn{}
		go func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			errs <- r.open(r.conns[i])
		}()
	}
	for range r.conns {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// open connects and makes one check-in, which is not counted.
func (r *runner) open(c *conn) error {
	if err := r.connect(c); err != nil {
		return err
	}
	if err := c.wire.setDeadline(time.Now().Add(grace)); err != nil {
		return err
	}
	return c.checkIn()
}

// connect makes c the next device's.
func (r *runner) connect(c *conn) error {
	c.close()
	n := (r.next.Add(1) - 1) % r.Devices
	who := ca.Subject{Role: ca.Device, Name: DeviceID(n).String(), Serial: certSerial(n)}
	chain, _, err := r.Authority.Issue(who, r.key.Public(), time.Now())
	if err != nil {
		return err
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: r.roots, NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: r.key}},
	}
	if c.wire, err = dialWire(r.Server, nattevaktv1.CheckInService_CheckIn_FullMethodName, config); err != nil {
		return err
	}
	r.dialled.Add(1)
	c.req = &nattevaktv1.CheckInRequest{
		CapabilityVersion: uint32(capability.Current), AgentVersion: agentVersion,
		BootId: bootID(n), HardwareDigest: hardwareDigest(n), ReportDigest: reportDigest(),
		Vitals: &nattevaktv1.Vitals{HasBattery: true, OnAc: true, BatteryPercent: 90},
	}
	return nil
}

func (c *conn) close() {
	if c.wire != nil {
		c.wire.close()
		c.wire = nil
	}
}

// checkIn fails also where the server takes another way than that of an unchanged device: then it is not
// measured what was meant to be.
func (c *conn) checkIn() error {
	c.req.Seq++
	c.req.DeviceTime = timestamppb.Now()
	if err := c.wire.call(c.req, &c.resp); err != nil {
		return err
	}
	if c.resp.GetWantReport() || c.resp.GetNextInMs() == 0 {
		return fmt.Errorf("not the answer to an unchanged device: %v; was this data folder seeded, and with as many devices?", &c.resp)
	}
	return nil
}

// drive checks in on one connection until the time is up.
func (r *runner) drive(ctx context.Context, c *conn) {
	defer c.close()
	if err := c.wire.setDeadline(r.end); err != nil {
		r.fail(c, err)
		return
	}
	for {
		start, ok := r.turn(ctx)
		if !ok {
			return
		}
		if err := r.once(c); err != nil {
			r.fail(c, err)
			if _, answered := status.FromError(err); !answered {
				return // the connection is lost
			}
			continue
		}
		c.done++
		if len(c.took) < perConn {
			c.took = append(c.took, time.Since(start))
		}
	}
}

// turn waits until a check-in is due; it reports when that was, and false when the time is up.
func (r *runner) turn(ctx context.Context) (time.Time, bool) {
	if r.Rate == 0 {
		return time.Now(), ctx.Err() == nil
	}
	select {
	case due := <-r.due:
		return due, true
	case <-ctx.Done():
		return time.Time{}, false
	}
}

// once makes one check-in, for the next device where the one before has had its share.
func (r *runner) once(c *conn) error {
	if r.Rotate > 0 && c.done > 0 && c.done%uint64(r.Rotate) == 0 {
		if err := r.connect(c); err != nil {
			return err
		}
		if err := c.wire.setDeadline(r.end); err != nil {
			return err
		}
	}
	return c.checkIn()
}

func (r *runner) fail(c *conn, err error) {
	c.failed++
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		r.first = err
	}
}

// pace makes Rate check-ins a second due, in portions of a millisecond or what the machine's timers manage.
func (r *runner) pace(ctx context.Context) {
	t := time.NewTicker(time.Millisecond)
	defer t.Stop()
	start := time.Now()
	for sent := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := time.Now()
		for ; sent < int(now.Sub(start).Seconds()*float64(r.Rate)); sent++ {
			select {
			case r.due <- now:
			default:
				r.missed.Add(1)
			}
		}
	}
}

func (r *runner) result(took time.Duration) Result {
	out := Result{Seconds: took.Seconds(), Dialled: r.dialled.Load(), Missed: r.missed.Load()}
	var all []time.Duration
	for _, c := range r.conns {
		out.CheckIns += c.done
		out.Failed += c.failed
		all = append(all, c.took...)
	}
	out.PerSecond = float64(out.CheckIns) / out.Seconds
	if r.first != nil {
		out.FirstError = fmt.Sprint(r.first)
	}
	if len(all) == 0 {
		return out
	}
	slices.Sort(all)
	at := func(p float64) time.Duration { return all[min(int(p*float64(len(all))), len(all)-1)] }
	out.P50, out.P90, out.P99, out.Max = at(0.5), at(0.9), at(0.99), all[len(all)-1]
	return out
}
