package agent

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/checkin"
	"github.com/nattevakt/nattevakt/agent/internal/imaging"
	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/agent/internal/metrics"
	"github.com/nattevakt/nattevakt/agent/internal/report"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/proto/id"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// gcPercent trades a little processor time, of which an agent uses next to none, for memory.
const gcPercent = 30

// Run enrols the machine if it is not, and works until ctx ends; then it returns nil.
func Run(ctx context.Context, o Options) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	a, err := Open(o)
	if err != nil {
		return err
	}
	defer a.Close()
	if a.Enrolled() == nil {
		if err := a.enrollPatiently(ctx); err != nil {
			return ended(ctx, err)
		}
	}
	return ended(ctx, a.work(ctx))
}

// ended turns the end that was asked for into success.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// work runs the loops.
func (a *Agent) work(ctx context.Context) error {
	a.log = a.log.With("device", a.Enrolled().Device)
	counters := metrics.New(a.options.Version)
	counters.Certificate(a.Enrolled().NotAfter())
	var loop *checkin.Loop
	urgent := func() { loop.Poke() }
	book := report.Open(a.folder, source{a}, a.log, urgent)
	runner, err := job.Open(a.folder, a.executor(), a.clock, a.log, job.Hooks{Urgent: urgent, Over: book.Ask, Reported: counters.Reported})
	if err != nil {
		return err
	}
	if loop, err = a.loop(book, runner, counters); err != nil {
		return err
	}
	tasks := []func(context.Context){
		loop.Run, runner.Run,
		func(ctx context.Context) { book.Run(ctx, a.options.InventoryEvery, a.options.PatchEvery) },
	}
	if a.options.Metrics != "" {
		listener, err := metrics.Listen(a.options.Metrics)
		if err != nil {
			return err
		}
		tasks = append(tasks, func(ctx context.Context) { a.serve(ctx, counters, listener) })
	}
	runAll(ctx, tasks)
	a.dialer.Park()
	return nil
}

// runAll returns when every task has ended.
func runAll(ctx context.Context, tasks []func(context.Context)) {
	var group sync.WaitGroup
	for _, task := range tasks {
		group.Go(func() { task(ctx) })
	}
	group.Wait()
}

func (a *Agent) serve(ctx context.Context, counters *metrics.Metrics, listener net.Listener) {
	if err := counters.Serve(ctx, listener); err != nil {
		a.log.Error("metrics ended", "error", err)
	}
}

func (a *Agent) loop(book *report.Book, runner *job.Runner, counters *metrics.Metrics) (*checkin.Loop, error) {
	enroller, err := a.enroller()
	if err != nil {
		return nil, err
	}
	return checkin.New(checkin.Loop{
		Control: a.dialer, Clock: a.clock, Reports: book, Jobs: runner, Log: a.log,
		Identity: &renewer{agent: a, enroller: enroller, renewed: counters.Certificate},
		Machine: checkin.Machine{
			Boot: a.boot, HardwareDigest: id.Hardware(a.hardware), Version: a.options.Version,
			Vitals: func() (*v1.Vitals, error) { return inventory.Vitals(a.options.Root) },
		},
		Watch: func(e checkin.Event) {
			counters.CheckedIn(e)
			offset, _ := a.clock.Anchor().Offset(a.clock.Read())
			a.noteStatus(a.status.CheckedIn(e, offset))
		},
	}), nil
}

func (a *Agent) executor() *imaging.Executor {
	keys, err := a.bootstrap.Keys()
	if err != nil { // checked when the file was read
		a.log.Error("release keys", "error", err)
	}
	return &imaging.Executor{
		Stage: a.folder.Path("stage"), Disk: a.options.Disk, Client: a.content(),
		Trust: release.Trust{Keys: keys, Threshold: a.bootstrap.ReleaseThreshold},
	}
}

// content fetches over TLS as the Dialer judges it, with the device's certificate. HTTP/1.1 is enough and
// needs less memory.
func (a *Agent) content() *http.Client {
	dialTLS := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("content address %q: %w", address, err)
		}
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 15 * time.Second}, Config: a.dialer.TLS(host)}
		return d.DialContext(ctx, network, address)
	}
	return &http.Client{Transport: &http.Transport{
		DialTLSContext: dialTLS, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
	}}
}
