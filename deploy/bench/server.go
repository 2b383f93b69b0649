//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What the control plane must keep (issue "From a real machine to the morning page").
const (
	mostFile  = 3000 * mega // bytes, of a million devices
	mostRSS   = 1500 * mega
	mostStart = 5 * time.Second
	leastRate = 20_000 // check-ins a second
	mostP99   = 50 * time.Millisecond
)

const serverIntro = `# How much one control plane carries

Made by ` + "`make bench`" + `. Everything ran on one machine at the same time, load generators included: %s.
Load average %s before, %s after: CPU per check-in is the number to compare between machines and runs, the rest
depends on what else ran.

Kept or missed says whether a value keeps the promise beside it. RSS is what the process has in memory: anon is
its own, file are pages of the store's file and of the program, which the kernel may drop. The devices have the
same laptop's inventory and lack five updates each.`

func (b bench) serverPage(ctx context.Context, p *page) error {
	before := loadAverage()
	body := newPage()
	if err := b.million(ctx, body); err != nil {
		return err
	}
	if err := b.goBenchmarks(ctx, body); err != nil {
		return err
	}
	p.text(serverIntro, machine(), before, loadAverage())
	p.b.WriteString(body.String())
	return nil
}

// million measures one control plane that knows very many devices, from its first row on disk to the last
// answer of a page.
func (b bench) million(ctx context.Context, p *page) error {
	data := filepath.Join(b.dir, "million")
	p.text("## %d enrolled devices", b.devices)
	rows, err := b.seed(ctx, data)
	if err != nil {
		return err
	}
	say("starting the control plane")
	cp, err := b.startPlane(ctx, data, "--call-every", "0") // a few connections stand for very many devices
	if err != nil {
		return err
	}
	defer cp.stop()
	idle, err := cp.usage()
	if err != nil {
		return err
	}
	calls, err := b.checkIns(ctx, cp)
	if err != nil {
		return err
	}
	answers, err := b.asks(ctx, cp)
	if err != nil {
		return err
	}
	after, err := cp.usage()
	if err != nil {
		return err
	}
	p.table([]string{"what", "measured", "promise", ""}, append(rows,
		[]string{"start: until all listeners are open", seconds(cp.ready), "< 5 s", verdict(cp.ready < mostStart)},
		[]string{"RSS after the start", memory(idle), "< 1.5 GB", verdict(idle.rss < mostRSS)},
		[]string{"RSS after all that is measured below", memory(after), "< 1.5 GB", verdict(after.rss < mostRSS)},
		[]string{"most RSS at any time", megabytes(after.peak), "< 1.5 GB", verdict(after.peak < mostRSS)},
	))
	b.checkInTable(p, calls)
	askTable(p, answers)
	return nil
}

func memory(u usage) string {
	return fmt.Sprintf("%s (anon %s, file %s)", megabytes(u.rss), megabytes(u.anon), megabytes(u.file))
}

// seed fills the store, each commit durable.
func (b bench) seed(ctx context.Context, data string) ([][]string, error) {
	say("seeding %d devices", b.devices)
	s, err := command(ctx, filepath.Join(b.bin, "nattevakt"), "sim", "seed", "--data", data, "--devices", fmt.Sprint(b.devices))
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(filepath.Join(data, "nattevakt.db"))
	if err != nil {
		return nil, err
	}
	return [][]string{
		{"storing them, each with its report, 2,000 to a durable commit", fmt.Sprintf("%s, %.0f a second", seconds(s.wall), float64(b.devices)/s.wall.Seconds()), "", ""},
		{"size of the file", fmt.Sprintf("%s, %d bytes a device", megabytes(file.Size()), file.Size()/int64(b.devices)), "< 3 GB", verdict(file.Size() < mostFile)},
	}, nil
}
