package patch_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/nattevakt/nattevakt/agent/internal/patch"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// scripted is a provider that answers what the test tells it.
type scripted struct {
	name   string
	result patch.Result
	err    error
}

func (s scripted) Name() string                                  { return s.name }
func (s scripted) Missing(context.Context) (patch.Result, error) { return s.result, s.err }

// hanging is a provider that answers only when it is told to stop.
type hanging struct{}

func (hanging) Name() string { return "hanging" }
func (hanging) Missing(ctx context.Context) (patch.Result, error) {
	<-ctx.Done()
	return patch.Result{}, ctx.Err()
}

func lacks(updates ...patch.Update) scripted {
	return scripted{name: "apt", result: patch.Result{RefreshedAt: now.Add(-time.Hour), Updates: updates}}
}

func collect(t *testing.T, at time.Time, memory patch.Memory, providers ...patch.Provider) *nattevaktv1.PatchState {
	t.Helper()
	return patch.Collect(t.Context(), patch.Options{
		Root: t.TempDir(), Now: at, Memory: memory, Providers: providers, Limit: 50 * time.Millisecond,
	})
}

func TestCollectReportsAllFields(t *testing.T) {
	u := patch.Update{
		Name: "openssl", Installed: "3.0.1", Available: "3.0.9", Severity: patch.Critical, Origin: "updates",
		Summary: "keys", Held: true, InstalledSince: now.AddDate(0, -6, 0), AvailableSince: now.AddDate(0, 0, -10),
		MissedSince: now.AddDate(0, 0, -40),
	}
	got := collect(t, now, nil, lacks(u))
	if len(got.Missing) != 1 || len(got.Sources) != 1 {
		t.Fatalf("got %v", got)
	}
	m := got.Missing[0]
	if m.Source != "apt" || m.Name != "openssl" || m.InstalledVersion != "3.0.1" || m.AvailableVersion != "3.0.9" ||
		m.Severity != nattevaktv1.Severity_SEVERITY_CRITICAL || m.Origin != "updates" || m.Summary != "keys" || !m.Held ||
		!m.InstalledSince.AsTime().Equal(u.InstalledSince) || !m.AvailableSince.AsTime().Equal(u.AvailableSince) {
		t.Errorf("got %v", m)
	}
	if m.DaysBehind != 40 {
		t.Errorf("%d days behind, want 40: since the first update that was missed", m.DaysBehind)
	}
	if s := got.Sources[0]; s.Name != "apt" || s.Problem != "" || !s.RefreshedAt.AsTime().Equal(now.Add(-time.Hour)) {
		t.Errorf("got %v", s)
	}
}

func TestCollectKeepsFailuresApart(t *testing.T) {
	halfway := scripted{name: "dnf", err: errors.New("no\xffcache " + strings.Repeat("x", 2000)),
		result: patch.Result{RefreshedAt: now, Updates: []patch.Update{{Name: "half"}}}}
	absent := scripted{name: "fwupd", err: patch.ErrAbsent}
	got := collect(t, now, nil, halfway, absent, hanging{}, lacks(patch.Update{Name: "b"}, patch.Update{Name: "a"}))
	var names []string
	for _, s := range got.Sources {
		names = append(names, s.Name)
	}
	if strings.Join(names, " ") != "dnf hanging apt" {
		t.Fatalf("sources %v", names)
	}
	if p := got.Sources[0]; !strings.HasPrefix(p.Problem, "no\uFFFDcache") || len(p.Problem) > 500 || p.RefreshedAt != nil {
		t.Errorf("dnf: %v", p)
	}
	if p := got.Sources[1].Problem; !strings.Contains(p, "no answer within 50ms") {
		t.Errorf("hanging: %q", p)
	}
	if len(got.Missing) != 2 || got.Missing[0].Name != "a" || got.Missing[1].Name != "b" {
		t.Errorf("missing %v, want those of apt alone, by name", got.Missing)
	}
	if _, err := proto.Marshal(got); err != nil {
		t.Errorf("not fit for the wire: %v", err)
	}
}

func TestDaysBehindAreRemembered(t *testing.T) {
	memory, err := state.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	daysOn := func(day int, p patch.Provider) uint32 {
		t.Helper()
		got := collect(t, now.AddDate(0, 0, day), memory, p)
		if len(got.Missing) == 0 {
			return 0
		}
		return got.Missing[0].DaysBehind
	}
	dated := patch.Update{Name: "curl", Installed: "1", Available: "2", MissedSince: now.AddDate(0, 0, -3)}
	newer := patch.Update{Name: "curl", Installed: "1", Available: "3", MissedSince: now.AddDate(0, 0, 20)}
	fresh := patch.Update{Name: "curl", Installed: "3", Available: "4"}
	steps := []struct {
		what     string
		day      int
		provider patch.Provider
		want     uint32
	}{
		{"first seen in a list three days old", 0, lacks(dated), 3},
		{"the same a week later", 7, lacks(dated), 10},
		{"the source has a problem", 8, scripted{name: "apt", err: errors.New("locked")}, 0},
		{"a newer version does not start anew", 21, lacks(newer), 24},
		{"installed: nothing missing", 22, lacks(), 0},
		{"a later update starts anew, dated by this machine", 30, lacks(fresh), 0},
		{"and grows", 35, lacks(fresh), 5},
		{"a clock set back counts no days", 1, lacks(fresh), 0},
	}
	for _, s := range steps {
		if got := daysOn(s.day, s.provider); got != s.want {
			t.Errorf("%s: %d days behind, want %d", s.what, got, s.want)
		}
	}
}

// noting is a memory that counts writes and may be broken.
type noting struct {
	content func(into any) error
	writes  int
}

func (n *noting) ReadJSON(_ string, into any) error { return n.content(into) }
func (n *noting) WriteJSON(string, any) error       { n.writes++; return nil }

func TestMemoryIsWrittenOnlyWhenItChanges(t *testing.T) {
	since := now.AddDate(0, 0, -3)
	update := patch.Update{Name: "curl", Installed: "1", Available: "2", MissedSince: since}
	known := &noting{content: func(into any) error {
		return json.Unmarshal([]byte(`{"apt curl 1":"`+since.Format(time.RFC3339)+`"}`), into)
	}}
	collect(t, now, known, lacks(update))
	if known.writes != 0 {
		t.Error("an unchanged memory was written")
	}
	none := &noting{content: func(any) error { return fs.ErrNotExist }}
	broken := &noting{content: func(any) error { return errors.New("not JSON") }}
	for _, m := range []*noting{none, broken} {
		if got := collect(t, now, m, lacks(update)); got.Missing[0].DaysBehind != 3 || m.writes != 1 {
			t.Errorf("%d days behind after %d writes, want 3 after 1", got.Missing[0].DaysBehind, m.writes)
		}
	}
}

func TestCollectIsDeterministic(t *testing.T) {
	a, b := patch.Update{Name: "a", Installed: "1"}, patch.Update{Name: "a", Installed: "2"}
	one, two := collect(t, now, nil, lacks(a, b)), collect(t, now, nil, lacks(b, a))
	if !proto.Equal(one, two) {
		t.Errorf("the order of an answer shows:\n%v\n%v", one, two)
	}
}
