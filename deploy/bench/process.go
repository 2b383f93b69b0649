//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// process is a program in the background. It ends with this one, however that ends.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

func background(log, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(name), err)
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(p.done)
	}()
	return p, nil
}

func (p *process) usage() (usage, error) { return usageOf(p.cmd.Process.Pid) }

// stop asks the program to end, and makes it after a while.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// until asks again and again whether a condition holds as long as the program lives, a minute at most.
func (p *process) until(ctx context.Context, what string, every time.Duration, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended by itself before %s:\n%s", filepath.Base(p.cmd.Path), what, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: %w:\n%s", what, ctx.Err(), p.tail())
		case <-tick.C:
		}
	}
}

func (p *process) tail() []byte {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return b[max(0, len(b)-2000):]
}

// spent is what a program that has ended used.
type spent struct {
	wall, cpu time.Duration
	peak      int64 // bytes in memory at most
	out       []byte
}

// command runs a program to its end.
func command(ctx context.Context, name string, args ...string) (spent, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	start := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return spent{}, fmt.Errorf("%s %q: %w\n%.2000s", filepath.Base(name), args, err, errs.Bytes())
	}
	s := spent{wall: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), out: out}
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return s, errors.New("the kernel did not say what a process used")
	}
	s.peak = u.Maxrss << 10
	return s, nil
}

// several runs a program a few times and gives the median of each value.
func several(ctx context.Context, name string, args ...string) (spent, error) {
	const times = 5
	var runs []spent
	for range times {
		s, err := command(ctx, name, args...)
		if err != nil {
			return s, err
		}
		runs = append(runs, s)
	}
	slices.SortFunc(runs, func(a, b spent) int { return int(a.wall - b.wall) })
	m := runs[times/2]
	slices.SortFunc(runs, func(a, b spent) int { return int(a.cpu - b.cpu) })
	m.cpu = runs[times/2].cpu
	slices.SortFunc(runs, func(a, b spent) int { return int(a.peak - b.peak) })
	m.peak = runs[times/2].peak
	return m, nil
}
