package web_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/readiness"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/web"
	"github.com/nattevakt/nattevakt/server/internal/window"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// night is a quarter past two in Norway, with work under way.
var night = time.Date(2026, 11, 23, 1, 14, 0, 0, time.UTC)

const hostile = "<script>alert(1)</script>\u202egpj.exe\" onload='x' {{.}} \r\nevent: slutt"

// fakeSource is a small fleet that holds one of everything pages must cope with.
type fakeSource struct {
	mu       sync.Mutex // guards all below
	nights   map[id.Name]*control.CabinetNight
	overview control.Overview
	watchers map[chan struct{}]struct{}
	fail     error
}

var (
	_ web.Source = (*fakeSource)(nil)
	_ web.Source = (*control.Plane)(nil)
)

func newFakeSource() *fakeSource {
	s := &fakeSource{nights: map[id.Name]*control.CabinetNight{}, watchers: map[chan struct{}]struct{}{}}
	solvang := fleet.Site{ID: "solvang", Name: "Solvang skole", Owner: "nordvik", Zone: "Europe/Oslo"}
	fjellro := fleet.Site{ID: "fjellro", Name: "Fjellro ungdomsskole", Owner: "nordvik", Zone: "Europe/Oslo"}
	hamna := fleet.Site{ID: "hamna", Name: "Hamna oppvekstsenter", Owner: "storfjord", Zone: "Europe/Oslo"}
	s.add(workingCabinet(fleet.Cabinet{ID: "solvang-a", Name: "Ladeskap A", Site: "solvang", Slots: 30}, solvang))
	s.add(morningCabinet(fleet.Cabinet{ID: "solvang-b", Name: "Ladeskap B", Site: "solvang", Slots: 30}, solvang))
	s.add(idleCabinet(fleet.Cabinet{ID: "fjellro-1", Name: "Skap 1, naturfag", Site: "fjellro", Slots: 16}, fjellro))
	s.add(control.CabinetNight{Cabinet: fleet.Cabinet{ID: "hamna-1", Name: "Skap 1", Site: "hamna", Slots: 20}, Site: hamna})
	s.overview = control.Overview{AsOf: night.Add(-4 * time.Second), Owners: []control.OwnerOverview{
		{Owner: fleet.Owner{ID: "nordvik", Name: "Nordvik kommune"}, Counts: counts(72, 62, 1),
			Sites: []control.SiteOverview{s.siteOverview(solvang, counts(60, 50, 1)), s.siteOverview(fjellro, counts(12, 12, 0))}},
		{Owner: fleet.Owner{ID: "storfjord", Name: "Storfjord kommune"},
			Sites: []control.SiteOverview{s.siteOverview(hamna, fleet.Counts{}), {Site: fleet.Site{ID: "ny", Name: "Ny skole"}}}},
		{Owner: fleet.Owner{ID: "uten", Name: "Uten skoler"}},
	}}
	return s
}

func counts(total, ready, pending int) fleet.Counts {
	return fleet.Counts{Total: total, Active: total - pending, Pending: pending, Ready: ready, NotReady: total - ready}
}

func (s *fakeSource) add(n control.CabinetNight) { s.nights[n.Cabinet.ID] = &n }

func (s *fakeSource) siteOverview(site fleet.Site, c fleet.Counts) control.SiteOverview {
	o := control.SiteOverview{Site: site, Counts: c}
	for _, n := range s.sorted() {
		if n.Site.ID == site.ID {
			o.Cabinets = append(o.Cabinets, control.CabinetOverview{Cabinet: n.Cabinet, Counts: counts(n.Total, n.Ready, 0)})
		}
	}
	return o
}

// sorted gives the cabinets by name; s.mu must be held once others can see s.
func (s *fakeSource) sorted() []control.CabinetNight {
	var all []control.CabinetNight
	for _, n := range s.nights {
		all = append(all, *n)
	}
	slices.SortFunc(all, func(a, b control.CabinetNight) int { return cmp.Compare(a.Cabinet.ID, b.Cabinet.ID) })
	return all
}

