// Package rollout holds orders to bring devices to a state and each device's part of one: the job, with
// its attempts and phases. It decides which transitions are legal; it does no I/O and reads no clock.
//
// Guarantees:
//   - A job is in exactly one state; the legal moves are one table (moves), and no function makes another.
//   - Reports are idempotent: applying the same or an older one again changes nothing.
//   - Progress never goes back: neither the phase of an attempt nor its bytes nor what was fetched.
//   - Every job ends: in success, or with exactly one reason. An end that the device reported is final.
//     An end that the control plane decided in its silence (expired, cancelled) gives way to the news that
//     the work was done after all, for the disk is what it is.
//   - Times in a job are the control plane's: when it decided or learned, whatever the device's clock said.
//
// Called by plan and readiness, which decide with it, and by control, which commits what it returns.
package rollout

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

// State of a rollout; the numbers are stored.
type State uint8

// A rollout runs until every job has ended or someone cancels it.
const (
	Running   State = 1
	Done      State = 2
	Cancelled State = 3
)

// Rollout is an order to bring one cabinet to a release tonight.
type Rollout struct {
	ID      string
	Cabinet id.Name
	Image   string
	Release string
	// ManifestDigest is BLAKE3-256 of the signed manifest.
	ManifestDigest []byte
	// TotalBytes is the size of the disk the release makes, for planning.
	TotalBytes int64
	Policy     window.Policy
	Span       window.Span
	AtOnce     int
	State      State
	CreatedAt  time.Time
	// CreatedBy is the operator's name from the certificate.
	CreatedBy string
}

// JobState of one device's part; the numbers are stored and are those of the operator contract.
type JobState uint8

// The states of a job. Succeeded, Failed, Expired and JobCancelled are ends.
const (
	JobPlanned   JobState = 1
	JobGranted   JobState = 2
	JobRunning   JobState = 3
	JobSucceeded JobState = 4
	JobFailed    JobState = 5
	JobExpired   JobState = 6
	JobCancelled JobState = 7
)

// Phase is a named step; the numbers are those of the contract.
type Phase uint8

// The phases of a reimage, in order.
const (
	PhaseFetch   Phase = 1
	PhaseVerify  Phase = 2
	PhaseWrite   Phase = 3
	PhaseConfirm Phase = 4
)

// PhaseState is how a phase stands; the numbers are those of the contract.
type PhaseState uint8

// The states of a phase.
const (
	PhaseRunning PhaseState = 1
	PhaseDone    PhaseState = 2
	PhaseFailed  PhaseState = 3
	PhaseWaiting PhaseState = 4
)

// Job is one device's part of a rollout.
type Job struct {
	ID      id.Job
	Rollout string
	Device  id.Device
	// Revision is the assignment's: it grows whenever what the device should know changes.
	Revision uint64
	Attempt  int
	// Number is the newest progress report's number in this attempt.
	Number     uint32
	State      JobState
	Phase      Phase
	PhaseState PhaseState
	DoneBytes  uint64
	TotalBytes uint64
	// FetchedBytes crossed the network, all attempts.
	FetchedBytes uint64
	// FetchedBefore is the part of FetchedBytes that earlier attempts fetched.
	FetchedBefore uint64
	// Reason of an ended job says why it did not succeed. Before the end it is why the device waits, or
	// why the attempt before this one failed; None if all is well.
	Reason       reason.Code
	Detail       string
	PlannedStart time.Time
	GrantedAt    time.Time
	StartedAt    time.Time
	EndedAt      time.Time
	// HeardAt is the last report about this job.
	HeardAt time.Time
}

// Progress is one report from a device about its job.
type Progress struct {
	Job        id.Job
	Attempt    int
	Number     uint32
	Phase      Phase
	State      PhaseState
	DoneBytes  uint64
	TotalBytes uint64
	// FetchedBytes crossed the network in this attempt.
	FetchedBytes uint64
	Reason       reason.Code
	Detail       string
	// At is by the device's clock: for people who read a log, never for a decision.
	At time.Time
}
