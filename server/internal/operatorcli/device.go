package operatorcli

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

func newDeviceCommand(c *CLI) *cobra.Command {
	return c.group("device", c.t("maskiner", "devices"),
		newDeviceListCommand(c), newDeviceShowCommand(c), newDevicePlaceCommand(c),
		newDeviceApproveCommand(c), newDeviceRevokeCommand(c), newDeviceRetireCommand(c))
}

func newDevicePlaceCommand(c *CLI) *cobra.Command {
	in := &operatorv1.PlaceDeviceRequest{}
	cmd := &cobra.Command{
		Use:               c.t("place MASKIN", "place DEVICE"),
		Short:             c.t("flytt en maskin til en skole, et ladeskap og en plass", "move a device to a site, cabinet and slot"),
		Example:           `  nattevakt device place NV-0007 --cabinet a-101 --slot 7`,
		Args:              c.oneArg(c.t("en maskin (id, serienummer eller vertsnavn)", "a device (id, serial or host name)")),
		ValidArgsFunction: c.completeDevice,
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.SiteId == "" && in.CabinetId == "" {
				return c.usage(c.t("si hvor maskinen skal: --site eller --cabinet, og eventuelt --slot", "say where the device goes: --site or --cabinet, and perhaps --slot"))
			}
			in.Device = args[0]
			return c.change(cmd.Context(), c.t("%s står nå på %s.", "%s is now at %s."), func(ctx context.Context, k *client) (proto.Message, *operatorv1.Device, error) {
				if err := siteOfCabinet(ctx, k, in); err != nil {
					return nil, nil, err
				}
				resp, err := k.fleet.PlaceDevice(ctx, in)
				return resp, resp.GetDevice(), err
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&in.SiteId, "site", "", c.t("`SKOLE` (ellers ladeskapets)", "`SITE` (else the cabinet's)"))
	fs.StringVar(&in.CabinetId, "cabinet", "", c.t("`LADESKAP`", "`CABINET`"))
	fs.Uint32Var(&in.Slot, "slot", 0, c.t("`PLASS` i ladeskapet; 0 er ingen", "`SLOT` in the cabinet; 0 is none"))
	c.completeFlag(cmd, "site", siteNames)
	c.completeFlag(cmd, "cabinet", cabinetNames)
	return cmd
}

// siteOfCabinet fills in the site: who names a cabinet has named its site.
func siteOfCabinet(ctx context.Context, k *client, in *operatorv1.PlaceDeviceRequest) error {
	if in.SiteId != "" {
		return nil
	}
	p, err := k.loadPlaces(ctx)
	in.SiteId = p.cabinets[in.CabinetId].GetSiteId()
	return err
}

func newDeviceApproveCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   c.t("approve MASKIN", "approve DEVICE"),
		Short: c.t("slipp inn en maskin som venter", "let in a device that waits"),
		Long: c.t("Slipper inn en maskin som venter, neste gang den melder seg; en som er sperret, kan meldes inn på nytt. Sjekk først at serienummeret stemmer med maskinen: det kan leses av et klistremerke og beviser ingenting.",
			"Lets in a waiting device the next time it calls; a revoked one may be enrolled again. First check that the serial number is the machine's: it can be read off a sticker and proves nothing."),
		Args:              c.oneArg(c.t("en maskin (id, serienummer eller vertsnavn)", "a device (id, serial or host name)")),
		ValidArgsFunction: c.completeDevice,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.change(cmd.Context(), c.t("%s er godkjent: neste gang den melder seg, slipper den inn – var den sperret, kan den meldes inn på nytt (%s).", "%s has been approved: it is let in when it next calls – if it was revoked, it may be enrolled again (%s)."),
				func(ctx context.Context, k *client) (proto.Message, *operatorv1.Device, error) {
					resp, err := k.fleet.ApproveDevice(ctx, &operatorv1.ApproveDeviceRequest{Device: args[0]})
					return resp, resp.GetDevice(), err
				})
		},
	}
}

func newDeviceRevokeCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:               c.t("revoke MASKIN", "revoke DEVICE"),
		Short:             c.t("sperr en maskins tilgang med en gang", "end a device's access at once"),
		Args:              c.oneArg(c.t("en maskin (id, serienummer eller vertsnavn)", "a device (id, serial or host name)")),
		ValidArgsFunction: c.completeDevice,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.change(cmd.Context(), c.t("%s er sperret (%s). Skal den brukes igjen: nattevakt device approve, og meld den inn på nytt.", "%s has been revoked (%s). To use it again: nattevakt device approve, and enrol it again."),
				func(ctx context.Context, k *client) (proto.Message, *operatorv1.Device, error) {
					resp, err := k.fleet.RevokeDevice(ctx, &operatorv1.RevokeDeviceRequest{Device: args[0]})
					return resp, resp.GetDevice(), err
				})
		},
	}
}

func newDeviceRetireCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:               c.t("retire MASKIN", "retire DEVICE"),
		Short:             c.t("ta en maskin ut av bruk; historien blir stående", "take a device out of service; its history stays"),
		Args:              c.oneArg(c.t("en maskin (id, serienummer eller vertsnavn)", "a device (id, serial or host name)")),
		ValidArgsFunction: c.completeDevice,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.change(cmd.Context(), c.t("%s er utrangert (%s).", "%s has been retired (%s)."),
				func(ctx context.Context, k *client) (proto.Message, *operatorv1.Device, error) {
					resp, err := k.fleet.RetireDevice(ctx, &operatorv1.RetireDeviceRequest{Device: args[0]})
					return resp, resp.GetDevice(), err
				})
		},
	}
}

// change makes one change to one device and says so; format gets the device's name and place.
func (c *CLI) change(ctx context.Context, format string, call func(context.Context, *client) (proto.Message, *operatorv1.Device, error)) error {
	return c.with(ctx, func(k *client) error {
		resp, d, err := call(ctx, k)
		if err != nil {
			return err
		}
		return c.done(resp, format, nameOf(d), c.placeText(d))
	})
}

// placeText is where a device belongs: "nordvik-skole, a-101 plass 7".
func (c *CLI) placeText(d *operatorv1.Device) string {
	text := firstOf(d.GetSiteId(), d.GetOwnerId())
	if d.GetCabinetId() != "" {
		text += ", " + d.GetCabinetId()
	}
	if d.GetSlot() != 0 {
		text += c.t(" plass ", " slot ") + slotOf(d.GetSlot())
	}
	return text
}
