package operatorcli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

func newCabinetCommand(c *CLI) *cobra.Command {
	return c.group("cabinet", c.t("ladeskap", "charging cabinets"),
		newCabinetAddCommand(c), newCabinetListCommand(c), newCabinetShowCommand(c))
}

func newCabinetAddCommand(c *CLI) *cobra.Command {
	cab := &operatorv1.Cabinet{}
	cmd := &cobra.Command{
		Use:     c.t("add KORTNAVN", "add ID"),
		Short:   c.t("legg til et ladeskap", "add a cabinet"),
		Example: `  nattevakt cabinet add a-101 --site nordvik-skole --slots 30`,
		Args:    c.newName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.need("site", cab.SiteId); err != nil {
				return err
			}
			cab.Id, cab.Name = args[0], orID(cab.Name, args[0])
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.fleet.CreateCabinet(cmd.Context(), &operatorv1.CreateCabinetRequest{Cabinet: cab})
				if err != nil {
					return err
				}
				return c.done(resp, c.t("Ladeskapet %s er lagt til.", "Cabinet %s has been added."), cab.Id)
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&cab.SiteId, "site", "", c.t("`SKOLE` (påkrevd)", "`SITE` (required)"))
	fs.StringVar(&cab.Name, "name", "", c.t("`NAVN` som folk bruker", "`NAME` that people use"))
	fs.Uint32Var(&cab.Slots, "slots", 30, c.t("`ANTALL` plasser, 1–200", "`NUMBER` of slots, 1–200"))
	c.completeFlag(cmd, "site", siteNames)
	return cmd
}

func newCabinetListCommand(c *CLI) *cobra.Command {
	var site string
	cmd := &cobra.Command{
		Use:   "list",
		Short: c.t("vis ladeskapene", "show the cabinets"),
		Args:  c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.overview(cmd.Context(), func(o *operatorv1.GetOverviewResponse, w io.Writer) error {
				return c.writeTable(w, c.cabinets(o, site), c.t("Ingen ladeskap.", "No cabinets."))
			})
		},
	}
	cmd.Flags().StringVar(&site, "site", "", c.t("bare ladeskapene på `SKOLE`", "only the cabinets of `SITE`"))
	c.completeFlag(cmd, "site", siteNames)
	return cmd
}

func (c *CLI) cabinets(o *operatorv1.GetOverviewResponse, site string) table.Table {
	t := table.Table{Columns: append([]table.Column{
		{Title: c.t("LADESKAP", "CABINET"), Weight: 9},
		{Title: c.t("NAVN", "NAME"), Weight: 4, Least: 10},
		{Title: c.t("SKOLE", "SITE"), Weight: 3},
		{Title: c.t("PLASSER", "SLOTS"), Weight: 3, Right: true},
	}, c.countColumns()...)}
	for _, owner := range o.GetOwners() {
		for _, s := range owner.GetSites() {
			if site != "" && s.GetSite().GetId() != site {
				continue
			}
			for _, cab := range s.GetCabinets() {
				t.Rows = append(t.Rows, append([]table.Cell{
					{Text: cab.GetCabinet().GetId()}, {Text: cab.GetCabinet().GetName()}, {Text: s.GetSite().GetId()},
					{Text: strconv.FormatUint(uint64(cab.GetCabinet().GetSlots()), 10)},
				}, countCells(cab.GetDevices())...))
			}
		}
	}
	return t
}
