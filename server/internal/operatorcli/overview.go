package operatorcli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// overview asks for every owner, site and cabinet and shows a part of it. With --json it is all of it.
func (c *CLI) overview(ctx context.Context, text func(*operatorv1.GetOverviewResponse, io.Writer) error) error {
	return c.with(ctx, func(k *client) error {
		o, err := k.fleet.GetOverview(ctx, &operatorv1.GetOverviewRequest{})
		if err != nil {
			return err
		}
		return c.show(o, func(w io.Writer) error { return text(o, w) })
	})
}

// countColumns are those of countCells. The four states and retired sum to the total.
func (c *CLI) countColumns() []table.Column {
	return []table.Column{
		{Title: c.t("MASKINER", "DEVICES"), Weight: 7, Right: true},
		{Title: c.t("KLARE", "READY"), Weight: 8, Right: true},
		{Title: c.t("I DRIFT", "ACTIVE"), Weight: 2, Right: true},
		{Title: c.t("VENTER", "PENDING"), Weight: 5, Right: true},
		{Title: c.t("VARSLET", "ANNOUNCED"), Weight: 2, Right: true},
		{Title: c.t("SPERRET", "REVOKED"), Weight: 2, Right: true},
		{Title: c.t("UTRANGERT", "RETIRED"), Weight: 1, Right: true},
	}
}

func countCells(n *operatorv1.Counts) []table.Cell {
	pending := cell(n.GetPending())
	if n.GetPending() > 0 {
		pending.Style = table.Warn
	}
	return []table.Cell{
		cell(n.GetTotal()), cell(n.GetReady()), cell(n.GetActive()), pending,
		cell(n.GetAnnounced()), cell(n.GetRevoked()), cell(n.GetRetired()),
	}
}

func cell(n uint32) table.Cell { return table.Cell{Text: strconv.FormatUint(uint64(n), 10)} }

func addCounts(sum, n *operatorv1.Counts) {
	sum.Total += n.GetTotal()
	sum.Announced += n.GetAnnounced()
	sum.Pending += n.GetPending()
	sum.Active += n.GetActive()
	sum.Revoked += n.GetRevoked()
	sum.Retired += n.GetRetired()
	sum.Ready += n.GetReady()
	sum.NotReady += n.GetNotReady()
}

// places finds sites and cabinets of an overview by id.
type places struct {
	sites    map[string]*operatorv1.Site
	cabinets map[string]*operatorv1.Cabinet
}

func placesOf(o *operatorv1.GetOverviewResponse) places {
	p := places{sites: map[string]*operatorv1.Site{}, cabinets: map[string]*operatorv1.Cabinet{}}
	for _, owner := range o.GetOwners() {
		for _, s := range owner.GetSites() {
			p.sites[s.GetSite().GetId()] = s.GetSite()
			for _, cab := range s.GetCabinets() {
				p.cabinets[cab.GetCabinet().GetId()] = cab.GetCabinet()
			}
		}
	}
	return p
}

// zone is that of the site, nil where it is not known here.
func (p places) zone(site string) *time.Location {
	name := p.sites[site].GetZone()
	if name == "" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil // a zone this machine has no data for: its own is the next best
	}
	return zone
}

// loadPlaces asks for all places.
func (k *client) loadPlaces(ctx context.Context) (places, error) {
	o, err := k.fleet.GetOverview(ctx, &operatorv1.GetOverviewRequest{})
	if err != nil {
		return places{}, err
	}
	return placesOf(o), nil
}

// cabinet finds one, or says that there is none and which there are.
func (c *CLI) cabinet(p places, id string) (*operatorv1.Cabinet, error) {
	if cab, ok := p.cabinets[id]; ok {
		return cab, nil
	}
	return nil, &fault{
		code: exitNotFound,
		what: fmt.Sprintf(c.t("ladeskapet «%s» finnes ikke", "there is no cabinet “%s”"), id),
		next: c.t("Se hvilke som finnes med «nattevakt cabinet list».", "See which there are with “nattevakt cabinet list”."),
	}
}
