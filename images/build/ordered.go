package build

import (
	"context"
	"iter"

	"golang.org/x/sync/errgroup"
)

// ordered runs work on the items, at most width at once, and gives the results to emit in the order of
// the items. Results that wait for their turn count as running. The first error ends everything.
func ordered[In, Out any](ctx context.Context, width int, items iter.Seq[In], work func(In) (Out, error), emit func(Out) error) error {
	g, ctx := errgroup.WithContext(ctx)
	turns := make(chan chan Out, width)
	g.Go(func() error {
		defer close(turns)
		for item := range items {
			result := make(chan Out, 1)
			select {
			case turns <- result:
			case <-ctx.Done():
				return ctx.Err()
			}
			g.Go(func() error {
				out, err := work(item)
				if err == nil {
					result <- out
				}
				return err
			})
		}
		return nil
	})
	g.Go(func() error {
		for result := range turns {
			select {
			case out := <-result:
				if err := emit(out); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return g.Wait()
}
