package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"nattevakt":    func() { os.Exit(run()) },
		"controlplane": controlPlane,
	})
}

// controlPlane serves on free ports of this machine, with its log in a file: controlplane DATA [FLAG...]
func controlPlane() {
	log, err := os.OpenFile("server.log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	os.Stderr = log
	os.Args = append([]string{
		"nattevakt", "serve", "--data", os.Args[1], "--listen", "127.0.0.1:0", "--content", "127.0.0.1:0", "--web", "127.0.0.1:0",
		"--metrics=", "--call-every", "0", "--ready-file", "ready.json",
	}, os.Args[2:]...)
	os.Exit(run())
}

// TestTranscripts runs what people type against a real control plane; machines are played by machine_test.go.
func TestTranscripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "Europe/Oslo")
			e.Setenv("NATTEVAKT_OPERATOR", e.WorkDir+"/data/operator/operator.json")
			e.Values["machines"] = &machines{byName: map[string]*machine{}}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await": await,
			"enrol": enrolMachines,
			"work":  workMachines,
			"code":  exitCode,
		},
	})
}

// awaitTime is how long anything in a script may take; it is only reached in failure.
const awaitTime = 30 * time.Second

// await waits for a file that holds JSON: await FILE
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	path := ts.MkAbs(args[0])
	for end := time.Now().Add(awaitTime); ; time.Sleep(20 * time.Millisecond) {
		b, err := os.ReadFile(path)
		if err == nil && json.Valid(b) {
			return
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			ts.Check(err)
		}
		if time.Now().After(end) {
			ts.Fatalf("%s did not come", path)
		}
	}
}

// exitCode runs a command that must end with a code: code N COMMAND [ARG...]
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND [ARG...]")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit interface{ ExitCode() int }
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		b, err := json.Marshal(exit.ExitCode())
		ts.Check(err)
		got = string(b)
	}
	if got != args[0] {
		ts.Fatalf("ended with %s, want %s", got, args[0])
	}
}
