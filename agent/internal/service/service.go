// Package service installs, removes, starts and stops the agent as a service of the operating system
// (systemd on Linux, the service manager on Windows) and runs it as one.
//
// Guarantees:
//   - The service restarts after a failure, starts with the machine, and works as root or SYSTEM.
//   - On a Linux without systemd nothing is installed and the error says what to do instead.
//   - What Windows cannot set on an old or emulated system (delayed start, recovery actions after an exit
//     that was no crash) is a warning: the service works without it.
//
// The command's service and svc subcommands use this package.
package service

import (
	"errors"
	"fmt"

	kardianos "github.com/kardianos/service"
)

// Name is the service's name, the same on every system.
const Name = "nattevakt-agent"

const (
	displayName = "Nattevakt"
	description = "Nattevakt: holder maskinen klar til første time (keeps the machine ready for the first lesson)"
)

// Argument is the subcommand the service manager starts, before the agent's own flags.
const Argument = "svc"

// Control does install, uninstall, start or stop. args are the agent's flags, for install. The texts of
// warnings are for the operator.
func Control(action string, args []string) (warnings []string, err error) {
	if err := supported(); err != nil {
		return nil, err
	}
	option, err := options(args)
	if err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}
	s, err := kardianos.New(nil, &kardianos.Config{
		Name: Name, DisplayName: displayName, Description: description,
		Arguments: append([]string{Argument}, args...), Option: option,
	})
	if err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}
	if err := kardianos.Control(s, action); err != nil {
		return nil, explain(action, err)
	}
	if action == "install" {
		return refine()
	}
	return nil, nil
}

// Actions are what Control understands.
func Actions() []string { return []string{"install", "uninstall", "start", "stop"} }

func explain(action string, err error) error {
	if errors.Is(err, kardianos.ErrNotInstalled) {
		return fmt.Errorf("service %s: not installed (run nattevakt-agent service install)", action)
	}
	return fmt.Errorf("service %s: %w", action, err)
}
