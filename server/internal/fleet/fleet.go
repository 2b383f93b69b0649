// Package fleet holds the nouns of the control plane and the rules that need nothing but them: who may
// enter (Admit), whether a call comes from the machine that was enrolled (Judge), and when a device
// should call again (Pace).
//
// Guarantees:
//   - Nothing here reads a clock, does I/O or starts a goroutine; time arrives as a value.
//   - Every Device has exactly one State, and every count over devices has a place for each of them.
//   - Values are plain data: copying one copies it all, except the byte slices and maps that say so.
//
// Every package of the server may use fleet; fleet uses only proto's ids and reasons.
package fleet

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// Owner is a municipality or county: the tenant boundary.
type Owner struct {
	ID   id.Name
	Name string
}

// Site is a school.
type Site struct {
	ID    id.Name
	Name  string
	Owner id.Name
	// Zone is an IANA name, never empty once stored.
	Zone string
}

// Cabinet is a charging cabinet with numbered places.
type Cabinet struct {
	ID    id.Name
	Name  string
	Site  id.Name
	Slots int
}

// State is where a device stands in its life. The numbers are stored; never renumber.
type State uint8

// The life of a device, in the usual order.
const (
	Announced State = 1 // on a delivery list, not yet seen
	Pending   State = 2 // has called, waits for approval or proof
	Active    State = 3
	Revoked   State = 4
	Retired   State = 5
)

// FormFactor groups chassis types; the numbers are those of the contract.
type FormFactor uint8

// Hardware is what SMBIOS says; see proto HardwareIdentity. Vendor and ModelKey together name a model.
type Hardware struct {
	Vendor     string
	Product    string
	ModelKey   string
	Serial     string
	SystemUUID string
	FormFactor FormFactor
}

// Name is what people call the model.
func (h Hardware) Name() string { return id.ModelName(h.Vendor, h.Product) }

// Place is where a device belongs. Cabinet may be empty; Slot counts from 1, 0 is none.
type Place struct {
	Owner   id.Name
	Site    id.Name
	Cabinet id.Name
	Slot    int
}

// Delivery is what the supplier's list said about one machine.
type Delivery struct {
	// Purchased and WarrantyEnd are YYYY-MM-DD or empty.
	Purchased   string
	WarrantyEnd string
	// PriceOre is in øre as on the list; 0 is unknown.
	PriceOre int64
	Supplier string
	// TPMKeySHA256 is the SHA-256 of the endorsement key (TPMT_PUBLIC), if the list announced it.
	TPMKeySHA256 []byte
}

// Device is one PC, laptop or thin client, as stored: what changes only when something happens.
type Device struct {
	ID       id.Device
	Hardware Hardware
	Hostname string
	State    State
	// StateReason says why a device is pending or revoked.
	StateReason reason.Code
	Place       Place
	Role        string
	Delivery    Delivery
	Identity    Identity
	// Alarm is set when a call with this device's identity was refused (a clone), and when.
	Alarm   reason.Code
	AlarmAt time.Time
	Report  ReportSummary
	// Image and Release were last written by Nattevakt.
	Image   string
	Release string
}

// Identity is what the control plane knows of a device's key and certificate.
type Identity struct {
	EnrolledAt time.Time
	// KeySHA256 is over the public key's SubjectPublicKeyInfo.
	KeySHA256 []byte
	// CertSerial is the newest certificate's serial number (big-endian); older ones are refused after
	// the newest has been used once.
	CertSerial []byte
	// PreviousSerial still opens the door until CertSerial is used: an answer may be lost on the way.
	PreviousSerial []byte
	NotAfter       time.Time
	// KeyHeld is "tpm" or "file".
	KeyHeld string
	// HardwareDigest as in proto CheckInRequest, fixed at enrolment.
	HardwareDigest []byte
	// Approved: a person let this machine in while it waited; consumed by the next Enroll.
	Approved bool
	// Token is the id of the site token it entered with; empty if approved or proven.
	Token string
}

// ReportSummary is the part of the newest report that lists need.
type ReportSummary struct {
	// Digest names the stored report; empty before the first.
	Digest       []byte
	At           time.Time
	OSName       string
	OSVersion    string
	AgentVersion string
	Patch        PatchSummary
}

// PatchSummary counts missing updates. Known is false until a report carried a patch state in which at
// least one source could answer; Silent counts the sources that could not, and the counts are then a
// lower bound.
type PatchSummary struct {
	Known         bool
	Silent        int
	Critical      int
	Security      int
	Other         int
	OldestDays    int
	RebootPending bool
}

// Presence is what moves with each check-in. It lives in memory, with a snapshot on disk.
type Presence struct {
	LastSeen time.Time
	// NextDue is when the device was told to come back.
	NextDue        time.Time
	Seq            uint64
	BootID         [16]byte
	PreviousBoot   [16]byte
	HasBattery     bool
	OnAC           bool
	BatteryPercent uint8
	// ClockOffset is the device's clock minus the control plane's.
	ClockOffset time.Duration
	LocalReason reason.Code
}

// Token is a site token. The secret itself is never kept.
type Token struct {
	ID           string
	Site         id.Name
	SecretSHA256 []byte
	Uses         int
	MaxUses      int
	CreatedAt    time.Time
	ExpiresAt    time.Time
	Revoked      bool
}

// Counts sums devices; Announced+Pending+Active+Revoked+Retired == Total == Ready+NotReady+Retired.
type Counts struct {
	Total, Announced, Pending, Active, Revoked, Retired int
	Ready, NotReady                                     int
}

func (s State) String() string {
	switch s {
	case Announced:
		return "announced"
	case Pending:
		return "pending"
	case Active:
		return "active"
	case Revoked:
		return "revoked"
	case Retired:
		return "retired"
	}
	return "unknown"
}
