package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Retry says how an HTTPStore deals with trouble. Waiting is full jitter: a random time up to
// Base·2^failures, at most Max (Brooker, "Exponential Backoff And Jitter", AWS 2015), so that a fleet
// that lost its server does not come back in step.
type Retry struct {
	Base time.Duration
	Max  time.Duration
	// Attempts is how often one reading may fail without having moved on by minProgress since.
	Attempts int
	// Stall is how long one request may give no byte.
	Stall time.Duration
}

// DefaultRetry gives up after about a minute of a dead server.
var DefaultRetry = Retry{Base: 500 * time.Millisecond, Max: 20 * time.Second, Attempts: 8, Stall: 30 * time.Second}

// minProgress is how many bytes make a server count as working again.
const minProgress = 64 << 10

// HTTPStore reads objects from any HTTP server. Servers without Range requests work, slowly.
type HTTPStore struct {
	client *http.Client
	bases  []string
	// Retry may be changed before the first use.
	Retry Retry
}

var _ Store = (*HTTPStore)(nil)

// HTTP reads from base URLs that all serve the same objects. The first is used until it fails, then the
// next in turn; what was read before is kept. The client carries the TLS identity and should have no
// overall timeout, because Retry.Stall finds dead servers.
func HTTP(client *http.Client, baseURLs ...string) *HTTPStore {
	bases := make([]string, 0, len(baseURLs))
	for _, b := range baseURLs {
		bases = append(bases, strings.TrimRight(b, "/"))
	}
	return &HTTPStore{client: client, bases: bases, Retry: DefaultRetry}
}

// errServer is an answer that another server, or the same one later, may give better.
var errServer = errors.New("server fault")

// Stat is Store.Stat.
func (s *HTTPStore) Stat(ctx context.Context, name string) (int64, error) {
	if err := s.check(name, 0, 0); err != nil {
		return 0, err
	}
	var size int64
	err := s.try(ctx, func(base string) (err error) {
		size, err = s.head(ctx, base, name)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("stat %s: %w", name, err)
	}
	return size, nil
}

func (s *HTTPStore) head(ctx context.Context, base, name string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Retry.Stall) // an answer without a body
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, base+"/"+name, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if err := checkStatus(resp); err != nil {
		return 0, err
	}
	if resp.ContentLength < 0 {
		return 0, fmt.Errorf("%w: HEAD without Content-Length", errServer)
	}
	return resp.ContentLength, nil
}

func checkStatus(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return nil
	case http.StatusNotFound, http.StatusGone:
		return ErrNotFound
	default:
		return fmt.Errorf("%w: %s", errServer, resp.Status)
	}
}

// try calls f with one base URL after the other until one succeeds, all say "not found", or the
// attempts are used up.
func (s *HTTPStore) try(ctx context.Context, f func(base string) error) error {
	p := pacer{store: s}
	for {
		err := f(p.base())
		if err == nil {
			return nil
		}
		if err := p.failed(ctx, err); err != nil {
			return err
		}
	}
}

// Open is Store.Open. Trouble shows when the reader is read.
func (s *HTTPStore) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := s.check(name, offset, length); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &resumer{ctx: ctx, cancel: cancel, store: s, name: name, at: offset, end: offset + length, pacer: pacer{store: s}}
	return r, r.connect()
}

func (s *HTTPStore) check(name string, offset, length int64) error {
	if len(s.bases) == 0 {
		return fmt.Errorf("open %s: no base URL", name)
	}
	return checkRange(name, offset, length)
}

// pacer chooses the next server and the time before it is asked.
type pacer struct {
	store    *HTTPStore
	turn     int // which base URL
	failures int
	missing  int   // how many servers in a row say "not found"
	fault    error // the latest other trouble: "not found" is certain only without it
}

func (p *pacer) base() string { return p.store.bases[p.turn%len(p.store.bases)] }

// worked forgets old failures.
func (p *pacer) worked() { p.failures, p.missing, p.fault = 0, 0, nil }

// failed waits before the next attempt, or gives the error to end with.
func (p *pacer) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.turn++
	p.failures++
	if errors.Is(err, ErrNotFound) {
		p.missing++
	} else {
		p.missing, p.fault = 0, err
	}
	bases := len(p.store.bases)
	if p.missing >= bases {
		return err
	}
	if p.failures >= p.store.Retry.Attempts {
		return p.fault
	}
	if p.failures < bases {
		return nil // another server is there: ask it at once
	}
	return p.wait(ctx, p.failures-bases)
}

