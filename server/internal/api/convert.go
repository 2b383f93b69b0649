package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/readiness"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

// stamp gives the contract's form of an instant; the zero time is absent.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func hardwareProto(h fleet.Hardware) *nattevaktv1.HardwareIdentity {
	return &nattevaktv1.HardwareIdentity{
		Vendor: h.Vendor, Product: h.Product, ModelKey: h.ModelKey, Serial: h.Serial, SystemUuid: h.SystemUUID,
		FormFactor: nattevaktv1.FormFactor(h.FormFactor),
	}
}

func deviceProto(r control.DeviceRow) *operatorv1.Device {
	d := &operatorv1.Device{
		Id: r.ID.String(), Hardware: hardwareProto(r.Hardware), Hostname: r.Hostname,
		State: operatorv1.DeviceState(r.State), StateReason: r.StateReason.Proto(),
		OwnerId: string(r.Place.Owner), SiteId: string(r.Place.Site), CabinetId: string(r.Place.Cabinet),
		Slot: uint32(r.Place.Slot), Role: r.Role,
		OsName: r.Report.OSName, OsVersion: r.Report.OSVersion,
		EnrolledAt: stamp(r.Identity.EnrolledAt), LastSeen: stamp(r.Presence.LastSeen), ReportAt: stamp(r.Report.At),
		KeyHeld: r.Identity.KeyHeld, CertificateExpires: stamp(r.Identity.NotAfter), AgentVersion: r.Report.AgentVersion,
		Image: r.Image, Release: r.Release, Readiness: readinessProto(r.Readiness),
		Delivery: &operatorv1.Delivery{
			Purchased: r.Delivery.Purchased, WarrantyEnd: r.Delivery.WarrantyEnd,
			PriceOre: r.Delivery.PriceOre, Supplier: r.Delivery.Supplier,
		},
		Alarm: r.Alarm.Proto(), AlarmAt: stamp(r.AlarmAt),
	}
	if p := r.Report.Patch; p.Known {
		d.Patch = &operatorv1.PatchSummary{
			Critical: uint32(p.Critical), Security: uint32(p.Security), Other: uint32(p.Other),
			OldestDays: uint32(p.OldestDays), RebootPending: p.RebootPending, SilentSources: uint32(p.Silent),
		}
	}
	return d
}

func readinessProto(s readiness.Status) *operatorv1.Readiness {
	return &operatorv1.Readiness{
		Ready: s.Ready, Reason: s.Reason.Proto(), Since: stamp(s.Since), AsOf: stamp(s.AsOf), Expected: stamp(s.Expected), Detail: s.Detail,
	}
}

func countsProto(c fleet.Counts) *operatorv1.Counts {
	return &operatorv1.Counts{
		Total: uint32(c.Total), Announced: uint32(c.Announced), Pending: uint32(c.Pending), Active: uint32(c.Active),
		Revoked: uint32(c.Revoked), Retired: uint32(c.Retired), Ready: uint32(c.Ready), NotReady: uint32(c.NotReady),
	}
}

func ownerProto(o fleet.Owner) *operatorv1.Owner {
	return &operatorv1.Owner{Id: string(o.ID), Name: o.Name}
}

func siteProto(s fleet.Site) *operatorv1.Site {
	return &operatorv1.Site{Id: string(s.ID), Name: s.Name, OwnerId: string(s.Owner), Zone: s.Zone}
}

func cabinetProto(c fleet.Cabinet) *operatorv1.Cabinet {
	return &operatorv1.Cabinet{Id: string(c.ID), Name: c.Name, SiteId: string(c.Site), Slots: uint32(c.Slots)}
}

func overviewProto(o control.Overview) *operatorv1.GetOverviewResponse {
	out := &operatorv1.GetOverviewResponse{AsOf: stamp(o.AsOf)}
	for _, owner := range o.Owners {
		oo := &operatorv1.OwnerOverview{Owner: ownerProto(owner.Owner)}
		for _, site := range owner.Sites {
			so := &operatorv1.SiteOverview{Site: siteProto(site.Site), Devices: countsProto(site.Counts)}
			for _, c := range site.Cabinets {
				so.Cabinets = append(so.Cabinets, &operatorv1.CabinetOverview{Cabinet: cabinetProto(c.Cabinet), Devices: countsProto(c.Counts)})
			}
			oo.Sites = append(oo.Sites, so)
		}
		out.Owners = append(out.Owners, oo)
	}
	return out
}

