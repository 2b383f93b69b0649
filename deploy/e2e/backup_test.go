//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/deploy/madeup"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

// TestBackupRestore backs up while machines call, loses the store, and goes on from the backup: devices
// and jobs are as they were, and machines need not enrol again. One that came later is unknown.
func TestBackupRestore(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	all := enrolCabinet(t, p)
	pushImage(t, p, 4<<20)
	awaitMorning(t, p)
	backup := filepath.Join(p.folder, "backup.db")
	p.do("backup", backup)
	before := p.kept()

	late := newMachine(t, madeup.Cabinet(cabinetSlots+1, seed)[cabinetSlots])
	late.run(p.token(1))
	late.comesTo(inTouch)
	p.server.kill()
	refusesBrokenStore(t, p, backup)
	if out := p.do("restore", backup, "--data", p.data); !strings.Contains(out, filepath.Join(p.data, "nattevakt.db")) {
		t.Errorf("restore does not say what it put back: %s", out)
	}
	p.start()
	p.hearsFrom(before.ids)
	for _, m := range all {
		m.comesTo(inTouch)
	}
	p.same(before)
	if s := late.comesTo(refused); s.Reason != "unknown_device" {
		t.Errorf("the machine that came after the backup: %+v, want unknown_device", s)
	}
}

// refusesBrokenStore cuts the store short, as a dying disk may: the control plane must not start on it, and
// must say which file it is and what to do. The store has room to grow at its end; a backup has none, and
// tells how much of it is in use.
func refusesBrokenStore(t *testing.T, p *plane, backup string) {
	t.Helper()
	file := filepath.Join(p.data, "nattevakt.db")
	info, err := os.Stat(backup)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	p.launch()
	p.server.ended(1)
	if log := tail(p.log()); !strings.Contains(log, file) || !strings.Contains(log, "damaged") || !strings.Contains(log, "nattevakt restore") {
		t.Errorf("the error does not name the file and the way out: %s", log)
	}
}

// kept is what a backup must bring back, without what calls change.
type kept struct {
	ids                             []string // by slot
	devices, rollouts, jobs, tokens string
}

func (p *plane) kept() (k kept) {
	p.t.Helper()
	for _, n := range p.night().GetDevices() {
		k.ids = append(k.ids, n.GetDeviceId())
		k.jobs += fmt.Sprintln(n.GetSlot(), n.GetDeviceId(), n.GetState(), n.GetAttempt(), moment(n.GetEndedAt()))
	}
	for _, d := range p.devices() {
		k.devices += fmt.Sprintln(d.GetId(), d.GetHardware(), d.GetState(), d.GetCabinetId(), d.GetSlot(), d.GetImage(), d.GetRelease(), moment(d.GetEnrolledAt()))
	}
	var list operatorv1.ListRolloutsResponse
	p.ask(&list, "rollout", "list")
	for _, r := range list.GetRollouts() {
		k.rollouts += fmt.Sprintln(r.GetId(), r.GetCabinetId(), r.GetImage(), r.GetRelease(), r.GetState(), moment(r.GetCreatedAt()), r.GetSucceeded(), r.GetFailed(), r.GetOpen())
	}
	for _, token := range p.tokens() {
		k.tokens += fmt.Sprintln(token.GetId(), token.GetUses(), token.GetMaxUses())
	}
	return k
}

// hearsFrom waits until each of the devices has called from now on.
func (p *plane) hearsFrom(ids []string) {
	p.t.Helper()
	since := time.Now()
	for _, id := range ids {
		await(p.t, "a call of device "+id, func() error {
			if seen := p.device(id).GetLastSeen().AsTime(); seen.Before(since) {
				return fmt.Errorf("last seen %v, before %v", seen, since)
			}
			return nil
		})
	}
}

// moment is a time as exactly as the store keeps it.
func moment(at *timestamppb.Timestamp) string {
	return at.AsTime().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}

// same demands that everything is as it was.
func (p *plane) same(before kept) {
	p.t.Helper()
	now := p.kept()
	for _, x := range []struct{ what, is, was string }{
		{"devices", now.devices, before.devices}, {"rollouts", now.rollouts, before.rollouts},
		{"jobs", now.jobs, before.jobs}, {"tokens", now.tokens, before.tokens},
	} {
		if x.is != x.was {
			p.t.Errorf("%s are\n%s, were\n%s", x.what, x.is, x.was)
		}
	}
}