func tonight(cabinet id.Name) *rollout.Rollout {
	return &rollout.Rollout{
		ID: "r-" + string(cabinet), Cabinet: cabinet, Image: "elev-laptop", Release: "2026.11.2", AtOnce: 6, State: rollout.Running,
		Policy: window.Policy{Zone: "Europe/Oslo", Open: 22 * 60, Close: 6 * 60, Bell: 7*60 + 45},
		Span: window.Span{
			Opens:  time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC),
			Closes: time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC),
			Bell:   time.Date(2026, 11, 23, 6, 45, 0, 0, time.UTC),
		},
		CreatedAt: night.Add(-10 * time.Hour), CreatedBy: "drift",
	}
}

// workingCabinet is in the middle of its night, with each kind of trouble in it.
func workingCabinet(c fleet.Cabinet, site fleet.Site) control.CabinetNight {
	n := control.CabinetNight{Cabinet: c, Site: site, Rollout: tonight(c.ID), ExpectedFinish: night.Add(140 * time.Minute)}
	for slot := 1; slot <= c.Slots; slot++ {
		d := device(c, slot)
		start := n.Rollout.Span.Opens.Add(time.Duration(slot/6) * 40 * time.Minute)
		d.Job = &rollout.Job{ID: id.NewJob(), Rollout: n.Rollout.ID, Device: d.ID, Attempt: 1, PlannedStart: start, TotalBytes: 15_200_000_000}
		switch {
		case slot == 7:
			d.Readiness = notReady(reason.NoContact, night.Add(-9*time.Hour), time.Time{})
			d.Presence.LastSeen = night.Add(-9 * time.Hour)
			d.Job.State, d.Job.StartedAt, d.Job.Phase = rollout.JobRunning, start, rollout.PhaseWrite
			d.Job.DoneBytes, d.Job.Reason = 5_100_000_000, reason.NoContact
		case slot == 12:
			d.Alarm, d.AlarmAt = reason.IdentityCloned, night.Add(-25*time.Minute)
			d.Readiness = notReady(reason.IdentityCloned, night.Add(-25*time.Minute), time.Time{})
			d.Job.State = rollout.JobPlanned
		case slot == 19:
			d.Presence.ClockOffset = -63 * time.Hour
			d.Readiness = notReady(reason.WrongClock, night.Add(-time.Minute), time.Time{})
			d.Job.State = rollout.JobPlanned
		case slot == 23:
			d.Readiness = notReady(reason.DiskFull, night.Add(-40*time.Minute), time.Time{})
			d.Job.State, d.Job.Reason, d.Job.Attempt = rollout.JobFailed, reason.DiskFull, 2
			d.Job.StartedAt, d.Job.EndedAt, d.Job.Phase = start, night.Add(-40*time.Minute), rollout.PhaseFetch
			d.Job.Detail = "write /var/lib/nattevakt/chunks: no space left on device"
		case slot == 26:
			d.Hostname, d.Hardware.Product, d.Role = hostile, hostile, hostile
			d.Readiness = notReady(reason.WaitingForTurn, night.Add(-time.Minute), night.Add(2*time.Hour))
			d.Job.State, d.Job.Detail = rollout.JobPlanned, hostile
		case slot <= 14:
			d.Job.State, d.Job.StartedAt, d.Job.EndedAt = rollout.JobSucceeded, start, start.Add(35*time.Minute)
			d.Job.FetchedBytes = 412_000_000
		case slot <= 20:
			d.Readiness = notReady(reason.Working, night.Add(-20*time.Second), night.Add(30*time.Minute))
			d.Job.State, d.Job.StartedAt, d.Job.Phase, d.Job.PhaseState = rollout.JobRunning, start, rollout.Phase(slot%4+1), rollout.PhaseRunning
			d.Job.DoneBytes = d.Job.TotalBytes * uint64(slot-14) / 7
		default:
			d.Readiness = notReady(reason.WaitingForTurn, night.Add(-time.Minute), night.Add(2*time.Hour))
			d.Job.State = rollout.JobPlanned
		}
		n.Devices = append(n.Devices, d)
	}
	return total(n)
}

