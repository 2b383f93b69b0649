//go:build linux

package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nattevakt/nattevakt/deploy/madeup"
)

// Exit codes of nattevakt-agent status and enroll.
const (
	inTouch    = 0
	waiting    = 4
	refused    = 5
	outOfTouch = 6
)

// diskBytes is the size of a machine's disk; the file is sparse.
const diskBytes = 256 << 20

// machine is a made-up machine with a real agent.
type machine struct {
	t      *testing.T
	made   madeup.Machine
	folder string
	// tpm is what the agent is told of one.
	tpm   string
	agent *program
}

// seed makes the made-up machines the same each time.
const seed = 2026

// machines makes the first n machines.
func machines(t *testing.T, n int) []*machine {
	t.Helper()
	var all []*machine
	for _, made := range madeup.Cabinet(n, seed) {
		all = append(all, newMachine(t, made))
	}
	return all
}

func newMachine(t *testing.T, made madeup.Machine) *machine {
	t.Helper()
	m := &machine{t: t, made: made, folder: t.TempDir(), tpm: "off"}
	if err := made.Write(m.root()); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(m.disk())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(diskBytes); err != nil {
		t.Fatal(err)
	}
	showWhenFailed(t, m.log())
	return m
}

func (m *machine) root() string   { return filepath.Join(m.folder, "root") }
func (m *machine) disk() string   { return filepath.Join(m.folder, "disk.img") }
func (m *machine) state() string  { return filepath.Join(m.folder, "state") }
func (m *machine) log() string    { return filepath.Join(m.folder, m.made.Name+".log") }
func (m *machine) serial() string { return m.made.SMBIOS.Serial }

func (m *machine) args(command, bootstrap string, more ...string) []string {
	args := []string{command, "--state", m.state(), "--root", m.root(), "--tpm", m.tpm, "--disk", m.disk()}
	if bootstrap != "" {
		args = append(args, "--bootstrap", bootstrap)
	}
	return append(args, more...)
}

// run starts the agent; without a bootstrap file it goes by what it has kept.
func (m *machine) run(bootstrap string, more ...string) {
	m.t.Helper()
	m.agent = start(m.t, m.log(), "nattevakt-agent", m.args("run", bootstrap, more...)...)
}

// enroll runs the command of that name to its end.
func (m *machine) enroll(bootstrap string, more ...string) result {
	m.t.Helper()
	return command(m.t, "nattevakt-agent", m.args("enroll", bootstrap, more...)...)
}

// standing is what the status command says, with its exit code.
type standing struct {
	State, Device, Reason, Problem string
	Servers                        []string
	KeyHeld                        string `json:"key_held"`
	code                           int
}

func (m *machine) status() standing {
	m.t.Helper()
	r := command(m.t, "nattevakt-agent", "status", "--json", "--state", m.state())
	s := standing{code: r.code}
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		m.t.Fatalf("status: %v\n%s%s", err, r.out, r.err)
	}
	return s
}

// comesTo waits until the status command ends with a code.
func (m *machine) comesTo(code int) standing {
	m.t.Helper()
	var s standing
	await(m.t, m.made.Name, func() error {
		if s = m.status(); s.code != code {
			return fmt.Errorf("status ends with %d and says %+v, want %d", s.code, s, code)
		}
		return nil
	})
	return s
}
