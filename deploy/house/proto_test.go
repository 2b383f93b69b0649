package house_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// image compiles the contract as it stands.
func image(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "contract.binpb")
	run(t, "go", "run", "./internal/protoimage", out)
	return out
}

// run runs a command in proto/ and fails with what it printed.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = filepath.Join(root(t), "proto")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func TestContractIsLinted(t *testing.T) {
	run(t, "go", "tool", "buf", "lint", image(t), "--path", "nattevakt")
}

// The baseline is the contract that machines in the field may speak. `make proto-baseline` moves it, in
// the release that moves capability.Minimum.
func TestContractBreaksNobody(t *testing.T) {
	run(t, "go", "tool", "buf", "breaking", image(t), "--against", "baseline.binpb", "--path", "nattevakt")
}

func TestGeneratedCodeIsCurrent(t *testing.T) {
	dir := t.TempDir()
	run(t, "go", "tool", "buf", "generate", image(t), "--path", "nattevakt", "-o", dir)
	generated, err := filepath.Glob(filepath.Join(dir, "nattevakt", "*", "*.pb.go"))
	if err != nil {
		t.Fatal(err)
	}
	operator, err := filepath.Glob(filepath.Join(dir, "nattevakt", "operator", "*", "*.pb.go"))
	if err != nil {
		t.Fatal(err)
	}
	generated = append(generated, operator...)
	if len(generated) < 10 {
		t.Fatalf("generated %d files; the check would compare nothing", len(generated))
	}
	for _, g := range generated {
		rel, err := filepath.Rel(dir, g)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(g)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root(t), "proto", rel))
		if err != nil || string(got) != string(want) {
			t.Errorf("proto/%s is not what the contract generates: run make proto (%v)", rel, err)
		}
	}
}
