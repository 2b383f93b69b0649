package operatorcli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

func newNightCommand(c *CLI) *cobra.Command {
	var follow, check bool
	cmd := &cobra.Command{
		Use:   c.t("night [LADESKAP]", "night [CABINET]"),
		Short: c.t("vis hva som skjer i natt, og hva som ble gjort", "show what happens tonight, and what was done"),
		Long: c.t("Viser nattplanen: for hvert ladeskap vinduet og skoleklokken, og for hver maskin når den begynner, hvor langt den er kommet og hvorfor den eventuelt ikke er det. Hver maskin i skapet er med.",
			"Shows the night plan: for each cabinet the window and the bell, and for each device when it begins, how far it has come and why it perhaps has not. Every device of the cabinet is in it."),
		Example:           "  nattevakt night a-101\n  nattevakt night a-101 --watch\n  nattevakt night --check && echo alt er klart",
		Args:              c.upToOneArg,
		ValidArgsFunction: c.completeArg(cabinetNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if follow && check {
				return c.usage(c.t("velg --watch eller --check; --watch avslutter uansett med 7 om noe ikke gikk", "choose --watch or --check; --watch ends with 7 anyway if something failed"))
			}
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			ctx := cmd.Context()
			return c.with(ctx, func(k *client) error {
				if follow {
					return c.watchCabinet(ctx, k, id)
				}
				return c.showNight(ctx, k, id, check)
			})
		},
	}
	cmd.Flags().BoolVar(&follow, "watch", false, c.t("følg med til natten er over", "follow until the night is over"))
	cmd.Flags().BoolVar(&check, "check", false, c.t("avslutt med 7 om ikke alle maskiner er klare", "exit with 7 unless every device is ready"))
	return cmd
}

func (c *CLI) showNight(ctx context.Context, k *client, id string, check bool) error {
	p, err := k.loadPlaces(ctx)
	if err != nil {
		return err
	}
	if id != "" {
		if _, err := c.cabinet(p, id); err != nil {
			return err
		}
	}
	resp, err := k.night.GetNight(ctx, &operatorv1.GetNightRequest{CabinetId: id})
	if err != nil {
		return err
	}
	err = c.show(resp, func(w io.Writer) error { return c.writeNights(w, resp, p) })
	if err == nil && check && !allReady(resp) {
		return errQuiet{exitNotDone}
	}
	return err
}

func allReady(resp *operatorv1.GetNightResponse) bool {
	for _, n := range resp.GetCabinets() {
		if n.GetReady() != n.GetTotal() {
			return false
		}
	}
	return true
}

func (c *CLI) writeNights(w io.Writer, resp *operatorv1.GetNightResponse, p places) error {
	if len(resp.GetCabinets()) == 0 {
		_, err := io.WriteString(w, c.t("Ingenting er planlagt i natt.\n", "Nothing is planned tonight.\n"))
		return err
	}
	for i, n := range resp.GetCabinets() {
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		v := c.nightView(p, n, timeOf(resp.GetNow()))
		if err := v.write(w, n); err != nil {
			return err
		}
	}
	return nil
}

// watchCabinet follows one cabinet: the one that is named, or the only one there is.
func (c *CLI) watchCabinet(ctx context.Context, k *client, id string) error {
	p, err := k.loadPlaces(ctx)
	if err != nil {
		return err
	}
	if id == "" {
		if len(p.cabinets) != 1 {
			return c.usage(c.t("--watch følger ett ladeskap; si hvilket", "--watch follows one cabinet; say which"))
		}
		for only := range p.cabinets {
			id = only
		}
	}
	if _, err := c.cabinet(p, id); err != nil {
		return err
	}
	return c.watch(ctx, k, p, id, "")
}
