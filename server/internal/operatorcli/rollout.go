package operatorcli

import (
	"io"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

func newRolloutCommand(c *CLI) *cobra.Command {
	return c.group("rollout", c.t("utrullinger: det som er bestilt", "rollouts: what has been ordered"),
		newRolloutListCommand(c), newRolloutCancelCommand(c))
}

func newRolloutListCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: c.t("vis utrullingene", "show the rollouts"),
		Args:  c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.night.ListRollouts(cmd.Context(), &operatorv1.ListRolloutsRequest{})
				if err != nil {
					return err
				}
				return c.show(resp, func(w io.Writer) error {
					return c.writeTable(w, c.rollouts(resp.GetRollouts()), c.t("Ingen utrullinger.", "No rollouts."))
				})
			})
		},
	}
}

func (c *CLI) rollouts(rollouts []*operatorv1.Rollout) table.Table {
	s := c.speech(nil, c.host.Now())
	t := table.Table{Columns: []table.Column{
		{Title: "ID", Weight: 6},
		{Title: c.t("LADESKAP", "CABINET"), Weight: 9},
		{Title: "IMAGE", Weight: 5, Least: 8},
		{Title: c.t("UTGAVE", "RELEASE"), Weight: 5, Least: 8},
		{Title: c.t("TILSTAND", "STATE"), Weight: 8},
		{Title: c.t("FERDIG", "DONE"), Weight: 7, Right: true},
		{Title: c.t("IKKE", "NOT"), Weight: 7, Right: true},
		{Title: c.t("ÅPNE", "OPEN"), Weight: 7, Right: true},
		{Title: c.t("VINDU", "WINDOW"), Weight: 3},
	}}
	for _, r := range rollouts {
		failed := cell(r.GetFailed())
		if r.GetFailed() > 0 {
			failed.Style = table.Bad
		}
		t.Rows = append(t.Rows, []table.Cell{
			{Text: r.GetId()}, {Text: r.GetCabinetId()}, {Text: r.GetImage()}, {Text: r.GetRelease()}, s.rolloutLook(r.GetState()).cell(),
			cell(r.GetSucceeded()), failed, cell(r.GetOpen()), {Text: s.near(timeOf(r.GetOpensAt())) + "–" + s.clock(timeOf(r.GetClosesAt()))},
		})
	}
	return t
}

func newRolloutCancelCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID",
		Short: c.t("avlys en utrulling; det som er skrevet, blir stående", "cancel a rollout; what has been written stays"),
		Args:  c.oneArg(c.t("en utrullings ID (se rollout list)", "a rollout's ID (see rollout list)")),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (out []string, _ cobra.ShellCompDirective) {
			_ = c.with(cmd.Context(), func(k *client) error {
				resp, err := k.night.ListRollouts(cmd.Context(), &operatorv1.ListRolloutsRequest{})
				for _, r := range resp.GetRollouts() {
					if r.GetState() == operatorv1.RolloutState_ROLLOUT_STATE_RUNNING && len(args) == 0 {
						out = append(out, described(r.GetId(), r.GetCabinetId()))
					}
				}
				return err
			})
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.night.CancelRollout(cmd.Context(), &operatorv1.CancelRolloutRequest{Id: args[0]})
				if err != nil {
					return err
				}
				return c.done(resp, c.t("Utrullingen %s er avlyst. Det som alt er skrevet, blir stående.", "Rollout %s has been cancelled. What has been written stays."), args[0])
			})
		},
	}
}
