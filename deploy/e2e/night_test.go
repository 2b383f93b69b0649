//go:build linux

package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/images/build"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

const cabinetSlots = 4

// TestNight writes a real image to a cabinet of four while power goes: to one machine while it writes its
// disk, and to the control plane when some machines are done and others are not.
func TestNight(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	all := enrolCabinet(t, p)
	image := pushImage(t, p, 24<<20)
	killWhileWriting(t, all)
	before := killInTheMiddle(t, p)
	for _, d := range before.GetDevices() {
		if now := p.inSlot(d.GetSlot()); d.GetState() == operatorv1.JobState_JOB_STATE_SUCCEEDED && now.GetState() != d.GetState() {
			t.Errorf("slot %d was done before the control plane died and is %v after", d.GetSlot(), now.GetState())
		}
	}
	awaitMorning(t, p)
	size := publishedBytes(t, p)
	for i, m := range all {
		sameDisk(t, m, image)
		if n := p.inSlot(uint32(i + 1)); n.GetFetchedBytes() == 0 || n.GetFetchedBytes() > size {
			t.Errorf("slot %d fetched %d bytes; the whole release is %d", i+1, n.GetFetchedBytes(), size)
		}
	}
	sameTruth(t, p)
}

// enrolCabinet fills the cabinet with machines that have reported.
func enrolCabinet(t *testing.T, p *plane) []*machine {
	t.Helper()
	all := machines(t, cabinetSlots)
	list := []string{"Serienummer;Skole;Ladeskap;Plass"}
	for i, m := range all {
		list = append(list, fmt.Sprintf("%s;solvang;skap;%d", m.serial(), i+1))
	}
	p.deliver(list...)
	bootstrap := p.token(cabinetSlots)
	for _, m := range all {
		m.run(bootstrap)
	}
	for _, m := range all {
		m.comesTo(inTouch)
	}
	return all
}

// pushImage makes a disk image of real files, so many bytes of them, and pushes it; it gives the image.
func pushImage(t *testing.T, p *plane, content int64) (path string) {
	t.Helper()
	path = filepath.Join(p.folder, "image.img")
	if _, _, err := build.MakeDisk(t.Context(), build.DiskOptions{Path: path, NoDebian: true, Content: content}); err != nil {
		t.Fatal(err)
	}
	p.do("push", "--cabinet", "skap", "--image", "elev", "--release", "2026-11", "--disk", path, "--now", "--at-once", "2")
	return path
}

// killWhileWriting takes the power from the first machine that writes its disk, and gives it back.
func killWhileWriting(t *testing.T, all []*machine) {
	t.Helper()
	var victim *machine
	awaitEvery(t, time.Millisecond, "a machine that writes", func() error {
		for _, m := range all {
			if m.phase() == "write" {
				victim = m
				m.agent.kill()
				return nil
			}
		}
		return fmt.Errorf("none does")
	})
	if victim.phase() != "write" {
		t.Fatalf("%s was not in the middle of writing when it was killed, but at %q", victim.made.Name, victim.phase())
	}
	victim.run("")
}

// phase is what the agent's journal says it has begun and not ended.
func (m *machine) phase() string {
	var journal struct{ Begun string }
	b, err := os.ReadFile(filepath.Join(m.state(), "job.json"))
	if err != nil || json.Unmarshal(b, &journal) != nil {
		return "" // nothing was ordered yet
	}
	return journal.Begun
}

// killInTheMiddle takes the power from the control plane when a machine is done and another is not, and
// gives it back when the machines have noticed. It gives the last that was seen before.
func killInTheMiddle(t *testing.T, p *plane) *operatorv1.CabinetNight {
	t.Helper()
	var night *operatorv1.CabinetNight
	await(t, "a machine that is done", func() error {
		if night = p.night(); night.GetRollout().GetSucceeded() == 0 {
			return fmt.Errorf("night is %v", night.GetRollout())
		}
		return nil
	})
	p.server.kill()
	if night.GetRollout().GetOpen() == 0 {
		t.Fatal("every machine was done: the control plane did not die in the middle of the night")
	}
	p.start()
	return night
}

// awaitMorning waits until every machine has the image.
func awaitMorning(t *testing.T, p *plane) {
	t.Helper()
	await(t, "the morning", func() error {
		n := p.night()
		if n.GetRollout().GetState() != operatorv1.RolloutState_ROLLOUT_STATE_DONE || n.GetReady() != cabinetSlots {
			return fmt.Errorf("%d of %d ready, rollout %v", n.GetReady(), n.GetTotal(), n.GetRollout())
		}
		return nil
	})
	if r := p.night().GetRollout(); r.GetSucceeded() != cabinetSlots || r.GetFailed() != 0 {
		t.Errorf("rollout %v, want all to succeed", r)
	}
}

func (p *plane) night() *operatorv1.CabinetNight {
	p.t.Helper()
	var answer operatorv1.GetNightResponse
	p.ask(&answer, "night", "skap")
	if len(answer.GetCabinets()) != 1 {
		p.t.Fatalf("night skap: %v", &answer)
	}
	return answer.GetCabinets()[0]
}

func (p *plane) inSlot(slot uint32) *operatorv1.DeviceNight {
	p.t.Helper()
	for _, d := range p.night().GetDevices() {
		if d.GetSlot() == slot {
			return d
		}
	}
	p.t.Fatalf("no device in slot %d", slot)
	return nil
}

// publishedBytes is what the release takes on the control plane: the most that a machine needs to fetch.
func publishedBytes(t *testing.T, p *plane) (size uint64) {
	t.Helper()
	err := filepath.Walk(filepath.Join(p.data, "content"), func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += uint64(info.Size())
		}
		return err
	})
	if err != nil || size == 0 {
		t.Fatalf("the release takes %d bytes: %v", size, err)
	}
	return size
}

// sameDisk holds a machine's disk against the image: what follows the image on the disk stays empty.
func sameDisk(t *testing.T, m *machine, image string) {
	t.Helper()
	want, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(m.disk())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(f, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the disk of %s is not the image", m.made.Name)
	}
}

// sameTruth holds what people are shown in three places against each other.
func sameTruth(t *testing.T, p *plane) {
	t.Helper()
	night := p.night()
	devices := map[string]*operatorv1.Device{}
	for _, d := range p.devices() {
		devices[d.GetId()] = d
	}
	for _, n := range night.GetDevices() {
		d := devices[n.GetDeviceId()]
		if d.GetSlot() != n.GetSlot() || d.GetReadiness().GetReady() != n.GetReadiness().GetReady() || d.GetRelease() != "2026-11" || d.GetImage() != "elev" {
			t.Errorf("slot %d: the night says %v, the list says %v", n.GetSlot(), n, d)
		}
	}
	page := newBrowser(p).page("/klar/skap")
	if want := fmt.Sprintf("%d av %d klare", night.GetReady(), night.GetTotal()); !strings.Contains(page, want) {
		t.Errorf("the teacher's page does not say %q: %s", want, page)
	}
}
