package vendors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// supervised is one plugin over all its processes. One goroutine (run) starts and ends them; callers only
// borrow the one that runs.
type supervised struct {
	config Config
	found  found
	// settled is closed when the plugin is running, refused or has failed for the first time.
	settled chan struct{}
	settle  sync.Once

	// mu guards what follows.
	mu     sync.Mutex
	status Status
	live   *process
}

func newSupervised(c Config, f found) *supervised {
	c.Log = c.Log.With("plugin", f.name)
	return &supervised{
		config: c, found: f, settled: make(chan struct{}),
		status: Status{Name: f.name, State: Starting},
	}
}

// run keeps the plugin running until ctx ends; it returns at once where the plugin is refused.
func (s *supervised) run(ctx context.Context) {
	defer s.set(func(st *Status) { st.PID = 0 })
	if s.found.refusal != "" {
		s.refuse(s.found.refusal)
		return
	}
	again := restart{first: s.config.Pause, most: s.config.MaxPause}
	for {
		began := time.Now()
		err := s.life(ctx)
		if ctx.Err() != nil {
			s.fail(errClosed, time.Time{})
			return
		}
		if errors.Is(err, plugin.ErrChecksumsDoNotMatch) {
			s.refuse(fmt.Sprintf("%s has another content than %s says", filepath.Base(s.found.path), sumsFile))
			return
		}
		wait := again.failed(time.Since(began))
		s.fail(err, time.Now().Add(wait))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// life is one life of the plugin: start, read the catalogue, be asked, until it fails or ctx ends.
func (s *supervised) life(ctx context.Context) error {
	s.set(func(st *Status) { st.State, st.NextStart = Starting, time.Time{} })
	p, err := start(ctx, s.config, s.found)
	if err != nil {
		return err
	}
	defer p.kill()
	indexed, catalogueProblem, err := s.index(ctx, p)
	if err != nil {
		return p.explain(err)
	}
	s.mu.Lock()
	s.live = p
	st := &s.status
	st.State, st.PID, st.Protocol, st.Info = Running, p.pid(), p.client.NegotiatedVersion(), p.info
	st.Identifies, st.FindsPacks = p.identifier != nil, p.packs != nil
	st.Catalogue, st.CatalogueProblem = indexed, catalogueProblem
	s.mu.Unlock()
	s.config.Log.Info("vendor plugin runs", "version", p.info.Version, "pid", p.pid(),
		"models", indexed.Models, "packs", indexed.Packs(), "problems", indexed.ProblemCount, "catalogue", catalogueProblem)
	s.settle.Do(func() { close(s.settled) })
	defer s.set(func(*Status) { s.live = nil })
	return p.explain(p.watch(ctx, s.config))
}

// index lets the plugin read its catalogue. What is wrong with the catalogue is told apart from what is
// wrong with the plugin (err): the latter can be cured by a restart.
func (s *supervised) index(ctx context.Context, p *process) (indexed vendor.Indexed, problem string, err error) {
	if p.packs == nil {
		return indexed, "", nil
	}
	path, problem := s.catalogue()
	if problem != "" {
		return indexed, problem, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Index)
	defer cancel()
	indexed, err = p.packs.Index(ctx, path)
	switch {
	case err == nil:
		return indexed, "", nil
	case broken(err):
		return vendor.Indexed{}, "", fmt.Errorf("read catalogue %s: %w", path, err)
	}
	return vendor.Indexed{}, err.Error(), nil
}

// catalogue finds the plugin's own file or folder, or says why there is none.
func (s *supervised) catalogue() (path, problem string) {
	if s.config.Catalogues == "" {
		return "", "no folder of catalogues is configured"
	}
	path, err := filepath.Abs(filepath.Join(s.config.Catalogues, s.found.name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", err.Error()
	}
	return path, ""
}

func (s *supervised) set(f func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.status)
}

func (s *supervised) refuse(why string) {
	s.set(func(st *Status) { st.State, st.Problem = Refused, why })
	s.config.Log.Error("vendor plugin refused", "reason", why)
	s.settle.Do(func() { close(s.settled) })
}

// fail reports the end of a life.
func (s *supervised) fail(err error, next time.Time) {
	s.set(func(st *Status) {
		st.State, st.PID, st.NextStart, st.Problem = Down, 0, next, err.Error()
		if !errors.Is(err, errClosed) {
			st.Failures++
		}
	})
	if !errors.Is(err, errClosed) {
		s.config.Log.Error("vendor plugin failed", "error", err, "next_start", next)
	}
	s.settle.Do(func() { close(s.settled) })
}

func (s *supervised) report() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// running borrows the process, or says why there is none.
func (s *supervised) running() (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live != nil {
		return s.live, nil
	}
	if s.status.Problem != "" {
		return nil, fmt.Errorf("plugin is %s: %s", s.status.State, s.status.Problem)
	}
	return nil, fmt.Errorf("plugin is %s", s.status.State)
}

// call asks the running process within the call's deadline. If the process cannot answer, it is given up;
// if the caller cannot wait, it is not.
func call[T any](ctx context.Context, s *supervised, f func(context.Context, *process) (T, error)) (T, error) {
	var none T
	p, err := s.running()
	if err != nil {
		return none, err
	}
	limited, cancel := context.WithTimeout(ctx, s.config.Call)
	defer cancel()
	got, err := f(limited, p)
	if err == nil {
		return got, nil
	}
	if deadline, ok := ctx.Deadline(); ok && errors.Is(err, context.DeadlineExceeded) {
		if end, _ := limited.Deadline(); end.Equal(deadline) {
			<-ctx.Done() // the plugin's clock may be a hair ahead of this one
		}
	}
	switch {
	case ctx.Err() == nil && broken(err):
		p.giveUp(err)
	case errors.Is(err, vendor.ErrNonsense):
		s.config.Log.Warn("vendor plugin answers nonsense", "error", err)
	}
	return none, err
}
