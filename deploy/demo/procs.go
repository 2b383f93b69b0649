//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// procs are the programs that run in the background, in the order of their start.
type procs struct {
	mu   sync.Mutex // guards list
	list []*proc
}

// proc is one program; its output is in a file of its own.
type proc struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start runs a program in a process group of its own, so that Ctrl-C reaches only the demonstration,
// which then ends the others in order. If the demonstration itself is killed, so are they.
func (p *procs) start(log, name string, args ...string) (*proc, error) {
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
	pr := &proc{name: filepath.Base(log), cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(pr.done)
	}()
	p.mu.Lock()
	p.list = append(p.list, pr)
	p.mu.Unlock()
	return pr, nil
}

// kill ends a program as a power cut would.
func (pr *proc) kill() {
	_ = pr.cmd.Process.Kill() // it may have ended already
	<-pr.done
}

// stopTime is how long a program gets to end by itself.
const stopTime = 8 * time.Second

// stop ends all programs, the last started first asked.
func (p *procs) stop() {
	p.mu.Lock()
	list := p.list
	p.mu.Unlock()
	for i := len(list) - 1; i >= 0; i-- {
		_ = list[i].cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	}
	late := time.After(stopTime)
	for _, pr := range list {
		select {
		case <-pr.done:
		case <-late:
			pr.kill()
		}
	}
}

var errGone = errors.New("ended by itself")
