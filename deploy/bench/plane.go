//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// plane is a control plane under measurement.
type plane struct {
	*process
	nattevakt string // the program
	data      string
	agents    string // address of the machines' listener
	operator  string // file with an operator's credentials
	ready     time.Duration
}

// startPlane serves a data folder, and takes the time until all listeners are open.
func (b bench) startPlane(ctx context.Context, data string, flags ...string) (*plane, error) {
	p := &plane{nattevakt: filepath.Join(b.bin, "nattevakt"), data: data}
	readyFile := data + ".ready"
	if err := os.Remove(readyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	args := append([]string{
		"serve", "--data", data, "--ready-file", readyFile, "--advertise", "127.0.0.1",
		"--listen", "127.0.0.1:0", "--content", "127.0.0.1:0", "--web", "127.0.0.1:0", "--metrics", "",
	}, flags...)
	start := time.Now()
	var err error
	if p.process, err = background(data+".log", p.nattevakt, args...); err != nil {
		return nil, err
	}
	if err := p.until(ctx, "the control plane is ready", 5*time.Millisecond, exists(readyFile)); err != nil {
		p.stop()
		return nil, err
	}
	p.ready = time.Since(start)
	content, err := os.ReadFile(readyFile)
	if err != nil {
		return nil, err
	}
	var at struct{ Agents, Operator string }
	if err := json.Unmarshal(content, &at); err != nil {
		return nil, err
	}
	p.agents, p.operator = at.Agents, at.Operator
	return p, nil
}

func exists(path string) func() (bool, error) {
	return func() (bool, error) {
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
}

// ask runs one of the operator's commands.
func (p *plane) ask(ctx context.Context, args ...string) (spent, error) {
	return command(ctx, p.nattevakt, append([]string{"--operator", p.operator}, args...)...)
}

// askJSON is ask with the answer taken apart.
func (p *plane) askJSON(ctx context.Context, into any, args ...string) error {
	s, err := p.ask(ctx, append(args, "--json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal(s.out, into)
}
