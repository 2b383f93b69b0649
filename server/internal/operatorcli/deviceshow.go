package operatorcli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

func newDeviceShowCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:               c.t("show MASKIN", "show DEVICE"),
		Short:             c.t("vis alt om en maskin", "show everything about a device"),
		Args:              c.oneArg(c.t("en maskin (id, serienummer eller vertsnavn)", "a device (id, serial or host name)")),
		ValidArgsFunction: c.completeDevice,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.fleet.GetDevice(cmd.Context(), &operatorv1.GetDeviceRequest{Device: args[0]})
				if err != nil {
					return err
				}
				return c.show(resp, func(w io.Writer) error { return c.writeDevice(w, resp) })
			})
		},
	}
}

func (c *CLI) writeDevice(w io.Writer, resp *operatorv1.GetDeviceResponse) error {
	v := deviceView{speech: c.speech(nil, c.nowOr(resp.GetAsOf()))}
	v.identity(resp.GetDevice(), c.placeText(resp.GetDevice()))
	v.readiness(resp.GetDevice())
	v.inventory(resp.GetInventory())
	v.patch(resp.GetPatch())
	if err := c.writeFacts(w, v.facts); err != nil {
		return err
	}
	updates := v.updates(resp.GetPatch())
	if len(updates.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return updates.Write(w, c.columns(), c.paint())
}

// deviceView collects what there is to say about one device.
type deviceView struct {
	speech
	facts []fact
}

func (v *deviceView) add(name string, value table.Cell) {
	if value.Text != "" {
		v.facts = append(v.facts, fact{name, value})
	}
}

func (v *deviceView) text(name string, parts ...string) {
	v.add(name, table.Cell{Text: joined(" · ", parts...)})
}

// joined puts the parts that are there together.
func joined(sep string, parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, sep)
}

func (v *deviceView) identity(d *operatorv1.Device, place string) {
	v.text(v.t("maskin", "device"), d.GetHostname())
	v.text("id", d.GetId())
	v.text(v.t("modell", "model"), modelOf(d), d.GetHardware().GetModelKey())
	v.text(v.t("serienummer", "serial"), d.GetHardware().GetSerial())
	v.text(v.t("sted", "place"), place, d.GetRole())
	v.add(v.t("tilstand", "state"), v.stateLook(d.GetState()).cell())
	v.text(v.t("fordi", "because"), v.because(d.GetStateReason(), ""))
	if why := reason.Of(d.GetAlarm()); why != reason.None {
		v.add(v.t("varsel", "alarm"), table.Cell{Text: "! " + why.Sentence(string(v.lang)) + " (" + v.ago(timeOf(d.GetAlarmAt())) + ")", Style: table.Bad})
		v.text(v.t("gjør", "do"), why.NextStep(string(v.lang)))
	}
	if t := timeOf(d.GetEnrolledAt()); !t.IsZero() {
		v.text(v.t("innmeldt", "enrolled"), v.stamp(t), v.t("nøkkel i ", "key in ")+d.GetKeyHeld(), v.t("sertifikat til ", "certificate to ")+v.stamp(timeOf(d.GetCertificateExpires())))
	}
	v.delivery(d.GetDelivery())
}

func (v *deviceView) delivery(d *operatorv1.Delivery) {
	price := ""
	if øre := d.GetPriceOre(); øre != 0 {
		price = fmt.Sprintf("%d,%02d kr", øre/100, øre%100)
	}
	v.text(v.t("levert", "delivered"), d.GetPurchased(), price, d.GetSupplier())
	v.text(v.t("garanti til", "warranty to"), d.GetWarrantyEnd())
}

func (v *deviceView) readiness(d *operatorv1.Device) {
	r := d.GetReadiness()
	v.add(v.t("klar", "ready"), v.readyLook(r).cell())
	v.text(v.t("årsak", "reason"), v.because(r.GetReason(), r.GetDetail()))
	v.text(v.t("gjør", "do"), reason.Of(r.GetReason()).NextStep(string(v.lang)))
	if t := timeOf(r.GetExpected()); !t.IsZero() {
		v.text(v.t("ventes klar", "expected ready"), v.near(t))
	}
	v.text(v.t("sett", "seen"), v.ago(timeOf(d.GetLastSeen())))
	v.text(v.t("rapport", "report"), v.ago(timeOf(d.GetReportAt())), agentText(d.GetAgentVersion()))
	v.text(v.t("skrevet", "written"), d.GetImage(), d.GetRelease())
}

// agentText names the agent's version where it is known.
func agentText(version string) string {
	if version == "" {
		return ""
	}
	return "agent " + version
}

