package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/grpc/codes"

	"github.com/nattevakt/nattevakt/agent/internal/controltest"
	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/status"
	"github.com/nattevakt/nattevakt/deploy/madeup"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// TestMain lets the test binary be the agent: the name nattevakt-agent is in PATH during the tests.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nattevakt-agent": main})
}

// device is a made-up machine on which the real agent runs as a process.
type device struct {
	t         *testing.T
	state     string
	root      string
	disk      string
	bootstrap string
	log       *logBuffer
	flags     []string
	process   *exec.Cmd
}

// logBuffer takes in what a process writes while the test reads it.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newDevice is a Dell with a disk of a few megabytes.
func newDevice(t *testing.T, bootstrap string, flags ...string) *device {
	t.Helper()
	dir := t.TempDir()
	d := &device{
		t: t, state: filepath.Join(dir, "state"), root: filepath.Join(dir, "root"), disk: filepath.Join(dir, "disk"),
		bootstrap: bootstrap, log: &logBuffer{}, flags: flags,
	}
	if err := madeup.DellLatitude().Write(d.root); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.disk, make([]byte, diskSize), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

const diskSize = 96 << 20

// start runs the agent until stop or kill.
func (d *device) start() {
	d.t.Helper()
	args := append([]string{
		"run", "--state", d.state, "--root", d.root, "--disk", d.disk, "--bootstrap", d.bootstrap, "--tpm", "off", "-v",
	}, d.flags...)
	d.process = exec.Command("nattevakt-agent", args...)
	d.process.Stderr = d.log
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	process := d.process
	d.t.Cleanup(func() { end(process, os.Kill) })
}

// kill ends the agent as a power cut would; stop as an operator would.
func (d *device) kill() { end(d.process, os.Kill) }

func (d *device) stop() {
	d.t.Helper()
	if err := end(d.process, os.Interrupt); err != nil {
		d.t.Errorf("the agent ended with %v\n%s", err, d.log)
	}
}

func end(process *exec.Cmd, signal os.Signal) error {
	if process.ProcessState != nil {
		return nil
	}
	_ = process.Process.Signal(signal)
	return process.Wait()
}

// status gives the exit code and text of the status command.
func (d *device) status() (int, string) {
	out, err := exec.Command("nattevakt-agent", "status", "--state", d.state).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

// until waits for a condition.
func (d *device) until(what string, holds func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("waited in vain: %s\n%s", what, d.log)
		}
	}
}

// night answers check-ins like a control plane that has an order, and keeps what devices report.
type night struct {
	release *controltest.Release
	held    []byte // digest of the report it holds

	mu       sync.Mutex
	progress []*v1.JobProgress
}

func (n *night) checkIn(req *v1.CheckInRequest) (*v1.CheckInResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.progress = append(n.progress, req.GetProgress()...)
	answer := controltest.Answer(50 * time.Millisecond)
	answer.WantReport = len(req.GetReportDigest()) > 0 && !bytes.Equal(req.GetReportDigest(), n.held)
	if n.release != nil && req.GetAssignmentReceived() == 0 {
		answer.Assignment = n.release.Assignment(3)
	}
	return answer, nil
}

func (n *night) report(req *v1.ReportRequest) (*v1.ReportResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(req.GetBaseDigest()) > 0 && !bytes.Equal(req.GetBaseDigest(), n.held) {
		return &v1.ReportResponse{NeedFull: true}, nil
	}
	n.held = req.GetDigest()
	return &v1.ReportResponse{}, nil
}

// over reports whether the last phase has ended, and how.
func (n *night) over() (ended bool, last *v1.JobProgress) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.progress {
		if p.GetState() == v1.PhaseState_PHASE_STATE_FAILED ||
			(p.GetPhase() == v1.Phase_PHASE_CONFIRM && p.GetState() == v1.PhaseState_PHASE_STATE_DONE) {
			return true, p
		}
	}
	return false, nil
}

func (n *night) attach(s *controltest.Server) {
	s.Do(func() { s.OnCheckIn, s.OnReport = n.checkIn, n.report })
}

func randomDisk(t *testing.T) []byte {
	t.Helper()
	disk := make([]byte, diskSize)
	if _, err := rand.Read(disk[:diskSize/2]); err != nil { // the other half stays empty, as on real disks
		t.Fatal(err)
	}
	return disk
}

