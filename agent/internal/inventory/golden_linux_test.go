package inventory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/deploy/madeup"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2025, 11, 20, 12, 0, 0, 0, time.UTC)

// made writes a machine into a folder and returns that.
func made(t testing.TB, m madeup.Machine) string {
	t.Helper()
	root := t.TempDir()
	if err := m.Write(root); err != nil {
		t.Fatal(err)
	}
	return root
}

func collectAt(t testing.TB, root string) *nattevaktv1.Inventory {
	t.Helper()
	return inventory.Collect(context.Background(), inventory.Options{Root: root, Now: now, Timeout: time.Minute})
}

// readable is indented JSON with the architecture of the golden files and without the time it took.
func readable(t *testing.T, in *nattevaktv1.Inventory) []byte {
	t.Helper()
	in = proto.CloneOf(in)
	in.GetProcessor().Architecture = "amd64"
	for _, p := range in.Problems {
		p.Took = nil
	}
	raw, err := protojson.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	// protojson varies its spaces from build to build on purpose.
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for _, m := range madeup.Machines() {
		t.Run(m.Name, func(t *testing.T) {
			got := readable(t, collectAt(t, made(t, m)))
			file := filepath.Join("testdata", m.Name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("inventory differs from %s; got\n%s", file, got)
			}
		})
	}
}

// TestThisMachine reads the real machine, whatever it is.
func TestThisMachine(t *testing.T) {
	in := inventory.Collect(context.Background(), inventory.Options{})
	if in.GetOs().GetKernel() == "" || in.GetMemory().GetTotalBytes() == 0 || in.GetProcessor().GetThreads() == 0 {
		t.Errorf("a running machine has a kernel, memory and a processor; got %v", in)
	}
	for _, p := range in.Problems {
		t.Logf("problem here: %s: %s", p.Collector, p.Problem)
	}
	if _, err := inventory.BootID("/"); err != nil {
		t.Errorf("BootID: %v", err)
	}
	if v, err := inventory.Vitals("/"); err != nil || v.BatteryPercent > 100 {
		t.Errorf("Vitals = %v, %v", v, err)
	}
}
