package operatorcli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/proto/id"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// pageSize is how many devices are asked for at a time; all in memory at once is one page.
const pageSize = 1000

var deviceStates = map[string]operatorv1.DeviceState{
	"announced": operatorv1.DeviceState_DEVICE_STATE_ANNOUNCED,
	"pending":   operatorv1.DeviceState_DEVICE_STATE_PENDING,
	"active":    operatorv1.DeviceState_DEVICE_STATE_ACTIVE,
	"revoked":   operatorv1.DeviceState_DEVICE_STATE_REVOKED,
	"retired":   operatorv1.DeviceState_DEVICE_STATE_RETIRED,
}

var stateNames = []string{"announced", "pending", "active", "revoked", "retired"}

func newDeviceListCommand(c *CLI) *cobra.Command {
	in, state := &operatorv1.ListDevicesRequest{PageSize: pageSize}, ""
	cmd := &cobra.Command{
		Use:     "list",
		Short:   c.t("vis maskiner", "show devices"),
		Example: "  nattevakt device list --cabinet a-101\n  nattevakt device list --state pending\n  nattevakt device list --query latitude",
		Args:    c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var known bool
			if in.State, known = deviceStates[state]; state != "" && !known {
				return c.usagef(c.t("--state «%s»: velg en av %s", "--state “%s”: choose one of %s"), state, strings.Join(stateNames, ", "))
			}
			return c.with(cmd.Context(), func(k *client) error { return c.listDevices(cmd.Context(), k, in) })
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&in.OwnerId, "owner", "", c.t("bare maskinene til `EIER`", "only devices of `OWNER`"))
	fs.StringVar(&in.SiteId, "site", "", c.t("bare maskinene på `SKOLE`", "only devices of `SITE`"))
	fs.StringVar(&in.CabinetId, "cabinet", "", c.t("bare maskinene i `LADESKAP`", "only devices in `CABINET`"))
	fs.StringVar(&state, "state", "", c.t("bare maskiner i `TILSTAND`: ", "only devices in `STATE`: ")+strings.Join(stateNames, ", "))
	fs.StringVar(&in.Query, "query", "", c.t("bare maskiner med `TEKST` i serienummer, vertsnavn, modell eller id", "only devices with `TEXT` in serial, host name, model or id"))
	c.completeFlag(cmd, "owner", ownerNames)
	c.completeFlag(cmd, "site", siteNames)
	c.completeFlag(cmd, "cabinet", cabinetNames)
	must(cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(stateNames, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// listDevices asks page by page and writes each as it comes. What fits one page is sorted by place; longer
// lists come in the control plane's order.
func (c *CLI) listDevices(ctx context.Context, k *client, in *operatorv1.ListDevicesRequest) error {
	var out devicePages = &textPages{c: c}
	if c.flags.json {
		out = &jsonPages{w: c.host.Stdout}
	}
	for first := true; first || in.PageToken != ""; first = false {
		resp, err := k.fleet.ListDevices(ctx, in)
		if err != nil {
			return err
		}
		if err := out.page(resp); err != nil {
			return err
		}
		in.PageToken = resp.GetNextPageToken()
	}
	return out.end()
}

// devicePages takes a list in pages.
type devicePages interface {
	page(*operatorv1.ListDevicesResponse) error
	end() error
}

// jsonPages writes one ListDevicesResponse without holding it.
type jsonPages struct {
	w     io.Writer
	count int
	asOf  *timestamppb.Timestamp
}

func (j *jsonPages) page(resp *operatorv1.ListDevicesResponse) error {
	j.asOf = resp.GetAsOf()
	for _, d := range resp.GetDevices() {
		b, err := marshal(d)
		if err != nil {
			return err
		}
		before := ",\n    "
		if j.count == 0 {
			before = "{\n  \"devices\": [\n    "
		}
		j.count++
		if _, err := fmt.Fprintf(j.w, "%s%s", before, b); err != nil {
			return err
		}
	}
	return nil
}

func (j *jsonPages) end() error {
	text := "\n  ],\n"
	if j.count == 0 {
		text = "{\n  \"devices\": [],\n"
	}
	asOf, err := marshal(j.asOf)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(j.w, "%s  \"nextPageToken\": \"\",\n  \"asOf\": %s\n}\n", text, asOf)
	return err
}

// textPages writes a table whose columns are those that suit the first page.
type textPages struct {
	c      *CLI
	layout *table.Layout
	count  int
}

func (p *textPages) page(resp *operatorv1.ListDevicesResponse) error {
	devices := resp.GetDevices()
	if len(devices) == 0 {
		return nil
	}
	t := p.c.devices(devices, resp.GetAsOf())
	if p.layout == nil {
		l := t.Layout(p.c.columns(), p.c.paint())
		p.layout = &l
		if err := l.Header(p.c.host.Stdout); err != nil {
			return err
		}
	}
	p.count += len(devices)
	return p.layout.Rows(p.c.host.Stdout, t.Rows)
}

func (p *textPages) end() error {
	text := many(p.count, p.c.t("maskin", "device"), p.c.t("maskiner", "devices"))
	if p.count == 0 {
		text = p.c.t("Ingen maskiner passer.", "No devices match.")
	}
	_, err := fmt.Fprintln(p.c.host.Stdout, text)
	return err
}

func (c *CLI) devices(devices []*operatorv1.Device, asOf *timestamppb.Timestamp) table.Table {
	s := c.speech(nil, c.nowOr(asOf))
	t := table.Table{Columns: []table.Column{
		{Title: c.t("MASKIN", "DEVICE"), Weight: 9, Least: 10},
		{Title: c.t("SERIENUMMER", "SERIAL"), Weight: 7, Least: 7},
		{Title: c.t("MODELL", "MODEL"), Weight: 3, Least: 8},
		{Title: c.t("STED", "PLACE"), Weight: 5, Least: 8},
		{Title: c.t("TILSTAND", "STATE"), Weight: 8},
		{Title: c.t("KLAR", "READY"), Weight: 8},
		{Title: c.t("MANGLER", "MISSING"), Weight: 4, Right: true},
		{Title: c.t("SETT", "SEEN"), Weight: 6},
	}}
	for _, d := range devices {
		t.Rows = append(t.Rows, []table.Cell{
			{Text: nameOf(d)}, {Text: firstOf(d.GetHardware().GetSerial())}, {Text: modelOf(d), Style: table.Dim}, {Text: c.placeText(d)},
			s.stateLook(d.GetState()).cell(), s.readyLook(d.GetReadiness()).cell(), missingCell(d.GetPatch()),
			{Text: s.ago(timeOf(d.GetLastSeen())), Style: table.Dim},
		})
	}
	return t
}

func modelOf(d *operatorv1.Device) string {
	return firstOf(id.ModelName(d.GetHardware().GetVendor(), d.GetHardware().GetProduct()))
}

// missingCell counts missing updates; none reported is a dash, not zero, and a source that could not say
// makes the count a lower bound.
func missingCell(p *operatorv1.PatchSummary) table.Cell {
	if p == nil {
		return table.Cell{Text: none, Style: table.Dim}
	}
	out := table.Cell{Text: strconv.FormatUint(uint64(p.GetCritical()+p.GetSecurity()+p.GetOther()), 10)}
	if p.GetSilentSources() > 0 {
		out.Text = "≥ " + out.Text
	}
	if p.GetCritical()+p.GetSecurity() > 0 {
		out.Style = table.Warn
		out.Text = "! " + out.Text
	}
	return out
}
