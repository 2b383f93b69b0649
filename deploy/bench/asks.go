//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// asks times what an operator asks of a control plane with very many devices, from typing to the last
// line. The overview is the one that pages show.
func (b bench) asks(ctx context.Context, cp *plane) ([][]string, error) {
	say("asking as an operator")
	serial := fmt.Sprintf("SIM%07d", b.devices-1)
	rows := [][]string{}
	for _, q := range []struct {
		what string
		args []string
	}{
		{"overview of all owners", []string{"owner", "list"}},
		{"the sites of all owners", []string{"site", "list"}},
		{"a cabinet with its slots", []string{"cabinet", "show", "sim-c0"}},
		{"the devices of a site", []string{"device", "list", "--site", "sim-s0"}},
		{"one device by its serial number", []string{"device", "show", serial}},
		{"a search for a text in every device", []string{"device", "list", "--query", serial}},
	} {
		took, err := median(func() (time.Duration, error) {
			s, err := cp.ask(ctx, q.args...)
			return s.wall, err
		})
		if err != nil {
			return nil, err
		}
		rows = append(rows, []string{q.what, "`nattevakt " + strings.Join(q.args, " ") + "`", millis(took)})
	}
	return rows, nil
}

func askTable(p *page, rows [][]string) {
	p.text("### What an operator waits for\n\nThe whole command, with the start of the program and the handshake; the median of three, far enough apart that the\noverview is counted anew.")
	p.table([]string{"what", "command", "time"}, rows)
}

func median(measure func() (time.Duration, error)) (time.Duration, error) {
	var took [3]time.Duration
	for i := range took {
		var err error
		if took[i], err = measure(); err != nil {
			return 0, err
		}
		time.Sleep(1500 * time.Millisecond) // longer than an answer is kept
	}
	slices.Sort(took[:])
	return took[1], nil
}
