package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// CheckIn is what a device says each time.
type CheckIn struct {
	Seq            uint64
	BootID         []byte // 16 bytes
	HardwareDigest []byte // 16 bytes
	ReportDigest   []byte // 16 bytes, or none before the first collection
	// AssignmentReceived is the revision that the device has on disk; 0 for none.
	AssignmentReceived uint64
	Progress           []rollout.Progress
	HasBattery, OnAC   bool
	BatteryPercent     uint8
	// DeviceTime is the machine's own clock; zero if it did not say.
	DeviceTime  time.Time
	LocalReason reason.Code
	// AgentVersion is empty if it did not say.
	AgentVersion string
}

// Answer is what it is told.
type Answer struct {
	// NextIn is in real time.
	NextIn     time.Duration
	WantReport bool
	// Assignment is nil where the device holds the newest or has none; Drop tells it to forget what it holds.
	Assignment *rollout.Assignment
	Drop       bool
	// Renew: the device should long have renewed by itself.
	Renew bool
	// Now is the control plane's time and Rate how fast it runs; Wall is the machine's own clock.
	Now, Wall time.Time
	Rate      float64
}

// judge is fleet.Judge on the hot row: the check-in's fast path.
func (r *row) judge(peer *Peer, hardware, boot []byte) reason.Code {
	switch {
	case fleet.State(r.state) == fleet.Active &&
		(r.cert == peer.cert || (r.previousCert == peer.cert && peer.cert != [16]byte{})) &&
		(hardware == nil || bytes.Equal(hardware, r.hardware[:])) &&
		(boot == nil || r.previousBoot == [16]byte{} || !bytes.Equal(boot, r.previousBoot[:])):
		return reason.None
	}
	identity := fleet.Identity{CertSerial: r.cert[:], PreviousSerial: r.previousCert[:], HardwareDigest: r.hardware[:]}
	if r.previousCert == [16]byte{} {
		identity.PreviousSerial = nil
	}
	return fleet.Judge(fleet.State(r.state), identity, r.presence(), fleet.Call{CertSerial: peer.cert[:], HardwareDigest: hardware, BootID: boot})
}

// CheckIn takes a device's call. Unless there is progress on a job, nothing is written.
func (p *Plane) CheckIn(ctx context.Context, peer *Peer, in CheckIn) (Answer, error) {
	out := Answer{Now: p.clock.Now(), Wall: time.Now()}
	out.Rate = p.clock.RateAt(out.Now)
	out.Renew = peer.notAfter.Sub(out.Wall) < ca.DeviceLife/6
	why, changed := p.hear(peer, in, out)
	if why != reason.None {
		if why == reason.IdentityCloned {
			p.alarm(ctx, peer.Device, why)
		}
		return Answer{}, refuse(why)
	}
	for _, pr := range in.Progress {
		if err := p.progress(ctx, peer, pr); err != nil {
			return Answer{}, err
		}
	}
	var want uint64
	var cabinet uint32
	var other bool // another agent than before
	peer.handle.with(func(r *row) {
		other = in.AgentVersion != "" && versionHash(in.AgentVersion) != r.agent
		want, cabinet = r.assignment, r.cabinet
		out.NextIn = p.nextIn(r, out.Now)
		r.due = millis(out.Now.Add(time.Duration(float64(out.NextIn) * out.Rate)))
		out.WantReport = len(in.ReportDigest) == 16 && !bytes.Equal(in.ReportDigest, r.report[:])
	})
	if other {
		if err := p.agentVersion(ctx, peer, in.AgentVersion); err != nil {
			return Answer{}, err
		}
	}
	if want != in.AssignmentReceived {
		out.Assignment = p.night.assignment(peer.Device)
		out.Drop = out.Assignment == nil
	}
	if changed || len(in.Progress) > 0 {
		p.changedNo(cabinet)
	}
	return out, nil
}

// agentVersion stores which agent a device runs now.
func (p *Plane) agentVersion(ctx context.Context, peer *Peer, version string) error {
	_, err := p.edit(ctx, peer.Device, func(d *fleet.Device) error {
		d.Report.AgentVersion = version
		return nil
	}, nil)
	return err
}

// versionHash lets the hot table notice another agent without holding its name.
func versionHash(version string) uint32 { return crc32.ChecksumIEEE([]byte(version)) }