func rolloutProto(r rollout.Rollout, sums rollout.Sums) *operatorv1.Rollout {
	return &operatorv1.Rollout{
		Id: r.ID, CabinetId: string(r.Cabinet), Image: r.Image, Release: r.Release, State: operatorv1.RolloutState(r.State),
		CreatedAt: stamp(r.CreatedAt), OpensAt: stamp(r.Span.Opens), ClosesAt: stamp(r.Span.Closes), BellAt: stamp(r.Span.Bell),
		AtOnce: uint32(r.AtOnce), Succeeded: uint32(sums.Succeeded), Failed: uint32(sums.Failed + sums.Expired + sums.Cancelled), Open: uint32(sums.Open),
	}
}

func nightProto(n control.CabinetNight) *operatorv1.CabinetNight {
	out := &operatorv1.CabinetNight{
		Cabinet: cabinetProto(n.Cabinet), ExpectedFinish: stamp(n.ExpectedFinish), Ready: uint32(n.Ready), Total: uint32(n.Total),
	}
	if n.Rollout != nil {
		out.Rollout = rolloutProto(*n.Rollout, n.Jobs)
	}
	for _, d := range n.Devices {
		out.Devices = append(out.Devices, deviceNightProto(d))
	}
	return out
}

func deviceNightProto(d control.DeviceNight) *operatorv1.DeviceNight {
	out := &operatorv1.DeviceNight{
		Slot: uint32(d.Place.Slot), DeviceId: d.ID.String(), Hostname: d.Hostname, Serial: d.Hardware.Serial,
		Model: d.Hardware.Name(), Readiness: readinessProto(d.Readiness), Reason: d.Readiness.Reason.Proto(),
	}
	if j := d.Job; j != nil {
		out.State, out.Attempt = operatorv1.JobState(j.State), uint32(j.Attempt)
		out.Phase, out.PhaseState = nattevaktv1.Phase(j.Phase), nattevaktv1.PhaseState(j.PhaseState)
		out.DoneBytes, out.TotalBytes, out.FetchedBytes = j.DoneBytes, j.TotalBytes, j.FetchedBytes
		out.Reason, out.Detail = j.Reason.Proto(), j.Detail
		out.PlannedStart, out.StartedAt, out.EndedAt = stamp(j.PlannedStart), stamp(j.StartedAt), stamp(j.EndedAt)
	}
	return out
}

// assignmentProto says where the release lies, too: content is the base URL of the store.
func assignmentProto(a *rollout.Assignment, content string) *nattevaktv1.Assignment {
	if a == nil {
		return nil
	}
	out := &nattevaktv1.Assignment{
		Revision: a.Revision, JobId: a.Job.String(), Attempt: uint32(a.Attempt),
		NotBefore: stamp(a.NotBefore), NotAfter: stamp(a.NotAfter), Bell: stamp(a.Bell), Granted: a.Granted,
		Action: &nattevaktv1.Assignment_Reimage{Reimage: &nattevaktv1.Reimage{
			Image: a.Image, Release: a.Release, ManifestDigest: a.ManifestDigest, ContentUrls: []string{content},
		}},
	}
	for _, p := range a.Phases {
		out.Phases = append(out.Phases, nattevaktv1.Phase(p))
	}
	return out
}

func tokenProto(t fleet.Token) *operatorv1.Token {
	return &operatorv1.Token{
		Id: t.ID, SiteId: string(t.Site), Uses: uint32(t.Uses), MaxUses: uint32(t.MaxUses),
		CreatedAt: stamp(t.CreatedAt), ExpiresAt: stamp(t.ExpiresAt), Revoked: t.Revoked,
	}
}
