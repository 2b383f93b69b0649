package web

import (
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/readiness"
	"github.com/nattevakt/nattevakt/server/internal/rollout"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// look is how a state is drawn: an icon, a word and a colour together, so that none carries it alone.
type look struct {
	// Icon is a symbol of the layout; Color is one of the design system's.
	Icon, Color string
	Word        string
}

// Look puts a state's drawing together, in the user's language.
func (l locale) Look(icon, color, nb, en string) look {
	return look{Icon: icon, Color: color, Word: l.T(nb, en)}
}

// ReadyLook draws one device's readiness.
func (l locale) ReadyLook(s readiness.Status) look {
	if s.Ready {
		return l.Look("check", "success", "Klar", "Ready")
	}
	switch s.Reason {
	case reason.Working:
		return l.Look("work", "info", "Jobber", "Working")
	case reason.Planned, reason.WaitingForTurn, reason.WindowClosed:
		return l.Look("clock", "info", "Venter", "Waiting")
	case reason.NeverSeen, reason.NoContact:
		return l.Look("silent", "warning", "Stille", "Silent")
	case reason.Retired:
		return l.Look("empty", "neutral", "Utfaset", "Retired")
	}
	return l.Look("cross", "danger", "Ikke klar", "Not ready")
}

// EmptyLook draws a place without a device.
func (l locale) EmptyLook() look { return l.Look("empty", "neutral", "Tom", "Empty") }

// StateLook draws where a device stands in its life.
func (l locale) StateLook(s fleet.State) look {
	switch s {
	case fleet.Announced:
		return l.Look("clock", "neutral", "På leveringsliste", "On a delivery list")
	case fleet.Pending:
		return l.Look("clock", "warning", "Venter på godkjenning", "Awaits approval")
	case fleet.Active:
		return l.Look("check", "success", "I drift", "In service")
	case fleet.Revoked:
		return l.Look("cross", "danger", "Sperret", "Revoked")
	case fleet.Retired:
		return l.Look("empty", "neutral", "Utfaset", "Retired")
	}
	return l.Look("cross", "neutral", "Ukjent tilstand", "Unknown state")
}

// JobLook draws how a device's part of a rollout stands; nil is none.
func (l locale) JobLook(j *rollout.Job) look {
	if j == nil {
		return l.Look("empty", "neutral", "Ingen jobb", "No job")
	}
	switch j.State {
	case rollout.JobPlanned:
		return l.Look("clock", "neutral", "Planlagt", "Planned")
	case rollout.JobGranted:
		return l.Look("clock", "info", "Klarsignal gitt", "May start")
	case rollout.JobRunning:
		return l.Look("work", "info", "Pågår", "In progress")
	case rollout.JobSucceeded:
		return l.Look("check", "success", "Fullført", "Completed")
	case rollout.JobFailed:
		return l.Look("cross", "danger", "Mislyktes", "Failed")
	case rollout.JobExpired:
		return l.Look("clock", "warning", "Rakk det ikke", "Ran out of time")
	case rollout.JobCancelled:
		return l.Look("empty", "neutral", "Avlyst", "Cancelled")
	}
	return l.Look("cross", "neutral", "Ukjent tilstand", "Unknown state")
}

// progress is how far a job has come. Bar is set where there is something to fill it with.
type progress struct {
	Text        string
	Bar         bool
	Done, Total uint64
}

// Progress draws a job's current phase; that of no job is empty.
func (l locale) Progress(j *rollout.Job) progress {
	if j == nil {
		return progress{}
	}
	if j.State != rollout.JobRunning {
		return progress{Text: l.ended(j)}
	}
	text := l.Phase(j.Phase)
	if j.PhaseState == rollout.PhaseWaiting {
		text += l.T(", venter", ", waiting")
	}
	if j.TotalBytes == 0 {
		return progress{Text: text}
	}
	done := min(j.DoneBytes, j.TotalBytes)
	text += " " + l.Percent(int(float64(done)/float64(j.TotalBytes)*100)) + l.T(" av ", " of ") + l.Disk(j.TotalBytes)
	return progress{Text: text, Bar: true, Done: done, Total: j.TotalBytes}
}

// ended is when and where a job that does not run stopped; empty where it never began.
func (l locale) ended(j *rollout.Job) string {
	switch {
	case j.State == rollout.JobSucceeded:
		return l.T("Ferdig ", "Done ") + l.Near(j.EndedAt)
	case j.StartedAt.IsZero():
		return ""
	}
	return l.T("Stanset i steget ", "Stopped in the step ") + "«" + l.Phase(j.Phase) + "»"
}

// Phase names a step of a job.
func (l locale) Phase(p rollout.Phase) string {
	switch p {
	case rollout.PhaseFetch:
		return l.T("Henter", "Fetching")
	case rollout.PhaseVerify:
		return l.T("Kontrollerer", "Verifying")
	case rollout.PhaseWrite:
		return l.T("Skriver", "Writing")
	case rollout.PhaseConfirm:
		return l.T("Bekrefter", "Confirming")
	}
	return ""
}

// SeverityLook draws how grave a missing update is.
func (l locale) SeverityLook(s nattevaktv1.Severity) look {
	switch s {
	case nattevaktv1.Severity_SEVERITY_CRITICAL:
		return l.Look("cross", "danger", "Kritiske", "Critical")
	case nattevaktv1.Severity_SEVERITY_SECURITY:
		return l.Look("shield", "warning", "Sikkerhet", "Security")
	}
	return l.Look("clock", "neutral", "Andre", "Other")
}

// FormFactor names a kind of machine.
func (l locale) FormFactor(f fleet.FormFactor) string {
	switch nattevaktv1.FormFactor(f) {
	case nattevaktv1.FormFactor_FORM_FACTOR_DESKTOP:
		return l.T("stasjonær", "desktop")
	case nattevaktv1.FormFactor_FORM_FACTOR_LAPTOP:
		return l.T("bærbar", "laptop")
	case nattevaktv1.FormFactor_FORM_FACTOR_CONVERTIBLE:
		return l.T("hybrid", "convertible")
	case nattevaktv1.FormFactor_FORM_FACTOR_TABLET:
		return l.T("nettbrett", "tablet")
	case nattevaktv1.FormFactor_FORM_FACTOR_ALL_IN_ONE:
		return l.T("alt-i-ett", "all-in-one")
	case nattevaktv1.FormFactor_FORM_FACTOR_THIN_CLIENT:
		return l.T("tynnklient", "thin client")
	case nattevaktv1.FormFactor_FORM_FACTOR_SERVER:
		return l.T("tjener", "server")
	case nattevaktv1.FormFactor_FORM_FACTOR_VIRTUAL:
		return l.T("virtuell", "virtual")
	}
	return ""
}

// SecureBoot says whether the firmware starts signed systems only.
func (l locale) SecureBoot(s nattevaktv1.SecureBoot) string {
	switch s {
	case nattevaktv1.SecureBoot_SECURE_BOOT_ENABLED:
		return l.T("på", "on")
	case nattevaktv1.SecureBoot_SECURE_BOOT_DISABLED:
		return l.T("av", "off")
	case nattevaktv1.SecureBoot_SECURE_BOOT_UNSUPPORTED:
		return l.T("finnes ikke", "not supported")
	}
	return l.never()
}

// Status draws what matters about a device in a list: where it stands, whether it is ready, and an alarm.
func (l locale) Status(d control.DeviceRow) []look {
	var ls []look
	if d.State == fleet.Active {
		ls = append(ls, l.ReadyLook(d.Readiness))
	} else {
		ls = append(ls, l.StateLook(d.State))
	}
	if d.Alarm != reason.None {
		ls = append(ls, l.Look("silent", "danger", "Alarm", "Alarm"))
	}
	return ls
}
