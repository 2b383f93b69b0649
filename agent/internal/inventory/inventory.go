// Package inventory finds out what machine the agent runs on: hardware, operating system, and how many
// packages. It decides nothing about what follows from it.
//
// Guarantees:
//   - Collect always answers. Each collector has its own time limit; one that fails, hangs or panics
//     becomes a CollectorProblem beside what the others found, never instead of it.
//   - Nothing in an Inventory moves by the minute, and repeated fields have a fixed order: two
//     collections of an unchanged machine have the same digest. What moves is in Vitals.
//   - All text is valid UTF-8; whatever is read from the machine is read up to a bound.
//   - On Linux every reader looks below Options.Root only. Device ioctls and programs are used only where
//     that is "/", so that a test can feed any machine as a folder.
//
// What firmware calls a machine is brought into one form here (vendor names, model keys): identity.go says
// how and after whom. All functions may be called from several goroutines. The agent's commands and its
// check-in loop are the callers.
package inventory

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

const (
	defaultTimeout = 2 * time.Second
	// atOnce bounds how many collectors run at a time; they wait for firmware and disks, not for the CPU.
	atOnce = 4
)

// Options say where and when to look. The zero value is this machine, now.
type Options struct {
	// Root is the folder that stands for "/"; on Windows it has no meaning.
	Root string
	// Timeout limits each collector; 0 is two seconds.
	Timeout time.Duration
	// Now is the time of the collection, against which impossible dates are dropped; zero is the clock.
	Now time.Time
}

func (o Options) withDefaults() Options {
	if o.Root == "" {
		o.Root = "/"
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	return o
}

// collector finds one part of the inventory. run gets an Inventory of its own, which is merged with the
// others when it returns in time, with or without an error.
type collector struct {
	name string
	run  func(ctx context.Context, in *nattevaktv1.Inventory) error
}

// Collect runs all collectors of this platform.
func Collect(ctx context.Context, o Options) *nattevaktv1.Inventory {
	o = o.withDefaults()
	return collect(ctx, o, collectors(o))
}

// collect runs the collectors and merges in their order: of two that set the same field, the later counts.
func collect(ctx context.Context, o Options, list []collector) *nattevaktv1.Inventory {
	parts := make([]*nattevaktv1.Inventory, len(list))
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i, c := range list {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			parts[i] = attempt(ctx, o, c)
		})
	}
	wait.Wait()
	in := &nattevaktv1.Inventory{}
	for _, part := range parts {
		proto.Merge(in, part)
	}
	finish(in)
	return in
}

// hanging holds, for a root and collector, the end of a run that outlived its time limit. It is not
// started again before that, so that a disk that never answers costs one goroutine, not one an hour.
var hanging sync.Map

// attempt runs one collector within its time limit and returns what it found, a problem among it or alone.
func attempt(ctx context.Context, o Options, c collector) *nattevaktv1.Inventory {
	key := o.Root + "\x00" + c.name
	if end, found := hanging.Load(key); found {
		select {
		case <-end.(chan struct{}):
			hanging.Delete(key)
		default:
			return problem(c.name, "still hangs since an earlier collection", o.Timeout, true)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	start := time.Now()
	end := make(chan struct{})
	var found *nattevaktv1.Inventory
	go func() {
		defer close(end)
		found = protect(ctx, c, start)
	}()
	select {
	case <-end:
		return found
	case <-ctx.Done():
		hanging.Store(key, end)
		return problem(c.name, "no answer: "+ctx.Err().Error(), time.Since(start), true)
	}
}

// protect turns an error and a panic of a collector into a problem.
func protect(ctx context.Context, c collector, start time.Time) (in *nattevaktv1.Inventory) {
	defer func() {
		if p := recover(); p != nil {
			in = problem(c.name, fmt.Sprintf("panic: %v", p), time.Since(start), false)
		}
	}()
	in = &nattevaktv1.Inventory{}
	if err := c.run(ctx, in); err != nil {
		proto.Merge(in, problem(c.name, err.Error(), time.Since(start), false))
	}
	return in
}

// problem is an inventory that holds nothing but why a collector failed.
func problem(name, why string, took time.Duration, timedOut bool) *nattevaktv1.Inventory {
	return &nattevaktv1.Inventory{Problems: []*nattevaktv1.CollectorProblem{{
		Collector: name, Problem: clip(strings.ReplaceAll(why, "\n", "; "), 1024), Took: durationpb.New(took), TimedOut: timedOut,
	}}}
}
