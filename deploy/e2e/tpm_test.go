//go:build linux

package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

// TestEnrolByTPM lets a machine in without token and without a person: the delivery list names its TPM.
// Another machine that only shows the same serial number has the wrong TPM and waits.
func TestEnrolByTPM(t *testing.T) {
	beside(t)
	p := newPlane(t)
	p.school()
	m := machines(t, 1)[0]
	m.tpm = softwareTPM(t)
	impostor := newMachine(t, m.made)
	impostor.tpm = softwareTPM(t)
	p.deliver("Serienummer;Skole;TPM-EK SHA-256", m.serial()+";solvang;"+endorsementDigest(t, m.tpm))
	bootstrap := p.tokenless()
	if r := impostor.enroll(bootstrap, "--wait", "5s"); r.code != waiting {
		t.Errorf("the machine with another TPM ended with %d, want it to wait: %s%s", r.code, r.out, r.err)
	}
	if r := m.enroll(bootstrap, "--wait", "30s"); r.code != 0 {
		t.Fatalf("enroll: %d, %s%s", r.code, r.out, r.err)
	}
	m.run("")
	if s := m.comesTo(inTouch); s.KeyHeld != "tpm" {
		t.Errorf("status %+v, want a key in the TPM", s)
	}
	if d := p.device(m.serial()); d.GetKeyHeld() != "tpm" || d.GetState() != operatorv1.DeviceState_DEVICE_STATE_ACTIVE {
		t.Errorf("device %v, want an active one with its key in the TPM", d)
	}
	if r := impostor.enroll(bootstrap, "--wait", "5s"); r.code != refused || !strings.Contains(r.out+r.err, "duplicate_serial") {
		t.Errorf("the other machine, afterwards: %d, %s%s", r.code, r.out, r.err)
	}
}

// softwareTPM starts a TPM of its own and gives its socket.
func softwareTPM(t *testing.T) (socket string) {
	t.Helper()
	swtpm, err := exec.LookPath("swtpm")
	if err != nil {
		t.Skip("needs swtpm (apt-get install swtpm)")
	}
	dir, err := os.MkdirTemp("", "tpm") // short: a socket's path has a bound of 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "sock")
	cmd := exec.Command(swtpm, "socket", "--tpm2", "--tpmstate", "dir="+dir,
		"--server", "type=unixio,path="+socket, "--flags", "not-need-init,startup-clear")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it ends by itself when its last caller hangs up
		_ = cmd.Wait()
	})
	await(t, "socket of swtpm", func() error { _, err := os.Stat(socket); return err })
	return socket
}

// endorsementDigest is what a supplier's list says of a TPM: SHA-256 over the TPMT_PUBLIC of its RSA 2048
// endorsement key (TCG EK Credential Profile 2.5, template L-1), in hexadecimal.
func endorsementDigest(t *testing.T, socket string) string {
	t.Helper()
	tpm, err := linuxudstpm.Open(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer tpm.Close()
	made, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(tpm2.RSAEKTemplate)}.Execute(tpm)
	if err != nil {
		t.Fatal(err)
	}
	public, err := made.OutPublic.Contents()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (tpm2.FlushContext{FlushHandle: made.ObjectHandle}).Execute(tpm); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(tpm2.Marshal(*public)))
}
