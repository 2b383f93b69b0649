package inventory_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/deploy/madeup"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

func problemOf(in *nattevaktv1.Inventory, collector string) *nattevaktv1.CollectorProblem {
	for _, p := range in.Problems {
		if p.Collector == collector {
			return p
		}
	}
	return nil
}

// TestHangingReader has a file that never answers, as a dying disk or embedded controller has.
func TestHangingReader(t *testing.T) {
	root := made(t, madeup.HPEliteBook())
	fifo := filepath.Join(root, "sys/class/power_supply/BAT0/model_name")
	if err := errors.Join(os.Remove(fifo), syscall.Mkfifo(fifo, 0o644)); err != nil {
		t.Fatal(err)
	}
	o := inventory.Options{Root: root, Now: now, Timeout: 300 * time.Millisecond}
	in := inventory.Collect(context.Background(), o)
	if p := problemOf(in, "batteries"); p == nil || !p.TimedOut || p.Took.AsDuration() <= 0 {
		t.Errorf("problem of batteries = %v; want one that timed out", p)
	}
	if in.GetIdentity().GetModelKey() != "880D" || len(in.Disks) != 2 || in.GetOs().GetId() != "debian" {
		t.Errorf("the others' findings are missing: %v", in)
	}
	in = inventory.Collect(context.Background(), o)
	if p := problemOf(in, "batteries"); p == nil || !strings.Contains(p.Problem, "still hangs") {
		t.Errorf("second time: problem = %v; want that it still hangs", p)
	}
	release(t, fifo)
	for range 1000 {
		if in = inventory.Collect(context.Background(), o); !strings.Contains(problemOf(in, "batteries").GetProblem(), "still hangs") {
			return
		}
	}
	t.Error("the collector was never run again after it ended")
}

// release lets the reader that waits on a FIFO finish, and puts a file in its place.
func release(t *testing.T, fifo string) {
	t.Helper()
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(fifo), os.WriteFile(fifo, []byte("Primary\n"), 0o644), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestFailingCollectors(t *testing.T) {
	in := inventory.CollectWith(inventory.Options{Root: "/made-up"}, map[string]func(context.Context, *nattevaktv1.Inventory) error{
		"panics": func(context.Context, *nattevaktv1.Inventory) error {
			var nobody *nattevaktv1.Inventory
			nobody.Disks = nil
			return nil
		},
		"fails after half": func(_ context.Context, in *nattevaktv1.Inventory) error {
			in.Disks = append(in.Disks, &nattevaktv1.Disk{Name: "sda", SizeBytes: 1e12})
			return errors.New("read sdb: input/output error")
		},
		"works": func(_ context.Context, in *nattevaktv1.Inventory) error {
			in.Disks = append(in.Disks, &nattevaktv1.Disk{Name: "nvme0n1", SizeBytes: 1e12})
			return nil
		},
	})
	if p := problemOf(in, "panics"); p == nil || !strings.Contains(p.Problem, "panic: ") {
		t.Errorf("problem of the panic = %v", p)
	}
	if p := problemOf(in, "fails after half"); p == nil || p.Problem != "read sdb: input/output error" || p.TimedOut {
		t.Errorf("problem of the failure = %v", p)
	}
	if len(in.Problems) != 2 || len(in.Disks) != 2 || in.Disks[0].Name != "nvme0n1" || in.Disks[1].Name != "sda" {
		t.Errorf("got %v; want two problems and both disks in order", in)
	}
}

func TestCollectEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	in := inventory.Collect(ctx, inventory.Options{Root: made(t, madeup.NoFirmware()), Timeout: time.Hour})
	for _, p := range in.Problems {
		if p.TimedOut && !strings.Contains(p.Problem, "context canceled") {
			t.Errorf("problem %v; want the context's", p)
		}
	}
}

func BenchmarkCollect(b *testing.B) {
	root := made(b, madeup.DellLatitude())
	for b.Loop() {
		inventory.Collect(context.Background(), inventory.Options{Root: root, Now: now})
	}
}

func BenchmarkCollectThisMachine(b *testing.B) {
	for b.Loop() {
		inventory.Collect(context.Background(), inventory.Options{})
	}
}

func BenchmarkIdentity(b *testing.B) {
	root := made(b, madeup.DellLatitude())
	for b.Loop() {
		if _, err := inventory.Identity(root); err != nil {
			b.Fatal(err)
		}
	}
}
