// Package publish brings a release from a local store to a control plane's content address, over HTTPS
// with the operator's certificate.
//
// Guarantees:
//   - The manifest goes last: who finds it finds the whole release.
//   - A pack that is there already, with the same size, is not sent again: packs are named by their digest.
//   - A release that is there with another manifest is never changed; the error is ErrOther.
//   - Sending again after any interruption goes on where it was.
//   - What the network loses is tried again, a bounded number of times.
//
// It trusts nothing and signs nothing: whoever fetches a release verifies it.
package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// Errors that a person can do something about.
var (
	// ErrOther says that another release has this name.
	ErrOther = errors.New("another release of this name is published")
	// ErrRefused says that the content address does not accept the certificate.
	ErrRefused = errors.New("not allowed to publish")
)

// Target is where releases go.
type Target struct {
	// Client carries the operator's certificate and has no overall timeout.
	Client *http.Client
	// URL ends with a slash.
	URL string
}

// Sent tells what Release did.
type Sent struct {
	// Objects and Bytes are the whole release; New is what was not there.
	Objects, NewObjects int
	Bytes, NewBytes     int64
}

// Progress is told how many bytes of the release are in place, by one goroutine at a time; it may be nil.
type Progress func(done, total int64)

// Release brings one release of the store to the target.
func Release(ctx context.Context, from store.Store, image, name string, to Target, progress Progress) (Sent, error) {
	sealed, err := store.ReadAll(ctx, from, release.ManifestPath(image, name), release.MaxEnvelope)
	if err != nil {
		return Sent{}, err
	}
	m, err := release.Peek(sealed) // ours to send; the readers verify
	if err != nil {
		return Sent{}, err
	}
	p := &publisher{from: from, to: to, progress: progress, total: int64(len(sealed)) + m.Index.Size}
	for _, f := range m.Packs {
		p.total += f.Size
	}
	if err := p.release(ctx, m, sealed); err != nil {
		return p.sent, fmt.Errorf("publish %s %s: %w", image, name, err)
	}
	return p.sent, nil
}

type publisher struct {
	from     store.Store
	to       Target
	progress Progress
	total    int64

	mu   sync.Mutex // guards sent: net/http reads a body in a goroutine of its own
	sent Sent
}

func (p *publisher) release(ctx context.Context, m release.Manifest, sealed []byte) error {
	there, err := p.published(ctx, release.ManifestPath(m.Image, m.Release), sealed)
	if err != nil {
		return err
	}
	for _, f := range m.Packs {
		if err := p.object(ctx, release.PackPath(f.Digest), f.Size, true); err != nil {
			return err
		}
	}
	if err := p.object(ctx, release.IndexPath(m.Image, m.Release), m.Index.Size, there); err != nil {
		return err
	}
	return p.object(ctx, release.ManifestPath(m.Image, m.Release), int64(len(sealed)), there)
}

// published tells whether the very same manifest is there.
func (p *publisher) published(ctx context.Context, name string, sealed []byte) (bool, error) {
	remote := store.HTTP(p.to.Client, p.to.URL)
	got, err := store.ReadAll(ctx, remote, name, release.MaxEnvelope)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case !bytes.Equal(got, sealed):
		return false, ErrOther
	}
	return true, nil
}

// object sends one object, unless it may be left out and is there.
func (p *publisher) object(ctx context.Context, name string, size int64, leaveOut bool) error {
	there := false
	if leaveOut {
		var err error
		if there, err = p.there(ctx, name, size); err != nil {
			return err
		}
	}
	p.sent.Objects++
	if there {
		p.advance(size)
		return nil
	}
	if err := p.send(ctx, name, size); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent.NewObjects++
	p.sent.NewBytes += size
	return nil
}

func (p *publisher) there(ctx context.Context, name string, size int64) (bool, error) {
	got, err := store.HTTP(p.to.Client, p.to.URL).Stat(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && got == size, err
}

func (p *publisher) advance(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advanceLocked(n)
}

func (p *publisher) advanceLocked(n int64) {
	p.sent.Bytes += n
	if p.progress != nil {
		p.progress(p.sent.Bytes, p.total)
	}
}

// pauses are how long to wait before each further try.
var pauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

func (p *publisher) send(ctx context.Context, name string, size int64) error {
	for try := 0; ; try++ {
		err := p.put(ctx, name, size)
		if err == nil || errors.Is(err, ErrRefused) || ctx.Err() != nil || try == len(pauses) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pauses[try]):
		}
	}
}

func (p *publisher) put(ctx context.Context, name string, size int64) (err error) {
	body, err := p.from.Open(ctx, name, 0, size)
	if err != nil {
		return err
	}
	defer body.Close()
	count := &counted{Reader: body, p: p}
	defer func() { count.stop(err == nil) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, p.to.URL+name, count)
	if err != nil {
		return err
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := p.to.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return check(name, resp)
}

// maxWords bounds what is shown of an answer.
const maxWords = 300

func check(name string, resp *http.Response) error {
	if slices.Contains([]int{http.StatusOK, http.StatusCreated, http.StatusNoContent}, resp.StatusCode) {
		return nil
	}
	words, _ := io.ReadAll(io.LimitReader(resp.Body, maxWords)) // half a sentence is better than none
	said := strings.TrimSpace(string(words))
	if resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("%w: %s", ErrRefused, said)
	}
	return fmt.Errorf("send %s: %s: %s", name, resp.Status, said)
}

// counted reports what has been read of it, until it is stopped: net/http may go on reading after the
// answer has come.
type counted struct {
	io.Reader
	p       *publisher
	read    int64 // guarded by p.mu, as is stopped
	stopped bool
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if !c.stopped {
		c.read += int64(n)
		c.p.advanceLocked(int64(n))
	}
	return n, err
}

// stop ends the counting; what was read counts only if it arrived.
func (c *counted) stop(arrived bool) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.stopped = true
	if !arrived {
		c.p.advanceLocked(-c.read)
	}
}
