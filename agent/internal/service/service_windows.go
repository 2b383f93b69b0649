package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	kardianos "github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

func options([]string) (kardianos.KeyValue, error) {
	return kardianos.KeyValue{"OnFailure": "restart", "OnFailureDelayDuration": "10s"}, nil
}

func supported() error { return nil }

// refine sets what kardianos does not: a start that does not slow the logon down, and restarts after
// exits that were no crashes.
func refine() (warnings []string, err error) {
	manager, err := mgr.Connect()
	if err != nil {
		return nil, fmt.Errorf("service install: %w", err)
	}
	defer func() { _ = manager.Disconnect() }()
	s, err := manager.OpenService(Name)
	if err != nil {
		return nil, fmt.Errorf("service install: %w", err)
	}
	defer s.Close()
	steps := map[string]func() error{
		"delayed start":          func() error { return delayStart(s) },
		"restart after any exit": func() error { return s.SetRecoveryActionsOnNonCrashFailures(true) },
	}
	for name, step := range steps {
		if err := step(); errors.Is(err, windows.ERROR_INVALID_LEVEL) {
			warnings = append(warnings, name+" is not known to this Windows")
		} else if err != nil {
			return warnings, fmt.Errorf("service install: %s: %w", name, err)
		}
	}
	return warnings, nil
}

func delayStart(s *mgr.Service) error {
	config, err := s.Config()
	if err != nil {
		return err
	}
	config.DelayedAutoStart = true
	return s.UpdateConfig(config)
}

// Run runs work until the service manager stops the service. It talks to the manager at once, without
// asking whether it was started by one: that question has a wrong answer where sessions are emulated.
func Run(work func(context.Context) error) error {
	h := &handler{work: work}
	if err := svc.Run(Name, h); err != nil {
		return fmt.Errorf("talk to the service manager: %w (start the service with nattevakt-agent service start)", err)
	}
	return h.err
}

// handler is one run of the service.
type handler struct {
	work func(context.Context) error
	err  error
}

// stopHint is how long the manager is told to wait for the end of a phase.
const stopHint = 30 * time.Second

// Execute is svc.Handler.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, changes chan<- svc.Status) (bool, uint32) {
	const accepts = svc.AcceptStop | svc.AcceptShutdown
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- h.work(ctx) }()
	changes <- svc.Status{State: svc.Running, Accepts: accepts}
	for {
		select {
		case h.err = <-ended:
			return h.report()
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				changes <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				changes <- svc.Status{State: svc.StopPending, WaitHint: uint32(stopHint.Milliseconds())}
				cancel()
			}
		}
	}
}

// report gives the service-specific exit code.
func (h *handler) report() (specific bool, code uint32) {
	if h.err != nil {
		return true, 1
	}
	return false, 0
}
