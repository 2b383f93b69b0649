//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nattevakt/nattevakt/images/build"
)

// push makes a disk image, orders it for tonight and follows the night; meanwhile one machine loses its
// power in the middle of writing.
func (d *demo) push() error {
	disk, what, err := build.MakeDisk(d.ctx, build.DiskOptions{Path: d.path("disk.img"), NoDebian: true, Content: int64(d.diskMiB) << 20})
	if err != nil {
		return fmt.Errorf("make a disk image: %w", err)
	}
	say("Diskbildet som skal ut: / The disk image to push: %s", what)
	say("Utrulling til hele skapet i natt, høyst %d om gangen; maskin %d mister strømmen mens den skriver. / Push tonight, %d at once; machine %d loses power while writing.",
		atOnce, killedOnce, atOnce, killedOnce)
	cmd := exec.CommandContext(d.ctx, filepath.Join(d.bin, "nattevakt"), "--operator", d.operator, "push",
		"--cabinet", cabinet, "--image", "skole", "--release", "2026-11", "--disk", disk, "--at-once", fmt.Sprint(atOnce), "--watch")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	cut := make(chan error, 1)
	go func() { cut <- d.powerCut() }()
	// The command ends with its own code when a machine is left behind, and one is: the report says so.
	_ = cmd.Wait()
	return <-cut
}

// powerCut kills one agent while it writes its disk and starts it again a moment later.
func (d *demo) powerCut() error {
	err := d.until(10*time.Minute, func() (bool, error) {
		n, err := d.night()
		if err != nil {
			return false, err
		}
		for _, x := range n.Devices {
			if x.Slot == killedOnce {
				return x.Phase == "PHASE_WRITE" || x.State == "JOB_STATE_SUCCEEDED" || x.State == "JOB_STATE_FAILED", nil
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("wait for machine %d to write: %w", killedOnce, err)
	}
	d.agents[killedOnce].kill()
	return d.startAgent(killedOnce)
}

// cabinetNight is what the night command says of the cabinet.
type cabinetNight struct {
	Ready, Total int
	Rollout      struct{ State string }
	Devices      []struct {
		Slot                 int
		State, Phase, Reason string
	}
}

func (d *demo) night() (cabinetNight, error) {
	out, err := d.cli("night", cabinet, "--json")
	if err != nil {
		return cabinetNight{}, err
	}
	var answer struct{ Cabinets []cabinetNight }
	if err := json.Unmarshal(out, &answer); err != nil {
		return cabinetNight{}, err
	}
	if len(answer.Cabinets) != 1 {
		return cabinetNight{}, fmt.Errorf("night %s: %d cabinets in the answer", cabinet, len(answer.Cabinets))
	}
	return answer.Cabinets[0], nil
}

// morning prints the report and holds it against the disks: what is said to be written must be there.
func (d *demo) morning() error {
	out, err := d.cli("night", cabinet)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s", out)
	n, err := d.night()
	if err != nil {
		return err
	}
	want, err := os.ReadFile(d.path("disk.img"))
	if err != nil {
		return err
	}
	same := 0
	for _, x := range n.Devices {
		if x.State != "JOB_STATE_SUCCEEDED" {
			continue
		}
		equal, err := beginsWith(d.disk(x.Slot), want)
		if err != nil {
			return err
		}
		if !equal {
			return fmt.Errorf("machine %d says it is done, and its disk is not the image", x.Slot)
		}
		same++
	}
	say("%d av %d disker er bit for bit lik utgaven. / %d of %d disks equal the release bit by bit.", same, n.Total, same, n.Total)
	if same != slots-1 {
		return fmt.Errorf("%d machines were written, expected %d (all but the one that never came back)", same, slots-1)
	}
	return nil
}

// beginsWith reports whether a disk holds want from its first byte on.
func beginsWith(path string, want []byte) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(f, got); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	return bytes.Equal(got, want), nil
}
