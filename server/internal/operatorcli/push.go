package operatorcli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

// pushFlags are those of push.
type pushFlags struct {
	order    operatorv1.PushRequest
	disk     string
	makeDisk bool
	images   string
	watch    bool
}

func newPushCommand(c *CLI) *cobra.Command {
	f := &pushFlags{order: operatorv1.PushRequest{Window: &operatorv1.Window{}}}
	cmd := &cobra.Command{
		Use:   "push",
		Short: c.t("legg et nytt image på alle maskinene i et ladeskap i natt", "bring all devices of a cabinet to a new image tonight"),
		Long: c.t("Bygger og signerer en utgave av et diskbilde, legger den ut og bestiller den for et ladeskap i natt. Uten --disk og --make-disk bestilles en utgave som finnes fra før. Med --dry-run legges utgaven ut og planen vises, men ingenting bestilles. Ingen maskin begynner på noe den ikke ventes å bli ferdig med før skoleklokken.",
			"Builds and signs a release of a disk image, publishes it and orders it for a cabinet tonight. Without --disk and --make-disk a release that exists is ordered. With --dry-run the release is published and the plan is shown, but nothing is ordered. No device begins what it is not expected to finish before the bell."),
		Example: "  nattevakt push --cabinet a-101 --image elev --disk elev.img\n  nattevakt push --cabinet a-101 --image elev --release 2026-11 --dry-run\n  nattevakt push --cabinet a-101 --image demo --make-disk --now --watch",
		Args:    c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkPush(f); err != nil {
				return err
			}
			return c.with(cmd.Context(), func(k *client) error { return c.push(cmd.Context(), k, f) })
		},
	}
	c.pushFlags(cmd, f)
	return cmd
}

func (c *CLI) pushFlags(cmd *cobra.Command, f *pushFlags) {
	fs := cmd.Flags()
	fs.StringVar(&f.order.CabinetId, "cabinet", "", c.t("`LADESKAP` (påkrevd)", "`CABINET` (required)"))
	fs.StringVar(&f.order.Image, "image", "", c.t("`NAVN` på imaget (påkrevd)", "`NAME` of the image (required)"))
	fs.StringVar(&f.order.Release, "release", "", c.t("`NAVN` på utgaven (ellers dato og klokkeslett)", "`NAME` of the release (else date and time)"))
	fs.StringVar(&f.disk, "disk", "", c.t("diskbilde i `FIL`", "disk image in `FILE`"))
	fs.BoolVar(&f.makeDisk, "make-disk", false, c.t("lag et diskbilde å prøve med", "make a disk image to try with"))
	fs.StringVar(&f.images, "images", "", c.t("`MAPPE` å bygge utgaver i (ellers images ved siden av operatørfilen)", "`FOLDER` to build releases in (else images beside the operator file)"))
	fs.StringVar(&f.order.Window.Open, "open", "22:00", c.t("`TIDSPUNKT` vinduet åpner, skolens tid", "`TIME` the window opens, in the site's zone"))
	fs.StringVar(&f.order.Window.Close, "close", "06:00", c.t("`TIDSPUNKT` vinduet lukker", "`TIME` the window closes"))
	fs.StringVar(&f.order.Window.Bell, "bell", "07:45", c.t("skoleklokken: `TIDSPUNKT` skapet må kunne brukes", "the bell: `TIME` the cabinet must be usable"))
	fs.Uint32Var(&f.order.AtOnce, "at-once", 10, c.t("høyst så `MANGE` maskiner samtidig, 1–200", "at most so `MANY` devices at the same time, 1–200"))
	fs.BoolVar(&f.order.Now, "now", false, c.t("åpne vinduet med en gang", "open the window at once"))
	fs.BoolVar(&f.order.DryRun, "dry-run", false, c.t("vis planen, og bestill ingenting", "show the plan, and order nothing"))
	fs.BoolVar(&f.watch, "watch", false, c.t("følg med til natten er over", "follow until the night is over"))
	c.completeFlag(cmd, "cabinet", cabinetNames)
	must(cmd.MarkFlagDirname("images"))
}

// checkPush finds what is wrong before an hour has gone into building.
func (c *CLI) checkPush(f *pushFlags) error {
	if err := errors.Join(c.need("cabinet", f.order.CabinetId), c.need("image", f.order.Image)); err != nil {
		return err
	}
	switch {
	case f.disk != "" && f.makeDisk:
		return c.usage(c.t("velg --disk eller --make-disk, ikke begge", "choose --disk or --make-disk, not both"))
	case f.watch && f.order.DryRun:
		return c.usage(c.t("--dry-run bestiller ingenting å følge med --watch", "--dry-run orders nothing to follow with --watch"))
	case !f.builds() && f.order.Release == "":
		return c.usage(c.t("si hva som skal legges på: --disk, --make-disk eller en --release som finnes", "say what to bring: --disk, --make-disk or a --release that exists"))
	case f.order.AtOnce < 1 || f.order.AtOnce > 200:
		return c.usagef(c.t("--at-once %d: velg 1–200", "--at-once %d: choose 1–200"), f.order.AtOnce)
	}
	w := f.order.Window
	for _, t := range []struct{ flag, value string }{{"open", w.Open}, {"close", w.Close}, {"bell", w.Bell}} {
		if _, err := window.ParseClock(t.value); err != nil {
			return c.usagef(c.t("--%s «%s»: skriv et klokkeslett som 22:00", "--%s “%s”: write a time of day as 22:00"), t.flag, t.value)
		}
	}
	return nil
}

func (f *pushFlags) builds() bool { return f.disk != "" || f.makeDisk }

func (c *CLI) push(ctx context.Context, k *client, f *pushFlags) error {
	p, err := k.loadPlaces(ctx)
	if err != nil {
		return err
	}
	if _, err := c.cabinet(p, f.order.CabinetId); err != nil {
		return err
	}
	if err := c.bring(ctx, k, f); err != nil {
		return err
	}
	resp, err := k.night.Push(ctx, &f.order)
	if err != nil {
		return err
	}
	if c.flags.json && f.watch {
		err = c.writeJSONLine(resp)
	} else {
		err = c.show(resp, func(w io.Writer) error { return c.writePush(w, resp, p, f.order.DryRun) })
	}
	if err != nil || !f.watch {
		return err
	}
	return c.watch(ctx, k, p, f.order.CabinetId, resp.GetRollout().GetId())
}

func (c *CLI) writePush(w io.Writer, resp *operatorv1.PushResponse, p places, dryRun bool) error {
	text := fmt.Sprintf(c.t("Utrulling %s er bestilt.\n\n", "Rollout %s has been ordered.\n\n"), resp.GetRollout().GetId())
	if dryRun {
		text = c.t("Slik ville natten bli. Ingenting er bestilt.\n\n", "This is what the night would be. Nothing has been ordered.\n\n")
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	n := resp.GetNight()
	if n.GetRollout() == nil {
		n.Rollout = resp.GetRollout()
	}
	return c.nightView(p, n, timeOf(resp.GetRollout().GetCreatedAt())).write(w, n)
}
