//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What the agent must keep (issue "From a real machine to the morning page").
const (
	mostBinary    = 16 * mega
	mostIdleRSS   = 20 * mega
	mostInventory = 100 * time.Millisecond
)

const agentIntro = `# How little the agent takes

Made by ` + "`make bench`" + ` on this machine: %s.
Load average %s before, %s after. Kept or missed says whether a value keeps the promise beside it.`

func (b bench) agentPage(ctx context.Context, p *page) error {
	before := loadAverage()
	body := newPage()
	if err := b.inventories(ctx, body); err != nil {
		return err
	}
	if err := b.parked(ctx, body); err != nil {
		return err
	}
	p.text(agentIntro, machine(), before, loadAverage())
	p.b.WriteString(body.String())
	return nil
}

func (b bench) agent() string { return filepath.Join(b.bin, "nattevakt-agent") }

// idle is how long a parked agent is watched; settle is how long after its last report it has settled.
const (
	idle   = 20 * time.Second
	settle = 5 * time.Second
)

// parked measures the agent of this machine after it has enrolled and reported, while it waits for its
// next check-in a quarter of an hour away.
func (b bench) parked(ctx context.Context, p *page) error {
	file, err := os.Stat(b.agent())
	if err != nil {
		return err
	}
	cp, err := b.startPlane(ctx, filepath.Join(b.dir, "small"))
	if err != nil {
		return err
	}
	defer cp.stop()
	agent, err := b.enrol(ctx, cp)
	if err != nil {
		return err
	}
	defer agent.stop()
	say("watching the parked agent for %v", idle)
	if err := pause(ctx, settle); err != nil {
		return err
	}
	from, err := agent.usage()
	if err != nil {
		return err
	}
	if err := pause(ctx, idle); err != nil {
		return err
	}
	to, err := agent.usage()
	if err != nil {
		return err
	}
	p.text("## On every machine, all day\n\nThe agent of this machine, enrolled, its inventory and patch state reported, waiting for its next check-in.")
	p.table([]string{"what", "measured", "promise", ""}, [][]string{
		{"program, stripped", megabytes(file.Size()), "< 16 MB", verdict(file.Size() < mostBinary)},
		{"RSS", memory(to), "< 20 MB", verdict(to.rss < mostIdleRSS)},
		{"most RSS, while it reported", megabytes(to.peak), "", ""},
		{fmt.Sprintf("CPU in %d s", int(idle.Seconds())), millis(to.cpu - from.cpu), "none (clock ticks of 10 ms)", verdict(to.cpu == from.cpu)},
		{fmt.Sprintf("times a thread woke in %d s", int(idle.Seconds())), fmt.Sprint(to.wakes - from.wakes), "", ""},
	})
	return nil
}

// enrol makes a site with a token, starts this machine's agent and waits for its report with patch state.
func (b bench) enrol(ctx context.Context, cp *plane) (*process, error) {
	say("enrolling this machine's agent")
	bootstrap := filepath.Join(b.dir, "bootstrap.json")
	for _, args := range [][]string{
		{"owner", "add", "bench", "--name", "Bench"},
		{"site", "add", "bench", "--owner", "bench", "--name", "Bench"},
		{"token", "create", "--site", "bench", "--uses", "1", "--life", "1h", "--out", bootstrap},
	} {
		if _, err := cp.ask(ctx, args...); err != nil {
			return nil, err
		}
	}
	agent, err := background(filepath.Join(b.dir, "agent.log"), b.agent(), "run",
		"--bootstrap", bootstrap, "--state", filepath.Join(b.dir, "agent"), "--tpm", "off")
	if err != nil {
		return nil, err
	}
	if err := agent.until(ctx, "its report has arrived", 250*time.Millisecond, func() (bool, error) { return reported(ctx, cp) }); err != nil {
		agent.stop()
		return nil, err
	}
	return agent, nil
}

// reported tells whether the fleet's one device has sent its patch state, which comes after the inventory.
func reported(ctx context.Context, cp *plane) (bool, error) {
	var list struct{ Devices []struct{ ID string } }
	if err := cp.askJSON(ctx, &list, "device", "list"); err != nil || len(list.Devices) == 0 {
		return false, err
	}
	var device struct{ Patch *struct{ Sources []any } }
	err := cp.askJSON(ctx, &device, "device", "show", list.Devices[0].ID)
	return device.Patch != nil && len(device.Patch.Sources) > 0, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
