package operatorcli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

func newSiteCommand(c *CLI) *cobra.Command {
	return c.group("site", c.t("skoler", "sites: schools"), newSiteAddCommand(c), newSiteListCommand(c))
}

func newSiteAddCommand(c *CLI) *cobra.Command {
	site := &operatorv1.Site{}
	cmd := &cobra.Command{
		Use:     c.t("add KORTNAVN", "add ID"),
		Short:   c.t("legg til en skole", "add a site"),
		Example: `  nattevakt site add nordvik-skole --owner nordvik --name "Nordvik skole"`,
		Args:    c.newName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.need("owner", site.OwnerId); err != nil {
				return err
			}
			site.Id, site.Name = args[0], orID(site.Name, args[0])
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.fleet.CreateSite(cmd.Context(), &operatorv1.CreateSiteRequest{Site: site})
				if err != nil {
					return err
				}
				return c.done(resp, c.t("Skolen %s er lagt til.", "Site %s has been added."), site.Id)
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&site.OwnerId, "owner", "", c.t("`EIER` (påkrevd)", "`OWNER` (required)"))
	fs.StringVar(&site.Name, "name", "", c.t("`NAVN` som folk bruker", "`NAME` that people use"))
	fs.StringVar(&site.Zone, "zone", "", c.t("IANA-`TIDSSONE` (ellers Europe/Oslo)", "IANA time `ZONE` (else Europe/Oslo)"))
	c.completeFlag(cmd, "owner", ownerNames)
	return cmd
}

func newSiteListCommand(c *CLI) *cobra.Command {
	var owner string
	cmd := &cobra.Command{
		Use:   "list",
		Short: c.t("vis skolene", "show the sites"),
		Args:  c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.overview(cmd.Context(), func(o *operatorv1.GetOverviewResponse, w io.Writer) error {
				return c.writeTable(w, c.sites(o, owner), c.t("Ingen skoler.", "No sites."))
			})
		},
	}
	cmd.Flags().StringVar(&owner, "owner", "", c.t("bare skolene til `EIER`", "only the sites of `OWNER`"))
	c.completeFlag(cmd, "owner", ownerNames)
	return cmd
}

func (c *CLI) sites(o *operatorv1.GetOverviewResponse, owner string) table.Table {
	t := table.Table{Columns: append([]table.Column{
		{Title: c.t("SKOLE", "SITE"), Weight: 9},
		{Title: c.t("NAVN", "NAME"), Weight: 4, Least: 10},
		{Title: c.t("EIER", "OWNER"), Weight: 3},
		{Title: c.t("LADESKAP", "CABINETS"), Weight: 3, Right: true},
	}, c.countColumns()...)}
	for _, oo := range o.GetOwners() {
		if owner != "" && oo.GetOwner().GetId() != owner {
			continue
		}
		for _, s := range oo.GetSites() {
			t.Rows = append(t.Rows, append([]table.Cell{
				{Text: s.GetSite().GetId()}, {Text: s.GetSite().GetName()}, {Text: s.GetSite().GetOwnerId()},
				{Text: strconv.Itoa(len(s.GetCabinets()))},
			}, countCells(s.GetDevices())...))
		}
	}
	return t
}
