package operatorcli

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// look is how a state is shown: a mark and a word, and a colour that says the same once more.
type look struct {
	mark, word string
	style      table.Style
}

func (l look) cell() table.Cell { return table.Cell{Text: l.mark + " " + l.word, Style: l.style} }

// readyLook shows readiness.
func (l lang) readyLook(r *operatorv1.Readiness) look {
	if r.GetReady() {
		return look{"✓", l.t("klar", "ready"), table.Good}
	}
	switch reason.Of(r.GetReason()) {
	case reason.Working:
		return look{"▸", l.t("jobber", "working"), table.Busy}
	case reason.Planned, reason.WaitingForTurn, reason.WindowClosed:
		return look{"·", l.t("venter", "waiting"), table.Busy}
	case reason.NeverSeen, reason.NoContact:
		return look{"?", l.t("stille", "silent"), table.Warn}
	case reason.Retired:
		return look{"–", l.t("utrangert", "retired"), table.Dim}
	}
	return look{"✗", l.t("ikke klar", "not ready"), table.Bad}
}

// stateLook shows where a device stands in its life.
func (l lang) stateLook(s operatorv1.DeviceState) look {
	switch s {
	case operatorv1.DeviceState_DEVICE_STATE_ANNOUNCED:
		return look{"·", l.t("varslet", "announced"), table.Dim}
	case operatorv1.DeviceState_DEVICE_STATE_PENDING:
		return look{"?", l.t("venter", "pending"), table.Warn}
	case operatorv1.DeviceState_DEVICE_STATE_ACTIVE:
		return look{"✓", l.t("i drift", "active"), table.Good}
	case operatorv1.DeviceState_DEVICE_STATE_REVOKED:
		return look{"✗", l.t("sperret", "revoked"), table.Bad}
	case operatorv1.DeviceState_DEVICE_STATE_RETIRED:
		return look{"–", l.t("utrangert", "retired"), table.Dim}
	}
	return look{"?", l.t("ukjent", "unknown"), table.Warn}
}

// jobLook shows a device's part of a rollout.
func (l lang) jobLook(s operatorv1.JobState) look {
	switch s {
	case operatorv1.JobState_JOB_STATE_PLANNED:
		return look{"·", l.t("planlagt", "planned"), table.Plain}
	case operatorv1.JobState_JOB_STATE_GRANTED:
		return look{"·", l.t("kan begynne", "may start"), table.Busy}
	case operatorv1.JobState_JOB_STATE_RUNNING:
		return look{"▸", l.t("pågår", "running"), table.Busy}
	case operatorv1.JobState_JOB_STATE_SUCCEEDED:
		return look{"✓", l.t("ferdig", "done"), table.Good}
	case operatorv1.JobState_JOB_STATE_FAILED:
		return look{"✗", l.t("mislyktes", "failed"), table.Bad}
	case operatorv1.JobState_JOB_STATE_EXPIRED:
		return look{"✗", l.t("rakk det ikke", "ran out of time"), table.Warn}
	case operatorv1.JobState_JOB_STATE_CANCELLED:
		return look{"–", l.t("avlyst", "cancelled"), table.Dim}
	}
	return look{"–", l.t("ingen jobb", "no job"), table.Dim}
}

// rolloutLook shows where an order stands.
func (l lang) rolloutLook(s operatorv1.RolloutState) look {
	switch s {
	case operatorv1.RolloutState_ROLLOUT_STATE_RUNNING:
		return look{"▸", l.t("pågår", "running"), table.Busy}
	case operatorv1.RolloutState_ROLLOUT_STATE_DONE:
		return look{"✓", l.t("over", "over"), table.Good}
	case operatorv1.RolloutState_ROLLOUT_STATE_CANCELLED:
		return look{"–", l.t("avlyst", "cancelled"), table.Dim}
	}
	return look{"?", l.t("ukjent", "unknown"), table.Warn}
}

// phase names a step of a job.
func (l lang) phase(p nattevaktv1.Phase) string {
	switch p {
	case nattevaktv1.Phase_PHASE_FETCH:
		return l.t("henter", "fetching")
	case nattevaktv1.Phase_PHASE_VERIFY:
		return l.t("kontrollerer", "verifying")
	case nattevaktv1.Phase_PHASE_WRITE:
		return l.t("skriver", "writing")
	case nattevaktv1.Phase_PHASE_CONFIRM:
		return l.t("bekrefter", "confirming")
	}
	return ""
}

// because is the sentence for a reason, and what the machine said beside it.
func (l lang) because(r nattevaktv1.Reason, detail string) string {
	sentence := reason.Of(r).Sentence(string(l))
	if sentence != "" && detail != "" {
		return sentence + " (" + detail + ")"
	}
	return sentence + detail
}

// nameOf is what people call a device by.
func nameOf(d *operatorv1.Device) string {
	return firstOf(d.GetHostname(), d.GetHardware().GetSerial(), d.GetId())
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return none
}

func slotOf(n uint32) string {
	if n == 0 {
		return none
	}
	return strconv.FormatUint(uint64(n), 10)
}

// timeOf gives the zero time for an absent one.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// nowOr is the control plane's time, which ages are counted from, or this machine's where an older
// control plane does not say.
func (c *CLI) nowOr(asOf *timestamppb.Timestamp) time.Time {
	if asOf == nil {
		return c.host.Now()
	}
	return asOf.AsTime()
}
