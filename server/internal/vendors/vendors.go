// Package vendors runs the vendor plugins: it finds them in a folder, starts those whose checksum is
// known, keeps them running, and asks all of them which one knows a model and its driver pack.
//
// Guarantees:
//   - A file without a line in the folder's SHA256SUMS, or with another content than that line says, is
//     never started. Whoever can write into the folder can run programs as the control plane: it belongs
//     to the administrator, as the control plane's own program does.
//   - A plugin gets nothing of the control plane's environment, and learns vendor, product and model key
//     of a machine, never its serial number.
//   - Every call has a deadline. A plugin that crashes, hangs, freezes or never starts is killed with
//     everything it started, reported in List, and started again after a pause that grows to a bound;
//     nobody else waits for it.
//   - Every answer is checked before anybody sees it; a nonsense answer is an error that names the plugin.
//   - Close leaves no process and no file behind; if the control plane is killed, its plugins end by
//     themselves (vendor.Serve).
//
// Plugins are not taken over by the next control plane: their connection is bound to keys that live in
// this process, and all they hold is an index that is read again in under a second.
//
// The command line and the control plane's daemon open a Host; everything else gets its answers.
package vendors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// Config says where plugins are and how long they may take.
type Config struct {
	// Folder has the plugins, nattevakt-vendor-NAME, and their SHA256SUMS.
	Folder string
	// Catalogues has a folder or file for each plugin by its name; empty runs plugins without catalogues.
	Catalogues string
	Log        *slog.Logger
	// Start is how long a plugin may take until it can be asked, Index to read its catalogue, Call to answer.
	Start, Index, Call time.Duration
	// Heartbeat is how often a plugin nobody asks is looked after.
	Heartbeat time.Duration
	// Pause is the first wait before a restart; it doubles up to MaxPause, and starts anew when a plugin
	// has run for MaxPause.
	Pause, MaxPause time.Duration
}

// Defaults is the configuration for a folder of plugins.
func Defaults(folder string) Config {
	return Config{
		Folder: folder, Log: slog.Default(),
		Start: 10 * time.Second, Index: time.Minute, Call: 5 * time.Second,
		Heartbeat: 5 * time.Second, Pause: time.Second, MaxPause: 5 * time.Minute,
	}
}

// Host runs the plugins of one folder. It is safe for use by several goroutines.
type Host struct {
	plugins []*supervised
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// State is how it stands with a plugin.
type State string

// The states.
const (
	// Refused plugins are not started: their checksum is missing or wrong.
	Refused  State = "refused"
	Starting State = "starting"
	Running  State = "running"
	// Down plugins have failed and are started again at NextStart.
	Down State = "down"
)

// Status is how it stands with one plugin.
type Status struct {
	// Name is from the file's name.
	Name  string
	State State
	// Problem says why the plugin is refused, or why it failed last; it stays after a restart.
	Problem string
	// Failures counts them since the host was opened.
	Failures int
	// NextStart is set while the plugin is Down.
	NextStart time.Time

	// What follows is known of a plugin that runs.

	PID int
	// Protocol is the version of the contract that was agreed on.
	Protocol int
	Info     vendor.Info
	// Identifies and FindsPacks are its capabilities.
	Identifies, FindsPacks bool
	// Catalogue is what came of reading the plugin's catalogue; CatalogueProblem why there is none.
	Catalogue        vendor.Indexed
	CatalogueProblem string
}

// Open starts the plugins of the folder and returns when each is running or has failed once. A plugin
// that fails is no error of Open; a folder that cannot be read is.
func Open(ctx context.Context, c Config) (*Host, error) {
	found, err := discover(c.Folder)
	if err != nil {
		return nil, fmt.Errorf("vendor plugins: %w", err)
	}
	life, stop := context.WithCancel(context.Background())
	h := &Host{stop: stop}
	for _, f := range found {
		s := newSupervised(c, f)
		h.plugins = append(h.plugins, s)
		h.ended.Go(func() { s.run(life) })
	}
	for _, s := range h.plugins {
		select {
		case <-s.settled:
		case <-ctx.Done():
			h.Close()
			return nil, fmt.Errorf("start vendor plugins: %w", ctx.Err())
		}
	}
	return h, nil
}

// List says how it stands with each plugin, by name.
func (h *Host) List() []Status {
	list := make([]Status, 0, len(h.plugins))
	for _, s := range h.plugins {
		list = append(list, s.report())
	}
	return list
}

// Close kills every plugin and waits until all are gone. It may be called more than once.
func (h *Host) Close() {
	h.stop()
	h.ended.Wait()
}

// errClosed ends calls to plugins of a host that was closed.
var errClosed = errors.New("the vendor plugins have been stopped")
