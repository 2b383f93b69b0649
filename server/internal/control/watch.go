package control

import (
	"context"
	"sync"

	"github.com/nattevakt/nattevakt/proto/id"
)

// watchers wakes pages and command lines that look at a cabinet.
type watchers struct {
	mu   sync.Mutex // guards subs
	subs map[id.Name]map[chan struct{}]struct{}
}

// Watch gives a channel that holds a signal whenever something about the cabinet may have changed since
// it was last read. It ends with ctx.
func (p *Plane) Watch(ctx context.Context, cabinet id.Name) <-chan struct{} {
	ch := make(chan struct{}, 1)
	w := &p.watchers
	w.mu.Lock()
	if w.subs[cabinet] == nil {
		w.subs[cabinet] = map[chan struct{}]struct{}{}
	}
	w.subs[cabinet][ch] = struct{}{}
	w.mu.Unlock()
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.subs[cabinet], ch)
		if len(w.subs[cabinet]) == 0 {
			delete(w.subs, cabinet)
		}
	})
	return ch
}

// changed signals that the cabinet's answer may differ.
func (p *Plane) changed(cabinet id.Name) {
	w := &p.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.subs[cabinet] {
		select {
		case ch <- struct{}{}:
		default: // a signal is waiting already
		}
	}
}

// changedNo is changed for a cabinet's number in the hot table.
func (p *Plane) changedNo(no uint32) {
	if no == 0 {
		return
	}
	p.places.mu.RLock()
	name := p.places.cabinetIDs[no]
	p.places.mu.RUnlock()
	p.changed(name)
}

func (w *watchers) init() { w.subs = map[id.Name]map[chan struct{}]struct{}{} }
