package control

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
)

// row is what the control plane holds in memory for one device: presence, and of the stored record what
// a check-in must be compared with. It holds no pointers, so that a million rows cost the garbage
// collector nothing.
type row struct {
	id                 id.Device
	seen, due          int64 // milliseconds since 1970 in the control plane's time, 0 for never
	alarmAt, enrolled  int64
	limit              int64 // when the device's next call is due by its rate limit, nanoseconds
	seq                uint64
	assignment         uint64 // revision of the assignment it should hold, 0 for none
	boot, previousBoot [16]byte
	report             [16]byte
	hardware           [16]byte
	cert, previousCert [16]byte
	offset             int32  // seconds its clock is ahead
	agent              uint32 // versionHash of its agent
	cabinet, site      uint32
	slot               uint16
	localReason        uint16
	stateReason        uint16
	alarm              uint16
	state              uint8
	battery            uint8 // percent
	flags              uint8
}

const (
	hasBattery = 1 << iota
	onAC
)

const (
	shardCount = 256 // one for each first byte of an id, so that the shards are in the order of the ids
	slabRows   = 256
)

// hotTable is every device's row, in shards by the device's random id.
type hotTable struct {
	shards [shardCount]shard
}

type shard struct {
	mu    sync.Mutex // guards all below, and the rows in slabs
	index map[id.Device]uint32
	slabs [][]row // rows never move
	used  uint32
}

// handle is one device's row with the lock that guards it. It stays good for ever: rows are not removed.
type handle struct {
	shard *shard
	row   *row
}

func newHotTable() *hotTable {
	t := &hotTable{}
	for i := range t.shards {
		t.shards[i].index = map[id.Device]uint32{}
	}
	return t
}

func (t *hotTable) shardOf(d id.Device) *shard { return &t.shards[d[0]] }

// find gives the handle of a known device.
func (t *hotTable) find(d id.Device) (handle, bool) {
	s := t.shardOf(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index[d]
	if !ok {
		return handle{}, false
	}
	return handle{s, s.atLocked(i)}, true
}

// put gives the handle of a device, made if new.
func (t *hotTable) put(d id.Device) handle {
	s := t.shardOf(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index[d]
	if !ok {
		i = s.used
		if i%slabRows == 0 {
			s.slabs = append(s.slabs, make([]row, slabRows))
		}
		s.used++
		s.index[d] = i
		s.atLocked(i).id = d
	}
	return handle{s, s.atLocked(i)}
}

func (s *shard) atLocked(i uint32) *row { return &s.slabs[i/slabRows][i%slabRows] }

// with runs f on the row under its lock. f must not block.
func (h handle) with(f func(*row)) {
	h.shard.mu.Lock()
	f(h.row)
	h.shard.mu.Unlock()
}

// copy gives the row as it is now.
func (h handle) copy() row {
	h.shard.mu.Lock()
	defer h.shard.mu.Unlock()
	return *h.row
}

// ids gives the ids after from whose rows pass the filter, in order. The filter runs under a shard's lock
// and must not block.
func (t *hotTable) ids(from id.Device, filter func(*row) bool) iter.Seq[id.Device] {
	return func(yield func(id.Device) bool) {
		for i := int(from[0]); i < shardCount; i++ {
			for _, d := range t.shards[i].ids(from, filter) {
				if !yield(d) {
					return
				}
			}
		}
	}
}

func (s *shard) ids(from id.Device, filter func(*row) bool) []id.Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []id.Device
	for n := range s.used {
		if r := s.atLocked(n); bytes.Compare(r.id[:], from[:]) > 0 && filter(r) {
			out = append(out, r.id)
		}
	}
	slices.SortFunc(out, func(a, b id.Device) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// each runs f on every row, shard by shard under its lock; f must not block nor keep the pointer.
func (t *hotTable) each(f func(*row)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for n := range s.used {
			f(s.atLocked(n))
		}
		s.mu.Unlock()
	}
}

func (t *hotTable) len() int {
	n := 0
	for i := range t.shards {
		t.shards[i].mu.Lock()
		n += int(t.shards[i].used)
		t.shards[i].mu.Unlock()
	}
	return n
}

// take copies into the row what the stored record says; presence stays.
func (r *row) take(d fleet.Device, site, cabinet uint32) {
	r.state = uint8(d.State)
	r.stateReason = uint16(d.StateReason)
	r.alarm = uint16(d.Alarm)
	r.alarmAt, r.enrolled = millis(d.AlarmAt), millis(d.Identity.EnrolledAt)
	r.site, r.cabinet, r.slot = site, cabinet, uint16(d.Place.Slot)
	r.agent = versionHash(d.Report.AgentVersion)
	r.report = to16(d.Report.Digest)
	r.hardware = to16(d.Identity.HardwareDigest)
	r.cert = to16(d.Identity.CertSerial)
	r.previousCert = to16(d.Identity.PreviousSerial)
}

// presence is the row's moving half in the domain's form.
func (r *row) presence() fleet.Presence {
	return fleet.Presence{
		LastSeen:       fromMillis(r.seen),
		NextDue:        fromMillis(r.due),
		Seq:            r.seq,
		BootID:         r.boot,
		PreviousBoot:   r.previousBoot,
		HasBattery:     r.flags&hasBattery != 0,
		OnAC:           r.flags&onAC != 0,
		BatteryPercent: r.battery,
		ClockOffset:    time.Duration(r.offset) * time.Second,
		LocalReason:    reason.Code(r.localReason),
	}
}

// hotDevice is the part of a device that lists and readiness can say without the store.
func (r *row) device() fleet.Device {
	return fleet.Device{
		ID:          r.id,
		State:       fleet.State(r.state),
		StateReason: reason.Code(r.stateReason),
		Alarm:       reason.Code(r.alarm),
		AlarmAt:     fromMillis(r.alarmAt),
		Identity:    fleet.Identity{EnrolledAt: fromMillis(r.enrolled)},
	}
}

// to16 left-pads a big-endian number, or takes the first 16 bytes of a digest.
func to16(b []byte) (out [16]byte) {
	if len(b) >= 16 {
		copy(out[:], b)
	} else {
		copy(out[16-len(b):], b)
	}
	return out
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (r *row) appendTo(b []byte) []byte {
	b = append(b, r.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.seen))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.due))
	b = binary.LittleEndian.AppendUint64(b, r.seq)
	b = append(b, r.boot[:]...)
	b = append(b, r.previousBoot[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(r.offset))
	b = binary.LittleEndian.AppendUint16(b, r.localReason)
	return append(b, r.battery, r.flags)
}

const snapshotRow = 16 + 3*8 + 2*16 + 4 + 2 + 2

func (r *row) readFrom(b []byte) {
	r.seen = int64(binary.LittleEndian.Uint64(b[16:]))
	r.due = int64(binary.LittleEndian.Uint64(b[24:]))
	r.seq = binary.LittleEndian.Uint64(b[32:])
	copy(r.boot[:], b[40:])
	copy(r.previousBoot[:], b[56:])
	r.offset = int32(binary.LittleEndian.Uint32(b[72:]))
	r.localReason = binary.LittleEndian.Uint16(b[76:])
	r.battery, r.flags = b[78], b[79]
}
