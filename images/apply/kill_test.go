package apply_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nattevakt/nattevakt/images/apply"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
)

// TestMain lets the test binary be the machine that is killed.
func TestMain(m *testing.M) {
	if os.Getenv("APPLY_CHILD") != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if template.folder != "" {
		if err := os.RemoveAll(template.folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// childDisk is the size of the disk that the child makes.
const childDisk = 100 << 20

// child reimages and says one line per step of progress.
func child() error {
	env := os.Getenv
	key, err := hex.DecodeString(env("APPLY_KEY"))
	if err != nil {
		return err
	}
	digest, err := hex.DecodeString(env("APPLY_DIGEST"))
	if err != nil {
		return err
	}
	ref := apply.Ref{Image: "skole", Release: env("APPLY_RELEASE"), ManifestDigest: [32]byte(digest)}
	trust := release.Trust{Keys: []ed25519.PublicKey{key}, Threshold: 1}
	s, err := apply.OpenStage(filepath.Join(env("APPLY_DIR"), "stage"))
	if err != nil {
		return err
	}
	target, err := apply.OpenFileTarget(filepath.Join(env("APPLY_DIR"), "disk"), childDisk)
	if err != nil {
		return err
	}
	step := func(phase string) apply.Progress {
		return func(done, total, fetched int64) { fmt.Println(phase, done, total, fetched) }
	}
	src := store.HTTP(http.DefaultClient, env("APPLY_URL"))
	ctx := context.Background()
	if err := s.Fetch(ctx, src, ref, trust, target, step("fetch")); err != nil {
		return err
	}
	if err := s.Verify(ctx, ref, trust, nil); err != nil {
		return err
	}
	if err := s.Write(ctx, ref, target, step("write")); err != nil {
		return err
	}
	return errors.Join(s.Confirm(ctx, ref, target, nil), target.Close())
}

// TestKillAndResume kills a real process at random points of fetching and writing until one survives.
func TestKillAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kills, want := 0, amount(t, "NATTEVAKT_KILLS", 30)
	round := uint64(0)
	for ; kills < want; round++ {
		r := rand.New(rand.NewPCG(round, 1))
		w.dir = t.TempDir()
		if round%2 == 0 && w.runChild(t, w.old.ref, never) != 0 {
			t.Fatal("child did not end well")
		}
		for n := 0; w.runChild(t, w.new.ref, afterSteps(1+r.IntN(400))) != 0; n++ {
			if n > 100 {
				t.Fatal("100 kills and no end")
			}
			kills++
		}
		w.checkDisk(t, w.new.disk)
	}
	t.Logf("%d updates, %d kills", round, kills)
}

// TestKillsFetchAgainAtMost32MiB kills late in fetching, when most of the release is there.
func TestKillsFetchAgainAtMost32MiB(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	big := noise(9, 96<<20)
	ref := w.publish(t, "big", big)
	const kills = 3
	for i := range int64(kills) {
		late := func(phase string, done, total int64) bool { return phase == "fetch" && done > total*(i+6)/10 }
		if w.runChild(t, ref, late) == 0 {
			t.Fatal("child was not killed")
		}
	}
	if w.runChild(t, ref, never) != 0 {
		t.Fatal("child did not end well")
	}
	w.checkDisk(t, big)
	again := w.fetched.Load() - int64(len(big))
	if again > kills*(32<<20) {
		t.Errorf("%d kills made %d bytes cross the network again", kills, again)
	}
	t.Logf("%d kills, %d MiB again", kills, again>>20)
}

func never(string, int64, int64) bool { return false }

// afterSteps is true once, at the n-th step.
func afterSteps(n int) func(string, int64, int64) bool {
	return func(string, int64, int64) bool {
		n--
		return n == 0
	}
}

// runChild starts the machine and kills it when a step of progress says so. It gives the exit code, -1
// for killed.
func (w *world) runChild(t *testing.T, ref apply.Ref, kill func(phase string, done, total int64) bool) int {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "APPLY_CHILD=1", "APPLY_URL="+w.url, "APPLY_DIR="+w.dir, "APPLY_RELEASE="+ref.Release,
		"APPLY_DIGEST="+hex.EncodeToString(ref.ManifestDigest[:]), "APPLY_KEY="+hex.EncodeToString(w.trust.Keys[0]))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var phase string
		var done, total int64
		_, err := fmt.Sscan(lines.Text(), &phase, &done, &total)
		if err == nil && kill(phase, done, total) {
			_ = cmd.Process.Kill() // it may have ended
		}
	}
	err = cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("child: %s", stderr.Bytes())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}