func (p *pacer) wait(ctx context.Context, doublings int) error {
	limit := min(p.store.Retry.Max, p.store.Retry.Base<<min(doublings, 16))
	timer := time.NewTimer(rand.N(limit + 1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resumer reads bytes at to end of one object over as many requests as it takes.
type resumer struct {
	ctx    context.Context
	cancel context.CancelFunc
	store  *HTTPStore
	name   string
	at     int64
	end    int64
	good   int64 // at when the last failure happened
	body   io.ReadCloser
	pacer  pacer
}

// Read is io.Reader.
func (r *resumer) Read(p []byte) (int, error) {
	if r.at == r.end {
		return 0, io.EOF
	}
	for {
		if r.body == nil {
			if err := r.connect(); err != nil {
				return 0, err
			}
		}
		n, err := r.body.Read(p[:min(int64(len(p)), r.end-r.at)])
		r.at += int64(n)
		if n > 0 || len(p) == 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err := r.failed(err); err != nil {
			return 0, err
		}
	}
}

// Close is io.Closer.
func (r *resumer) Close() error {
	r.drop()
	r.cancel()
	return nil
}

func (r *resumer) drop() {
	if r.body != nil {
		_ = r.body.Close() // nothing was written
		r.body = nil
	}
}

// connect asks until a server gives the bytes from r.at.
func (r *resumer) connect() error {
	for r.at < r.end {
		err := r.request(r.pacer.base())
		if err == nil {
			return nil
		}
		if err := r.failed(err); err != nil {
			r.cancel()
			return err
		}
	}
	return nil
}

func (r *resumer) failed(err error) error {
	r.drop()
	if r.at-r.good >= minProgress {
		r.pacer.worked()
	}
	r.good = r.at
	if err := r.pacer.failed(r.ctx, err); err != nil {
		return fmt.Errorf("read %s at %d: %w", r.name, r.at, err)
	}
	return nil
}

// request makes one attempt and leaves the body at r.at.
func (r *resumer) request(base string) error {
	ctx, cancel := context.WithCancel(r.ctx)
	timer := time.AfterFunc(r.store.Retry.Stall, cancel)
	resp, err := r.get(ctx, base)
	if err != nil {
		timer.Stop()
		cancel()
		return err
	}
	resp.Body = &guardedBody{resp.Body, timer, r.store.Retry.Stall, cancel}
	if err := r.checkAnswer(resp); err != nil {
		return errors.Join(err, resp.Body.Close())
	}
	r.body = resp.Body
	return nil
}

func (r *resumer) get(ctx context.Context, base string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/"+r.name, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", r.at, r.end-1))
	return r.store.client.Do(req)
}

// guardedBody cancels its request when no byte comes for too long.
type guardedBody struct {
	body   io.ReadCloser
	timer  *time.Timer
	stall  time.Duration
	cancel context.CancelFunc
}

func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if n > 0 {
		b.timer.Reset(b.stall)
	}
	return n, err
}

func (b *guardedBody) Close() error {
	b.timer.Stop()
	b.cancel()
	return b.body.Close()
}

// checkAnswer leaves the body at r.at or refuses the answer.
func (r *resumer) checkAnswer(resp *http.Response) error {
	if err := checkStatus(resp); err != nil {
		return err
	}
	if resp.StatusCode == http.StatusPartialContent {
		return r.checkRange(resp.Header.Get("Content-Range"))
	}
	if resp.ContentLength >= 0 && resp.ContentLength < r.end {
		return fmt.Errorf("%w: object of %d bytes, %d expected", errServer, resp.ContentLength, r.end)
	}
	// The server ignores Range: pass over what comes before.
	if _, err := io.CopyN(io.Discard, resp.Body, r.at); err != nil {
		return fmt.Errorf("%w: skip to %d: %w", errServer, r.at, err)
	}
	return nil
}

// checkRange reads "bytes first-last/size" (RFC 9110, 14.4). A server may give less than asked for.
func (r *resumer) checkRange(h string) error {
	span, _, _ := strings.Cut(strings.TrimPrefix(h, "bytes "), "/")
	first, last, _ := strings.Cut(span, "-")
	a, err1 := strconv.ParseInt(first, 10, 64)
	b, err2 := strconv.ParseInt(last, 10, 64)
	if err1 != nil || err2 != nil || a != r.at || b < a || b >= r.end {
		return fmt.Errorf("%w: asked for bytes %d-%d, got Content-Range %.80q", errServer, r.at, r.end-1, h)
	}
	return nil
}
