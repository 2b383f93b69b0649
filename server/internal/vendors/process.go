package vendors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// process is one running plugin process.
type process struct {
	info       vendor.Info
	identifier vendor.Identifier
	packs      vendor.DriverPacks

	client *plugin.Client
	cmd    *exec.Cmd
	conn   *grpc.ClientConn
	// folder has the process's socket and is removed with it.
	folder string
	words  *lastWords
	// failed has the first reason to give the process up.
	failed chan error
}

// start starts a plugin and asks what it is. The process is gone when it fails, and dies when ctx ends,
// even if nobody calls kill.
func start(ctx context.Context, c Config, f found) (*process, error) {
	folder, err := os.MkdirTemp("", "nattevakt-vendor-")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, f.path)
	cmd.Env = environment(folder)
	ownGroup(cmd)
	cmd.Cancel = func() error { killGroup(cmd); return nil }
	words := &lastWords{log: c.Log}
	config := vendor.ClientConfig(cmd, f.sum)
	config.StartTimeout = c.Start
	config.Logger = hclog.NewNullLogger()
	config.Stderr, config.SyncStderr = words, words
	p := &process{client: plugin.NewClient(config), cmd: cmd, folder: folder, words: words, failed: make(chan error, 1)}
	if err := p.connect(ctx, c.Start, f.name); err != nil {
		p.kill()
		return nil, p.explain(fmt.Errorf("start: %w", err))
	}
	return p, nil
}

func (p *process) connect(ctx context.Context, limit time.Duration, name string) error {
	if _, err := p.client.Start(); err != nil {
		return firstLine(err)
	}
	// The library waits for the connection without a limit of its own; a process that is gone ends that.
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer context.AfterFunc(ctx, func() { killGroup(p.cmd) })()
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	grpcClient, ok := protocol.(*plugin.GRPCClient)
	if !ok {
		return errors.New("plugin does not speak gRPC")
	}
	p.conn = grpcClient.Conn
	v, err := vendor.Dispense(ctx, protocol)
	if err != nil {
		return err
	}
	p.identifier, _ = vendor.AsIdentifier(v)
	p.packs, _ = vendor.AsDriverPacks(v)
	if p.info, err = v.Info(ctx); err != nil {
		return err
	}
	if err := p.info.Check(); err != nil {
		return err
	}
	if p.info.Name != name {
		return fmt.Errorf("%w: the plugin %s calls itself %s", vendor.ErrNonsense, name, p.info.Name)
	}
	return nil
}

// firstLine is an error without the page of advice that the library gives its authors.
func firstLine(err error) error {
	first, more, _ := strings.Cut(err.Error(), "\n")
	if more == "" {
		return err
	}
	return errors.New(vendor.Clip(first))
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// watch looks after the process until it fails or ctx ends.
func (p *process) watch(ctx context.Context, c Config) error {
	beat := time.NewTicker(c.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-p.failed:
			return err
		case <-beat.C:
		}
		if err := p.alive(ctx, c.Call); err != nil {
			return err
		}
	}
}

func (p *process) alive(ctx context.Context, limit time.Duration) error {
	if p.client.Exited() {
		return errors.New("the process has ended")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := grpc_health_v1.NewHealthClient(p.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	if err != nil {
		return fmt.Errorf("heartbeat: %s", status.Convert(err).Message())
	}
	return nil
}

// giveUp tells the watch to end this process.
func (p *process) giveUp(err error) {
	select {
	case p.failed <- err:
	default: // somebody was first
	}
}

// kill ends the process with all it started, without asking: a plugin has nothing to save.
func (p *process) kill() {
	killGroup(p.cmd)
	p.client.Kill()
	os.RemoveAll(p.folder)
}

// explain adds what the process said last to the reason of its end.
func (p *process) explain(err error) error {
	if said := p.words.String(); said != "" && err != nil {
		return fmt.Errorf("%w (it said: %s)", err, said)
	}
	return err
}

// broken says whether an error means that the process cannot answer, rather than that its answer is an error.
func broken(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.ResourceExhausted, codes.Unimplemented:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// environment is all that a plugin gets: a folder of its own for its socket, and what Windows programs
// cannot start without.
func environment(folder string) []string {
	env := []string{"TMPDIR=" + folder, "TEMP=" + folder, "TMP=" + folder}
	if root := os.Getenv("SystemRoot"); root != "" {
		env = append(env, "SystemRoot="+root)
	}
	return env
}
