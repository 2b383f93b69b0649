//go:build linux

package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// TestControlPlaneAway stops the control plane until its machines try more and more seldom, and has it
// come back: first where it was, then at another address.
func TestControlPlaneAway(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	all := machines(t, 2)
	bootstrap := p.token(2)
	var ids []string
	for _, m := range all {
		m.run(bootstrap)
		ids = append(ids, m.comesTo(inTouch).Device)
	}
	p.server.stop()
	for _, m := range all {
		m.comesTo(outOfTouch)
		backsOff(t, m)
	}
	p.start()
	for i, m := range all {
		if s := m.comesTo(inTouch); s.Device != ids[i] {
			t.Errorf("%s came back as %s, was %s", m.made.Name, s.Device, ids[i])
		}
	}
	moves(t, p, all, ids)
}

// backsOff waits until the agent has failed a few times in a row and says so with its next try.
func backsOff(t *testing.T, m *machine) {
	t.Helper()
	await(t, m.made.Name+" backs off", func() error {
		if log := tail(m.log()); !strings.Contains(log, "the control plane does not answer") || !strings.Contains(log, "failures=4") {
			return fmt.Errorf("not in its log yet")
		}
		return nil
	})
}

// moves gives the control plane another address. One machine learns it by the enroll command, one by
// being started with the new bootstrap file; both keep who they are.
func moves(t *testing.T, p *plane, all []*machine, ids []string) {
	t.Helper()
	p.server.stop()
	p.address = ownAddress()
	p.start()
	bootstrap := p.token(2)
	for _, m := range all {
		m.agent.stop()
	}
	if r := all[0].enroll(bootstrap); r.code != 0 || !strings.Contains(r.out+r.err, "already enrolled") {
		t.Fatalf("enroll with a new address: %d, %s%s", r.code, r.out, r.err)
	}
	all[0].run("")
	all[1].run(bootstrap)
	for i, m := range all {
		await(t, m.made.Name+" at the new address", func() error {
			s := m.status()
			if s.code != inTouch || s.Device != ids[i] || !slices.Equal(s.Servers, []string{p.ready.Agents}) {
				return fmt.Errorf("stands as %+v; want device %s at %s", s, ids[i], p.ready.Agents)
			}
			return nil
		})
	}
	if n := len(p.devices()); n != 2 {
		t.Errorf("%d devices after the move, want the same 2", n)
	}
}

// TestWrongClock lets in a machine whose clock is two years behind; the machine says so itself.
func TestWrongClock(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	m := machines(t, 1)[0]
	m.run(p.token(1), "--clock-offset", "-17520h")
	await(t, "the control plane knows of the wrong clock", func() error {
		for _, d := range p.devices() {
			if d.GetReadiness().GetReason() == nattevaktv1.Reason_REASON_WRONG_CLOCK {
				return nil
			}
		}
		return fmt.Errorf("devices: %v", p.devices())
	})
}
