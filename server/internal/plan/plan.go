// Package plan decides what each cabinet does tonight: who starts when, who waits, and why. Night is a
// pure function of a snapshot and an instant; the plan is data, shown to people before it runs.
//
// Guarantees:
//   - Every device of the snapshot is in the plan exactly once: starting, working, ended, idle (not part of
//     the rollout), or waiting with one reason.
//   - Never more than AtOnce devices hold a grant or work at the same instant, in what is granted now and
//     in what is foreseen. A device that has been silent for longer than the lease loses its place, so
//     that the queue drains past dead machines; it is granted one again when it calls.
//   - Nothing is granted that is not expected to finish before the window closes and the bell rings.
//
// A plan is made again each second while a rollout runs; what it foresees is a forecast, only Grant and
// Withdraw are acts. control carries those out.
package plan

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

const (
	// DefaultLease is how long a device may hold a place in silence. Devices with work call every few
	// seconds; ten minutes outlast a reboot.
	DefaultLease = 10 * time.Minute
	// DefaultRate, in bytes of disk per second through all phases, is an assumption and no measurement:
	// one machine's share of a gigabit line when six fetch at once, and less than an old SATA disk writes.
	DefaultRate = 20 << 20
	// Overhead is what every job takes whatever its size: calling in, verifying the manifest, rebooting.
	Overhead = 2 * time.Minute
)

// Snapshot is one cabinet at one instant. Night only reads it.
type Snapshot struct {
	Cabinet fleet.Cabinet
	// Rollout is nil where nothing is ordered; every device is idle then.
	Rollout *rollout.Rollout
	// Devices holds every device of the cabinet, in any order.
	Devices []Device
	// Lease is DefaultLease unless set. Where the control plane's time runs faster than the devices can
	// call, it must be stretched accordingly.
	Lease time.Duration
	// Rate is DefaultRate unless set.
	Rate int64
}

// Device is one machine of the cabinet.
type Device struct {
	ID    id.Device
	State fleet.State
	// StateReason says why it is pending or revoked.
	StateReason reason.Code
	Slot        int
	Presence    fleet.Presence
	// Job is the device's part of the snapshot's rollout, nil if it has none.
	Job *rollout.Job
	// Expected is how long a job takes on this device; zero leaves it to Estimate.
	Expected time.Duration
}

// Plan is the answer. Starts, Working, Ended, Idle and Waits hold every device exactly once.
type Plan struct {
	// Starts are in the order in which they start.
	Starts  []Start
	Working []Start
	Ended   []id.Device
	// Idle devices are well but have no job in this rollout.
	Idle  []id.Device
	Waits []Wait
	// Grant are those of Starts that may begin now; Withdraw are jobs that lose their place.
	Grant    []id.Job
	Withdraw []id.Job
	// Finish is when the last of Starts and Working is expected to end; zero if there is none.
	Finish time.Time
}

// Start is a job and the time it is to take.
type Start struct {
	Device id.Device
	Job    id.Job
	At     time.Time
	Finish time.Time
}

// Wait is a device that does nothing tonight as things stand, and why.
type Wait struct {
	Device id.Device
	Reason reason.Code
}

// Estimate is how long making a disk of that many bytes is expected to take; rate is DefaultRate unless
// positive.
func Estimate(bytes, rate int64) time.Duration {
	if rate <= 0 {
		rate = DefaultRate
	}
	seconds := float64(max(bytes, 0)) / float64(rate)
	return Overhead + time.Duration(min(seconds, maxSeconds)*float64(time.Second))
}

// maxSeconds keeps an absurd size from overflowing a duration: a year, longer than any window.
const maxSeconds = 365 * 24 * 60 * 60
