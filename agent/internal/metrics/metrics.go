// Package metrics shows the agent's counters to Prometheus, on the machine itself only: a school's
// network is no place for an open port, and what leaves the machine goes through check-ins.
//
// Guarantees: off unless asked for; an address that is not loopback is refused; names and units follow
// the Prometheus conventions (promtool check metrics finds nothing). Methods may be called concurrently.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nattevakt/nattevakt/agent/internal/checkin"
	"github.com/nattevakt/nattevakt/agent/internal/job"
)

// Metrics are the agent's counters.
type Metrics struct {
	registry *prometheus.Registry
	checkIns *prometheus.CounterVec
	phases   *prometheus.CounterVec
	contact  prometheus.Gauge
	clock    prometheus.Gauge
	expiry   prometheus.Gauge
}

// New makes them, all at zero.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		checkIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nattevakt_agent_checkins_total", Help: "Check-ins by result.",
		}, []string{"result"}),
		phases: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nattevakt_agent_job_phases_total", Help: "Phases of jobs that ended, by phase and result.",
		}, []string{"phase", "result"}),
		contact: gauge("last_contact_timestamp_seconds", "When the control plane last answered, by the machine's clock."),
		clock:   gauge("clock_wrong", "1 if the machine's clock is known to be wrong."),
		expiry:  gauge("certificate_expiry_timestamp_seconds", "When the device certificate runs out."),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "nattevakt_agent_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, m.checkIns, m.phases, m.contact, m.clock, m.expiry,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, kind := range []checkin.Kind{checkin.Answered, checkin.Away, checkin.Refused} {
		m.checkIns.WithLabelValues(kind.String())
	}
	return m
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: "nattevakt_agent_" + name, Help: help})
}

// CheckedIn counts a check-in.
func (m *Metrics) CheckedIn(e checkin.Event) {
	m.checkIns.WithLabelValues(e.Outcome.Kind.String()).Inc()
	if e.Outcome.Kind != checkin.Away {
		m.contact.SetToCurrentTime()
	}
	m.clock.Set(0)
	if e.ClockWrong {
		m.clock.Set(1)
	}
}

// Reported counts the end of a phase.
func (m *Metrics) Reported(p job.Progress) {
	if p.State == job.Done || p.State == job.Failed {
		m.phases.WithLabelValues(string(p.Phase), string(p.State)).Inc()
	}
}

// Certificate notes until when the identity lasts.
func (m *Metrics) Certificate(notAfter time.Time) { m.expiry.Set(float64(notAfter.Unix())) }

// Listen opens a loopback address for Serve; any other is refused.
func Listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("metrics address %q: want 127.0.0.1:PORT", address)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("metrics address %q: only loopback is served (127.0.0.1:PORT or [::1]:PORT)", address)
	}
	return net.Listen("tcp", address)
}

// Serve answers GET /metrics on l until ctx ends.
func (m *Metrics) Serve(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
