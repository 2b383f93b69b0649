package operatorcli

import (
	"os"
	"time"

	"golang.org/x/term"
)

// System is the machine that the program runs on.
func System() Host {
	config, err := os.UserConfigDir()
	if err != nil {
		config = "" // no home: one place fewer to look at
	}
	return Host{
		Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, Zone: time.Local,
		Config: config,
		Screen: screen,
		Bars:   term.IsTerminal(int(os.Stderr.Fd())),
	}
}

func screen() (columns, rows int) {
	columns, rows, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}
