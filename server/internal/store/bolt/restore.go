package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"go.etcd.io/bbolt"

	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/server/internal/store"
)

// Contents is what Verify found.
type Contents struct {
	Schema int
	Rows   map[store.Table]int
}

// Verify reads the whole file at path, a backup or a store not in use: its structure, its schema and
// the checksum of each row. The error names the first thing that is wrong.
func Verify(ctx context.Context, path string) (Contents, error) {
	found := Contents{Rows: make(map[store.Table]int)}
	o := Options{}.withDefaults()
	if err := inspect(path, o); err != nil {
		return found, err
	}
	preload := bbolt.Options{Timeout: o.LockTimeout, PreLoadFreelist: true}
	err := view(path, preload, func(tx *bbolt.Tx) (err error) {
		if found.Schema, err = readSchema(tx); err != nil {
			return err
		}
		if newest := newestSchema(upgrades); found.Schema > newest {
			return newerSchema(path, found.Schema, newest)
		}
		if err := countRows(ctx, tx, found.Rows); err != nil {
			return err
		}
		// Check reads in a goroutine of its own, where a fault would end the process. Every page in use and
		// the freelist have been read by now.
		return firstError(tx.Check())
	})
	if err != nil {
		return found, fmt.Errorf("verify %s: %w", path, err)
	}
	return found, nil
}

func countRows(ctx context.Context, tx *bbolt.Tx, rows map[store.Table]int) error {
	for _, t := range store.Tables {
		if tx.Bucket([]byte(t)) == nil {
			continue
		}
		for c := (scanner{tx: tx, table: t}); !c.done; {
			if err := errors.Join(ctx.Err(), c.fill(nil)); err != nil {
				return err
			}
			rows[t] += len(c.chunk)
		}
	}
	return nil
}

// firstError waits for all, since the sender must end before the transaction does.
func firstError(all <-chan error) (first error) {
	for err := range all {
		if first == nil {
			first = fmt.Errorf("%w: %w", store.ErrDamaged, err)
		}
	}
	return first
}

// Restored tells what Restore did.
type Restored struct {
	Contents
	// Kept is where the old file stands now; empty if there was none.
	Kept string
}

// Restore puts a verified copy of the backup at from in the place of the store at to, in one step, and
// keeps the old file beside it with the ending .before-restore. Nothing has changed if it fails. The store must
// not be in use.
func Restore(ctx context.Context, from, to string) (Restored, error) {
	done := Restored{}
	copied, err := copyBeside(ctx, from, to)
	if err != nil {
		return done, fmt.Errorf("restore %s: %w", from, err)
	}
	defer os.Remove(copied)
	if done.Contents, err = Verify(ctx, copied); err != nil {
		return done, fmt.Errorf("restore %s: %w", from, err)
	}
	done.Kept, err = replace(copied, to)
	if err != nil {
		return done, fmt.Errorf("restore %s to %s: %w", from, to, err)
	}
	return done, nil
}

// copyBeside copies a file durably to a temporary name in the folder of to.
func copyBeside(ctx context.Context, from, to string) (name string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*.restoring")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(untilDone{ctx, out}, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), nil
}

// replace renames from to to and keeps the old file, if any, under a second name. It holds the lock of
// the old file, which on Unix is the one that bbolt takes.
func replace(from, to string) (kept string, err error) {
	if _, err := os.Stat(to); err == nil {
		lock := flock.New(to)
		locked, err := lock.TryLock()
		if err != nil {
			return "", err
		}
		if !locked {
			return "", errors.New("the store is in use: stop the control plane first")
		}
		defer lock.Close()
		kept, err = firstFree(to+".before-restore", func(name string) error { return os.Link(to, name) })
		if err != nil {
			return "", err
		}
	}
	return kept, durable.Rename(from, to)
}
