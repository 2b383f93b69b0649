package web

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
)

const (
	// updateGap keeps a feed to two pieces a second, however much happens.
	updateGap = 500 * time.Millisecond
	// refresh makes the ages on open pages grow where nothing happens.
	refresh = 15 * time.Second
	// renderLimit is how long making one piece may take.
	renderLimit = 5 * time.Second
)

// topic names what a stream shows. All streams of a topic share one feed: a piece is made once, however
// many watch.
type topic struct {
	section string
	cabinet id.Name
	lang    string
}

// hub brings changes to open pages. A feed runs while somebody watches its topic.
type hub struct {
	max    int
	log    *slog.Logger
	watch  func(context.Context, id.Name) <-chan struct{}
	render func(context.Context, topic) ([]byte, error)

	mu      sync.Mutex // guards all below, and the fields of feeds
	streams int
	feeds   map[topic]*feed
}

// feed is one topic's watchers. Each has a channel with room for the newest piece; an older one that was
// not taken is dropped.
type feed struct {
	watchers map[chan []byte]struct{}
	last     []byte
	stop     context.CancelFunc
}

func newHub(s *site, max int) *hub {
	return &hub{max: max, log: s.log, watch: s.source.Watch, render: s.renderLive, feeds: map[topic]*feed{}}
}

// join starts watching t; ok is false where all places are taken. The caller must call leave when done.
func (h *hub) join(t topic) (pieces <-chan []byte, leave func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams >= h.max {
		return nil, nil, false
	}
	h.streams++
	f := h.feeds[t]
	if f == nil {
		f = h.startLocked(t)
	}
	c := make(chan []byte, 1)
	f.watchers[c] = struct{}{}
	if f.last != nil {
		c <- f.last
	}
	return c, sync.OnceFunc(func() { h.leave(t, f, c) }), true
}

// startLocked begins a feed; h.mu must be held. Its goroutine ends when the last watcher leaves.
func (h *hub) startLocked(t topic) *feed {
	ctx, stop := context.WithCancel(context.Background())
	f := &feed{watchers: map[chan []byte]struct{}{}, stop: stop}
	h.feeds[t] = f
	go h.run(ctx, t, f)
	return f
}

func (h *hub) leave(t topic, f *feed, c chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
	delete(f.watchers, c)
	if len(f.watchers) == 0 {
		f.stop()
		delete(h.feeds, t)
	}
}

// run makes a piece now, after each change, and every so often; never two within updateGap.
func (h *hub) run(ctx context.Context, t topic, f *feed) {
	changed := h.watch(ctx, t.cabinet)
	gap, again := time.NewTimer(0), time.NewTicker(refresh)
	defer gap.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-gap.C:
		}
		h.publish(ctx, t, f)
		gap.Reset(updateGap)
		select {
		case <-ctx.Done():
			return
		case _, open := <-changed:
			if !open {
				changed = nil
			}
		case <-again.C:
		}
	}
}

// publish hands the newest piece to all who watch, if it differs from the last. A piece that cannot be
// made is left out: the page shows what it has, and the next one follows.
func (h *hub) publish(ctx context.Context, t topic, f *feed) {
	ctx, cancel := context.WithTimeout(ctx, renderLimit)
	defer cancel()
	piece, err := h.render(ctx, t)
	if err != nil {
		if ctx.Err() != context.Canceled { // nobody watches any more
			h.log.Warn("live page not updated", slog.String("cabinet", string(t.cabinet)), slog.Any("error", err))
		}
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if string(piece) == string(f.last) {
		return
	}
	f.last = piece
	for c := range f.watchers {
		select {
		case <-c:
		default:
		}
		c <- piece
	}
}