// morningCabinet is done: 28 of 30.
func morningCabinet(c fleet.Cabinet, site fleet.Site) control.CabinetNight {
	n := control.CabinetNight{Cabinet: c, Site: site, Rollout: tonight(c.ID), ExpectedFinish: night.Add(-time.Hour)}
	n.Rollout.State = rollout.Done
	for slot := 1; slot <= c.Slots; slot++ {
		d := device(c, slot)
		d.Job = &rollout.Job{ID: id.NewJob(), Rollout: n.Rollout.ID, Device: d.ID, Attempt: 1, State: rollout.JobSucceeded,
			PlannedStart: night.Add(-3 * time.Hour), StartedAt: night.Add(-3 * time.Hour), EndedAt: night.Add(-2 * time.Hour)}
		switch slot {
		case 4:
			d.Readiness = notReady(reason.NeverSeen, time.Time{}, time.Time{})
			d.Presence, d.Hostname, d.Job = fleet.Presence{}, "", nil
		case 17:
			d.Readiness = notReady(reason.BatteryLow, night.Add(-6*time.Minute), night.Add(3*time.Hour))
			d.Job.State, d.Job.Reason, d.Job.StartedAt, d.Job.EndedAt = rollout.JobExpired, reason.NotEnoughTime, time.Time{}, night.Add(-time.Hour)
		}
		n.Devices = append(n.Devices, d)
	}
	return total(n)
}

// idleCabinet has no plan and four empty places.
func idleCabinet(c fleet.Cabinet, site fleet.Site) control.CabinetNight {
	n := control.CabinetNight{Cabinet: c, Site: site}
	for slot := 1; slot <= c.Slots; slot++ {
		if slot%5 != 0 && slot != 16 {
			n.Devices = append(n.Devices, device(c, slot))
		}
	}
	return total(n)
}

func total(n control.CabinetNight) control.CabinetNight {
	n.Total = len(n.Devices)
	var jobs []rollout.Job
	for _, d := range n.Devices {
		if d.Readiness.Ready {
			n.Ready++
		}
		if d.Job != nil {
			jobs = append(jobs, *d.Job)
		}
	}
	if n.Rollout != nil {
		n.Jobs = n.Rollout.Sum(jobs)
	}
	return n
}

func notReady(why reason.Code, asOf, expected time.Time) readiness.Status {
	return readiness.Status{Reason: why, AsOf: asOf, Expected: expected, Since: night.Add(-5 * time.Hour)}
}

var madeUpModels = []fleet.Hardware{
	{Vendor: "Dell", Product: "Latitude 3140", ModelKey: "0C2D", FormFactor: 2},
	{Vendor: "HP", Product: "ProBook Fortis 11 G10", ModelKey: "8B0F", FormFactor: 2},
	{Vendor: "Lenovo", Product: "300w Yoga Gen 4", ModelKey: "82VM", FormFactor: 3},
}

