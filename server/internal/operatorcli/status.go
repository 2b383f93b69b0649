package operatorcli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

func newStatusCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: c.t("vis hvordan det står til med kontrollplanet", "show how the control plane is doing"),
		Args:  c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.maintenance.GetStatus(cmd.Context(), &operatorv1.GetStatusRequest{})
				if err != nil {
					return err
				}
				return c.show(resp, func(w io.Writer) error { return c.writeStatus(w, k, resp) })
			})
		},
	}
}

func (c *CLI) writeStatus(w io.Writer, k *client, r *operatorv1.GetStatusResponse) error {
	s := c.speech(nil, c.host.Now())
	ends, err := k.operator.Ends()
	if err != nil {
		return err
	}
	var facts []fact
	for _, row := range [][2]string{
		{c.t("svarer på", "answers at"), k.server},
		{c.t("utgave", "version"), r.GetVersion()},
		{c.t("startet", "started"), s.ago(timeOf(r.GetStartedAt()))},
		{c.t("maskiner", "devices"), fmt.Sprint(r.GetDevices())},
		{c.t("lager", "store"), s.bytes(r.GetStoreBytes()) + fmt.Sprintf(c.t(", skjema %d", ", schema %d"), r.GetSchemaVersion())},
		{c.t("for maskiner", "for machines"), r.GetAgentAddress()},
		{c.t("sider", "pages"), r.GetWebAddress()},
		{c.t("utgivelser", "releases"), r.GetContentAddress()},
		{c.t("du er", "you are"), fmt.Sprintf(c.t("%s, til %s", "%s, until %s"), k.operator.Name, s.stamp(ends))},
	} {
		facts = append(facts, fact{row[0], table.Cell{Text: row[1]}})
	}
	return c.writeFacts(w, facts)
}
