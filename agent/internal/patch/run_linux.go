package patch

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// maxOutput bounds what one command may print; 3,000 packages give apt-cache some 700 KB.
	maxOutput = 16 << 20
	// maxComplaint bounds what is kept of standard error.
	maxComplaint = 4 << 10
)

var errTooMuch = fmt.Errorf("printed more than %d MiB", maxOutput>>20)

// Run is the Runner that starts real programs: in the C locale and UTC so that output can be read by
// programs, in a process group that ends with ctx, with bounded output.
func Run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stdout := &bounded{limit: maxOutput, full: func() { cancel(errTooMuch) }}
	stderr := &bounded{limit: maxComplaint}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "LANGUAGE=", "TZ=UTC")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return nil, complaint(name, stderr.kept.String(), cmp.Or(context.Cause(ctx), err))
	}
	return stdout.kept.Bytes(), context.Cause(ctx)
}

// complaint names the command and what it said, on one line.
func complaint(name, said string, err error) error {
	said = strings.Join(strings.Fields(said), " ")
	if said == "" {
		return fmt.Errorf("%s: %w", name, err)
	}
	return fmt.Errorf("%s: %w: %s", name, err, said)
}

// bounded keeps the first limit bytes and drops the rest, telling so through full.
type bounded struct {
	kept  bytes.Buffer
	limit int
	full  func()
}

func (b *bounded) Write(p []byte) (int, error) {
	room := min(b.limit-b.kept.Len(), len(p))
	b.kept.Write(p[:room])
	if room < len(p) && b.full != nil {
		b.full()
	}
	return len(p), nil
}