// device is a healthy one in a slot; the same slot always gives the same device.
func device(c fleet.Cabinet, slot int) control.DeviceNight {
	key := fmt.Sprintf("%s/%d", c.ID, slot)
	d := control.DeviceNight{}
	d.ID = id.Device(uuid.NewSHA1(uuid.NameSpaceOID, []byte(key)))
	d.Hardware = madeUpModels[slot%len(madeUpModels)]
	d.Hardware.Serial = fmt.Sprintf("5CG%04d%s", slot*37, strings.ToUpper(string(c.ID[len(c.ID)-1:])))
	d.Hostname = fmt.Sprintf("%s-%02d", c.ID, slot)
	d.State = fleet.Active
	d.Place = fleet.Place{Owner: "nordvik", Site: c.Site, Cabinet: c.ID, Slot: slot}
	d.Role = "elev"
	d.Release = "2026.10.1"
	d.Delivery = fleet.Delivery{Purchased: "2024-08-12", WarrantyEnd: "2027-08-12", PriceOre: 642_050, Supplier: "Nordisk IT AS"}
	d.Identity = fleet.Identity{EnrolledAt: night.Add(-90 * 24 * time.Hour), NotAfter: night.Add(41 * 24 * time.Hour), CertSerial: []byte{0x5f, 0x13, byte(slot), 0x9a}, KeyHeld: "tpm"}
	if slot%4 == 0 {
		d.Identity.KeyHeld = "file"
	}
	d.Report = fleet.ReportSummary{At: night.Add(-7 * time.Hour), OSName: "Debian GNU/Linux 12 (bookworm)", AgentVersion: "0.1.0",
		Patch: fleet.PatchSummary{Known: true, Critical: slot % 3, Security: slot % 7, Other: slot % 11, OldestDays: slot, RebootPending: slot%5 == 0}}
	d.Presence = fleet.Presence{LastSeen: night.Add(-time.Duration(slot) * 13 * time.Second), HasBattery: true, OnAC: slot%2 == 0, BatteryPercent: uint8(60 + slot)}
	d.Readiness = readiness.Status{Ready: true, Since: night.Add(-30 * time.Hour), AsOf: d.Presence.LastSeen}
	return d
}

func (s *fakeSource) Overview(context.Context) (control.Overview, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overview, s.fail
}

func (s *fakeSource) all() []control.DeviceNight {
	var ds []control.DeviceNight
	for _, n := range s.sorted() {
		ds = append(ds, n.Devices...)
	}
	return ds
}

func (s *fakeSource) Devices(_ context.Context, f control.DeviceFilter, limit int, after string) (rows []control.DeviceRow, next string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	skip := after != ""
	for _, d := range s.all() {
		switch {
		case skip:
			skip = d.ID.String() != after
		case !matches(d, f):
		case len(rows) == limit:
			return rows, rows[limit-1].ID.String(), s.fail
		default:
			rows = append(rows, d.DeviceRow)
		}
	}
	return rows, "", s.fail
}

func matches(d control.DeviceNight, f control.DeviceFilter) bool {
	return (f.Owner == "" || f.Owner == d.Place.Owner) && (f.Site == "" || f.Site == d.Place.Site) &&
		(f.Cabinet == "" || f.Cabinet == d.Place.Cabinet) && (f.State == 0 || f.State == d.State) &&
		strings.Contains(strings.ToLower(d.Hostname+d.Hardware.Serial), strings.ToLower(f.Query))
}

func (s *fakeSource) Device(_ context.Context, key string) (control.DeviceDetail, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return control.DeviceDetail{}, s.fail
	}
	for _, d := range s.all() {
		if d.ID.String() == key || d.Hardware.Serial == key {
			return detail(d), nil
		}
	}
	return control.DeviceDetail{}, fmt.Errorf("device %q: %w", key, control.ErrNotFound)
}

func detail(d control.DeviceNight) control.DeviceDetail {
	if d.Presence.LastSeen.IsZero() {
		return control.DeviceDetail{DeviceRow: d.DeviceRow}
	}
	return control.DeviceDetail{DeviceRow: d.DeviceRow, Inventory: inventory(d), Patch: patchState(d), Job: d.Job}
}

