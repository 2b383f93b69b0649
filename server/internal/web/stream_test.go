package web_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/auth"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/web"
)

// client is a logged-in browser on a real connection.
type client struct {
	t    *testing.T
	base string
	http *http.Client
	jar  *http.Cookie
}

func dial(t *testing.T, source web.Source, streams int) *client {
	t.Helper()
	admin, token, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = web.Server(t.Context(), web.New(web.Options{Source: source, Admin: admin, MaxStreams: streams}))
	s.StartTLS()
	t.Cleanup(s.Close)
	c := &client{t: t, base: s.URL, http: &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	res, err := c.http.PostForm(s.URL+"/logg-inn", url.Values{"nokkel": {token}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	c.jar = sessionOf(res)
	return c
}

// open starts a request that ends with the returned function, or with the test.
func (c *client) open(method, path string) (*http.Response, func()) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.AddCookie(c.jar)
	res, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	stop := func() { cancel(); res.Body.Close() }
	c.t.Cleanup(stop)
	return res, stop
}

// event reads the next event's data, and fails if anything else is in the stream.
func event(t *testing.T, lines *bufio.Scanner) (data string, ok bool) {
	t.Helper()
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "" && data != "":
			return data, true
		case line == "" || strings.HasPrefix(line, ":") || strings.HasPrefix(line, "retry: "):
		case strings.HasPrefix(line, "data: "):
			data += strings.TrimPrefix(line, "data: ") + "\n"
		default:
			t.Fatalf("line %q in the stream", line)
		}
	}
	return "", false
}

func markReady(n *control.CabinetNight) { n.Ready++ }

func TestStreamBringsChanges(t *testing.T) {
	source := newFakeSource()
	c := dial(t, source, 0)
	for _, path := range []string{"/natt/solvang-a/hendelser", "/klar/solvang-a/hendelser"} {
		res, stop := c.open("GET", path)
		if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Fatalf("content type %q", got)
		}
		lines := bufio.NewScanner(res.Body)
		first, _ := event(t, lines)
		source.change("solvang-a", markReady)
		second, _ := event(t, lines)
		if first == second || !strings.Contains(text(second), " 30 ") {
			t.Errorf("%s: the change is not in the second event", path)
		}
		if strings.Contains(second, "<script>alert") {
			t.Errorf("%s: a device's name became markup", path)
		}
		stop()
	}
	await(t, "feeds end when nobody watches", func() bool { return source.watched() == 0 })
}

func TestStreamEndsWithTheSession(t *testing.T) {
	source := newFakeSource()
	c := dial(t, source, 0)
	res, _ := c.open("GET", "/natt/solvang-a/hendelser")
	lines := bufio.NewScanner(res.Body)
	event(t, lines)
	c.open("POST", "/logg-ut")
	source.change("solvang-a", markReady)
	if _, ok := event(t, lines); ok {
		t.Errorf("an event after log-out")
	}
}

func TestStreamsAreBounded(t *testing.T) {
	source := newFakeSource()
	c := dial(t, source, 2)
	_, stop := c.open("GET", "/natt/solvang-a/hendelser")
	c.open("GET", "/natt/solvang-b/hendelser")
	if res, _ := c.open("GET", "/natt/solvang-b/hendelser"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a third of two: %d", res.StatusCode)
	}
	stop()
	await(t, "a place that was left can be taken", func() bool {
		res, stop := c.open("GET", "/natt/solvang-b/hendelser")
		if res.StatusCode != http.StatusOK {
			stop()
		}
		return res.StatusCode == http.StatusOK
	})
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not so: " + what)
		}
	}
}
