package web

import (
	"slices"

	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

// outcome is how many of a cabinet's devices have ended the night in one way.
type outcome struct {
	Look  look
	Count int
}

// followUp is the devices that one next step helps.
type followUp struct {
	Reason  reason.Code
	Devices []control.DeviceNight
}

// Outcomes are the sums of the night; they and the devices that have no part in it add up to the cabinet.
func (v cabinetView) Outcomes() []outcome {
	j := v.Jobs
	none := v.Total - j.Succeeded - j.Open - j.Failed - j.Expired - j.Cancelled
	all := []outcome{
		{v.JobLook(&rollout.Job{State: rollout.JobSucceeded}), j.Succeeded},
		{v.Look("work", "info", "Gjenstår", "Still to do"), j.Open},
		{v.JobLook(&rollout.Job{State: rollout.JobFailed}), j.Failed},
		{v.JobLook(&rollout.Job{State: rollout.JobExpired}), j.Expired},
		{v.JobLook(&rollout.Job{State: rollout.JobCancelled}), j.Cancelled},
		{v.JobLook(nil), none},
	}
	return slices.DeleteFunc(all, func(o outcome) bool { return o.Count == 0 })
}

// FollowUps are the devices that will not come right by themselves, those with the same reason together,
// so that one walk along the cabinet sees to them. Reasons stand in the order of the first slot they hit.
func (v cabinetView) FollowUps() []followUp {
	var fs []followUp
	at := map[reason.Code]int{}
	for _, d := range v.Devices {
		why := whyNot(d)
		if why == reason.None || why.Kind() == reason.KindWork {
			continue
		}
		i, ok := at[why]
		if !ok {
			i = len(fs)
			at[why] = i
			fs = append(fs, followUp{Reason: why})
		}
		fs[i].Devices = append(fs[i].Devices, d)
	}
	return fs
}

// WhyNot is the one reason to show for a device in the night's table.
func (v cabinetView) WhyNot(d control.DeviceNight) reason.Code { return whyNot(d) }

// whyNot is the job's reason, else why the device is not ready, else none.
func whyNot(d control.DeviceNight) reason.Code {
	if d.Job != nil && d.Job.Reason != reason.None {
		return d.Job.Reason
	}
	return d.Readiness.Reason
}
