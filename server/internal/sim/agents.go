package sim

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

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
	// Rate bounds all check-ins together, per second; 0 is as fast as the server answers.
	Rate     int
	Duration time.Duration
}

// Result of a run.
type Result struct {
	CheckIns  uint64
	Failed    uint64
	Dialled   uint64
	Seconds   float64
	PerSecond float64
	// Latencies of single check-ins, over all connections.
	P50, P90, P99, Max time.Duration
	// FirstError is why the first failed check-in failed.
	FirstError string
}

// perConn bounds how many latencies one connection keeps: enough for a percentile, little memory.
const perConn = 20_000

// Run calls until the time is up. It connects everybody first, and counts from then on.
func (l Load) Run(ctx context.Context) (Result, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Result{}, err
	}
	r := &runner{Load: l, key: key, tick: make(chan struct{}, l.Connections)}
	if err := r.connectAll(ctx); err != nil {
		return Result{}, err
	}
	start := time.Now()
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
	conns []*conn
	next  atomic.Uint64
	tick  chan struct{}

	dialled atomic.Uint64
	mu      sync.Mutex // guards first
	first   error
}

// conn is one connection and the device it speaks for.
type conn struct {
	cc     *grpc.ClientConn
	client nattevaktv1.CheckInServiceClient
	req    *nattevaktv1.CheckInRequest
	took   []time.Duration
	done   uint64
	failed uint64
}

func (r *runner) connectAll(ctx context.Context) error {
	r.conns = make([]*conn, r.Connections)
	errs := make(chan error, r.Connections)
	gate := make(chan struct{}, 16) // handshakes at once
	for i := range r.conns {
		r.conns[i] = &conn{}
		go func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			errs <- errors.Join(r.connect(r.conns[i]), r.checkIn(ctx, r.conns[i]))
		}()
	}
	for range r.conns {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// connect makes c the next device's.
func (r *runner) connect(c *conn) error {
	if c.cc != nil {
		_ = c.cc.Close() // done with this device
	}
	n := r.next.Add(1) - 1
	n %= r.Devices
	who := ca.Subject{Role: ca.Device, Name: DeviceID(n).String(), Serial: certSerial(n)}
	chain, _, err := r.Authority.Issue(who, r.key.Public(), time.Now())
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(r.Authority.Root())
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: roots,
		Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: r.key}},
	}
	c.cc, err = grpc.NewClient("passthrough:///"+r.Server,
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithInitialWindowSize(64<<10), grpc.WithInitialConnWindowSize(64<<10), grpc.WithReadBufferSize(4<<10),
		grpc.WithWriteBufferSize(4<<10), grpc.WithSharedWriteBuffer(true))
	if err != nil {
		return err
	}
	r.dialled.Add(1)
	c.client = nattevaktv1.NewCheckInServiceClient(c.cc)
	c.req = &nattevaktv1.CheckInRequest{
		CapabilityVersion: uint32(capability.Current),
		BootId:            bootID(n), HardwareDigest: hardwareDigest(n), ReportDigest: reportDigest(n),
		Vitals: &nattevaktv1.Vitals{HasBattery: true, OnAc: true, BatteryPercent: 90},
	}
	return nil
}

func (r *runner) checkIn(ctx context.Context, c *conn) error {
	c.req.Seq++
	_, err := c.client.CheckIn(ctx, c.req)
	return err
}

// drive checks in on one connection until the time is up.
func (r *runner) drive(ctx context.Context, c *conn) {
	defer func() { _ = c.cc.Close() }()
	for ctx.Err() == nil {
		if r.Rate > 0 {
			select {
			case <-r.tick:
			case <-ctx.Done():
				return
			}
		}
		if r.Rotate > 0 && c.done > 0 && c.done%uint64(r.Rotate) == 0 {
			if err := r.connect(c); err != nil {
				r.fail(c, err)
				return
			}
		}
		start := time.Now()
		if err := r.checkIn(ctx, c); err != nil {
			if ctx.Err() == nil {
				r.fail(c, err)
			}
			continue
		}
		c.done++
		if len(c.took) < perConn {
			c.took = append(c.took, time.Since(start))
		}
	}
}

func (r *runner) fail(c *conn, err error) {
	c.failed++
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == nil {
		r.first = err
	}
}

// pace lets Rate check-ins a second through, in portions of five milliseconds.
func (r *runner) pace(ctx context.Context) {
	const portion = 5 * time.Millisecond
	t := time.NewTicker(portion)
	defer t.Stop()
	owed := 0.0
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		for owed += float64(r.Rate) * portion.Seconds(); owed >= 1; owed-- {
			select {
			case r.tick <- struct{}{}:
			default: // everybody is busy; the server is behind
			}
		}
	}
}

func (r *runner) result(took time.Duration) Result {
	out := Result{Seconds: took.Seconds(), Dialled: r.dialled.Load()}
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
