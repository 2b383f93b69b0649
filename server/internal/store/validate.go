package store

import (
	"fmt"
	"slices"
)

// Validate reports what no engine accepts in b: unknown tables, sizes beyond the limits, a key in two
// operations. The error is ErrInvalid and names the place.
func (b Batch) Validate() error {
	if len(b.Ops) > MaxOps || len(b.Checks) > MaxChecks {
		return fmt.Errorf("%w: %d operations and %d checks: at most %d and %d", ErrInvalid, len(b.Ops), len(b.Checks), MaxOps, MaxChecks)
	}
	for i, c := range b.Checks {
		if err := validKey(c.Table, c.Key); err != nil {
			return fmt.Errorf("check %d: %w", i, err)
		}
	}
	for i, op := range b.Ops {
		if err := op.Validate(); err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
	}
	if size := b.Size(); size > MaxBatched {
		return fmt.Errorf("%w: %d bytes in one batch: at most %d", ErrInvalid, size, MaxBatched)
	}
	return b.distinctKeys()
}

// Validate is Batch.Validate for a single operation.
func (o Op) Validate() error {
	if err := validKey(o.Table, o.Key); err != nil {
		return err
	}
	if len(o.Value) > MaxValue {
		return fmt.Errorf("%w: %s %s: value of %d bytes: at most %d", ErrInvalid, o.Table, Printable(o.Key), len(o.Value), MaxValue)
	}
	return nil
}

func validKey(t Table, key []byte) error {
	if err := t.Known(); err != nil {
		return err
	}
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("%w: %s: key of %d bytes: want 1–%d", ErrInvalid, t, len(key), MaxKey)
	}
	return nil
}

func (b Batch) distinctKeys() error {
	if len(b.Ops) < 2 {
		return nil
	}
	type place struct {
		table Table
		key   string
	}
	seen := make(map[place]int, len(b.Ops))
	for i, op := range b.Ops {
		p := place{op.Table, string(op.Key)}
		if first, twice := seen[p]; twice {
			return fmt.Errorf("operation %d: %w: %s %s stands in operation %d too", i, ErrInvalid, op.Table, Printable(op.Key), first)
		}
		seen[p] = i
	}
	return nil
}

// Known reports whether t is one of Tables; if not, the error is ErrInvalid.
func (t Table) Known() error {
	if slices.Contains(Tables, t) {
		return nil
	}
	return fmt.Errorf("%w: unknown table %.40q", ErrInvalid, string(t))
}

// Printable shows a key to people: as text where it is plain ASCII, else in hexadecimal; cut at 64 bytes.
func Printable(key []byte) string {
	plain := !slices.ContainsFunc(key, func(c byte) bool { return c < 0x20 || c > 0x7e })
	short := key[:min(len(key), 64)]
	if plain {
		return fmt.Sprintf("%q", short)
	}
	return fmt.Sprintf("%x", short)
}

// Size is the number of bytes of b's keys and values.
func (b Batch) Size() int {
	size := 0
	for _, c := range b.Checks {
		size += len(c.Key)
	}
	for _, op := range b.Ops {
		size += len(op.Key) + len(op.Value)
	}
	return size
}
