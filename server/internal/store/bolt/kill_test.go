//go:build unix

package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// The child process of TestKill is this test binary again, with the path of its store in killChild.
const (
	killChild = "NATTEVAKT_KILL_CHILD"
	// killChildWaits makes the child wait for its death when a commit fails, instead of complaining.
	killChildWaits = "NATTEVAKT_KILL_CHILD_WAITS"
	// opened is what the child says first.
	opened = "opened"
	// killRounds sets how often TestKill kills; 0 is its default.
	killRounds = "NATTEVAKT_KILLS"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(killChild); path != "" {
		err := writeUntilKilled(path)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func writeUntilKilled(path string) error {
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return awaitDeath(err)
	}
	fmt.Println(opened)
	failed := make(chan error)
	for w := range writers {
		go func() {
			failed <- write(context.Background(), s, w, func(b uint64) {
				// One write of a few bytes to a pipe is never torn.
				os.Stdout.WriteString(fmt.Sprintf("%d %d\n", w, b))
			})
		}()
	}
	return awaitDeath(<-failed)
}

// awaitDeath is for a child whose disk was pulled from under it.
func awaitDeath(err error) error {
	if os.Getenv(killChildWaits) != "" {
		time.Sleep(time.Minute) // the kill is under way
	}
	return err
}

// TestKill kills a process in the middle of its commits, again and again on one file: no acknowledged
// batch is lost, no other batch is there in part. Every tenth round starts without a file and kills
// early, while it is made. The kernel keeps what a killed process wrote: what a power cut takes, see
// TestPowerCut.
func TestKill(t *testing.T) {
	rounds := 300
	if text := os.Getenv(killRounds); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", killRounds, err)
		}
		rounds = n
	}
	if testing.Short() {
		rounds = 20
	}
	dir := t.TempDir()
	var acknowledged [writers]uint64
	total := uint64(0)
	for round := range rounds {
		path, life := filepath.Join(dir, "store"), time.Duration(rand.IntN(50))*time.Millisecond
		if round%10 == 9 {
			path, life = filepath.Join(t.TempDir(), "store"), time.Duration(rand.IntN(15))*time.Millisecond
			fresh := killAfter(t, path, life, nil, [writers]uint64{})
			verifyKilled(t, path, fresh)
			continue
		}
		acknowledged = killAfter(t, path, life, make(chan struct{}), acknowledged)
		acknowledged = verifyKilled(t, path, acknowledged)
	}
	for _, b := range acknowledged {
		total += b
	}
	if total == 0 {
		t.Error("no batch was ever acknowledged: nothing was tested")
	}
	t.Logf("%d kills, %d batches", rounds, total)
}

// killAfter runs a child for life and gives the newest batch each writer was told is durable. Life counts
// from the moment the child has opened its store, which closes at; with none, from its start.
func killAfter(t *testing.T, path string, life time.Duration, at chan struct{}, acknowledged [writers]uint64) [writers]uint64 {
	t.Helper()
	return runWriters(t, path, at, acknowledged, func(child *os.Process) {
		if at != nil {
			<-at
		}
		time.Sleep(life)
		_ = child.Kill() // it may have ended by itself, which Wait tells
	})
}

// runWriters starts a child and end, which must see to it that the child dies of a signal.
// It closes at, if there is one, when the child has opened its store or ended.
func runWriters(t *testing.T, path string, at chan struct{}, acknowledged [writers]uint64, end func(*os.Process)) [writers]uint64 {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killChild+"="+path)
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		end(child.Process)
	}()
	tell := sync.OnceFunc(func() {
		if at != nil {
			close(at)
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == opened {
			tell()
			continue
		}
		var w int
		var b uint64
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &w, &b); err != nil {
			t.Fatalf("child said %q", lines.Text())
		}
		acknowledged[w] = b
	}
	tell()
	<-ended
	if err := child.Wait(); child.ProcessState.Exited() {
		t.Fatalf("the child was not killed: %v: %s", err, complaint.String())
	}
	return acknowledged
}

// verifyKilled opens what was left and gives where each writer stands now: a batch may have become durable
// just before its acknowledgement was sent.
func verifyKilled(t *testing.T, path string, acknowledged [writers]uint64) (now [writers]uint64) {
	t.Helper()
	s := open(t, path)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	verifyWriters(t, s, acknowledged)
	for w := range now {
		var err error
		if now[w], err = position(t.Context(), s, w); err != nil {
			t.Fatal(err)
		}
	}
	return now
}
