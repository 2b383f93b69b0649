package metrics_test

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/checkin"
	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/agent/internal/metrics"
)

// scrape serves m once and gives what Prometheus would read.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	listener, err := metrics.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Serve(ctx, listener) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	return string(body)
}

func filled() *metrics.Metrics {
	m := metrics.New("1.2.3")
	m.CheckedIn(checkin.Event{Outcome: checkin.Outcome{Kind: checkin.Answered}, ClockWrong: true})
	m.CheckedIn(checkin.Event{Outcome: checkin.Outcome{Kind: checkin.Away}})
	m.Reported(job.Progress{Phase: job.Write, State: job.Running})
	m.Reported(job.Progress{Phase: job.Write, State: job.Done})
	m.Certificate(time.Unix(2_000_000_000, 0))
	return m
}

func TestCounters(t *testing.T) {
	got := scrape(t, filled())
	for _, want := range []string{
		`nattevakt_agent_checkins_total{result="answered"} 1`,
		`nattevakt_agent_checkins_total{result="refused"} 0`,
		`nattevakt_agent_job_phases_total{phase="write",result="done"} 1`,
		`version="1.2.3"`,
		`nattevakt_agent_certificate_expiry_timestamp_seconds 2e+09`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:9100", ":9100", "192.0.2.1:9100", "nattevakt.example:9100", "9100"} {
		if l, err := metrics.Listen(address); err == nil {
			_ = l.Close()
			t.Errorf("%s was opened", address)
		}
	}
}

func TestPromtoolFindsNothing(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs promtool (apt-get install prometheus)")
	}
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape(t, filled()))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
