// Package sim poses as a fleet: it fills a store with enrolled devices and then calls the control plane
// as they would, over real mTLS gRPC, to measure what one server carries. It is a load generator, not a
// model of nights.
//
// Every simulated device is a function of its number: id, serial number, certificate serial and hardware
// digest come from it, so that a million of them need no files. They share one private key, which lives
// only in this process; their certificates are signed on demand with the intermediate key of a data
// folder that was made for the purpose.
package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// Fleet sizes: 30 devices a cabinet, 20 cabinets a site, 50 sites an owner.
const (
	perCabinet = 30
	perSite    = 20 * perCabinet
	perOwner   = 50 * perSite
)

// What they all are and run.
const (
	vendor, product, modelKey = "Dell", "Latitude 3340", "0C0B"
	osName, osVersion         = "Debian GNU/Linux 12 (bookworm)", "12"
	agentVersion              = "sim"
)

// digest names one aspect of device n.
func digest(n uint64, aspect string) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(aspect+"/"), n))
}

// DeviceID is the id of device n.
func DeviceID(n uint64) id.Device {
	d := digest(n, "id")
	out := id.Device(d[:16])
	out[6], out[8] = out[6]&0x0f|0x40, out[8]&0x3f|0x80 // the form of a version 4 UUID
	return out
}

func hardwareDigest(n uint64) []byte { d := digest(n, "hardware"); return d[:16] }
func reportDigest() []byte           { d := digest(0, "report"); return d[:16] }
func bootID(n uint64) []byte         { d := digest(n, "boot"); return d[:16] }

func systemUUID(n uint64) string {
	d := digest(n, "uuid")
	return id.Device(d[:16]).String()
}

func certSerial(n uint64) *big.Int {
	d := digest(n, "certificate")
	d[0] = d[0]&0x3f | 0x40 // positive and always 16 bytes
	return new(big.Int).SetBytes(d[:16])
}

// batch is how many devices go into one commit.
const batch = 2000

// Seed fills a store with count enrolled devices in owners, sites and cabinets, in the form in which the
// control plane stores a device that has enrolled and reported. progress is called with the number of
// devices done.
func Seed(ctx context.Context, s store.Store, count uint64, now time.Time, progress func(uint64)) error {
	if err := seedPlaces(ctx, s, count); err != nil {
		return err
	}
	stored, err := report(now)
	if err != nil {
		return err
	}
	for from := uint64(0); from < count; from += batch {
		var ops []store.Op
		for n := from; n < min(from+batch, count); n++ {
			d := device(n, now)
			ops = append(append(ops, control.NewDevice(d)...), store.Put(store.Reports, record.DeviceKey(d.ID), stored))
		}
		if _, err := s.Commit(ctx, store.Batch{Ops: ops}); err != nil {
			return fmt.Errorf("seed devices from %d: %w", from, err)
		}
		progress(min(from+batch, count))
	}
	return nil
}

func seedPlaces(ctx context.Context, s store.Store, count uint64) error {
	var ops []store.Op
	flush := func(atLeast int) error {
		if len(ops) == 0 || len(ops) < atLeast {
			return nil
		}
		_, err := s.Commit(ctx, store.Batch{Ops: ops})
		ops = ops[:0]
		return err
	}
	for n := uint64(0); n < count; n += perCabinet {
		at := place(n)
		if n%perOwner == 0 {
			ops = append(ops, store.Put(store.Owners, []byte(at.Owner), record.EncodeOwner(fleet.Owner{ID: at.Owner, Name: "Kommune " + string(at.Owner)})))
		}
		if n%perSite == 0 {
			ops = append(ops, store.Put(store.Sites, []byte(at.Site), record.EncodeSite(fleet.Site{ID: at.Site, Name: "Skole " + string(at.Site), Owner: at.Owner, Zone: "Europe/Oslo"})))
		}
		ops = append(ops, store.Put(store.Cabinets, []byte(at.Cabinet), record.EncodeCabinet(fleet.Cabinet{ID: at.Cabinet, Name: "Skap " + string(at.Cabinet), Site: at.Site, Slots: perCabinet})))
		if err := flush(batch); err != nil {
			return fmt.Errorf("seed places: %w", err)
		}
	}
	return flush(0)
}

func place(n uint64) fleet.Place {
	return fleet.Place{
		Owner:   id.Name(fmt.Sprintf("sim-o%d", n/perOwner)),
		Site:    id.Name(fmt.Sprintf("sim-s%d", n/perSite)),
		Cabinet: id.Name(fmt.Sprintf("sim-c%d", n/perCabinet)),
		Slot:    int(n%perCabinet) + 1,
	}
}

func device(n uint64, now time.Time) fleet.Device {
	key := digest(0, "key")
	return fleet.Device{
		ID: DeviceID(n),
		Hardware: fleet.Hardware{
			Vendor: vendor, Product: product, ModelKey: modelKey, Serial: fmt.Sprintf("SIM%07d", n), SystemUUID: systemUUID(n), FormFactor: 2,
		},
		Hostname: fmt.Sprintf("sim-%07d", n), State: fleet.Active, Place: place(n),
		Identity: fleet.Identity{
			EnrolledAt: now, KeySHA256: key[:], CertSerial: certSerial(n).Bytes(), NotAfter: now.Add(180 * 24 * time.Hour),
			KeyHeld: "file", HardwareDigest: hardwareDigest(n),
		},
		Report: fleet.ReportSummary{
			Digest: reportDigest(), At: now, AgentVersion: agentVersion, OSName: osName, OSVersion: osVersion,
			Patch: fleet.PatchSummary{Known: true, Security: missing, OldestDays: 29},
		},
	}
}
