// Package patch finds out which updates a machine lacks, by asking the update services the machine has:
// apt, dnf and fwupd on Linux. It only reads. Windows has no provider here: Windows Update comes with the
// issue that builds patching, and until then a Windows machine's patch state lists no source.
//
// Guarantees:
//   - A service that is on the machine is a source in the state; one that is not is left out.
//   - A service that cannot answer has a problem and no updates: unknown, never zero. The others still count.
//   - Nothing is installed, no package list is renewed and no lock of a package manager is taken. (apt and dnf
//     may renew their own regenerable caches.)
//   - Each service has a time limit, its answer a size limit; Collect ends at the sum of the limits.
//   - The same machine at the same instant gives the same state, byte for byte.
//   - Days behind only grow while the installed version stays: they count from the first update that was
//     missed, not from the newest, so that a package with weekly updates does not look new every week.
//
// What the dates mean. No Debian or Ubuntu list says when a package was published, so available_since is
// absent for apt, and days behind count from the date of the oldest list that holds a newer version: a
// lower bound that Memory keeps from moving. dnf takes dates from advisories, fwupd from its releases.
//
// The agent calls Collect before a report and RebootPending where it needs only that. Applying updates will
// stand on the same Provider.
package patch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// DefaultLimit is how long one provider may take. A cold apt cache on an old laptop with a hard disk takes
// some 20 seconds.
const DefaultLimit = 2 * time.Minute

// Options say which machine Collect looks at. The zero value is this machine, without a memory.
type Options struct {
	// Root is where the machine's file system is; empty is "/".
	Root string
	// Now is the instant of collection; zero is the current time.
	Now time.Time
	// Memory keeps first-seen dates between collections; nil forgets them.
	Memory Memory
	// Limit is the time for one provider; zero is DefaultLimit.
	Limit time.Duration
	// Run runs commands; nil runs them for real.
	Run Runner
	// Bus is the D-Bus address fwupd is asked on; empty is the system bus, and only when Root is "/".
	Bus string
	// Providers replace those of the operating system; nil keeps them.
	Providers []Provider
	// Log hears what is wrong but belongs to no source; nil is silent.
	Log *slog.Logger
}

func (o Options) filled() Options {
	o.Root = cmp.Or(o.Root, "/")
	o.Limit = cmp.Or(o.Limit, DefaultLimit)
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Providers == nil {
		o.Providers = providers(o)
	}
	return o
}

// answer is what one provider said; updates are unknown where problem is set.
type answer struct {
	source  string
	result  Result
	problem error
}

// Collect asks every update service of the machine, one after the other so that a small machine stays
// usable, and never fails as a whole: what went wrong is a problem of its source.
func Collect(ctx context.Context, o Options) *nattevaktv1.PatchState {
	o = o.filled()
	var answers []answer
	for _, p := range o.Providers {
		result, err := ask(ctx, p, o.Limit)
		if errors.Is(err, ErrAbsent) {
			continue
		}
		answers = append(answers, answer{source: p.Name(), result: result, problem: err})
	}
	firsts := remember(o.Memory, answers, o.Now, o.Log)
	pending, causes := RebootPending(o.Root)
	return report(answers, firsts, o.Now, pending, causes)
}

// ask gives a provider its time limit and keeps nothing of an answer that came with an error.
func ask(ctx context.Context, p Provider, limit time.Duration) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result, err := p.Missing(ctx)
	if err == nil {
		slices.SortFunc(result.Updates, byName)
		return result, nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("gave no answer within %v: %w", limit, err)
	}
	return Result{}, err
}

func byName(a, b Update) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Installed, b.Installed), cmp.Compare(a.Available, b.Available))
}
