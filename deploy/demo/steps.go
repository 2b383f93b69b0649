//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nattevakt/nattevakt/deploy/madeup"
)

// The cabinet, and its machines with a fate of their own, by slot.
const (
	cabinet     = "solvang-a"
	slots       = 30
	clockWrong  = 12
	neverBack   = 19
	killedOnce  = 7
	atOnce      = 6
	twoYears    = "-17520h"
	nightStarts = "21:57"
	nightEnds   = "07:00"
)

// demo is the demonstration under way.
type demo struct {
	ctx     context.Context
	dir     string
	bin     string
	rate    float64
	diskMiB int
	procs   procs

	server   *proc
	operator string
	web      string
	login    string
	agents   [slots + 1]*proc // by slot; 0 is this machine itself
	machines []madeup.Machine
}

func (d *demo) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

func say(format string, args ...any) { fmt.Printf("▸ "+format+"\n", args...) }

// controlPlane starts the server, with pages on a well-known port if that is free.
func (d *demo) controlPlane() error {
	say("Kontrollplanet starter. / Starting the control plane.")
	for _, web := range []string{"127.0.0.1:8080", "127.0.0.1:0"} {
		var err error
		d.server, err = d.procs.start(d.path("server.log"), filepath.Join(d.bin, "nattevakt"), "serve",
			"--data", d.path("data"), "--listen", "127.0.0.1:0", "--content", "127.0.0.1:0", "--metrics", "127.0.0.1:0",
			"--web", web, "--web-http", "--ready-file", d.path("ready.json"),
			"--idle-interval", "15s", "--busy-interval", "1s",
			"--demo-start", nightStarts, "--demo-until", nightEnds, "--demo-rate", fmt.Sprint(d.rate))
		if err != nil {
			return err
		}
		if err = d.waitReady(); err == nil {
			return d.readLogin()
		}
		if !errors.Is(err, errGone) {
			return err
		}
	}
	return fmt.Errorf("the control plane does not start:\n%s", d.tail("server.log"))
}

func (d *demo) waitReady() error {
	return d.until(20*time.Second, func() (bool, error) {
		b, err := os.ReadFile(d.path("ready.json"))
		if errors.Is(err, fs.ErrNotExist) {
			select {
			case <-d.server.done:
				return false, errGone
			default:
				return false, nil
			}
		}
		if err != nil {
			return false, err
		}
		var ready struct{ Web, Operator string }
		if err := json.Unmarshal(b, &ready); err != nil {
			return false, err
		}
		d.web, d.operator = ready.Web, ready.Operator
		return true, nil
	})
}

