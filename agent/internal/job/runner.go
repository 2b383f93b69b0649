// Package job carries out an order phase by phase and lives through kill, reboot and power cut.
//
// The journal is a file. Decide says what to do next from the journal, the control plane's time and
// whether it answers; Runner does it and writes down what came of it.
//
// Guarantees:
//   - An order is on disk before Assign returns, and so before it is acknowledged.
//   - A phase is done once the journal says so; until then it is carried out again after a restart, which
//     every phase allows.
//   - WRITE and CONFIRM begin only within [not_before, not_after), in the control plane's time. What has
//     begun inside the window is carried to its end, for half a disk is worse than a late one; cut off, it
//     goes on only inside the window.
//   - Nothing takes the place of an order while the disk is being written.
//   - Reports of done and failed phases are kept until acknowledged; of running ones only the newest is.
//     Numbers grow within an attempt and are never used twice; a crash may skip some.
//
// checkin brings orders and carries reports away; Executor knows what a phase does. Runner's methods may
// be called by several goroutines.
package job

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
)

// Executor carries out phases. Each is safe to run twice. It returns soon after ctx ends, with ctx's
// error. Errors may have a method Reason() reason.Code.
type Executor interface {
	Do(ctx context.Context, order Order, phase Phase, progress func(done, total, fetched int64)) error
	// Release frees what an order has left on local disk.
	Release() error
}

// Clock tells the control plane's time; *clock.Keeper is one.
type Clock interface {
	Now() time.Time
	Sure() bool
	Until(t time.Time) time.Duration
}

// Runner works on one order at a time.
type Runner struct {
	store   Store
	execute Executor
	clock   Clock
	log     *slog.Logger
	hooks   Hooks
	wake    chan struct{}

	mu        sync.Mutex // guards what follows
	journal   Journal
	number    uint32 // last one used in this attempt
	awaySince time.Time
	waitingOn reason.Code // what was last reported as waited for
	current   *running    // the phase being carried out now, or nil
	done      uint64      // bytes of the phase that was carried out last, of total
	total     uint64
}

// running is a phase being carried out.
type running struct {
	phase  Phase
	cancel context.CancelFunc
	// before is what the attempt had fetched when the phase began.
	before uint64
	// news: the phase has come further than the newest report says.
	news bool
}

// Hooks are told what happens, without locks held unless they say so. All must be set, and be quick.
type Hooks struct {
	// Urgent: there is a report that should not wait.
	Urgent func()
	// Over: an attempt has ended, well or not.
	Over func()
	// Reported: a report was made. Locks are held: it may only note it.
	Reported func(Progress)
}

// Open reads the journal.
func Open(store Store, execute Executor, clock Clock, log *slog.Logger, hooks Hooks) (*Runner, error) {
	journal, err := Read(store)
	if err != nil {
		return nil, err
	}
	return &Runner{
		store: store, execute: execute, clock: clock, log: log, hooks: hooks,
		wake: make(chan struct{}, 1), journal: journal, number: journal.Reserved,
	}, nil
}

// Run works until ctx ends.
func (r *Runner) Run(ctx context.Context) {
	r.settle()
	for ctx.Err() == nil {
		step := r.decide()
		switch step.Act {
		case Do:
			r.carryOut(ctx, step.Phase)
		case Fail:
			r.giveUp(step.Phase, step.Reason, r.unsupported())
			r.settle()
		case Wait:
			r.waiting(step)
			r.sleep(ctx, r.clock.Until(step.Until), !step.Until.IsZero())
		default:
			r.sleep(ctx, 0, false)
		}
	}
}

func (r *Runner) decide() Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.journal.Order == nil {
		return Step{Act: Rest}
	}
	return Decide(View{
		Order: *r.journal.Order, Done: r.journal.Done, Over: r.journal.Over, Retry: r.journal.Retry,
		Now: r.clock.Now(), Sure: r.clock.Sure(), AwaySince: r.awaySince,
	})
}

// unsupported is the detail of an order that is not understood.
func (r *Runner) unsupported() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.journal.Order.Unsupported
}

// maxSleep bounds one sleep: the estimate of the control plane's time may be corrected meanwhile.
const maxSleep = time.Minute

func (r *Runner) sleep(ctx context.Context, d time.Duration, timed bool) {
	var timeout <-chan time.Time
	if timed {
		timer := time.NewTimer(min(max(d, time.Millisecond), maxSleep))
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-timeout:
	}
}

