package auth

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits say how many log-in attempts are looked at. An attempt over a limit is refused unseen, right or
// wrong; sessions that are open are not touched by it.
type Limits struct {
	// PerAddress and Global are attempts per second in the long run; the bursts may come at once.
	PerAddress, Global           rate.Limit
	PerAddressBurst, GlobalBurst int
	// Addresses is how many are remembered one by one.
	Addresses int
}

// DefaultLimits let a person mistype ten times in a row. The global limit protects the server's time, not
// the token: 256 bits cannot be guessed at any speed.
var DefaultLimits = Limits{
	PerAddress: rate.Every(10 * time.Second), PerAddressBurst: 10,
	Global: 5, GlobalBurst: 100,
	Addresses: 4096,
}

// limiter applies Limits. An IPv6 /64 counts as one address: that is what one subscriber has.
type limiter struct {
	limits Limits

	mu     sync.Mutex // guards all below
	global *rate.Limiter
	byAddr map[netip.Addr]*rate.Limiter
}

func newLimiter(l Limits) *limiter {
	return &limiter{
		limits: l,
		global: rate.NewLimiter(l.Global, l.GlobalBurst),
		byAddr: map[netip.Addr]*rate.Limiter{},
	}
}

func (l *limiter) allow(addr netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addressLocked(network(addr), now).AllowN(now, 1) && l.global.AllowN(now, 1)
}

// addressLocked gives the limiter of one address; l.mu must be held. A full table first forgets those who
// have been quiet long enough to have their whole burst again, then anyone: Global still holds.
func (l *limiter) addressLocked(addr netip.Addr, now time.Time) *rate.Limiter {
	if r, ok := l.byAddr[addr]; ok {
		return r
	}
	if len(l.byAddr) >= l.limits.Addresses {
		l.forgetLocked(now)
	}
	r := rate.NewLimiter(l.limits.PerAddress, l.limits.PerAddressBurst)
	l.byAddr[addr] = r
	return r
}

func (l *limiter) forgetLocked(now time.Time) {
	for a, r := range l.byAddr {
		if r.TokensAt(now) >= float64(l.limits.PerAddressBurst) {
			delete(l.byAddr, a)
		}
	}
	for a := range l.byAddr {
		if len(l.byAddr) < l.limits.Addresses {
			return
		}
		delete(l.byAddr, a)
	}
}

func network(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}
