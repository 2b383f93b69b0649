package operatorcli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

func newOwnerCommand(c *CLI) *cobra.Command {
	return c.group("owner", c.t("eiere: kommuner og fylker", "owners: municipalities and counties"),
		newOwnerAddCommand(c), newOwnerListCommand(c))
}

func newOwnerAddCommand(c *CLI) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     c.t("add KORTNAVN", "add ID"),
		Short:   c.t("legg til en eier", "add an owner"),
		Example: `  nattevakt owner add nordvik --name "Nordvik kommune"`,
		Args:    c.newName,
		RunE: func(cmd *cobra.Command, args []string) error {
			owner := &operatorv1.Owner{Id: args[0], Name: orID(name, args[0])}
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.fleet.CreateOwner(cmd.Context(), &operatorv1.CreateOwnerRequest{Owner: owner})
				if err != nil {
					return err
				}
				return c.done(resp, c.t("Eier %s er lagt til.", "Owner %s has been added."), owner.Id)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", c.t("`NAVN` som folk bruker", "`NAME` that people use"))
	return cmd
}

// orID is the name that was given, else the id.
func orID(name, id string) string {
	if name == "" {
		return id
	}
	return name
}

func newOwnerListCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: c.t("vis eierne", "show the owners"),
		Args:  c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.overview(cmd.Context(), func(o *operatorv1.GetOverviewResponse, w io.Writer) error {
				return c.writeTable(w, c.owners(o), c.t("Ingen eiere ennå. Legg til den første med «nattevakt owner add».", "No owners yet. Add the first with “nattevakt owner add”."))
			})
		},
	}
}

func (c *CLI) owners(o *operatorv1.GetOverviewResponse) table.Table {
	t := table.Table{Columns: append([]table.Column{
		{Title: c.t("EIER", "OWNER"), Weight: 9},
		{Title: c.t("NAVN", "NAME"), Weight: 4, Least: 10},
		{Title: c.t("SKOLER", "SITES"), Weight: 3, Right: true},
	}, c.countColumns()...)}
	for _, owner := range o.GetOwners() {
		sum := &operatorv1.Counts{}
		for _, s := range owner.GetSites() {
			addCounts(sum, s.GetDevices())
		}
		t.Rows = append(t.Rows, append([]table.Cell{
			{Text: owner.GetOwner().GetId()}, {Text: owner.GetOwner().GetName()}, {Text: strconv.Itoa(len(owner.GetSites()))},
		}, countCells(sum)...))
	}
	return t
}
