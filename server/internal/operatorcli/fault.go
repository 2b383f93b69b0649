package operatorcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// fault is an error that a person can act on: what happened, what is safe, what to do. Its texts are in
// the person's language.
type fault struct {
	code exitCode
	what string
	safe string
	next string
	// reason is the stable code of proto/reason, if the control plane gave one.
	reason string
	cause  error
}

func (f *fault) Error() string {
	if f.cause != nil {
		return f.what + ": " + f.cause.Error()
	}
	return f.what
}

func (f *fault) Unwrap() error { return f.cause }

// errQuiet ends the program with a code where everything has been said already.
type errQuiet struct{ code exitCode }

func (e errQuiet) Error() string { return "ended with " + e.code.String() }

// report writes err, if there is one, and gives its exit code.
func (c *CLI) report(ctx context.Context, err error) exitCode {
	if err == nil {
		return exitOK
	}
	var quiet errQuiet
	if errors.As(err, &quiet) {
		return quiet.code
	}
	f := c.asFault(ctx, err)
	if c.flags.json {
		c.reportJSON(f)
	} else {
		c.reportText(f)
	}
	return f.code
}

// asFault gives every other error the general form.
func (c *CLI) asFault(ctx context.Context, err error) *fault {
	var f *fault
	switch {
	case ctx.Err() != nil:
		return &fault{code: exitInterrupted, what: c.t("avbrutt", "interrupted")}
	case errors.As(err, &f):
		return f
	}
	return &fault{code: exitFailed, what: err.Error()}
}

func (c *CLI) reportText(f *fault) {
	c.note("nattevakt: %s", table.Clean(f.Error()))
	for _, line := range []string{f.safe, f.next} {
		if line != "" {
			c.note("  %s", table.Clean(line))
		}
	}
}

func (c *CLI) reportJSON(f *fault) {
	type problem struct {
		Code    string `json:"code"`
		Exit    int    `json:"exit"`
		Message string `json:"message"`
		Reason  string `json:"reason,omitempty"`
		Safe    string `json:"safe,omitempty"`
		Next    string `json:"next,omitempty"`
	}
	b, err := json.Marshal(struct {
		Error problem `json:"error"`
	}{problem{f.code.String(), int(f.code), f.Error(), f.reason, f.safe, f.next}})
	if err != nil {
		c.reportText(f)
		return
	}
	c.note("%s", b)
}

// note says something beside the answer. A standard error that is closed is nobody to tell.
func (c *CLI) note(format string, args ...any) {
	_, _ = fmt.Fprintln(c.host.Stderr, strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}