// hear judges the call and, if it may, takes over its presence.
func (p *Plane) hear(peer *Peer, in CheckIn, at Answer) (why reason.Code, changed bool) {
	peer.handle.with(func(r *row) {
		if why = r.judge(peer, in.HardwareDigest, in.BootID); why == reason.None {
			changed = r.hear(in, at.Now, at.Wall)
		}
	})
	return why, changed
}

// hear takes over what moves; it reports whether a page about the device's cabinet would look different.
func (r *row) hear(in CheckIn, now, wall time.Time) bool {
	flags := uint8(0)
	if in.HasBattery {
		flags |= hasBattery
	}
	if in.OnAC {
		flags |= onAC
	}
	if !bytes.Equal(in.BootID, r.boot[:]) {
		r.previousBoot = r.boot
		copy(r.boot[:], in.BootID)
	}
	offset := int32(0)
	if !in.DeviceTime.IsZero() {
		offset = clampSeconds(in.DeviceTime.Sub(wall))
	}
	changed := r.seen == 0 || r.flags != flags || r.battery != in.BatteryPercent ||
		r.localReason != uint16(in.LocalReason) || millis(now)-r.due > int64(time.Minute/time.Millisecond)
	r.seen, r.seq = millis(now), in.Seq
	r.flags, r.battery = flags, in.BatteryPercent
	r.offset, r.localReason = offset, uint16(in.LocalReason)
	return changed
}

func clampSeconds(d time.Duration) int32 {
	const most = 1<<31 - 1
	return int32(max(min(int64(d/time.Second), most), -most))
}

// nextIn paces a device in real time: close while it has work tonight, else at its place in the interval.
func (p *Plane) nextIn(r *row, now time.Time) time.Duration {
	if r.assignment != 0 {
		if wait := p.night.untilOpen(r.id, now); wait <= 0 {
			return p.pace.Busy
		} else if real := p.clock.real(now, wait); real < p.pace.Idle {
			return max(real, p.pace.Busy)
		}
	}
	return fleet.Pace(r.id, r.seq, p.pace.Idle, time.Now())
}

// Section is one part of a report as it came: Content is the section's wire form, opaque here.
type Section struct {
	Name    string
	Digest  []byte
	Content []byte
}

// Report is a whole report (Base empty) or what changed since the report named Base.
type Report struct {
	Digest, Base []byte
	Sections     []Section
	// Summary takes over what the present sections say; sections that are absent leave it as it is.
	Summary func(*fleet.ReportSummary)
	// Hostname is empty where the report does not say.
	Hostname string
}

// Report stores a device's report. needFull: the base is not what is stored here.
func (p *Plane) Report(ctx context.Context, peer *Peer, in Report) (needFull bool, err error) {
	var stored []byte
	_, err = p.edit(ctx, peer.Device, func(d *fleet.Device) error {
		if why := fleet.Judge(d.State, d.Identity, fleet.Presence{}, fleet.Call{CertSerial: peer.certSerial}); why != reason.None {
			return refuse(why)
		}
		if len(in.Base) > 0 && !bytes.Equal(in.Base, d.Report.Digest) {
			return errNeedFull
		}
		sections, err := p.merge(ctx, peer, in)
		if err != nil {
			return err
		}
		if stored, err = record.EncodeReport(record.Report{Digest: in.Digest, At: p.clock.Now(), Sections: sections}); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		d.Report.Digest = in.Digest
		d.Report.At = p.clock.Now()
		in.Summary(&d.Report)
		if in.Hostname != "" {
			d.Hostname = in.Hostname
		}
		return nil
	}, func(fleet.Device) []store.Op {
		return []store.Op{store.Put(store.Reports, record.DeviceKey(peer.Device), stored)}
	})
	if errors.Is(err, errNeedFull) {
		return true, nil
	}
	return false, err
}

var errNeedFull = errors.New("base of the report is not stored here")

func (p *Plane) merge(ctx context.Context, peer *Peer, in Report) ([]record.Section, error) {
	var sections []record.Section
	if len(in.Base) > 0 {
		old, err := p.report(ctx, peer.Device)
		if err != nil {
			return nil, err
		}
		sections = old.Sections
	}
	for _, s := range in.Sections {
		next := record.Section{Name: s.Name, Digest: s.Digest, Content: s.Content}
		if i := slices.IndexFunc(sections, func(o record.Section) bool { return o.Name == s.Name }); i >= 0 {
			sections[i] = next
		} else {
			sections = append(sections, next)
		}
	}
	return sections, nil
}
