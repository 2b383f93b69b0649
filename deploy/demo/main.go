//go:build linux

// Command demo shows Nattevakt at work on one Linux machine: a control plane, this machine itself, and a
// charging cabinet of 30 real agent processes with made-up hardware, of which one has its clock wrong, one
// never comes back and one is killed in the middle of writing. It pushes a real disk image to the cabinet
// over one accelerated night and leaves the pages open until Ctrl-C. `make run` calls it.
//
// Everything goes through the programs that people use: it types the commands of the README. All files
// are in one temporary folder, which is gone when the demonstration ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	bin := flag.String("bin", "bin", "folder of the built programs")
	size := flag.Int("disk-mib", 96, "size of the disk image that is pushed, in MiB")
	rate := flag.Float64("rate", 200, "how many times faster than life the night goes")
	leave := flag.Bool("exit", false, "end after the morning report instead of waiting for Ctrl-C")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *bin, *size, *rate, *leave); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin string, size int, rate float64, leave bool) (err error) {
	dir, err := os.MkdirTemp("", "nattevakt-demo-")
	if err != nil {
		return err
	}
	bin, err = filepath.Abs(bin)
	if err != nil {
		return err
	}
	d := &demo{ctx: ctx, dir: dir, bin: bin, rate: rate, diskMiB: size}
	defer func() {
		d.procs.stop()
		if rerr := os.RemoveAll(dir); rerr != nil && err == nil {
			err = rerr
		}
		fmt.Println("\nAlt er stoppet, og ingenting ligger igjen. / Everything is stopped, and nothing is left behind.")
	}()
	for _, step := range []func() error{d.controlPlane, d.places, d.enrolMachines, d.untilReported, d.announce, d.push, d.morning} {
		if err := step(); err != nil {
			return err
		}
	}
	if leave {
		return nil
	}
	fmt.Printf("\nSidene er åpne til du trykker Ctrl-C: / The pages stay open until Ctrl-C:\n  %s\n  innlogging / login: %s\n", d.web, d.login)
	<-ctx.Done()
	return nil
}
