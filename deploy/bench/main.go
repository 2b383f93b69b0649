//go:build linux

// Command bench measures what Nattevakt promises about speed and size on this machine, beside peers that
// do the same work in the same run, and writes the tables of server/BENCH.md and agent/BENCH.md:
//
//	make bench
//
// One file measures one thing. Everything is measured from outside, on the programs that people use:
// time by the clock, CPU and memory as the kernel accounts them to the process (/proc and wait4). What
// misses its target is marked in the table and fails nothing; the exit code is 1 only where a
// measurement could not be made. A peer that is not installed leaves a row that says how to install it.
//
// The data is made up, lies in one temporary folder and is gone at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// bench is what all measurements share.
type bench struct {
	bin      string // folder of the programs
	dir      string // temporary
	devices  int
	duration time.Duration // of each load
}

func main() {
	b := bench{}
	flag.StringVar(&b.bin, "bin", "bin", "folder of the built programs")
	flag.IntVar(&b.devices, "devices", 1_000_000, "how many devices the control plane knows")
	flag.DurationVar(&b.duration, "duration", 20*time.Second, "how long each load on the control plane lasts")
	server := flag.String("server", "server/BENCH.md", "file for the tables of the control plane; empty leaves that half out")
	agent := flag.String("agent", "agent/BENCH.md", "file for the tables of the agent; empty leaves that half out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if flag.NArg() > 0 {
		err = peerRole(ctx, flag.Args())
	} else {
		err = b.run(ctx, map[string]string{"agent": *agent, "server": *server})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures each half that has a file to go to. The agent comes first, while this process is small: at
// exec the kernel counts a parent's memory into its child's peak.
func (b bench) run(ctx context.Context, files map[string]string) (err error) {
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "nattevakt-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	for _, half := range []struct {
		name    string
		measure func(context.Context, *page) error
	}{{"agent", b.agentPage}, {"server", b.serverPage}} {
		file := files[half.name]
		if file == "" {
			continue
		}
		p := newPage()
		if err := half.measure(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", half.name, err)
		}
		fmt.Println(p.String())
		if err := os.WriteFile(file, []byte(p.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// say tells on standard error how far it is: a run takes minutes.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
