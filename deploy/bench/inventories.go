//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"
)

// tool is a program that makes one inventory of this machine.
type tool struct {
	name, does string
	program    string
	args       []string
	install    string // empty for ours
}

// inventories makes the same machine's inventory with the agent and with those of Debian.
func (b bench) inventories(ctx context.Context, p *page) error {
	head, err := b.collected(ctx)
	if err != nil {
		return err
	}
	p.text("## One inventory\n\nEach program makes one inventory of this machine in a process of its own; the median of five.\n%s", head)
	var base spent
	rows := [][]string{}
	for _, t := range []tool{
		{"nattevakt-agent", "hardware, OS, counts of packages", b.agent(), []string{"inventory", "--json", "--no-patch"}, ""},
		{"nattevakt-agent", "the same, and every missing update", b.agent(), []string{"inventory", "--json"}, ""},
		{"fusioninventory-agent", "hardware, OS, every package and process", "fusioninventory-agent", []string{"--local", b.dir, "--force"}, "apt-get install fusioninventory-agent"},
		{"ocsinventory-agent", "hardware, OS, every package", "ocsinventory-agent", []string{"--stdout", "--force"}, "apt-get install ocsinventory-agent"},
	} {
		path, err := exec.LookPath(t.program)
		if err != nil && t.install != "" {
			rows = append(rows, []string{t.name, t.does, "not installed (" + t.install + ")", "", "", "", ""})
			continue
		}
		say("inventory: %s", t.name)
		s, err := several(ctx, path, t.args...)
		if err != nil {
			return err
		}
		if base.wall == 0 {
			base = s
		}
		rows = append(rows, []string{
			t.name, t.does, millis(s.wall), millis(s.cpu), megabytes(s.peak),
			fmt.Sprintf("%.1f", float64(s.wall)/float64(base.wall)), fmt.Sprintf("%.1f", float64(s.cpu)/float64(base.cpu)),
		})
	}
	p.table([]string{"program", "finds", "time", "CPU", "most RSS", "time, ours = 1", "CPU, ours = 1"}, rows)
	return nil
}

// collected says how long the agent itself takes to look, which is promised; the table has the whole
// process.
func (b bench) collected(ctx context.Context) (string, error) {
	s, err := several(ctx, b.agent(), "inventory", "--json", "--no-patch")
	if err != nil {
		return "", err
	}
	var out struct {
		InventoryMS float64 `json:"inventory_ms"`
	}
	if err := json.Unmarshal(s.out, &out); err != nil {
		return "", err
	}
	took := time.Duration(out.InventoryMS * float64(time.Millisecond))
	return fmt.Sprintf("The agent's own look at the machine takes %s of it (promised: under 100 ms, %s).", millis(took), verdict(took < mostInventory)), nil
}