func (r *Runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// carryOut runs one phase and writes down what came of it.
func (r *Runner) carryOut(ctx context.Context, phase Phase) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	order := r.started(phase, cancel)
	log := r.log.With("job", order.Job, "attempt", order.Attempt, "phase", string(phase))
	log.Info("phase begins")
	err := r.execute.Do(ctx, order, phase, r.progress)
	switch cut := ctx.Err() != nil; {
	case !r.ended(order):
		log.Info("phase dropped with its order")
	case err == nil:
		log.Info("phase done")
		r.finished(phase)
	case cut:
		log.Info("phase cut off")
	case mayPass(phase, reasonOf(err)):
		log.Warn("phase will be tried again", "error", err)
		r.tryLater(phase, reasonOf(err), err.Error())
	default:
		log.Warn("phase failed", "error", err)
		r.giveUp(phase, reasonOf(err), err.Error())
	}
	r.settle()
}

func (r *Runner) started(phase Phase, cancel context.CancelFunc) Order {
	r.mu.Lock()
	r.current = &running{phase: phase, cancel: cancel, before: r.journal.Fetched}
	r.waitingOn, r.done, r.total = reason.None, 0, 0
	r.journal.Begun = phase
	r.report(Progress{Phase: phase, State: Running})
	r.save()
	order := *r.journal.Order
	r.mu.Unlock()
	r.hooks.Urgent()
	return order
}

// ended tells whether the order that the phase was part of is still the one to carry out.
func (r *Runner) ended(order Order) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = nil
	return r.journal.Order != nil && r.journal.Order.Same(order)
}

// progress notes how far the phase is; a report is made of it when the next check-in asks.
func (r *Runner) progress(done, total, fetched int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return
	}
	r.journal.Fetched = r.current.before + positive(fetched)
	r.done, r.total, r.current.news = positive(done), positive(total), true
}

func positive(n int64) uint64 { return uint64(max(0, n)) }

func (r *Runner) finished(phase Phase) {
	r.mu.Lock()
	r.journal.finish()
	r.report(Progress{Phase: phase, State: Done, Done: r.done, Total: r.total})
	over := r.journal.Over
	r.save()
	r.mu.Unlock()
	r.hooks.Urgent()
	if !over {
		return
	}
	if err := r.execute.Release(); err != nil {
		r.log.Warn("cannot free what the order left on disk", "error", err)
	}
	r.hooks.Over()
}

// tryLater keeps the attempt going after a failure that may pass.
func (r *Runner) tryLater(phase Phase, why reason.Code, detail string) {
	r.mu.Lock()
	count := r.journal.Retry.Count + 1
	r.journal.retry(Retry{At: r.clock.Now().Add(retryAfter(count)), Reason: why, Count: count})
	r.waitingOn = why
	r.report(Progress{Phase: phase, State: Waiting, Done: r.done, Total: r.total, Reason: why, Detail: cutTo(detail, maxDetail)})
	r.save()
	r.mu.Unlock()
	r.hooks.Urgent()
}

// giveUp ends the attempt. What was fetched stays, for the next attempt may want it.
func (r *Runner) giveUp(phase Phase, why reason.Code, detail string) {
	r.mu.Lock()
	r.journal.fail(why)
	r.report(Progress{Phase: phase, State: Failed, Done: r.done, Total: r.total, Reason: why, Detail: cutTo(detail, maxDetail)})
	r.save()
	r.mu.Unlock()
	r.log.Warn("attempt failed", "reason", why, "phase", string(phase))
	r.hooks.Urgent()
	r.hooks.Over()
}

// waiting reports what is waited for, once.
func (r *Runner) waiting(step Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waitingOn == step.Reason {
		return
	}
	r.waitingOn = step.Reason
	r.report(Progress{Phase: step.Phase, State: Waiting, Reason: step.Reason})
}

// settle carries out what had to wait for the end of a phase.
func (r *Runner) settle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.journal.Begun == Write || (r.journal.Next == nil && !r.journal.Dropping) {
		return
	}
	r.journal.settle()
	r.number, r.waitingOn = 0, reason.None
	r.save()
}

// report puts p into the queue with the attempt's next number. r.mu is held.
func (r *Runner) report(p Progress) {
	r.number++
	if r.number > r.journal.Reserved {
		r.journal.Reserved = r.number + reserve
		defer r.save()
	}
	p.Job, p.Attempt, p.Number = r.journal.Order.Job, r.journal.Order.Attempt, r.number
	p.Fetched, p.At = r.journal.Fetched, r.clock.Now()
	r.journal.Queue = r.journal.Queue.add(p)
	r.hooks.Reported(p)
}

// save writes the journal. If it cannot, the work goes on from memory: it may be done twice after a
// power cut, which every phase allows. r.mu is held.
func (r *Runner) save() {
	if err := r.store.WriteJSON(FileName, r.journal); err != nil {
		r.log.Error("cannot write the job journal", "error", err)
	}
}

func reasonOf(err error) reason.Code {
	var coded interface{ Reason() reason.Code }
	if errors.As(err, &coded) {
		return coded.Reason()
	}
	return reason.Internal
}

// cutTo shortens a text to whole characters within n bytes.
func cutTo(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
