package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/images/store/storetest"
)

// serveObjects starts a real file server over the objects of the suite.
func serveObjects(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range storetest.Objects() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(wrap(http.FileServer(http.Dir(dir))))
	t.Cleanup(server.Close)
	return server.URL
}

func plain(h http.Handler) http.Handler { return h }

// quick is an HTTPStore that does not wait long.
func quick(urls ...string) *store.HTTPStore {
	s := store.HTTP(http.DefaultClient, urls...)
	s.Retry = store.Retry{Base: time.Millisecond, Max: 4 * time.Millisecond, Attempts: 6, Stall: 5 * time.Second}
	return s
}

// every makes each n-th request go wrong.
func every(n int64, wrong http.HandlerFunc) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		var count atomic.Int64
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if count.Add(1)%n == 0 {
				wrong(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

func status500(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "broken on purpose", http.StatusInternalServerError)
}

// cutBodies lets at most n bytes of each body through and then breaks the connection.
func cutBodies(n int) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(&cutWriter{w, n}, r)
		})
	}
}

type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left]) // the connection breaks anyway
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func ignoreRange(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		h.ServeHTTP(w, r)
	})
}

// shortRanges gives at most 100,000 bytes per request, as RFC 9110 allows.
func shortRanges(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a, b int64
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &a, &b); n == 2 {
			r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", a, min(b, a+99_999)))
		}
		h.ServeHTTP(w, r)
	})
}

func TestHTTP(t *testing.T) {
	servers := map[string]func(http.Handler) http.Handler{
		"plain":            plain,
		"500 now and then": every(3, status500),
		"cuts bodies":      cutBodies(70_000),
		"ignores Range":    ignoreRange,
		"short ranges":     shortRanges,
	}
	for name, wrap := range servers {
		t.Run(name, func(t *testing.T) { storetest.Read(t, quick(serveObjects(t, wrap))) })
	}
}

func TestHTTPFailsOver(t *testing.T) {
	good := serveObjects(t, plain)
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	for name, bad := range map[string]string{
		"dead server":  dead.URL,
		"always 500":   serveObjects(t, every(1, status500)),
		"has nothing":  serveObjects(t, func(http.Handler) http.Handler { return http.NotFoundHandler() }),
		"cuts at once": serveObjects(t, cutBodies(0)),
		"refuses":      serveObjects(t, every(1, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })),
		"lies about ranges": serveObjects(t, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					lieAboutRange(w, r)
					return
				}
				h.ServeHTTP(w, r)
			})
		}),
	} {
		t.Run(name, func(t *testing.T) { storetest.ReadObjects(t, quick(bad, good+"/")) })
	}
}

// lieAboutRange answers with a range that was not asked for.
func lieAboutRange(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Range", "bytes 7-9/10")
	w.Header().Set("Content-Length", "3")
	w.WriteHeader(http.StatusPartialContent)
	_, _ = io.WriteString(w, "lie") // the reader is under test
}

func TestHTTPLies(t *testing.T) {
	big := storetest.Objects()["packs/big.pack"]
	for name, wrong := range map[string]http.HandlerFunc{
		"other range": lieAboutRange,
		"no Content-Range": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
		},
		"shorter object": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write(big[:10])
		},
		"more announced than sent": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(big)))
			_, _ = w.Write(big[:10])
		},
		"empty without length": func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(wrong)
			defer server.Close()
			r, err := quick(server.URL).Open(t.Context(), "packs/big.pack", 0, int64(len(big)))
			if err == nil {
				defer r.Close()
				_, err = io.ReadAll(r)
			}
			if err == nil {
				t.Fatal("read whole object from a server that lies")
			}
		})
	}
}

// TestHTTPLongerBody: what a server sends too much does not reach the reader.
func TestHTTPLongerBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-3/9")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, "abcdefghi")
	}))
	defer server.Close()
	r, err := quick(server.URL).Open(t.Context(), "a", 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "abcd" {
		t.Errorf("read %q, %v", b, err)
	}
}

func TestHTTPResumesWhereItStopped(t *testing.T) {
	var sent atomic.Int64
	url := serveObjects(t, func(h http.Handler) http.Handler {
		cut := cutBodies(100_000)(h)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cut.ServeHTTP(&sentWriter{w, &sent}, r)
		})
	})
	big := storetest.Objects()["packs/big.pack"]
	r, err := quick(url).Open(t.Context(), "packs/big.pack", 0, int64(len(big)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, big) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if sent.Load() != int64(len(big)) {
		t.Errorf("server sent %d bytes for an object of %d", sent.Load(), len(big))
	}
}

type sentWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (s *sentWriter) Write(p []byte) (int, error) {
	n, err := s.ResponseWriter.Write(p)
	s.n.Add(int64(n))
	return n, err
}

func (s *sentWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func TestHTTPGivesUp(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		status500(w, r)
	}))
	defer server.Close()
	s := quick(server.URL)
	if _, err := s.Stat(t.Context(), "a"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("stat on a broken server: %v", err)
	}
	if n := asked.Load(); n != int64(s.Retry.Attempts) {
		t.Errorf("asked %d times, want %d", n, s.Retry.Attempts)
	}
}

// TestHTTPNotFoundNeedsAllServers: one server without the object and a broken one do not mean "missing".
func TestHTTPNotFoundNeedsAllServers(t *testing.T) {
	none := httptest.NewServer(http.NotFoundHandler())
	defer none.Close()
	broken := httptest.NewServer(http.HandlerFunc(status500))
	defer broken.Close()
	for name, urls := range map[string][]string{"broken last": {none.URL, broken.URL}, "broken first": {broken.URL, none.URL}} {
		if _, err := quick(urls...).Stat(t.Context(), "a"); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := quick(none.URL, none.URL).Stat(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("all without it: %v", err)
	}
}

func TestHTTPStallEnds(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_ = http.NewResponseController(w).Flush()
		<-release
	}))
	defer server.Close()
	defer close(release)
	s := quick(server.URL)
	s.Retry.Stall, s.Retry.Attempts = 20*time.Millisecond, 2
	r, err := s.Open(t.Context(), "a", 0, 100)
	if err == nil {
		defer r.Close()
		_, err = io.ReadAll(r)
	}
	if err == nil {
		t.Error("read from a server that sends nothing")
	}
}

func TestHTTPContextEndsWaiting(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(status500))
	defer server.Close()
	s := quick(server.URL)
	s.Retry = store.Retry{Base: time.Hour, Max: time.Hour, Attempts: 100, Stall: time.Hour}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Stat(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stat: %v", err)
	}
}

func TestHTTPWithoutServer(t *testing.T) {
	if _, err := quick().Stat(t.Context(), "a"); err == nil {
		t.Error("stat without a base URL succeeded")
	}
}
