package control

import (
	"time"

	"github.com/nattevakt/nattevakt/server/internal/ca"
)

// Limit is how often one device may call: Burst calls at once, then one each Every.
type Limit struct {
	Every time.Duration
	Burst int
}

// DefaultLimit is four times what a device that writes an image needs.
var DefaultLimit = Limit{Every: 200 * time.Millisecond, Burst: 30}

// Allow counts one call of the connection's device against l (the generic cell rate algorithm: one
// number a device). Operators are not counted.
func (peer *Peer) Allow(l Limit, now time.Time) bool {
	if peer.Role != ca.Device || l.Every <= 0 {
		return true
	}
	ok := false
	peer.handle.with(func(r *row) {
		due := max(r.limit, now.UnixNano())
		if ok = due-now.UnixNano() <= int64(l.Every)*int64(l.Burst-1); ok {
			r.limit = due + int64(l.Every)
		}
	})
	return ok
}
