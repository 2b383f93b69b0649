package record

import (
	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

type rolloutRow struct {
	ID             string  `cbor:"1,keyasint"`
	Cabinet        id.Name `cbor:"2,keyasint,omitempty"`
	Image          string  `cbor:"3,keyasint,omitempty"`
	Release        string  `cbor:"4,keyasint,omitempty"`
	ManifestDigest []byte  `cbor:"5,keyasint,omitempty"`
	TotalBytes     int64   `cbor:"6,keyasint,omitempty"`

	Zone       string       `cbor:"7,keyasint,omitempty"`
	Open       window.Clock `cbor:"8,keyasint,omitempty"`
	Close      window.Clock `cbor:"9,keyasint,omitempty"`
	PolicyBell window.Clock `cbor:"10,keyasint,omitempty"`
	Opens      instant      `cbor:"11,keyasint,omitempty"`
	Closes     instant      `cbor:"12,keyasint,omitempty"`
	SpanBell   instant      `cbor:"13,keyasint,omitempty"`

	AtOnce    int     `cbor:"14,keyasint,omitempty"`
	State     uint8   `cbor:"15,keyasint,omitempty"`
	CreatedAt instant `cbor:"16,keyasint,omitempty"`
	CreatedBy string  `cbor:"17,keyasint,omitempty"`
}

// EncodeRollout gives the value of a row of store.Rollouts.
func EncodeRollout(r rollout.Rollout) []byte {
	return encode(rolloutRow{
		ID: r.ID, Cabinet: r.Cabinet, Image: r.Image, Release: r.Release,
		ManifestDigest: r.ManifestDigest, TotalBytes: r.TotalBytes,
		Zone: r.Policy.Zone, Open: r.Policy.Open, Close: r.Policy.Close, PolicyBell: r.Policy.Bell,
		Opens: instantOf(r.Span.Opens), Closes: instantOf(r.Span.Closes), SpanBell: instantOf(r.Span.Bell),
		AtOnce: r.AtOnce, State: uint8(r.State), CreatedAt: instantOf(r.CreatedAt), CreatedBy: r.CreatedBy,
	})
}

// DecodeRollout reads the value of a row of store.Rollouts.
func DecodeRollout(value []byte) (rollout.Rollout, error) {
	var r rolloutRow
	if err := decode("rollout", value, &r); err != nil {
		return rollout.Rollout{}, err
	}
	return rollout.Rollout{
		ID: r.ID, Cabinet: r.Cabinet, Image: r.Image, Release: r.Release,
		ManifestDigest: r.ManifestDigest, TotalBytes: r.TotalBytes,
		Policy: window.Policy{Zone: r.Zone, Open: r.Open, Close: r.Close, Bell: r.PolicyBell},
		Span:   window.Span{Opens: r.Opens.time(), Closes: r.Closes.time(), Bell: r.SpanBell.time()},
		AtOnce: r.AtOnce, State: rollout.State(r.State), CreatedAt: r.CreatedAt.time(), CreatedBy: r.CreatedBy,
	}, nil
}

type jobRow struct {
	ID            id.Job      `cbor:"1,keyasint"`
	Rollout       string      `cbor:"2,keyasint,omitempty"`
	Device        id.Device   `cbor:"3,keyasint"`
	Revision      uint64      `cbor:"4,keyasint,omitempty"`
	Attempt       int         `cbor:"5,keyasint,omitempty"`
	Number        uint32      `cbor:"6,keyasint,omitempty"`
	State         uint8       `cbor:"7,keyasint,omitempty"`
	Phase         uint8       `cbor:"8,keyasint,omitempty"`
	PhaseState    uint8       `cbor:"9,keyasint,omitempty"`
	DoneBytes     uint64      `cbor:"10,keyasint,omitempty"`
	TotalBytes    uint64      `cbor:"11,keyasint,omitempty"`
	FetchedBytes  uint64      `cbor:"12,keyasint,omitempty"`
	Reason        reason.Code `cbor:"13,keyasint,omitempty"`
	Detail        string      `cbor:"14,keyasint,omitempty"`
	PlannedStart  instant     `cbor:"15,keyasint,omitempty"`
	GrantedAt     instant     `cbor:"16,keyasint,omitempty"`
	StartedAt     instant     `cbor:"17,keyasint,omitempty"`
	EndedAt       instant     `cbor:"18,keyasint,omitempty"`
	HeardAt       instant     `cbor:"19,keyasint,omitempty"`
	FetchedBefore uint64      `cbor:"20,keyasint,omitempty"`
}

// EncodeJob gives the value of a row of store.Jobs.
func EncodeJob(j rollout.Job) []byte {
	return encode(jobRow{
		ID: j.ID, Rollout: j.Rollout, Device: j.Device, Revision: j.Revision, Attempt: j.Attempt, Number: j.Number,
		State: uint8(j.State), Phase: uint8(j.Phase), PhaseState: uint8(j.PhaseState),
		DoneBytes: j.DoneBytes, TotalBytes: j.TotalBytes, FetchedBytes: j.FetchedBytes,
		Reason: j.Reason, Detail: j.Detail, PlannedStart: instantOf(j.PlannedStart),
		GrantedAt: instantOf(j.GrantedAt), StartedAt: instantOf(j.StartedAt), EndedAt: instantOf(j.EndedAt),
		HeardAt: instantOf(j.HeardAt), FetchedBefore: j.FetchedBefore,
	})
}

// DecodeJob reads the value of a row of store.Jobs.
func DecodeJob(value []byte) (rollout.Job, error) {
	var r jobRow
	if err := decode("job", value, &r); err != nil {
		return rollout.Job{}, err
	}
	return rollout.Job{
		ID: r.ID, Rollout: r.Rollout, Device: r.Device, Revision: r.Revision, Attempt: r.Attempt, Number: r.Number,
		State: rollout.JobState(r.State), Phase: rollout.Phase(r.Phase), PhaseState: rollout.PhaseState(r.PhaseState),
		DoneBytes: r.DoneBytes, TotalBytes: r.TotalBytes, FetchedBytes: r.FetchedBytes,
		Reason: r.Reason, Detail: r.Detail, PlannedStart: r.PlannedStart.time(),
		GrantedAt: r.GrantedAt.time(), StartedAt: r.StartedAt.time(), EndedAt: r.EndedAt.time(),
		HeardAt: r.HeardAt.time(), FetchedBefore: r.FetchedBefore,
	}, nil
}
