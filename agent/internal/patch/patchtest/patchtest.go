// Package patchtest is what every patch.Provider must do, as a suite that a provider's test runs against
// the real tool.
//
// The test makes real machines (a tree with a package repository, a daemon on a private bus); the suite knows
// what the provider must say of them. patch.Collect relies on a provider that passes, and on no other.
package patchtest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/patch"
)

// Machine is a made machine and the provider that speaks for it.
type Machine struct {
	Provider patch.Provider
	// Keeps are folders whose files Missing must leave as they are.
	Keeps []string
}

// Service makes machines in each state a provider must tell apart. The functions may be called once each;
// they skip the test where the tool is missing.
type Service struct {
	// Name is the name the source has in reports.
	Name string
	// Behind makes a machine that lacks exactly Missing.
	Behind func(*testing.T) Machine
	// Missing is in any order; its times are not compared.
	Missing []patch.Update
	// Current makes a machine that has the service and lacks nothing.
	Current func(*testing.T) Machine
	// Broken makes a machine whose service is there and cannot answer.
	Broken func(*testing.T) Machine
	// Absent makes a machine without the service.
	Absent func(*testing.T) Machine
}

// Run holds a service's provider to the contract of patch.Provider.
func Run(t *testing.T, s Service) {
	t.Run("Behind", func(t *testing.T) { behind(t, s) })
	t.Run("Current", func(t *testing.T) { current(t, s.Current(t)) })
	t.Run("Broken", func(t *testing.T) { broken(t, s.Broken(t)) })
	t.Run("Absent", func(t *testing.T) { absent(t, s.Absent(t)) })
}

func behind(t *testing.T, s Service) {
	m := s.Behind(t)
	if got := m.Provider.Name(); got != s.Name {
		t.Errorf("the source is called %q, want %q", got, s.Name)
	}
	before := snapshot(t, m.Keeps)
	t.Run("exact", func(t *testing.T) { exact(t, m.Provider, s.Missing) })
	t.Run("repeatable", func(t *testing.T) { repeatable(t, m.Provider) })
	t.Run("cancelled", func(t *testing.T) { cancelled(t, m.Provider) })
	if after := snapshot(t, m.Keeps); !reflect.DeepEqual(before, after) {
		t.Errorf("asking changed the machine:\nbefore %v\nafter  %v", before, after)
	}
}

func ask(t *testing.T, p patch.Provider) (patch.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return p.Missing(ctx)
}

// exact: all that is missing, nothing else, each with believable times.
func exact(t *testing.T, p patch.Provider, want []patch.Update) {
	got, err := ask(t, p)
	if err != nil {
		t.Fatalf("Missing: %v", err)
	}
	left := make(map[string]patch.Update)
	for _, u := range want {
		left[u.Name] = u
	}
	now := time.Now()
	for _, u := range got.Updates {
		expected, ok := left[u.Name]
		if !ok {
			t.Errorf("lists %+v, which is not missing, or twice", u)
			continue
		}
		delete(left, u.Name)
		if bare(u) != bare(expected) {
			t.Errorf("lists\n%+v, want\n%+v", bare(u), bare(expected))
		}
		for _, at := range []time.Time{u.InstalledSince, u.AvailableSince, u.MissedSince} {
			if at.After(now) {
				t.Errorf("%s: a time in the future: %v", u.Name, at)
			}
		}
	}
	for name := range left {
		t.Errorf("does not list %s", name)
	}
	if got.RefreshedAt.After(now) {
		t.Errorf("lists were renewed in the future: %v", got.RefreshedAt)
	}
}

func bare(u patch.Update) patch.Update {
	u.InstalledSince, u.AvailableSince, u.MissedSince = time.Time{}, time.Time{}, time.Time{}
	return u
}

// repeatable: several callers at once get the same answer.
func repeatable(t *testing.T, p patch.Provider) {
	const callers = 3
	results := make([]patch.Result, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			var err error
			if results[i], err = ask(t, p); err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	group.Wait()
	for i := 1; i < callers; i++ {
		if !reflect.DeepEqual(results[0], results[i]) {
			t.Errorf("two callers got\n%+v\n%+v", results[0], results[i])
		}
	}
}

func cancelled(t *testing.T, p patch.Provider) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := p.Missing(ctx)
	if err == nil || errors.Is(err, patch.ErrAbsent) {
		t.Errorf("with a cancelled context: %v, want an error that is not ErrAbsent", err)
	}
	empty(t, result)
}

func current(t *testing.T, m Machine) {
	result, err := ask(t, m.Provider)
	if err != nil {
		t.Fatalf("Missing: %v", err)
	}
	if len(result.Updates) != 0 {
		t.Errorf("lists %+v on a machine that lacks nothing", result.Updates)
	}
}

func broken(t *testing.T, m Machine) {
	result, err := ask(t, m.Provider)
	if err == nil || errors.Is(err, patch.ErrAbsent) {
		t.Fatalf("a service that cannot answer gave %v, want an error that is not ErrAbsent", err)
	}
	if text := err.Error(); strings.TrimSpace(text) == "" || strings.Contains(text, "\n") {
		t.Errorf("the problem must be one line of text, is %q", text)
	}
	empty(t, result)
}

func absent(t *testing.T, m Machine) {
	result, err := ask(t, m.Provider)
	if !errors.Is(err, patch.ErrAbsent) {
		t.Errorf("a machine without the service gave %v, want ErrAbsent", err)
	}
	empty(t, result)
}

func empty(t *testing.T, result patch.Result) {
	t.Helper()
	if len(result.Updates) != 0 || !result.RefreshedAt.IsZero() {
		t.Errorf("an error came with %+v", result)
	}
}
