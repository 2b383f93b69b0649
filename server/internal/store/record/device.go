package record

import (
	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
)

// deviceRow is flat: each map in a map would cost time for every device at start.
type deviceRow struct {
	ID          id.Device   `cbor:"1,keyasint"`
	State       uint8       `cbor:"2,keyasint,omitempty"`
	StateReason reason.Code `cbor:"3,keyasint,omitempty"`
	Hostname    string      `cbor:"4,keyasint,omitempty"`
	Role        string      `cbor:"5,keyasint,omitempty"`

	Vendor     string `cbor:"6,keyasint,omitempty"`
	Product    string `cbor:"7,keyasint,omitempty"`
	ModelKey   string `cbor:"8,keyasint,omitempty"`
	Serial     string `cbor:"9,keyasint,omitempty"`
	SystemUUID string `cbor:"10,keyasint,omitempty"`
	FormFactor uint8  `cbor:"11,keyasint,omitempty"`

	Owner   id.Name `cbor:"12,keyasint,omitempty"`
	Site    id.Name `cbor:"13,keyasint,omitempty"`
	Cabinet id.Name `cbor:"14,keyasint,omitempty"`
	Slot    int     `cbor:"15,keyasint,omitempty"`

	EnrolledAt     instant `cbor:"16,keyasint,omitempty"`
	KeySHA256      []byte  `cbor:"17,keyasint,omitempty"`
	CertSerial     []byte  `cbor:"18,keyasint,omitempty"`
	PreviousSerial []byte  `cbor:"19,keyasint,omitempty"`
	NotAfter       instant `cbor:"20,keyasint,omitempty"`
	KeyHeld        string  `cbor:"21,keyasint,omitempty"`
	HardwareDigest []byte  `cbor:"22,keyasint,omitempty"`
	Approved       bool    `cbor:"23,keyasint,omitempty"`

	Token        string      `cbor:"24,keyasint,omitempty"`
	Alarm        reason.Code `cbor:"25,keyasint,omitempty"`
	AlarmAt      instant     `cbor:"26,keyasint,omitempty"`
	ReportDigest []byte      `cbor:"27,keyasint,omitempty"`
	ReportAt     instant     `cbor:"28,keyasint,omitempty"`
	OSName       string      `cbor:"29,keyasint,omitempty"`
	OSVersion    string      `cbor:"30,keyasint,omitempty"`
	AgentVersion string      `cbor:"31,keyasint,omitempty"`

	PatchKnown    bool `cbor:"32,keyasint,omitempty"`
	Critical      int  `cbor:"33,keyasint,omitempty"`
	Security      int  `cbor:"34,keyasint,omitempty"`
	Other         int  `cbor:"35,keyasint,omitempty"`
	OldestDays    int  `cbor:"36,keyasint,omitempty"`
	RebootPending bool `cbor:"37,keyasint,omitempty"`

	Silent int `cbor:"45,keyasint,omitempty"`

	Image   string `cbor:"38,keyasint,omitempty"`
	Release string `cbor:"39,keyasint,omitempty"`

	Purchased    string `cbor:"40,keyasint,omitempty"`
	WarrantyEnd  string `cbor:"41,keyasint,omitempty"`
	PriceOre     int64  `cbor:"42,keyasint,omitempty"`
	Supplier     string `cbor:"43,keyasint,omitempty"`
	TPMKeySHA256 []byte `cbor:"44,keyasint,omitempty"`
}

// EncodeDevice gives the value of a row of store.Devices.
func EncodeDevice(d fleet.Device) []byte {
	return encode(deviceRow{
		ID: d.ID, State: uint8(d.State), StateReason: d.StateReason, Hostname: d.Hostname, Role: d.Role,
		Vendor: d.Hardware.Vendor, Product: d.Hardware.Product, ModelKey: d.Hardware.ModelKey,
		Serial: d.Hardware.Serial, SystemUUID: d.Hardware.SystemUUID, FormFactor: uint8(d.Hardware.FormFactor),
		Owner: d.Place.Owner, Site: d.Place.Site, Cabinet: d.Place.Cabinet, Slot: d.Place.Slot,
		EnrolledAt: instantOf(d.Identity.EnrolledAt), KeySHA256: d.Identity.KeySHA256,
		CertSerial: d.Identity.CertSerial, PreviousSerial: d.Identity.PreviousSerial,
		NotAfter: instantOf(d.Identity.NotAfter), KeyHeld: d.Identity.KeyHeld,
		HardwareDigest: d.Identity.HardwareDigest, Approved: d.Identity.Approved, Token: d.Identity.Token,
		Alarm: d.Alarm, AlarmAt: instantOf(d.AlarmAt),
		ReportDigest: d.Report.Digest, ReportAt: instantOf(d.Report.At), OSName: d.Report.OSName,
		OSVersion: d.Report.OSVersion, AgentVersion: d.Report.AgentVersion,
		PatchKnown: d.Report.Patch.Known, Critical: d.Report.Patch.Critical, Security: d.Report.Patch.Security,
		Other: d.Report.Patch.Other, OldestDays: d.Report.Patch.OldestDays, RebootPending: d.Report.Patch.RebootPending, Silent: d.Report.Patch.Silent,
		Image: d.Image, Release: d.Release,
		Purchased: d.Delivery.Purchased, WarrantyEnd: d.Delivery.WarrantyEnd, PriceOre: d.Delivery.PriceOre,
		Supplier: d.Delivery.Supplier, TPMKeySHA256: d.Delivery.TPMKeySHA256,
	})
}

// DecodeDevice reads the value of a row of store.Devices.
func DecodeDevice(value []byte) (fleet.Device, error) {
	var r deviceRow
	if err := decode("device", value, &r); err != nil {
		return fleet.Device{}, err
	}
	return fleet.Device{
		ID: r.ID, State: fleet.State(r.State), StateReason: r.StateReason, Hostname: r.Hostname, Role: r.Role,
		Hardware: fleet.Hardware{
			Vendor: r.Vendor, Product: r.Product, ModelKey: r.ModelKey,
			Serial: r.Serial, SystemUUID: r.SystemUUID, FormFactor: fleet.FormFactor(r.FormFactor),
		},
		Place: fleet.Place{Owner: r.Owner, Site: r.Site, Cabinet: r.Cabinet, Slot: r.Slot},
		Delivery: fleet.Delivery{
			Purchased: r.Purchased, WarrantyEnd: r.WarrantyEnd, PriceOre: r.PriceOre,
			Supplier: r.Supplier, TPMKeySHA256: r.TPMKeySHA256,
		},
		Identity: fleet.Identity{
			EnrolledAt: r.EnrolledAt.time(), KeySHA256: r.KeySHA256,
			CertSerial: r.CertSerial, PreviousSerial: r.PreviousSerial, NotAfter: r.NotAfter.time(),
			KeyHeld: r.KeyHeld, HardwareDigest: r.HardwareDigest, Approved: r.Approved, Token: r.Token,
		},
		Alarm: r.Alarm, AlarmAt: r.AlarmAt.time(),
		Report: fleet.ReportSummary{
			Digest: r.ReportDigest, At: r.ReportAt.time(), OSName: r.OSName,
			OSVersion: r.OSVersion, AgentVersion: r.AgentVersion,
			Patch: fleet.PatchSummary{
				Known: r.PatchKnown, Critical: r.Critical, Security: r.Security, Other: r.Other,
				OldestDays: r.OldestDays, RebootPending: r.RebootPending, Silent: r.Silent,
			},
		},
		Image: r.Image, Release: r.Release,
	}, nil
}
