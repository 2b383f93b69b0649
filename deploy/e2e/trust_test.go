//go:build linux

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// TestEnrolByToken lets two machines in with a token for two, and shows the third the door.
func TestEnrolByToken(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	bootstrap := p.token(2)
	all := machines(t, 3)
	for _, m := range all[:2] {
		m.run(bootstrap)
	}
	for _, m := range all[:2] {
		s := m.comesTo(inTouch)
		if d := p.device(m.serial()); d.GetId() != s.Device || d.GetState() != operatorv1.DeviceState_DEVICE_STATE_ACTIVE || d.GetSiteId() != "solvang" {
			t.Errorf("%s says it is %s; the control plane has %v", m.made.Name, s.Device, d)
		}
	}
	if r := all[2].enroll(bootstrap); r.code != refused || !strings.Contains(r.out+r.err, "token_used_up") {
		t.Errorf("the third machine ended with %d: %s%s", r.code, r.out, r.err)
	}
	for _, k := range p.tokens() {
		if k.GetUses() != 2 {
			t.Errorf("the token counts %d machines, two came in", k.GetUses())
		}
	}
	if n := len(p.devices()); n != 2 {
		t.Errorf("%d devices, want 2: the refused one must leave no trace", n)
	}
}

// TestEnrolByApproval has a machine without a token wait, although its serial number was announced, until
// a person lets it in. A machine that nobody announced is turned away.
func TestEnrolByApproval(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	all := machines(t, 2)
	m, stranger := all[0], all[1]
	p.deliver("Serienummer;Skole", m.serial()+";solvang")
	bootstrap := p.tokenless()
	if r := m.enroll(bootstrap, "--wait", "3s"); r.code != waiting || !strings.Contains(r.out+r.err, "awaiting_approval") {
		t.Fatalf("enroll ended with %d: %s%s", r.code, r.out, r.err)
	}
	if s := m.status(); s.code != waiting || s.Reason != "awaiting_approval" {
		t.Errorf("status %+v, want waiting for approval", s)
	}
	if d := p.device(m.serial()); d.GetState() != operatorv1.DeviceState_DEVICE_STATE_PENDING {
		t.Fatalf("device is %v before anyone approved it", d.GetState())
	}
	p.do("device", "approve", m.serial())
	m.run(bootstrap)
	m.comesTo(inTouch)
	if d := p.device(m.serial()); d.GetState() != operatorv1.DeviceState_DEVICE_STATE_ACTIVE {
		t.Errorf("device is %v after approval", d.GetState())
	}
	if r := stranger.enroll(bootstrap, "--wait", "3s"); r.code != refused || !strings.Contains(r.out+r.err, "unknown_device") {
		t.Errorf("a machine that nobody announced ended with %d: %s%s", r.code, r.out, r.err)
	}
}

// TestRevoke ends a device's access in one command while its agent has a connection open.
func TestRevoke(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	m := machines(t, 1)[0]
	m.run(p.token(5))
	m.comesTo(inTouch)
	p.do("device", "revoke", m.serial())
	if s := m.comesTo(refused); s.Reason != "identity_revoked" {
		t.Errorf("status %+v, want identity_revoked", s)
	}
	m.agent.stop()
	m.run("")
	if s := m.comesTo(refused); s.Reason != "identity_revoked" {
		t.Errorf("after a restart: status %+v, want identity_revoked", s)
	}
	m.agent.stop()
	forgets(t, m)
	if r := m.enroll(p.token(5)); r.code != refused {
		t.Errorf("a revoked machine enrolled anew with a token: code %d, %s%s", r.code, r.out, r.err)
	}
}

// forgets has a machine lose its state folder.
func forgets(t *testing.T, m *machine) {
	t.Helper()
	if err := os.RemoveAll(m.state()); err != nil {
		t.Fatal(err)
	}
}

// TestClone copies a machine's state folder to other hardware: the copy is refused and people are told,
// while the machine itself goes on.
func TestClone(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	all := machines(t, 2)
	original, clone := all[0], all[1]
	original.run(p.token(1))
	id := original.comesTo(inTouch).Device
	copyFolder(t, original.state(), clone.state())
	clone.run("")
	if s := clone.comesTo(refused); s.Reason != "identity_cloned" {
		t.Errorf("the clone's status is %+v, want identity_cloned", s)
	}
	d := p.device(id)
	if d.GetAlarm() != nattevaktv1.Reason_REASON_IDENTITY_CLONED || d.GetAlarmAt() == nil || d.GetState() != operatorv1.DeviceState_DEVICE_STATE_ACTIVE {
		t.Errorf("device %v, want an active one with an alarm", d)
	}
	if text := p.do("device", "show", id); !strings.Contains(text, "Two machines use the same identity") {
		t.Errorf("device show says nothing of the clone:\n%s", text)
	}
	p.hearsFrom([]string{id})
	original.comesTo(inTouch)
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
}

// TestForeignCertificate brings a machine of one fleet to another's control plane: by the proper way,
// which the agent refuses, and with its state folder tampered with, which the control plane refuses.
func TestForeignCertificate(t *testing.T) {
	beside(t)
	home, other := newPlane(t), newPlane(t)
	home.school()
	other.school()
	m := machines(t, 1)[0]
	if r := m.enroll(home.token(1)); r.code != 0 {
		t.Fatalf("enroll: %d, %s%s", r.code, r.out, r.err)
	}
	bootstrap := other.token(1)
	if r := m.enroll(bootstrap); r.code != 1 || !strings.Contains(r.err, "another control plane") || !strings.Contains(r.err, "remove its state folder") {
		t.Errorf("with the other fleet's bootstrap file: code %d, %s%s", r.code, r.out, r.err)
	}
	b, err := os.ReadFile(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.state(), "bootstrap.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	m.run("")
	if s := m.comesTo(refused); s.Reason != "foreign_certificate" {
		t.Errorf("status %+v, want foreign_certificate", s)
	}
	if n := len(other.devices()); n != 0 {
		t.Errorf("%d devices in the other fleet, want none", n)
	}
}
