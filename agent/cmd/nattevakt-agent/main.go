// Command nattevakt-agent is the service on every machine: it enrols the machine, reports what it is and
// how well patched it is, and carries out the night's orders.
//
// Exit codes: 0 success, 1 trouble (said on standard error), 2 wrong usage; enroll and status have more,
// listed in their help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// errQuiet ends with a code after everything has been said.
var errQuiet = errors.New("")

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errQuiet) {
		fmt.Fprintln(stderr, "nattevakt-agent:", err)
	}
	var coded *exitError
	if errors.As(err, &coded) {
		return coded.code
	}
	return 1
}
