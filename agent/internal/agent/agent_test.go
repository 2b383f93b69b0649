package agent_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/agent"
	"github.com/nattevakt/nattevakt/agent/internal/controltest"
	"github.com/nattevakt/nattevakt/agent/internal/keys"
	"github.com/nattevakt/nattevakt/agent/internal/report"
	"github.com/nattevakt/nattevakt/deploy/madeup"
)

func options(t *testing.T, bootstrap string) agent.Options {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if err := madeup.DellLatitude().Write(root); err != nil {
		t.Fatal(err)
	}
	return agent.Options{
		State: t.TempDir(), Root: root, Bootstrap: bootstrap, TPM: keys.Off, Version: "test", Log: slog.New(slog.DiscardHandler),
		InventoryEvery: report.DefaultInventoryEvery, PatchEvery: report.DefaultPatchEvery,
	}
}

func enrolled(t *testing.T, o agent.Options) {
	t.Helper()
	a, err := agent.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := a.Enroll(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherControlPlaneIsRefused(t *testing.T) {
	s, other := controltest.New(t).Start(), controltest.New(t).Start()
	o := options(t, s.Bootstrap(""))
	enrolled(t, o)
	o.Bootstrap = other.Bootstrap("")
	if _, err := agent.Open(o); err == nil || !strings.Contains(err.Error(), "enrol it anew") {
		t.Errorf("got %v", err)
	}
	o.Bootstrap = "" // and nothing has changed
	a, err := agent.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
}

func TestBootstrapFileMayGoOnceEnrolled(t *testing.T) {
	s := controltest.New(t).Start()
	o := options(t, s.Bootstrap(""))
	gone := filepath.Join(t.TempDir(), "gone.json")
	if _, err := agent.Open(agent.Options{State: t.TempDir(), Root: o.Root, Bootstrap: gone, TPM: keys.Off, Log: o.Log}); err == nil {
		t.Error("a new machine started without its bootstrap file")
	}
	enrolled(t, o)
	o.Bootstrap = gone
	a, err := agent.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
}

func TestTwoAgentsInOneFolder(t *testing.T) {
	s := controltest.New(t).Start()
	o := options(t, s.Bootstrap(""))
	a, err := agent.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := agent.Open(o); err == nil || !strings.Contains(err.Error(), "another nattevakt-agent") {
		t.Errorf("got %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := controltest.New(t).Start()
	o := options(t, s.Bootstrap(""))
	o.Metrics = "127.0.0.1:0"
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx, o) }()
	for len(s.CheckIns()) < 3 {
		select {
		case err := <-ended:
			t.Fatalf("ended early: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	a, err := agent.Open(o) // the folder is free again
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
}
