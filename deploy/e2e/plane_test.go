//go:build linux

package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

// plane is a control plane: its folder and address stay the same however often it is started.
type plane struct {
	t *testing.T
	// folder holds data and all that belongs to the test; address is where it listens.
	folder, data, address string
	flags                 []string
	server                *program
	// operator is the file that the command line uses; ready what the last start announced.
	operator string
	ready    struct{ Agents, Content, Web, Metrics, Operator string }
}

// newPlane starts a control plane with a new data folder.
func newPlane(t *testing.T, flags ...string) *plane {
	t.Helper()
	p := preparePlane(t, flags...)
	p.start()
	return p
}

// preparePlane is newPlane without the start.
func preparePlane(t *testing.T, flags ...string) *plane {
	t.Helper()
	folder := t.TempDir()
	p := &plane{t: t, folder: folder, data: filepath.Join(folder, "data"), address: ownAddress(), flags: flags}
	showWhenFailed(t, p.log())
	return p
}

// ownAddress is a loopback address whose ports nobody else uses, also while a control plane is down:
// connections of this machine's programs begin at 127.0.0.1.
func ownAddress() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

func (p *plane) log() string { return filepath.Join(p.folder, "server.log") }

// start runs the control plane and waits until it is ready.
func (p *plane) start(more ...string) {
	p.t.Helper()
	p.launch(more...)
	await(p.t, "start of the control plane", func() error {
		b, err := os.ReadFile(p.readyFile())
		if errors.Is(err, fs.ErrNotExist) && !p.server.running() {
			p.t.Fatalf("the control plane does not start: %s", tail(p.log()))
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(b, &p.ready)
	})
	p.operator = p.ready.Operator
}

// launch runs the control plane; whether it can start is another question.
func (p *plane) launch(more ...string) {
	p.t.Helper()
	if err := os.RemoveAll(p.readyFile()); err != nil {
		p.t.Fatal(err)
	}
	args := []string{
		"serve", "--data", p.data, "--listen", p.address + ":7443", "--content", p.address + ":7444", "--web", p.address + ":8443",
		"--metrics", p.address + ":9464", "--ready-file", p.readyFile(), "--idle-interval", "1s", "--busy-interval", "300ms",
	}
	p.server = start(p.t, p.log(), "nattevakt", append(append(args, p.flags...), more...)...)
}

func (p *plane) readyFile() string { return filepath.Join(p.folder, "ready.json") }

// try runs a command of the command line.
func (p *plane) try(args ...string) result {
	p.t.Helper()
	return command(p.t, "nattevakt", append([]string{"--operator", p.operator}, args...)...)
}

// do runs a command that must succeed.
func (p *plane) do(args ...string) string {
	p.t.Helper()
	r := p.try(args...)
	if r.code != 0 {
		p.t.Fatalf("nattevakt %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// ask runs a command with --json and reads its answer.
func (p *plane) ask(answer proto.Message, args ...string) {
	p.t.Helper()
	if err := protojson.Unmarshal([]byte(p.do(append(args, "--json")...)), answer); err != nil {
		p.t.Fatalf("nattevakt %s --json: %v", strings.Join(args, " "), err)
	}
}

// school makes an owner, the school "solvang" and its cabinet "skap" with 4 slots.
func (p *plane) school() {
	p.t.Helper()
	p.do("owner", "add", "nordvik", "--name", "Nordvik kommune")
	p.do("site", "add", "solvang", "--owner", "nordvik", "--name", "Solvang skole")
	p.do("cabinet", "add", "skap", "--site", "solvang", "--name", "Ladeskap A", "--slots", "4")
}

// token gives a bootstrap file whose token opens the school so many times.
func (p *plane) token(uses int) (bootstrap string) {
	p.t.Helper()
	return p.tokenOf("solvang", uses)
}

func (p *plane) tokenOf(site string, uses int) (bootstrap string) {
	p.t.Helper()
	bootstrap = filepath.Join(p.folder, fmt.Sprintf("bootstrap-%x.json", rand.Uint64()))
	p.do("token", "create", "--site", site, "--uses", fmt.Sprint(uses), "--out", bootstrap)
	return bootstrap
}

// tokenless gives a bootstrap file without a token.
func (p *plane) tokenless() (bootstrap string) {
	p.t.Helper()
	bootstrap = p.token(1)
	b, err := os.ReadFile(bootstrap)
	if err != nil {
		p.t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		p.t.Fatal(err)
	}
	delete(fields, "site_token")
	if b, err = json.Marshal(fields); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(bootstrap, b, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return bootstrap
}

// deliver imports a delivery list of the lines.
func (p *plane) deliver(lines ...string) {
	p.t.Helper()
	path := filepath.Join(p.folder, fmt.Sprintf("delivery-%x.csv", rand.Uint64()))
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.do("delivery", "import", path)
}

func (p *plane) devices() []*operatorv1.Device {
	p.t.Helper()
	var list operatorv1.ListDevicesResponse
	p.ask(&list, "device", "list")
	return list.GetDevices()
}

func (p *plane) device(key string) *operatorv1.Device {
	p.t.Helper()
	var answer operatorv1.GetDeviceResponse
	p.ask(&answer, "device", "show", key)
	return answer.GetDevice()
}

func (p *plane) tokens() []*operatorv1.Token {
	p.t.Helper()
	var list operatorv1.ListTokensResponse
	p.ask(&list, "token", "list")
	return list.GetTokens()
}
