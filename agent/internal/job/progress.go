package job

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/proto/id"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// State is how a phase stands.
type State string

// The states of a phase.
const (
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
	Waiting State = "waiting"
)

var stateNumbers = map[State]v1.PhaseState{
	Running: v1.PhaseState_PHASE_STATE_RUNNING, Done: v1.PhaseState_PHASE_STATE_DONE,
	Failed: v1.PhaseState_PHASE_STATE_FAILED, Waiting: v1.PhaseState_PHASE_STATE_WAITING,
}

// final states are kept until the control plane has acknowledged them; the others only until there is
// a newer one.
func (s State) final() bool { return s == Done || s == Failed }

// Progress is one report about one phase; see proto JobProgress.
type Progress struct {
	Job     id.Job      `json:"job"`
	Attempt uint32      `json:"attempt"`
	Number  uint32      `json:"number"`
	Phase   Phase       `json:"phase"`
	State   State       `json:"state"`
	Done    uint64      `json:"done_bytes"`
	Total   uint64      `json:"total_bytes"`
	Fetched uint64      `json:"fetched_bytes"`
	Reason  reason.Code `json:"reason"`
	Detail  string      `json:"detail,omitempty"`
	At      time.Time   `json:"at"`
}

// maxDetail is the contract's bound, in bytes.
const maxDetail = 512

// Proto gives the contract's form.
func (p Progress) Proto() *v1.JobProgress {
	return &v1.JobProgress{
		JobId: p.Job.String(), Attempt: p.Attempt, Number: p.Number,
		Phase: phaseNumbers[p.Phase], State: stateNumbers[p.State],
		DoneBytes: p.Done, TotalBytes: p.Total, FetchedBytes: p.Fetched,
		Reason: p.Reason.Proto(), Detail: p.Detail, At: timestamppb.New(p.At),
	}
}

func (p Progress) sameAttempt(other Progress) bool {
	return p.Job == other.Job && p.Attempt == other.Attempt
}

// maxQueue is how many reports one check-in may carry. A device cannot get near it: a new attempt comes
// only in an answer, and the answer acknowledges what was queued.
const maxQueue = 64

// queue holds what the control plane has not acknowledged, oldest first.
type queue []Progress

// add appends and drops what the new report makes superfluous; if the queue is full, the oldest.
func (q queue) add(p Progress) queue {
	q = slices.DeleteFunc(slices.Clone(q), func(old Progress) bool { return old.sameAttempt(p) && !old.State.final() })
	if len(q) >= maxQueue {
		q = q[1:]
	}
	return append(q, p)
}

// without drops the acknowledged ones and tells whether any was final.
func (q queue) without(sent []*v1.JobProgress) (left queue, final bool) {
	for _, p := range q {
		if !slices.ContainsFunc(sent, func(s *v1.JobProgress) bool { return p.is(s) }) {
			left = append(left, p)
			continue
		}
		final = final || p.State.final()
	}
	return left, final
}

func (p Progress) is(sent *v1.JobProgress) bool {
	return p.Number == sent.GetNumber() && p.Attempt == sent.GetAttempt() && p.Job.String() == sent.GetJobId()
}
