package fleet

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
)

// Pace says how long after now a device should call again: at its own fixed place in the interval, so
// that a fleet that was stopped together does not come back together, plus up to a tenth of the interval
// of jitter that the device's id and seq determine. The answer is between 0.5 and 1.6 intervals.
func Pace(device id.Device, seq uint64, interval time.Duration, now time.Time) time.Duration {
	if interval <= 0 {
		return 0
	}
	h := mix(device, 0)
	place := time.Duration(h % uint64(interval))
	since := time.Duration(now.UnixNano()) % interval
	wait := (place - since + interval) % interval
	if wait < interval/2 {
		wait += interval
	}
	jitter := time.Duration(mix(device, seq+1) % uint64(interval/10+1))
	return wait + jitter
}

// mix hashes an id and a number the same way in every process: FNV-1a, 64 bit, then a finaliser, since
// FNV alone leaves neighbouring seqs close together.
func mix(device id.Device, n uint64) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range device {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h ^= n
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}