func TestOneNightWithAPowerCut(t *testing.T) {
	s := controltest.New(t).Start()
	disk := randomDisk(t)
	n := &night{release: s.Publish(disk)}
	n.attach(s)
	d := newDevice(t, s.Bootstrap("hemmelig", n.release.Key))
	d.start()
	journal := func() job.Journal {
		j, err := job.Read(state.At(d.state))
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	d.until("writing", func() bool { return journal().Begun == job.Write })
	d.kill()
	if got := journal(); got.Begun != job.Write || got.Done != 2 {
		t.Fatalf("cut off at %+v", got)
	}
	d.start()
	d.until("the end of the job", func() bool { ended, _ := n.over(); return ended })
	if _, last := n.over(); last.GetState() != v1.PhaseState_PHASE_STATE_DONE {
		t.Fatalf("ended with %v\n%s", last, d.log)
	}
	if written, err := os.ReadFile(d.disk); err != nil || !bytes.Equal(written, disk) {
		t.Error("the disk is not the release")
	}
	d.until("a report with patch state", func() bool { return patchReported(s) })
	if code, text := d.status(); code != status.InTouch || !strings.Contains(text, controltest.DeviceID) {
		t.Errorf("status %d\n%s", code, text)
	}
	d.stop()
	if strings.Contains(d.log.String(), "hemmelig") {
		t.Error("the token is in the log")
	}
	checkNight(t, s)
}

func patchReported(s *controltest.Server) bool {
	for _, r := range s.Reports() {
		for _, section := range r.GetSections() {
			if section.GetName() == "patch" {
				return true
			}
		}
	}
	return false
}

// checkNight holds what the control plane saw against what the contract promises.
func checkNight(t *testing.T, s *controltest.Server) {
	t.Helper()
	all := s.CheckIns()
	for i, c := range all[1:] {
		if c.GetSeq() <= all[i].GetSeq() || !bytes.Equal(c.GetBootId(), all[0].GetBootId()) {
			t.Errorf("check-in %d of the same boot: seq %d after %d", i+1, c.GetSeq(), all[i].GetSeq())
		}
	}
	if all[len(all)-1].GetAssignmentReceived() != 3 {
		t.Error("the assignment was not acknowledged")
	}
	reports := s.Reports()
	if len(reports[0].GetBaseDigest()) != 0 || len(reports[0].GetSections()) < 10 {
		t.Errorf("the first report has base %x and %d sections", reports[0].GetBaseDigest(), len(reports[0].GetSections()))
	}
	for _, r := range reports[1:] {
		if len(r.GetBaseDigest()) == 0 {
			t.Error("a later report was whole although the base was known")
		}
	}
}

func TestUntrustedReleaseIsRefused(t *testing.T) {
	s := controltest.New(t).Start()
	n := &night{release: s.Publish(make([]byte, 1<<20))}
	n.attach(s)
	stranger, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := newDevice(t, s.Bootstrap("", stranger))
	d.start()
	d.until("a refusal", func() bool { ended, _ := n.over(); return ended })
	if _, last := n.over(); last.GetReason() != v1.Reason_REASON_SIGNATURE_INVALID {
		t.Errorf("ended with %v", last)
	}
}

func TestMissingDiskIsSaid(t *testing.T) {
	s := controltest.New(t).Start()
	n := &night{release: s.Publish(make([]byte, 1<<20))}
	n.attach(s)
	d := newDevice(t, s.Bootstrap("", n.release.Key))
	if err := os.Remove(d.disk); err != nil {
		t.Fatal(err)
	}
	d.start()
	d.until("a refusal", func() bool { ended, _ := n.over(); return ended })
	if _, last := n.over(); last.GetReason() != v1.Reason_REASON_NO_TARGET_DISK {
		t.Errorf("ended with %v", last)
	}
}

func TestAwayBackAndMoved(t *testing.T) {
	s := controltest.New(t).Start()
	d := newDevice(t, s.Bootstrap(""))
	d.start()
	d.until("a check-in", func() bool { return len(s.CheckIns()) > 0 })
	s.Stop()
	d.until("noticing", func() bool { code, _ := d.status(); return code == status.OutOfTouch })
	before := len(s.CheckIns())
	s.Start()
	d.until("coming back", func() bool { return len(s.CheckIns()) > before })
	d.stop()

	s.Stop()
	s.Forget()
	s.Start()
	out, err := exec.Command("nattevakt-agent", "enroll", "--state", d.state, "--root", d.root, "--bootstrap", s.Bootstrap("")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "already enrolled") {
		t.Fatalf("%v\n%s", err, out)
	}
	d.bootstrap = "" // from now on the state folder knows
	d.flags = nil
	d.startPlain()
	before = len(s.CheckIns())
	d.until("calling the new address", func() bool { return len(s.CheckIns()) > before })
	if n := len(s.Enrolls()); n != 1 {
		t.Errorf("enrolled %d times", n)
	}
}

// startPlain starts the agent as a service would after the first time: it knows its control plane.
func (d *device) startPlain() {
	d.t.Helper()
	d.process = exec.Command("nattevakt-agent", "run", "--state", d.state, "--root", d.root)
	d.process.Stderr = d.log
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	process := d.process
	d.t.Cleanup(func() { end(process, os.Kill) })
}

func TestExpiredCertificateIsRenewed(t *testing.T) {
	s := controltest.New(t)
	s.DeviceLife = time.Minute // from an hour ago: a summer has passed
	s.Start()
	s.Do(func() {
		s.OnRenew = func(_ *x509.Certificate, req *v1.RenewRequest) (*v1.RenewResponse, error) {
			s.Do(func() { s.DeviceLife = 180 * 24 * time.Hour })
			issued, err := s.Issue(req.GetCsr())
			return &v1.RenewResponse{Issued: issued.GetIssued()}, err
		}
	})
	d := newDevice(t, s.Bootstrap(""))
	d.start()
	d.until("a check-in with the new certificate", func() bool { return len(s.CheckIns()) > 0 })
	if len(s.Renews()) != 1 {
		t.Errorf("renewed %d times", len(s.Renews()))
	}
}

func TestWrongClock(t *testing.T) {
	for _, offset := range []string{"-17520h", "17520h"} {
		t.Run(offset, func(t *testing.T) {
			s := controltest.New(t).Start()
			d := newDevice(t, s.Bootstrap(""), "--clock-offset", offset)
			d.start()
			d.until("saying so", func() bool {
				all := s.CheckIns()
				return len(all) > 1 && all[len(all)-1].GetLocalReason() == v1.Reason_REASON_WRONG_CLOCK
			})
			off := time.Until(s.Enrolls()[0].GetDeviceTime().AsTime()).Abs()
			if off < 17000*time.Hour {
				t.Errorf("device_time is off by %v", off)
			}
			d.stop()
			d.start() // and again with what was stored under the wrong clock
			before := len(s.CheckIns())
			d.until("a check-in after a restart", func() bool { return len(s.CheckIns()) > before })
			if len(s.Renews()) != 0 {
				t.Error("a wrong clock led to a renewal")
			}
		})
	}
}

func TestRevokedIdentityGoesQuiet(t *testing.T) {
	s := controltest.New(t).Start()
	s.Do(func() {
		s.OnCheckIn = func(*v1.CheckInRequest) (*v1.CheckInResponse, error) {
			return nil, controltest.Refuse(codes.PermissionDenied, v1.Reason_REASON_IDENTITY_REVOKED)
		}
	})
	d := newDevice(t, s.Bootstrap(""))
	d.start()
	var text string
	d.until("saying so", func() bool {
		var code int
		code, text = d.status()
		return code == status.Refused
	})
	if !strings.Contains(text, "state)             refused") {
		t.Errorf("status\n%s", text)
	}
	d.until("news, which must not make it call", func() bool { return strings.Count(d.log.String(), "inventory changed") == 2 })
	if n := len(s.CheckIns()); n != 1 {
		t.Errorf("%d check-ins of a revoked device", n)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(env *testscript.Env) error {
		s := controltest.New(t).Start()
		s.Do(func() { s.OnEnroll = byToken(s) })
		data, err := os.ReadFile(s.Bootstrap("god"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, "bootstrap.json"), data, 0o600); err != nil {
			return err
		}
		return madeup.DellLatitude().Write(filepath.Join(env.WorkDir, "root"))
	}})
}

// byToken lets "god" in, refuses "brukt", and has others wait.
func byToken(s *controltest.Server) func(*v1.EnrollRequest) (*v1.EnrollResponse, error) {
	return func(req *v1.EnrollRequest) (*v1.EnrollResponse, error) {
		switch req.GetSiteToken() {
		case "god":
			return s.Issue(req.GetCsr())
		case "brukt":
			return nil, controltest.Refuse(codes.PermissionDenied, v1.Reason_REASON_TOKEN_USED_UP)
		}
		return &v1.EnrollResponse{Outcome: &v1.EnrollResponse_Pending{Pending: &v1.Pending{
			Reason: v1.Reason_REASON_AWAITING_APPROVAL, PollAfterMs: 60_000,
		}}}, nil
	}
}
