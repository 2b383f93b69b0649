package record_test

import (
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// sampleDevice is of the usual size: enrolled, reported, no delivery.
func sampleDevice() fleet.Device {
	at := time.Date(2026, 11, 20, 21, 30, 0, 123456000, time.UTC)
	return fleet.Device{
		ID: id.Device{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16},
		Hardware: fleet.Hardware{
			Vendor: "Dell Inc.", Product: "Latitude 3140", ModelKey: "0B7C", Serial: "7XK2LM3",
			SystemUUID: "4c4c4544-0058-4b10-8032-b7c04f4c4d33", FormFactor: 2,
		},
		Hostname: "SKOLE-7XK2LM3", State: fleet.Active, Role: "elev",
		Place: fleet.Place{Owner: "nordvik", Site: "nordvik-ungdomsskole", Cabinet: "nordvik-u-skap-4", Slot: 17},
		Identity: fleet.Identity{
			EnrolledAt: at, KeySHA256: make([]byte, 32), CertSerial: make([]byte, 16), NotAfter: at.AddDate(0, 6, 0),
			KeyHeld: "tpm", HardwareDigest: make([]byte, 16), Token: "k3v9x2",
		},
		Report: fleet.ReportSummary{
			Digest: make([]byte, 16), At: at, OSName: "Windows 11 Pro Education", OSVersion: "10.0.26100.4351", AgentVersion: "1.4.0",
			Patch: fleet.PatchSummary{Known: true, Security: 3, Other: 7, OldestDays: 12},
		},
		Image: "elev-win11", Release: "2026.11.2",
	}
}

func BenchmarkDecodeDevice(b *testing.B) {
	value := record.EncodeDevice(sampleDevice())
	b.ReportMetric(float64(len(value)), "B/device")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := record.DecodeDevice(value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeDevice(b *testing.B) {
	d := sampleDevice()
	b.ReportAllocs()
	for b.Loop() {
		record.EncodeDevice(d)
	}
}
