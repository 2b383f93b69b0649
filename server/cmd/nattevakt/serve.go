package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// serveFlags are the settings of the control plane; each has a default that a two-person office keeps.
type serveFlags struct {
	data      string
	listen    string
	content   string
	web       string
	webHTTP   bool
	metrics   string
	advertise []string
	rootKey   string
	readyFile string
	// newOperator is a name to make credentials for at this start.
	newOperator string
	logJSON     bool
	pace        control.Pace
	limit       control.Limit
	demoStart   string
	demoUntil   string
	demoRate    float64
}

func newServeCommand() *cobra.Command {
	f := &serveFlags{pace: control.DefaultPace, limit: control.DefaultLimit}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Kjør kontrollplanet / run the control plane",
		Long: `Runs the control plane with its embedded store in one folder. The first start makes the certificate
authority, the first operator (DATA/operator) and the administrator token for the pages, which is shown once.

Move DATA/ca/root.key and DATA/operator away from this machine after the first start: the control plane needs
neither. The root key is asked for again in about four and a half years.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return serve(ctx, *f, cmd.OutOrStdout())
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.data, "data", "data", "folder of everything the control plane keeps")
	fs.StringVar(&f.listen, "listen", ":7443", "address for machines and operators (gRPC over mTLS)")
	fs.StringVar(&f.content, "content", ":7444", "address for releases (HTTPS over mTLS)")
	fs.StringVar(&f.web, "web", ":8443", "address of the pages")
	fs.BoolVar(&f.webHTTP, "web-http", false, "serve the pages without TLS; only on a loopback address, behind a proxy of your own")
	fs.StringVar(&f.metrics, "metrics", "127.0.0.1:9464", "address of /metrics; empty for none")
	fs.StringSliceVar(&f.advertise, "advertise", nil, "host names and addresses that machines know this server by (default: this host's name, and the listening address)")
	fs.StringVar(&f.rootKey, "root-key", "", "where the root's private key is made and looked for (default DATA/ca/root.key)")
	fs.StringVar(&f.readyFile, "ready-file", "", "write the addresses to this file, as JSON, when all listeners are open")
	fs.StringVar(&f.newOperator, "new-operator", "", "make credentials DATA/operator/NAME.json for this name; earlier ones of the name end")
	fs.BoolVar(&f.logJSON, "log-json", false, "log as JSON")
	fs.DurationVar(&f.pace.Idle, "idle-interval", f.pace.Idle, "how often a machine with nothing to do calls")
	fs.DurationVar(&f.pace.Busy, "busy-interval", f.pace.Busy, "how often a machine with work in an open window calls")
	fs.DurationVar(&f.limit.Every, "call-every", f.limit.Every, "least time between the calls of one machine, after a burst; 0 for no limit")
	fs.StringVar(&f.demoStart, "demo-start", "", "demonstration: the clock starts at this time today, as 21:55")
	fs.StringVar(&f.demoUntil, "demo-until", "07:30", "demonstration: the clock runs fast until this time")
	fs.Float64Var(&f.demoRate, "demo-rate", 240, "demonstration: how many times faster the clock runs")
	return cmd
}

func newLogger(asJSON bool) *slog.Logger {
	if asJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// serve opens the data folder, then the listeners, and runs until ctx ends. What it opened it closes in
// the opposite order: first nobody new comes in, then calls end, then the store.
func serve(ctx context.Context, f serveFlags, out interface{ Write([]byte) (int, error) }) error {
	log := newLogger(f.logJSON)
	clock, err := demoClock(f)
	if err != nil {
		return err
	}
	h, err := openHouse(ctx, f, clock, log)
	if err != nil {
		return err
	}
	defer func() {
		if err := h.close(); err != nil {
			log.Error("close", "err", err)
		}
	}()
	l, err := openListeners(f)
	if err != nil {
		return err
	}
	defer l.close()
	if err := h.introduce(ctx, f, l); err != nil {
		return err
	}
	servers, err := h.servers(ctx, f, l)
	if err != nil {
		return err
	}
	if err := h.announce(f, l, out); err != nil {
		return err
	}
	return servers.run(ctx, log)
}

// demoClock is the machine's own clock unless a demonstration was asked for.
func demoClock(f serveFlags) (control.Clock, error) {
	if f.demoStart == "" {
		return control.Clock{}, nil
	}
	zone, err := time.LoadLocation(control.DefaultZone)
	if err != nil {
		return control.Clock{}, err
	}
	now := time.Now().In(zone)
	start, err := time.ParseInLocation("2006-01-02 15:04", now.Format(time.DateOnly)+" "+f.demoStart, zone)
	if err != nil {
		return control.Clock{}, fmt.Errorf("--demo-start %q: use a time like 21:55", f.demoStart)
	}
	until, err := time.ParseInLocation("2006-01-02 15:04", now.Format(time.DateOnly)+" "+f.demoUntil, zone)
	if err != nil {
		return control.Clock{}, fmt.Errorf("--demo-until %q: use a time like 07:30", f.demoUntil)
	}
	if !until.After(start) {
		until = until.AddDate(0, 0, 1)
	}
	if f.demoRate < 1 || f.demoRate > 10_000 {
		return control.Clock{}, fmt.Errorf("--demo-rate %g: use 1 to 10000", f.demoRate)
	}
	return control.Demonstration(start, until, f.demoRate), nil
}

// listeners are the open ports, before anything answers on them.
type listeners struct {
	agents, content, web, metrics net.Listener
}

func openListeners(f serveFlags) (l listeners, err error) {
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	for _, x := range []struct {
		name, addr string
		to         *net.Listener
	}{{"--listen", f.listen, &l.agents}, {"--content", f.content, &l.content}, {"--web", f.web, &l.web}, {"--metrics", f.metrics, &l.metrics}} {
		if x.addr == "" && x.name == "--metrics" {
			continue
		}
		if *x.to, err = net.Listen("tcp", x.addr); err != nil {
			return l, fmt.Errorf("%s %s: %w", x.name, x.addr, err)
		}
	}
	if f.webHTTP && !l.web.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return l, fmt.Errorf("--web-http on %s: pages without TLS are served on a loopback address only, as 127.0.0.1:8080", f.web)
	}
	return l, nil
}

func (l listeners) close() {
	for _, x := range []net.Listener{l.agents, l.content, l.web, l.metrics} {
		if x != nil {
			_ = x.Close() // closed already where a server owned it
		}
	}
}

// ready is the content of the ready file.
type ready struct {
	Agents   string `json:"agents"`
	Content  string `json:"content"`
	Web      string `json:"web"`
	Metrics  string `json:"metrics,omitempty"`
	Operator string `json:"operator"`
}

func (h *house) announce(f serveFlags, l listeners, out interface{ Write([]byte) (int, error) }) error {
	r := ready{Agents: h.info.AgentAddresses[0], Content: h.info.ContentAddress, Web: h.info.WebAddress, Operator: filepath.Join(f.data, operatorDir, operatorFile)}
	if l.metrics != nil {
		r.Metrics = "http://" + l.metrics.Addr().String() + "/metrics"
	}
	fmt.Fprintf(out, "Nattevakt kjører / is running\n  sider / pages:          %s\n  maskiner / machines:    %s\n  utgaver / releases:     %s\n  operatør / operator:    %s\n", r.Web, r.Agents, r.Content, r.Operator)
	if h.firstToken != "" {
		fmt.Fprintf(out, "  innlogging / login:     %s\n  (vises bare nå / shown only now)\n", h.firstToken)
	}
	if f.readyFile == "" {
		return nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return durable.WriteFile(f.readyFile, b, 0o600)
}

// servers is everything that answers.
type servers struct {
	agents  *grpc.Server
	agentsL net.Listener
	https   []bound
}

type bound struct {
	name     string
	server   *http.Server
	listener net.Listener
	tls      bool
}

// shutdownTime is how long calls under way get when the control plane is told to stop.
const shutdownTime = 5 * time.Second

// run serves until ctx ends or a listener fails.
func (s servers) run(ctx context.Context, log *slog.Logger) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{}, len(s.https)+1)
	go func() {
		defer func() { done <- struct{}{} }()
		if err := s.agents.Serve(s.agentsL); err != nil {
			cancel(fmt.Errorf("machines: %w", err))
		}
	}()
	for _, b := range s.https {
		go func() {
			defer func() { done <- struct{}{} }()
			if err := b.serve(); !errors.Is(err, http.ErrServerClosed) {
				cancel(fmt.Errorf("%s: %w", b.name, err))
			}
		}()
	}
	<-ctx.Done()
	log.Info("stopping")
	s.shutdown()
	for range len(s.https) + 1 {
		<-done
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func (b bound) serve() error {
	if b.tls {
		return b.server.ServeTLS(b.listener, "", "")
	}
	return b.server.Serve(b.listener)
}

func (s servers) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	stopped := make(chan struct{})
	go func() { s.agents.GracefulStop(); close(stopped) }()
	for _, b := range s.https {
		if b.server.Shutdown(ctx) != nil {
			_ = b.server.Close() // the time is up
		}
	}
	select {
	case <-stopped:
	case <-ctx.Done():
		s.agents.Stop()
		<-stopped
	}
}
