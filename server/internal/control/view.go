package control

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/readiness"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
)

// Overview is every owner, site and cabinet with counts, as of one instant.
type Overview struct {
	AsOf   time.Time
	Owners []OwnerOverview
}

// OwnerOverview sums its sites.
type OwnerOverview struct {
	Owner  fleet.Owner
	Counts fleet.Counts
	Sites  []SiteOverview
}

// SiteOverview counts the whole site, devices outside cabinets too.
type SiteOverview struct {
	Site     fleet.Site
	Counts   fleet.Counts
	Cabinets []CabinetOverview
}

// CabinetOverview counts one cabinet.
type CabinetOverview struct {
	Cabinet fleet.Cabinet
	Counts  fleet.Counts
}

// DeviceRow is one device with what moves and what that amounts to.
type DeviceRow struct {
	fleet.Device
	Presence  fleet.Presence
	Readiness readiness.Status
}

// DeviceDetail adds the newest report; Inventory and Patch are nil before the first.
type DeviceDetail struct {
	DeviceRow
	Inventory *nattevaktv1.Inventory
	Patch     *nattevaktv1.PatchState
	// Job is the newest one, nil if there never was any.
	Job *rollout.Job
}

// DeviceFilter chooses devices for a list; zero fields match all.
type DeviceFilter struct {
	Owner, Site, Cabinet id.Name
	State                fleet.State
	// Query is a case-insensitive part of serial, hostname, product, model key or id.
	Query string
}

// CabinetNight is what one cabinet does tonight and what came of it. Devices holds every device of the
// cabinet in slot order, those without a job too.
type CabinetNight struct {
	Cabinet fleet.Cabinet
	Site    fleet.Site
	// Rollout is nil where nothing is planned; Jobs sums its jobs.
	Rollout        *rollout.Rollout
	Jobs           rollout.Sums
	Devices        []DeviceNight
	ExpectedFinish time.Time
	Ready, Total   int
}

// DeviceNight is one device's line of the night.
type DeviceNight struct {
	DeviceRow
	// Job is nil where the device has none; Readiness then says where it stands.
	Job *rollout.Job
}