func inventory(d control.DeviceNight) *nattevaktv1.Inventory {
	return &nattevaktv1.Inventory{
		Identity:  &nattevaktv1.HardwareIdentity{Vendor: d.Hardware.Vendor, Product: d.Hardware.Product, ModelKey: d.Hardware.ModelKey, Serial: d.Hardware.Serial},
		Firmware:  &nattevaktv1.Firmware{Vendor: "Insyde", Version: "1.14.0", Date: "2026-03-02", Uefi: true},
		Processor: &nattevaktv1.Processor{Model: "Intel(R) Processor N100", Cores: 4, Threads: 4},
		Memory:    &nattevaktv1.Memory{TotalBytes: 8 << 30},
		Disks: []*nattevaktv1.Disk{{Name: "nvme0n1", Model: "KIOXIA KBG40ZNS128G", SizeBytes: 128_035_676_160, Kind: "nvme",
			Health: &nattevaktv1.DiskHealth{Passed: true, WearPercent: 4}}},
		Batteries: []*nattevaktv1.Battery{{Name: "BAT0", DesignMwh: 42_000, FullMwh: 37_100, Cycles: 211}},
		Adapters:  []*nattevaktv1.NetworkAdapter{{Name: "wlan0", Kind: "wifi", Mac: "3c:21:9c:00:11:22"}, {Name: "eth0", Kind: "ethernet", Mac: "3c:21:9c:00:11:23"}},
		Security:  &nattevaktv1.Security{TpmPresent: true, TpmVersion: "2.0", SecureBoot: nattevaktv1.SecureBoot_SECURE_BOOT_ENABLED},
		Os: &nattevaktv1.OperatingSystem{Name: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-28-amd64",
			InstalledAt: timestamppb.New(night.Add(-400 * 24 * time.Hour)), BootedAt: timestamppb.New(night.Add(-30 * time.Hour))},
		Packages: &nattevaktv1.Packages{Counts: []*nattevaktv1.PackageCount{{Manager: "dpkg", Installed: 2143}}},
		Problems: []*nattevaktv1.CollectorProblem{{Collector: "battery", Problem: "read cycle_count: no such device"}},
	}
}

func patchState(d control.DeviceNight) *nattevaktv1.PatchState {
	p := &nattevaktv1.PatchState{Sources: []*nattevaktv1.PatchSource{{Name: "apt"}, {Name: "fwupd", Problem: "D-Bus: name has no owner"}}}
	add := func(n int, s nattevaktv1.Severity, name string) {
		for i := range n {
			p.Missing = append(p.Missing, &nattevaktv1.Update{Source: "apt", Name: fmt.Sprintf("%s-%d", name, i+1), InstalledVersion: "3.0.14-1~deb12u1",
				AvailableVersion: "3.0.17-1~deb12u3", Severity: s, DaysBehind: uint32(i * 3), Summary: "Secure Sockets Layer toolkit"})
		}
	}
	add(d.Report.Patch.Critical, nattevaktv1.Severity_SEVERITY_CRITICAL, "openssl")
	add(d.Report.Patch.Security, nattevaktv1.Severity_SEVERITY_SECURITY, "firefox-esr")
	add(d.Report.Patch.Other, nattevaktv1.Severity_SEVERITY_OTHER, hostile)
	return p
}

func (s *fakeSource) Cabinet(_ context.Context, name id.Name) (control.CabinetNight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return control.CabinetNight{}, s.fail
	}
	n, ok := s.nights[name]
	if !ok {
		return control.CabinetNight{}, fmt.Errorf("cabinet %q: %w", name, control.ErrNotFound)
	}
	c := *n
	c.Devices = slices.Clone(n.Devices)
	return c, nil
}

func (s *fakeSource) Nights(context.Context) ([]control.CabinetNight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted(), s.fail
}

func (s *fakeSource) Watch(ctx context.Context, _ id.Name) <-chan struct{} {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[c] = struct{}{}
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, c)
	})
	return c
}

func (s *fakeSource) Now() time.Time { return night }

// change edits a cabinet's night and signals it.
func (s *fakeSource) change(cabinet id.Name, edit func(*control.CabinetNight)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(s.nights[cabinet])
	for c := range s.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (s *fakeSource) watched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watchers)
}

// slotDevice is the device in a slot of a cabinet.
func (s *fakeSource) slotDevice(t *testing.T, cabinet id.Name, slot int) control.DeviceNight {
	t.Helper()
	for _, d := range s.nights[cabinet].Devices {
		if d.Place.Slot == slot {
			return d
		}
	}
	t.Fatalf("no device in slot %d of %s", slot, cabinet)
	return control.DeviceNight{}
}
