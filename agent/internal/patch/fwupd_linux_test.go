package patch_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/nattevakt/nattevakt/agent/internal/patch"
	"github.com/nattevakt/nattevakt/agent/internal/patch/patchtest"
)

const fwupdDaemon = "/usr/libexec/fwupd/fwupd"

// fwupdBehind is the daemon's own test device: a webcam of 1.2.2 with releases 1.2.3 and 1.2.4.
var fwupdBehind = []patch.Update{{
	Name: "Integrated Webcam™", Installed: "1.2.2", Available: "1.2.4", Severity: patch.Other,
	Origin: "fwupd-tests", Summary: "Firmware for the ACME Corp Integrated Webcam",
}}

func TestFwupd(t *testing.T) {
	needFwupd(t)
	machine := func(bus string) patchtest.Machine { return patchtest.Machine{Provider: patch.NewFwupd(bus)} }
	patchtest.Run(t, patchtest.Service{
		Name:    "fwupd",
		Missing: fwupdBehind,
		Behind: func(t *testing.T) patchtest.Machine {
			bus, _ := startBus(t)
			startFwupd(t, bus, true)
			return machine(bus)
		},
		Current: func(t *testing.T) patchtest.Machine {
			bus, _ := startBus(t)
			startFwupd(t, bus, false)
			return machine(bus)
		},
		Broken: func(t *testing.T) patchtest.Machine {
			bus, stop := startBus(t)
			stop()
			return machine(bus)
		},
		Absent: func(t *testing.T) patchtest.Machine {
			bus, _ := startBus(t)
			return machine(bus)
		},
	})
}

func TestFwupdDates(t *testing.T) {
	needFwupd(t)
	bus, _ := startBus(t)
	startFwupd(t, bus, true)
	result, err := patch.NewFwupd(bus).Missing(t.Context())
	if err != nil || len(result.Updates) != 1 {
		t.Fatalf("got %+v, %v; want the test device alone", result, err)
	}
	published := time.Date(2017, 6, 15, 4, 0, 0, 0, time.UTC)
	if u := result.Updates[0]; !u.AvailableSince.Equal(published) || !u.MissedSince.Equal(published) {
		t.Errorf("available and missed since %v and %v, want %v", u.AvailableSince, u.MissedSince, published)
	}
}

// Devices that could be updated and no metadata at all: that is not the same as nothing missing.
func TestFwupdWithoutMetadataIsUnknown(t *testing.T) {
	needFwupd(t)
	bus, _ := startBus(t)
	startFwupd(t, bus, true, "fwupd-tests")
	_, err := patch.NewFwupd(bus).Missing(t.Context())
	if err == nil || !strings.Contains(err.Error(), "fwupdmgr refresh") {
		t.Errorf("got %v, want an error that says to run fwupdmgr refresh", err)
	}
}

// A daemon that hangs costs the time limit and no more.
func TestFwupdThatHangs(t *testing.T) {
	needFwupd(t)
	bus, _ := startBus(t)
	daemon := startFwupd(t, bus, true)
	if err := daemon.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if result, err := patch.NewFwupd(bus).Missing(ctx); err == nil || len(result.Updates) > 0 {
		t.Errorf("a daemon that hangs gave %+v, %v", result, err)
	}
}

func TestFwupdWithoutBusIsAbsent(t *testing.T) {
	state := patch.Collect(t.Context(), patch.Options{Root: t.TempDir(), Bus: "unix:path=" + filepath.Join(t.TempDir(), "none")})
	if len(state.Sources) != 0 {
		t.Errorf("a machine without a bus lists %v", state.Sources)
	}
}

func needFwupd(t *testing.T) {
	t.Helper()
	need(t, "dbus fwupd fwupd-tests", "dbus-daemon", fwupdDaemon)
	needRoot(t, "fwupd looks at devices")
}

// startBus starts a private bus without rules and gives its address.
func startBus(t *testing.T) (address string, stop func()) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus") // socket paths end at 108 bytes, t.TempDir() may be longer
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	address = "unix:path=" + filepath.Join(dir, "bus")
	write(t, filepath.Join(dir, "bus.conf"), fmt.Sprintf(`<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`, address))
	bus := start(t, exec.Command("dbus-daemon", "--nofork", "--config-file="+filepath.Join(dir, "bus.conf")))
	await(t, "the bus", func() bool {
		conn, err := dbus.Connect(address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return address, func() { end(bus) }
}

// startFwupd starts the real daemon with folders of its own, with or without its test
// device and without some remotes. Real devices of this
// machine have no upgrades then: no metadata was ever fetched into those folders.
func startFwupd(t *testing.T, bus string, testDevice bool, disabled ...string) *os.Process {
	t.Helper()
	dir := t.TempDir()
	folders(t, dir, "etc/remotes.d", "state", "cache")
	write(t, filepath.Join(dir, "etc/fwupd.conf"), fmt.Sprintf("[fwupd]\nTestDevices=%v\nOnlyTrusted=false\n", testDevice))
	for _, remote := range disabled {
		write(t, filepath.Join(dir, "etc/remotes.d", remote+".conf"), "[fwupd Remote]\nEnabled=false\nTitle=Off\nMetadataURI=file:///none.xml\n")
	}
	cmd := exec.Command(fwupdDaemon)
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+bus, "FWUPD_SYSCONFDIR="+dir+"/etc",
		"FWUPD_LOCALSTATEDIR="+dir+"/state", "CONFIGURATION_DIRECTORY="+dir+"/etc",
		"STATE_DIRECTORY="+dir+"/state", "CACHE_DIRECTORY="+dir+"/cache")
	daemon := start(t, cmd)
	conn, err := dbus.Connect(bus)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	await(t, "fwupd", func() bool {
		var names []string
		err := conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names)
		return err == nil && slices.Contains(names, "org.freedesktop.fwupd")
	})
	return daemon
}

// start runs a daemon until the test ends.
func start(t *testing.T, cmd *exec.Cmd) *os.Process {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd.Process) })
	return cmd.Process
}

func end(p *os.Process) {
	_ = p.Kill()    // it may have ended
	_, _ = p.Wait() // and been waited for
}

func await(t *testing.T, what string, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ready() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s did not start", what)
		}
	}
}
