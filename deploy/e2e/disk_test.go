//go:build linux

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/nattevakt/nattevakt/images/build"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

const (
	diskSize = "48m"
	// spare is what is left free on the disk when machines begin to come in.
	spare = 256 << 10
	// mostMachines bounds how many come in before the disk must have been full.
	mostMachines = 5000
)

// TestFullDisk fills the disk under the data folder while machines come in. Who is not let in for that
// reason is told so, who was let in stays, and when there is room again all goes on without a restart.
func TestFullDisk(t *testing.T) {
	beside(t)
	p := preparePlane(t)
	disk := smallDisk(t)
	p.data = filepath.Join(disk, "data")
	p.start()
	p.school()
	f := newFleet(t, p, p.token(tokenUses))
	known := enter(t, f)
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	acknowledged, refusal := enterUntilRefused(t, f)
	if s := status.Convert(refusal); s.Code() != codes.ResourceExhausted || !strings.Contains(s.Message(), filepath.Join(p.data, "nattevakt.db")) {
		t.Errorf("a machine that found the disk full heard %v, want RESOURCE_EXHAUSTED and the file", refusal)
	}
	acknowledged = append(acknowledged, known)
	askAll(t, acknowledged)
	list := longList(t, p)
	complains(t, p, list)
	takesNoRelease(t, p)
	restartsFull(t, p)
	askAll(t, acknowledged)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	acknowledged = append(acknowledged, enter(t, f))
	p.do("delivery", "import", list)
	askAll(t, acknowledged)
	active := 0
	for _, d := range p.devices() {
		if d.GetState() == operatorv1.DeviceState_DEVICE_STATE_ACTIVE {
			active++
		}
	}
	if uses := p.tokens()[0].GetUses(); active != len(acknowledged) || int(uses) != active {
		t.Errorf("%d devices and %d uses of the token, %d were acknowledged", active, uses, len(acknowledged))
	}
}

// smallDisk mounts a file system of its own.
func smallDisk(t *testing.T) (folder string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a file system")
	}
	if _, err := exec.LookPath("mount"); err != nil {
		t.Skip("needs mount (apt-get install mount)")
	}
	folder = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+diskSize, "nattevakt-e2e", folder).CombinedOutput(); err != nil {
		t.Skipf("needs leave to mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", folder, err)
		}
	})
	return folder
}

// fill leaves spare bytes of the disk free.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(0)
	for block := make([]byte, 64<<10); err == nil; {
		var n int
		n, err = f.Write(block)
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(size - spare); err != nil {
		t.Fatal(err)
	}
}

// enter lets one machine in and has it report.
func enter(t *testing.T, f *fleet) *caller {
	t.Helper()
	c, err := newCaller(f)
	if err == nil {
		err = c.enroll(t.Context())
	}
	if err == nil {
		err = c.report(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// enterUntilRefused lets machines in and has them report until that is refused.
func enterUntilRefused(t *testing.T, f *fleet) (acknowledged []*caller, refusal error) {
	t.Helper()
	for range mostMachines {
		c, err := newCaller(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.enroll(t.Context()); err != nil {
			return acknowledged, err
		}
		acknowledged = append(acknowledged, c)
		if err := c.report(t.Context()); err != nil {
			return acknowledged, err
		}
	}
	t.Fatalf("%d machines came in, and the disk is not full", mostMachines)
	return nil, nil
}

func askAll(t *testing.T, these []*caller) {
	t.Helper()
	for _, c := range these {
		if err := c.remembered(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// complains gives the command line more to store than there is room for: that must be explained, and none of
// it may be there.
func complains(t *testing.T, p *plane, list string) {
	t.Helper()
	before := len(p.devices())
	r := p.try("delivery", "import", list)
	if r.code != 1 || !strings.Contains(r.err, "no room") || !strings.Contains(r.err, "make room on") {
		t.Errorf("delivery import on a full disk: code %d, %s%s", r.code, r.out, r.err)
	}
	if after := len(p.devices()); after != before {
		t.Errorf("%d devices after an import that was refused, %d before", after, before)
	}
}

// takesNoRelease publishes a release that the disk has no room for.
func takesNoRelease(t *testing.T, p *plane) {
	t.Helper()
	image := filepath.Join(p.folder, "image.img")
	if _, _, err := build.MakeDisk(t.Context(), build.DiskOptions{Path: image, NoDebian: true, Content: 4 << 20}); err != nil {
		t.Fatal(err)
	}
	r := p.try("push", "--cabinet", "skap", "--image", "elev", "--disk", image, "--images", filepath.Join(p.folder, "images"))
	if r.code == 0 || !strings.Contains(r.err, "disk has no room") || !strings.Contains(r.err, "Nothing has been ordered") {
		t.Errorf("push to a full disk: code %d, %s%s", r.code, r.out, r.err)
	}
}

// longList is a delivery list with a thousand machines.
func longList(t *testing.T, p *plane) (path string) {
	t.Helper()
	path = filepath.Join(p.folder, "delivery.csv")
	list := []byte("Serienummer;Skole\n")
	for n := range 1000 {
		list = fmt.Appendf(list, "LEV%06d;solvang\n", n)
	}
	if err := os.WriteFile(path, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// restartsFull kills and starts the control plane while the disk is full.
func restartsFull(t *testing.T, p *plane) {
	t.Helper()
	p.server.kill()
	p.start()
}
