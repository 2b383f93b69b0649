package web

import (
	"net/http"
	"net/url"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/fleet"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// rowsPerPage keeps a list page well under 100 KB.
const rowsPerPage = 50

// maxQuery bounds what a search may hold, and what a page's address may say comes before it.
const maxQuery = 200

type overviewView struct {
	page
	control.Overview
}

func (s *site) overview(q *request) error {
	o, err := s.source.Overview(q.Context())
	if err != nil {
		return err
	}
	v := overviewView{page: q.newPage("Oversikt", "Overview"), Overview: o}
	v.Section = "overview"
	return q.render(http.StatusOK, "overview", v)
}

// stateWords are the states as addresses name them.
var stateWords = []struct {
	word  string
	state fleet.State
}{
	{"ventes", fleet.Announced}, {"til-godkjenning", fleet.Pending}, {"i-drift", fleet.Active},
	{"sperret", fleet.Revoked}, {"utfaset", fleet.Retired},
}

type devicesView struct {
	page
	Filter control.DeviceFilter
	Rows   []control.DeviceRow
	States []stateChoice
	// Chosen are the narrowings that can be lifted one by one.
	Chosen []choice
	// First and Next are addresses of pages; empty where there is none.
	First, Next string
	Narrowed    bool
}

type stateChoice struct {
	Value, Label string
	Selected     bool
}

type choice struct{ Label, Value, Without string }

func (s *site) devices(q *request) error {
	f, after, err := deviceFilter(q.URL.Query())
	if err != nil {
		return err
	}
	rows, next, err := s.source.Devices(q.Context(), f, rowsPerPage, after)
	if err != nil {
		return err
	}
	v := devicesView{page: q.newPage("Maskiner", "Devices"), Filter: f, Rows: rows, Narrowed: f != control.DeviceFilter{}}
	v.Section = "devices"
	v.States = v.stateChoices(f.State)
	v.Chosen = v.choices(q.URL.Query())
	if after != "" {
		v.First = address(q.URL.Query(), "etter", "")
	}
	if next != "" {
		v.Next = address(q.URL.Query(), "etter", next)
	}
	return q.render(http.StatusOK, "devices", v)
}

// deviceFilter reads ?sok=&tilstand=&eier=&skole=&ladeskap=&etter=.
func deviceFilter(q url.Values) (f control.DeviceFilter, after string, err error) {
	f.Query, after = q.Get("sok"), q.Get("etter")
	if len(f.Query) > maxQuery || len(after) > maxQuery {
		return f, "", errBadFilter
	}
	for param, name := range map[string]*id.Name{"eier": &f.Owner, "skole": &f.Site, "ladeskap": &f.Cabinet} {
		if *name, err = optionalName(q.Get(param)); err != nil {
			return f, "", errBadFilter
		}
	}
	f.State, err = parseState(q.Get("tilstand"))
	return f, after, err
}

func optionalName(s string) (id.Name, error) {
	if s == "" {
		return "", nil
	}
	return id.ParseName(s)
}

func parseState(word string) (fleet.State, error) {
	if word == "" {
		return 0, nil
	}
	for _, w := range stateWords {
		if w.word == word {
			return w.state, nil
		}
	}
	return 0, errBadFilter
}

func (l locale) stateChoices(selected fleet.State) []stateChoice {
	c := []stateChoice{{Label: l.T("Alle tilstander", "All states"), Selected: selected == 0}}
	for _, w := range stateWords {
		c = append(c, stateChoice{Value: w.word, Label: l.StateLook(w.state).Word, Selected: w.state == selected})
	}
	return c
}

func (l locale) choices(q url.Values) []choice {
	var cs []choice
	for _, p := range []struct{ param, nb, en string }{
		{"eier", "Eier", "Owner"}, {"skole", "Skole", "Site"}, {"ladeskap", "Ladeskap", "Cabinet"},
	} {
		if v := q.Get(p.param); v != "" {
			cs = append(cs, choice{Label: l.T(p.nb, p.en), Value: v, Without: address(q, p.param, "")})
		}
	}
	return cs
}

// address is the list's address with one parameter set or, where value is empty, left out. Any change
// but of the page itself begins at the first page.
func address(q url.Values, param, value string) string {
	c := url.Values{}
	for _, k := range []string{"sok", "tilstand", "eier", "skole", "ladeskap"} {
		if v := q.Get(k); v != "" && k != param {
			c.Set(k, v)
		}
	}
	if value != "" {
		c.Set(param, value)
	}
	if len(c) == 0 {
		return "/maskiner"
	}
	return "/maskiner?" + c.Encode()
}

type deviceView struct {
	page
	control.DeviceDetail
	// CabinetName and SiteName are empty where the device has no cabinet.
	CabinetName, SiteName string
	// Missing groups the updates the machine lacks, the gravest first.
	Missing []updateGroup
}

type updateGroup struct {
	Look  look
	Count int
	// Updates may be fewer than Count: a page is no place for thousands.
	Updates []*nattevaktv1.Update
}

// maxUpdates is how many missing updates a page lists of each severity.
const maxUpdates = 40

func (s *site) device(q *request) error {
	key := q.PathValue("key")
	if len(key) > maxQuery {
		return errNotFound
	}
	d, err := s.source.Device(q.Context(), key)
	if err != nil {
		return err
	}
	v := deviceView{page: q.newPage("", ""), DeviceDetail: d}
	v.Section, v.Title = "devices", deviceName(d.Device)
	if err := v.place(q); err != nil {
		return err
	}
	v.Missing = v.updateGroups()
	return q.render(http.StatusOK, "device", v)
}

// place finds the names of cabinet and site, and the site's zone.
func (v *deviceView) place(q *request) error {
	if v.Place.Cabinet == "" {
		return nil
	}
	c, err := q.site.source.Cabinet(q.Context(), v.Place.Cabinet)
	if err != nil {
		return err
	}
	v.CabinetName, v.SiteName = c.Cabinet.Name, c.Site.Name
	v.at(c.Site.Zone)
	return nil
}

func (v *deviceView) updateGroups() []updateGroup {
	bySeverity := map[nattevaktv1.Severity][]*nattevaktv1.Update{}
	for _, u := range v.Patch.GetMissing() {
		bySeverity[u.GetSeverity()] = append(bySeverity[u.GetSeverity()], u)
	}
	other := append(bySeverity[nattevaktv1.Severity_SEVERITY_OTHER], bySeverity[nattevaktv1.Severity_SEVERITY_UNSPECIFIED]...)
	p := v.Report.Patch
	return []updateGroup{
		{v.SeverityLook(nattevaktv1.Severity_SEVERITY_CRITICAL), p.Critical, head(bySeverity[nattevaktv1.Severity_SEVERITY_CRITICAL])},
		{v.SeverityLook(nattevaktv1.Severity_SEVERITY_SECURITY), p.Security, head(bySeverity[nattevaktv1.Severity_SEVERITY_SECURITY])},
		{v.SeverityLook(nattevaktv1.Severity_SEVERITY_OTHER), p.Other, head(other)},
	}
}

func head(us []*nattevaktv1.Update) []*nattevaktv1.Update { return us[:min(len(us), maxUpdates)] }

// deviceName is what people call a device: its host name, else its serial number, else its id.
func deviceName(d fleet.Device) string {
	switch {
	case d.Hostname != "":
		return d.Hostname
	case d.Hardware.Serial != "":
		return d.Hardware.Serial
	}
	return d.ID.String()
}
