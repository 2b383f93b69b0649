package state_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/state/statetest"
)

func open(t *testing.T) *state.Folder {
	t.Helper()
	f, err := state.Open(filepath.Join(statetest.Dir(t), "agent"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestJSONRoundTrip(t *testing.T) {
	type note struct{ Word string }
	f := open(t)
	if err := f.WriteJSON("note.json", note{"first"}); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteJSON("note.json", note{"second"}); err != nil {
		t.Fatal(err)
	}
	var got note
	if err := f.ReadJSON("note.json", &got); err != nil || got.Word != "second" {
		t.Fatalf("got %+v, %v", got, err)
	}
	var other struct{ Else string }
	if err := f.ReadJSON("note.json", &other); err == nil || !strings.Contains(err.Error(), "note.json") {
		t.Errorf("an unknown field must be refused and the file named, got %v", err)
	}
}

func TestMissingAndRemoved(t *testing.T) {
	f := open(t)
	if _, err := f.Read("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := f.Remove("none"); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	f := open(t)
	if err := os.WriteFile(f.Path("big"), make([]byte, state.MaxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read("big"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func TestOtherUsersAreShutOut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix permissions; Wine does not keep access lists")
	}
	dir := filepath.Join(statetest.Dir(t), "wide")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write("secret", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, f.Path("secret")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
	}
}

func TestSecondAgentIsRefused(t *testing.T) {
	f := open(t)
	release, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock(); !errors.Is(err, state.ErrLocked) {
		t.Errorf("second lock: %v", err)
	}
	release()
	again, err := f.Lock()
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	again()
}

func TestSweepRemovesHalfWrittenFiles(t *testing.T) {
	f := open(t)
	half := f.Path(".job.json.123.tmp")
	if err := os.WriteFile(half, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Write("job.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := f.Sweep(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if _, err := f.Read("job.json"); err != nil {
		t.Errorf("sweep took a whole file: %v", err)
	}
}