func (v *deviceView) inventory(i *nattevaktv1.Inventory) {
	if i == nil {
		return
	}
	os := i.GetOs()
	v.text(v.t("system", "system"), os.GetName(), os.GetVersion(), os.GetBuild(), os.GetKernel())
	if t := timeOf(os.GetBootedAt()); !t.IsZero() {
		v.text(v.t("startet", "booted"), v.ago(t))
	}
	v.text(v.t("prosessor", "processor"), i.GetProcessor().GetModel())
	v.text(v.t("minne", "memory"), v.amount(i.GetMemory().GetTotalBytes()))
	for _, d := range i.GetDisks() {
		v.text(v.t("disk", "disk"), d.GetName(), d.GetModel(), v.amount(d.GetSizeBytes()), d.GetKind(), v.health(d.GetHealth()))
	}
	for _, b := range i.GetBatteries() {
		v.text(v.t("batteri", "battery"), b.GetName(), v.battery(b))
	}
	for _, a := range i.GetAdapters() {
		v.text(v.t("nett", "network"), a.GetName(), a.GetKind(), a.GetMac())
	}
	v.text(v.t("fastvare", "firmware"), i.GetFirmware().GetVendor(), i.GetFirmware().GetVersion(), i.GetFirmware().GetDate())
	for _, p := range i.GetProblems() {
		v.add(v.t("ikke lest", "not read"), table.Cell{Text: "! " + p.GetCollector() + ": " + p.GetProblem(), Style: table.Warn})
	}
}

// amount is bytes where they are known.
func (v *deviceView) amount(n uint64) string {
	if n == 0 {
		return ""
	}
	return v.bytes(n)
}

func (v *deviceView) health(h *nattevaktv1.DiskHealth) string {
	switch {
	case h == nil:
		return ""
	case !h.GetPassed():
		return v.t("! disken varsler feil", "! the disk reports failure")
	}
	return fmt.Sprintf(v.t("i orden, %d %% slitt", "passed, %d%% worn"), h.GetWearPercent())
}

func (v *deviceView) battery(b *nattevaktv1.Battery) string {
	if b.GetDesignMwh() == 0 || b.GetFullMwh() == 0 {
		return ""
	}
	return fmt.Sprintf(v.t("%s av ny kapasitet, %d ladinger", "%s of design capacity, %d cycles"),
		v.percent(uint64(b.GetFullMwh()), uint64(b.GetDesignMwh())), b.GetCycles())
}

func (v *deviceView) patch(p *nattevaktv1.PatchState) {
	if p == nil {
		return
	}
	v.text(v.t("oppdateringer", "updates"), many(len(p.GetMissing()), v.t("mangler", "missing"), v.t("mangler", "missing")))
	if p.GetRebootPending() {
		v.add(v.t("omstart", "reboot"), table.Cell{Text: "! " + joined(": ", v.t("venter", "pending"), strings.Join(p.GetRebootCauses(), ", ")), Style: table.Warn})
	}
	for _, s := range p.GetSources() {
		if s.GetProblem() != "" {
			v.add(s.GetName(), table.Cell{Text: "! " + v.t("ukjent: ", "unknown: ") + s.GetProblem(), Style: table.Warn})
		}
	}
}

func (v *deviceView) updates(p *nattevaktv1.PatchState) table.Table {
	t := table.Table{Columns: []table.Column{
		{Title: v.t("OPPDATERING", "UPDATE"), Weight: 9, Least: 12},
		{Title: v.t("ALVOR", "SEVERITY"), Weight: 8},
		{Title: v.t("HAR", "HAS"), Weight: 3, Least: 8},
		{Title: v.t("NY", "NEW"), Weight: 4, Least: 8},
		{Title: v.t("DAGER", "DAYS"), Weight: 7, Right: true},
		{Title: v.t("KILDE", "SOURCE"), Weight: 2},
	}}
	for _, u := range p.GetMissing() {
		t.Rows = append(t.Rows, []table.Cell{
			{Text: u.GetName()}, v.severity(u.GetSeverity()), {Text: u.GetInstalledVersion()}, {Text: u.GetAvailableVersion()},
			{Text: fmt.Sprint(u.GetDaysBehind())}, {Text: u.GetSource(), Style: table.Dim},
		})
	}
	return t
}

func (v *deviceView) severity(s nattevaktv1.Severity) table.Cell {
	switch s {
	case nattevaktv1.Severity_SEVERITY_CRITICAL:
		return table.Cell{Text: v.t("!! kritisk", "!! critical"), Style: table.Bad}
	case nattevaktv1.Severity_SEVERITY_SECURITY:
		return table.Cell{Text: v.t("! sikkerhet", "! security"), Style: table.Warn}
	}
	return table.Cell{Text: v.t("vanlig", "other")}
}
