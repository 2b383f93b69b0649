package bolt_test

import (
	"encoding/binary"
	"errors"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// device is number i of a made-up fleet; ids grow with i.
func device(i int) fleet.Device {
	d := fleet.Device{
		Hardware: fleet.Hardware{Vendor: "Dell Inc.", Product: "Latitude 3140", ModelKey: "0B7C", FormFactor: 2},
		State:    fleet.Active, Role: "elev",
		Place: fleet.Place{Owner: "nordvik", Site: "nordvik-ungdomsskole", Cabinet: "nordvik-u-skap-4", Slot: i%30 + 1},
		Identity: fleet.Identity{
			EnrolledAt: time.Unix(int64(i), 0), NotAfter: time.Unix(int64(i)+180*86400, 0), KeyHeld: "tpm", Token: "k3v9x2",
			KeySHA256: make([]byte, 32), CertSerial: make([]byte, 16), HardwareDigest: make([]byte, 16),
		},
		Report: fleet.ReportSummary{
			Digest: make([]byte, 16), At: time.Unix(int64(i), 0), OSName: "Windows 11 Pro Education", OSVersion: "10.0.26100.4351",
			AgentVersion: "1.4.0", Patch: fleet.PatchSummary{Known: true, Security: i % 5, Other: i % 9, OldestDays: i % 40},
		},
		Image: "elev-win11", Release: "2026.11.2",
	}
	binary.BigEndian.PutUint64(d.ID[:], uint64(i)<<24)
	copy(d.ID[6:], []byte{0x47, 0, 0x89})
	d.Hardware.Serial = d.ID.String()[:7]
	d.Hardware.SystemUUID = id.Device(d.ID).String()
	d.Hostname = "SKOLE-" + d.Hardware.Serial
	return d
}

func devices(n int) iter.Seq2[store.Op, error] {
	return func(yield func(store.Op, error) bool) {
		for i := range n {
			d := device(i)
			if !yield(store.Put(store.Devices, record.DeviceKey(d.ID), record.EncodeDevice(d)), nil) {
				return
			}
		}
	}
}

func TestLoad(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store"))
	defer closeStore(t, s)
	const n = 60_000 // more than one transaction
	loaded, err := s.Load(t.Context(), devices(n))
	if err != nil || loaded != n {
		t.Fatalf("loaded %d, %v", loaded, err)
	}
	i := 0
	for r, err := range s.Scan(t.Context(), store.Devices, store.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		d, err := record.DecodeDevice(r.Value)
		if err != nil || d.Hostname != device(i).Hostname {
			t.Fatalf("device %d: %+v, %v", i, d, err)
		}
		i++
	}
	if i != n {
		t.Errorf("%d rows, want %d", i, n)
	}
	before, err := s.Get(t.Context(), store.Devices, record.DeviceKey(device(0).ID))
	if err != nil {
		t.Fatal(err)
	}
	rev, err := s.Commit(t.Context(), store.Batch{
		Checks: []store.Check{{Table: store.Devices, Key: before.Key, Rev: before.Rev}},
		Ops:    []store.Op{store.Delete(store.Devices, before.Key)},
	})
	if err != nil || rev <= before.Rev {
		t.Errorf("commit after load: revision %d after %d, %v", rev, before.Rev, err)
	}
}

func TestLoadStopsAtAnError(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store"))
	defer closeStore(t, s)
	broken := errors.New("source ended")
	_, err := s.Load(t.Context(), func(yield func(store.Op, error) bool) { yield(store.Op{}, broken) })
	if !errors.Is(err, broken) {
		t.Errorf("load: %v", err)
	}
	_, err = s.Load(t.Context(), func(yield func(store.Op, error) bool) { yield(store.Put("pupils", []byte("k"), nil), nil) })
	if !errors.Is(err, store.ErrInvalid) {
		t.Errorf("load: %v", err)
	}
	if n := count(t, s, store.Devices); n != 0 {
		t.Errorf("%d rows were loaded", n)
	}
}
