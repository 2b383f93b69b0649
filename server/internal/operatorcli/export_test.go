package operatorcli

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// What the tests see of the inside: pure functions, and the watching of a night with a service of theirs.

var (
	Wrap = wrap
	Fill = fill
)

// ChooseLang is chooseLang as a plain string.
func ChooseLang(args []string, getenv func(string) string) string {
	return string(chooseLang(args, getenv))
}

// NightText shows one cabinet's night.
func NightText(language string, zone *time.Location, now time.Time, columns, limit int, colour bool, n *operatorv1.CabinetNight) string {
	v := nightView{speech: speech{lang(language), zone, now}, columns: columns, limit: limit, paint: table.Paint(colour)}
	return written(func(w io.Writer) error { return v.write(w, n) })
}

// CabinetText shows one cabinet's slots.
func CabinetText(language string, now time.Time, columns int, cab *operatorv1.Cabinet, devices []*operatorv1.Device) string {
	v := cabinetView{speech{lang(language), time.UTC, now}}
	return written(func(w io.Writer) error { return v.write(w, cab, devices, columns, false) })
}

// DeviceText shows one device.
func (c *CLI) DeviceText(resp *operatorv1.GetDeviceResponse) string {
	return written(func(w io.Writer) error { return c.writeDevice(w, resp) })
}

func written(f func(io.Writer) error) string {
	var b bytes.Buffer
	if err := f(&b); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.String()
}

// Speech gives the words for a time and an amount.
func Speech(language string, zone *time.Location, now time.Time) interface {
	Near(time.Time) string
	Ago(time.Time) string
	Bytes(uint64) string
	Percent(done, total uint64) string
} {
	return exportedSpeech{speech{lang(language), zone, now}}
}

type exportedSpeech struct{ s speech }

func (e exportedSpeech) Near(t time.Time) string           { return e.s.near(t) }
func (e exportedSpeech) Ago(t time.Time) string            { return e.s.ago(t) }
func (e exportedSpeech) Bytes(n uint64) string             { return e.s.bytes(n) }
func (e exportedSpeech) Percent(done, total uint64) string { return e.s.percent(done, total) }

// Explain gives what people read about an error of a call, and the exit code.
func (c *CLI) Explain(ctx context.Context, err error) int { return int(c.report(ctx, c.explain(err))) }

// Watch follows a cabinet with a service of the test's.
func (c *CLI) Watch(ctx context.Context, night operatorv1.NightServiceClient, cabinet string) int {
	return int(c.report(ctx, c.watch(ctx, &client{night: night}, places{}, cabinet, "")))
}

// ListTo lists devices with a service of the test's.
func (c *CLI) ListTo(ctx context.Context, fleet operatorv1.FleetServiceClient) error {
	return c.listDevices(ctx, &client{fleet: fleet}, &operatorv1.ListDevicesRequest{PageSize: pageSize})
}

// JSON makes the answer JSON, as the flag does.
func (c *CLI) JSON() { c.flags.json = true }

// Root is the tree of commands.
func (c *CLI) Root() *cobra.Command { return c.root }

// ExitCodes are all codes with their names.
func ExitCodes() map[int]string {
	out := map[int]string{}
	for _, row := range exitCodes {
		if other, twice := out[int(row.code)]; twice {
			panic("exit code of both " + other + " and " + row.name)
		}
		out[int(row.code)] = row.name
	}
	return out
}
