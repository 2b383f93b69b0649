package main

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// commitMetrics times the store's shared commits.
type commitMetrics struct {
	seconds prometheus.Histogram
	batches *prometheus.CounterVec
}

func newCommitMetrics() commitMetrics {
	return commitMetrics{
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "nattevakt_store_commit_duration_seconds",
			Help:    "Time of one durable commit to the store, shared by all changes that were waiting.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nattevakt_store_changes_total",
			Help: "Changes by outcome: committed, conflict (decided again), failed.",
		}, []string{"outcome"}),
	}
}

func (m commitMetrics) observe(g bolt.Group) {
	m.seconds.Observe(g.Took.Seconds())
	m.batches.WithLabelValues("committed").Add(float64(g.Batches))
	m.batches.WithLabelValues("conflict").Add(float64(g.Conflicts))
	m.batches.WithLabelValues("failed").Add(float64(g.Failed))
}

// fleetMetrics are read when they are asked for.
func fleetMetrics(p *control.Plane, s *bolt.Store) []prometheus.Collector {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "nattevakt_build_info",
		Help:        "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version(), "goversion": runtime.Version()},
	})
	build.Set(1)
	return []prometheus.Collector{
		build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nattevakt_store_size_bytes",
			Help: "Size of the store's file.",
		}, func() float64 {
			n, err := s.Size()
			if err != nil {
				return 0
			}
			return float64(n)
		}),
		fleetCollector{p},
	}
}

var (
	devicesDesc = prometheus.NewDesc("nattevakt_devices", "Devices by state.", []string{"state"}, nil)
	readyDesc   = prometheus.NewDesc("nattevakt_devices_ready", "Devices that are ready for use; the others in service are not.", nil, nil)
	jobsDesc    = prometheus.NewDesc("nattevakt_jobs", "Jobs of the rollouts kept here, by outcome.", []string{"outcome"}, nil)
)

// fleetCollector counts devices and jobs at each scrape.
type fleetCollector struct{ plane *control.Plane }

func (c fleetCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- devicesDesc
	ch <- readyDesc
	ch <- jobsDesc
}

func (c fleetCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	n := c.plane.Counts()
	gauge(devicesDesc, n.Announced, "announced")
	gauge(devicesDesc, n.Pending, "pending")
	gauge(devicesDesc, n.Active, "active")
	gauge(devicesDesc, n.Revoked, "revoked")
	gauge(devicesDesc, n.Retired, "retired")
	gauge(readyDesc, n.Ready)
	var open, succeeded, failed int
	for _, r := range c.plane.Rollouts() {
		open += r.Jobs.Open
		succeeded += r.Jobs.Succeeded
		failed += r.Jobs.Failed + r.Jobs.Expired + r.Jobs.Cancelled
	}
	gauge(jobsDesc, open, "open")
	gauge(jobsDesc, succeeded, "succeeded")
	gauge(jobsDesc, failed, "failed")
}
