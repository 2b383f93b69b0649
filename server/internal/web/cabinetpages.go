package web

import (
	"context"
	"net/http"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// cabinetView is one cabinet, for the cabinet's page, the teacher's and the night's.
type cabinetView struct {
	page
	control.CabinetNight
	// Slots are all places of the cabinet in order, the empty ones too.
	Slots []slot
	// NotReady are the devices that are not, in slot order.
	NotReady []control.DeviceNight
	// OldestAnswer is when the ready device that has been silent longest confirmed it; zero without one.
	OldestAnswer time.Time
}

// slot is one place. Device is nil where it is empty.
type slot struct {
	Number int
	Look   look
	Device *control.DeviceNight
}

// maxSlots bounds a page of a cabinet whose record says nonsense.
const maxSlots = 400

func newCabinetView(p page, n control.CabinetNight) cabinetView {
	p.at(n.Site.Zone)
	v := cabinetView{page: p, CabinetNight: n}
	v.Slots = v.slots(n)
	for _, d := range n.Devices {
		if !d.Readiness.Ready {
			v.NotReady = append(v.NotReady, d)
		} else if v.OldestAnswer.IsZero() || d.Readiness.AsOf.Before(v.OldestAnswer) {
			v.OldestAnswer = d.Readiness.AsOf
		}
	}
	return v
}

// slots puts each device in its place. A device whose number the cabinet does not have gets a place of
// its own at the end: it is counted, so it is shown.
func (l locale) slots(n control.CabinetNight) []slot {
	places := make([]slot, min(max(n.Cabinet.Slots, 0), maxSlots))
	for i := range places {
		places[i] = slot{Number: i + 1, Look: l.EmptyLook()}
	}
	for i := range n.Devices {
		d := &n.Devices[i]
		s := slot{Number: d.Place.Slot, Look: l.ReadyLook(d.Readiness), Device: d}
		if k := d.Place.Slot - 1; k >= 0 && k < len(places) && places[k].Device == nil {
			places[k] = s
		} else {
			places = append(places, s)
		}
	}
	return places
}

func (s *site) cabinet(q *request) error {
	n, err := s.cabinetNight(q)
	if err != nil {
		return err
	}
	v := newCabinetView(q.newPage("", ""), n)
	v.Section, v.Title = "overview", n.Cabinet.Name
	return q.render(http.StatusOK, "cabinet", v)
}

func (s *site) cabinetNight(q *request) (control.CabinetNight, error) {
	name, err := id.ParseName(q.PathValue("cabinet"))
	if err != nil {
		return control.CabinetNight{}, errNotFound
	}
	return s.source.Cabinet(q.Context(), name)
}

// ready is the teacher's page.
func (s *site) ready(q *request) error {
	n, err := s.cabinetNight(q)
	if err != nil {
		return err
	}
	v := newCabinetView(q.newPage("", ""), n)
	v.Title = n.Cabinet.Name + v.T(": klar?", ": ready?")
	v.Live = livePath("klar", n.Cabinet.ID)
	return q.render(http.StatusOK, "ready", v)
}

type nightsView struct {
	page
	Nights []cabinetView
}

// nights lists what every cabinet does tonight.
func (s *site) nights(q *request) error {
	all, err := s.source.Nights(q.Context())
	if err != nil {
		return err
	}
	v := nightsView{page: q.newPage("I natt", "Tonight")}
	v.Section = "night"
	for _, n := range all {
		v.Nights = append(v.Nights, newCabinetView(v.page, n))
	}
	return q.render(http.StatusOK, "nights", v)
}

// night is the plan of one cabinet, its progress, and in the morning the report.
func (s *site) night(q *request) error {
	n, err := s.cabinetNight(q)
	if err != nil {
		return err
	}
	v := newCabinetView(q.newPage("", ""), n)
	v.Section, v.Title = "night", v.T("Natten for ", "Tonight for ")+n.Cabinet.Name
	v.Live = livePath("natt", n.Cabinet.ID)
	return q.render(http.StatusOK, "night", v)
}

// livePages are the pages with a stream, by the first part of their path.
var livePages = map[string]string{"klar": "ready", "natt": "night"}

func livePath(section string, cabinet id.Name) string {
	return "/" + section + "/" + string(cabinet) + "/hendelser"
}

// renderLive makes the part of a page that its stream sends.
func (s *site) renderLive(ctx context.Context, t topic) ([]byte, error) {
	n, err := s.source.Cabinet(ctx, t.cabinet)
	if err != nil {
		return nil, err
	}
	p := page{locale: locale{Lang: t.lang, Now: s.source.Now(), Zone: s.zone}, Files: s.files}
	return s.pages.fragment(livePages[t.section], newCabinetView(p, n))
}