// readLogin finds the token in what the server printed at its first start.
func (d *demo) readLogin() error {
	b, err := os.ReadFile(d.path("server.log"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		if _, token, ok := strings.Cut(line, "login:"); ok {
			d.login = strings.TrimSpace(token)
			return nil
		}
	}
	return fmt.Errorf("the control plane showed no administrator token:\n%s", b)
}

// cli runs one command of the README and gives what it printed.
func (d *demo) cli(args ...string) ([]byte, error) {
	cmd := exec.CommandContext(d.ctx, filepath.Join(d.bin, "nattevakt"), append([]string{"--operator", d.operator}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("nattevakt %s: %w\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return out, nil
}

// places makes the owner, the school and the cabinet, and announces the machines.
func (d *demo) places() error {
	say("Nordvik kommune, Solvang skole og ladeskap A blir til; leveranselisten leses inn. / Owner, school, cabinet and delivery list.")
	d.machines = madeup.Cabinet(slots, 2026)
	if err := os.WriteFile(d.path("delivery.csv"), d.deliveryList(), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"owner", "add", "nordvik", "--name", "Nordvik kommune"},
		{"site", "add", "solvang", "--owner", "nordvik", "--name", "Solvang skole"},
		{"cabinet", "add", cabinet, "--site", "solvang", "--name", "Ladeskap A", "--slots", fmt.Sprint(slots)},
		{"delivery", "import", d.path("delivery.csv"), "--dry-run"},
		{"delivery", "import", d.path("delivery.csv")},
		{"token", "create", "--site", "solvang", "--uses", fmt.Sprint(slots + 1), "--life", "12h", "--out", d.path("bootstrap.json")},
	} {
		if _, err := d.cli(args...); err != nil {
			return err
		}
	}
	return nil
}

// deliveryList is what a supplier would send.
func (d *demo) deliveryList() []byte {
	var b strings.Builder
	b.WriteString("Serienummer;Modell;Leverandør;Kjøpsdato;Pris;Garanti til;Skole;Ladeskap;Plass;Rolle\n")
	for i, m := range d.machines {
		fmt.Fprintf(&b, "%s;%s;Eksempel Data AS;15.08.%d;%d,00;15.08.%d;solvang;%s;%d;elev\n",
			m.SMBIOS.Serial, m.SMBIOS.Product, 2023+i%3, 6990+100*(i%5), 2026+i%3, cabinet, i+1)
	}
	return []byte(b.String())
}

// enrolMachines starts this machine's own agent and the cabinet's.
func (d *demo) enrolMachines() error {
	say("Denne maskinen og 30 maskiner i ladeskapet melder seg inn. / This machine and 30 in the cabinet enrol.")
	if err := os.Mkdir(d.path("disks"), 0o700); err != nil {
		return err
	}
	for i, m := range d.machines {
		if err := blankDisk(d.disk(i + 1)); err != nil {
			return err
		}
		if err := m.Write(d.path("roots", fmt.Sprintf("%02d", i+1))); err != nil {
			return fmt.Errorf("made-up machine %d: %w", i+1, err)
		}
	}
	for slot := range slots + 1 {
		if err := d.startAgent(slot); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) disk(slot int) string { return d.path("disks", fmt.Sprintf("%02d.img", slot)) }

// diskBytes is the size of a machine's disk; the file is sparse.
const diskBytes = 1 << 30

func blankDisk(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Truncate(diskBytes)
}

// startAgent starts the agent of a slot, also again after it was killed.
func (d *demo) startAgent(slot int) (err error) {
	name := fmt.Sprintf("%02d", slot)
	args := []string{"run", "--bootstrap", d.path("bootstrap.json"), "--state", d.path("agents", name), "--tpm", "off"}
	if slot > 0 {
		args = append(args, "--root", d.path("roots", name), "--disk", d.disk(slot))
	}
	if slot == clockWrong {
		args = append(args, "--clock-offset", twoYears)
	}
	if err := os.MkdirAll(d.path("agents"), 0o700); err != nil {
		return err
	}
	d.agents[slot], err = d.procs.start(d.path("agent-"+name+".log"), filepath.Join(d.bin, "nattevakt-agent"), args...)
	return err
}

// device is what the list command says of one.
type device struct {
	State    string
	Slot     int
	ReportAt string
	Hardware struct{ Vendor string }
}

func (d *demo) devices() ([]device, error) {
	out, err := d.cli("device", "list", "--json")
	if err != nil {
		return nil, err
	}
	var list struct{ Devices []device }
	return list.Devices, json.Unmarshal(out, &list)
}

// untilReported waits until everybody has sent inventory and patch state; then one machine leaves for good.
func (d *demo) untilReported() error {
	var reported, total int
	err := d.until(90*time.Second, func() (bool, error) {
		all, err := d.devices()
		if err != nil {
			return false, err
		}
		reported, total = 0, len(all)
		for _, x := range all {
			if x.State == "DEVICE_STATE_ACTIVE" && x.ReportAt != "" {
				reported++
			}
		}
		return reported == slots+1, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d machines have reported: %w\n%s", reported, total, err, d.tail("agent-01.log"))
	}
	d.agents[neverBack].kill()
	return nil
}

func (d *demo) announce() error {
	out, err := d.cli("device", "list", "--site", "solvang")
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\nNattevakt kjører: kontrollplan, denne maskinen og %d agenter. / Nattevakt is running: control plane, this machine and %d agents.\n  %s\n  innlogging / login: %s\n\n", out, slots, slots, d.web, d.login)
	return nil
}

// until asks again and again, up to a time, whether something has come true.
func (d *demo) until(most time.Duration, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(d.ctx, most)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := ask()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// tail is the end of a log, for an error.
func (d *demo) tail(name string) string {
	b, err := os.ReadFile(d.path(name))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}
