//go:build linux

package e2e_test

import (
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestMetrics has Prometheus' own tool check what control plane and agent show, and looks for the numbers
// that dashboards stand on. The agent shows them on the machine itself only.
func TestMetrics(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	m := machines(t, 1)[0]
	bootstrap := p.token(1)
	m.run(bootstrap, "--metrics", p.address+":9465")
	m.comesTo(inTouch)
	for url, wanted := range map[string][]string{
		p.ready.Metrics: {
			`nattevakt_build_info\{.*\} 1`, `nattevakt_devices\{state="active"\} 1`, `nattevakt_check_?ins_total\{.*\} [1-9]`,
			`nattevakt_store_commit_duration_seconds_count [1-9]`,
		},
		"http://" + p.address + ":9465/metrics": {
			`nattevakt_agent_build_info\{.*\} 1`, `nattevakt_agent_checkins_total\{result="answered"\} [1-9]`,
			`nattevakt_agent_certificate_expiry_timestamp_seconds [1-9]`,
		},
	} {
		text := fetch(t, url)
		for _, pattern := range wanted {
			if !regexp.MustCompile(`(?m)^` + pattern).MatchString(text) {
				t.Errorf("%s shows nothing like %s:\n%s", url, pattern, text)
			}
		}
		checkMetrics(t, url, text)
	}
	m.agent.stop()
	m.run("", "--metrics", "0.0.0.0:9465")
	m.agent.ended(1)
	if log := tail(m.log()); !strings.Contains(log, "0.0.0.0:9465") || !strings.Contains(log, "loopback") {
		t.Errorf("the error does not say what is allowed: %s", log)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, res.Status, err)
	}
	return string(body)
}

// checkMetrics is a test of its own, so that a missing tool hides nothing else.
func checkMetrics(t *testing.T, url, text string) {
	t.Run("promtool "+url[strings.LastIndex(url, ":")+1:], func(t *testing.T) {
		promtool, err := exec.LookPath("promtool")
		if err != nil {
			t.Skip("needs promtool (apt-get install prometheus)")
		}
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool check metrics: %v\n%s", err, out)
		}
	})
}
