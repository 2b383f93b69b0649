//go:build unix

package wine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/deploy/wine"
)

func TestRun(t *testing.T) {
	wine.Prefix(t)
	exe := filepath.Join(t.TempDir(), "hello.exe")
	build := exec.Command("go", "build", "-o", exe, "./testdata/hello")
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	out, err := wine.Run(t, exe, "a b", "c")
	if err != nil || !strings.Contains(out, "hello windows [a b c]") {
		t.Errorf("Run = %q, %v; want the program's greeting", out, err)
	}
}
