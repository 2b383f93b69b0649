package control

import (
	"sync"

	"github.com/nattevakt/nattevakt/proto/id"
)

// stripes are locks by device id: two devices seldom share one, one device always has the same.
type stripes [256]sync.Mutex

func (s *stripes) lock(dev id.Device) (unlock func()) {
	m := &s[dev[1]]
	m.Lock()
	return m.Unlock
}
