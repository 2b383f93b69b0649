package operatorcli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

func newCabinetShowCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:               c.t("show LADESKAP", "show CABINET"),
		Short:             c.t("vis hver plass i et ladeskap", "show every slot of a cabinet"),
		Args:              c.oneArg(c.t("et ladeskap", "a cabinet")),
		ValidArgsFunction: c.completeArg(cabinetNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(k *client) error { return c.showCabinet(cmd.Context(), k, args[0]) })
		},
	}
}

// maxInCabinet is above the 200 slots that a cabinet can have; devices without a slot count too.
const maxInCabinet = 1000

func (c *CLI) showCabinet(ctx context.Context, k *client, id string) error {
	p, err := k.loadPlaces(ctx)
	if err != nil {
		return err
	}
	cab, err := c.cabinet(p, id)
	if err != nil {
		return err
	}
	devices, err := k.fleet.ListDevices(ctx, &operatorv1.ListDevicesRequest{CabinetId: id, PageSize: maxInCabinet})
	if err != nil {
		return err
	}
	return c.show(devices, func(w io.Writer) error {
		v := cabinetView{c.speech(p.zone(cab.GetSiteId()), c.nowOr(devices.GetAsOf()))}
		return v.write(w, cab, devices.GetDevices(), c.columns(), c.paint())
	})
}

// cabinetView shows one cabinet: each slot, and then why those that are not ready are not.
type cabinetView struct{ speech }

func (v cabinetView) write(w io.Writer, cab *operatorv1.Cabinet, devices []*operatorv1.Device, columns int, paint table.Paint) error {
	ready, counted := 0, 0
	for _, d := range devices {
		if d.GetState() == operatorv1.DeviceState_DEVICE_STATE_RETIRED {
			continue
		}
		counted++
		if d.GetReadiness().GetReady() {
			ready++
		}
	}
	heading := []string{cab.GetName(), cab.GetSiteId(), fmt.Sprintf(v.t("%d av %d klare", "%d of %d ready"), ready, counted)}
	if _, err := fmt.Fprintln(w, wrap(heading, columns)); err != nil {
		return err
	}
	if err := table.Grid(w, v.slots(cab, devices), columns, paint); err != nil {
		return err
	}
	missing := v.notReady(devices)
	if len(missing.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return missing.Write(w, columns, paint)
}

// slots gives one cell for each slot, and one for each device that is in none.
func (v cabinetView) slots(cab *operatorv1.Cabinet, devices []*operatorv1.Device) []table.Cell {
	in := map[uint32][]*operatorv1.Device{}
	for _, d := range devices {
		if d.GetState() != operatorv1.DeviceState_DEVICE_STATE_RETIRED {
			in[d.GetSlot()] = append(in[d.GetSlot()], d)
		}
	}
	var cells []table.Cell
	for slot := uint32(1); slot <= cab.GetSlots(); slot++ {
		if len(in[slot]) == 0 {
			cells = append(cells, table.Cell{Text: fmt.Sprintf("%2d   %s", slot, v.t("tom", "empty")), Style: table.Dim})
		}
		for _, d := range in[slot] {
			cells = append(cells, v.slot(fmt.Sprintf("%2d", slot), d))
		}
	}
	for _, d := range in[0] {
		cells = append(cells, v.slot(" ?", d))
	}
	return cells
}

func (v cabinetView) slot(number string, d *operatorv1.Device) table.Cell {
	look := v.readyLook(d.GetReadiness())
	return table.Cell{Text: number + " " + look.mark + " " + nameOf(d), Style: look.style}
}

func (v cabinetView) notReady(devices []*operatorv1.Device) table.Table {
	t := table.Table{Columns: []table.Column{
		{Title: v.t("PLASS", "SLOT"), Weight: 8, Right: true},
		{Title: v.t("MASKIN", "DEVICE"), Weight: 9, Least: 10},
		{Title: v.t("TILSTAND", "STATE"), Weight: 7},
		{Title: v.t("ÅRSAK", "REASON"), Weight: 6, Least: 20},
		{Title: v.t("SETT", "SEEN"), Weight: 5},
	}}
	for _, d := range devices {
		if d.GetReadiness().GetReady() || d.GetState() == operatorv1.DeviceState_DEVICE_STATE_RETIRED {
			continue
		}
		t.Rows = append(t.Rows, []table.Cell{
			{Text: slotOf(d.GetSlot())}, {Text: nameOf(d)}, v.readyLook(d.GetReadiness()).cell(),
			{Text: v.because(d.GetReadiness().GetReason(), d.GetReadiness().GetDetail())}, {Text: v.ago(timeOf(d.GetLastSeen())), Style: table.Dim},
		})
	}
	return t
}
