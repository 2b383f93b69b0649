package fleet

import (
	"bytes"
	"strings"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// Caller is a machine that asks for a certificate.
type Caller struct {
	Hardware       Hardware
	HardwareDigest []byte
	Hostname       string
	KeySHA256      []byte
	KeyHeld        string
	// EKSHA256 names the TPM that the machine says it has; nil without one.
	EKSHA256 []byte
	// Proven: the TPM named by EKSHA256 has shown in this call that it holds the key.
	Proven bool
}

// Admission is Admit's answer.
type Admission struct {
	// Verdict says whether to issue, let wait, or refuse.
	Verdict Verdict
	// Reason is set for Wait and Refuse.
	Reason reason.Code
	// Device is the record as it shall stand: a known device with its new identity, or a new one.
	// It is meaningless for Refuse.
	Device Device
	// UseToken: this entry counts against the token.
	UseToken bool
}

// Verdict on a caller.
type Verdict uint8

// Refuse leaves no trace in the store; Wait and Issue store Device.
const (
	Refuse Verdict = iota
	Wait
	Issue
)

// Admit decides on a caller. token is nil where it sent none, and must already be found by its secret;
// known are the stored devices that share the caller's serial number or system UUID.
//
// The rules, first match wins:
//  1. The same key on the same hardware again: the answer was lost, issue once more, count nothing.
//  2. A revoked or retired machine stays out.
//  3. Two different machines with one serial number: the second waits for a person.
//  4. A good token for the site where the machine is expected opens the door.
//  5. An announced or waiting machine that a person approved, or whose announced TPM proved itself, enters.
//  6. An announced machine waits.
//  7. All others are refused: a serial number can be read off a sticker.
func Admit(c Caller, token *Token, known []Device, now time.Time) Admission {
	match, twin := pick(c, known)
	if match != nil && isSame(c, *match) {
		return Admission{Verdict: Issue, Device: *match}
	}
	if match != nil && (match.State == Revoked || match.State == Retired) {
		return Admission{Reason: out(match.State)}
	}
	if match == nil && twin {
		return admitTwin(c, token, now)
	}
	if token != nil {
		return admitToken(c, *token, match, now)
	}
	return admitAnnounced(c, match, now)
}

// pick finds the record of the caller's own machine among those with its serial or UUID. twin reports
// that the serial belongs to another machine.
func pick(c Caller, known []Device) (match *Device, twin bool) {
	for i := range known {
		d := &known[i]
		switch sameMachine(c.Hardware, d.Hardware) {
		case yes:
			if match == nil || d.State == Active {
				match = d
			}
		case no:
			twin = true
		}
	}
	return match, twin
}

type answer uint8

const (
	unrelated answer = iota
	yes
	no
)

// sameMachine compares a caller with a record. A record without a UUID (a delivery list has none) does not
// contradict; a caller with another UUID than the record's, or with none where the record has one, does:
// whoever knows a serial number must not take over the machine that bears it.
func sameMachine(a, b Hardware) answer {
	serial := a.Serial != "" && strings.EqualFold(a.Serial, b.Serial)
	uuids := a.SystemUUID != "" && b.SystemUUID != ""
	switch {
	case uuids && strings.EqualFold(a.SystemUUID, b.SystemUUID):
		if a.Serial != "" && b.Serial != "" && !serial {
			return unrelated // boards swapped in repair, or a maker that repeats UUIDs
		}
		return yes
	case serial && b.SystemUUID != "":
		return no
	case serial:
		return yes
	}
	return unrelated
}

func isSame(c Caller, d Device) bool {
	return d.State == Active && len(d.Identity.KeySHA256) > 0 &&
		bytes.Equal(d.Identity.KeySHA256, c.KeySHA256) &&
		bytes.Equal(d.Identity.HardwareDigest, c.HardwareDigest)
}

func out(s State) reason.Code {
	if s == Retired {
		return reason.Retired
	}
	return reason.IdentityRevoked
}

// admitTwin lets the second machine of a serial number wait, if anything vouches for it at all.
func admitTwin(c Caller, token *Token, now time.Time) Admission {
	if token == nil {
		return Admission{Reason: reason.DuplicateSerial}
	}
	if r := token.Usable(now); r != reason.None {
		return Admission{Reason: r}
	}
	d := c.newDevice(Place{Site: token.Site})
	d.State, d.StateReason = Pending, reason.DuplicateSerial
	return Admission{Verdict: Wait, Reason: reason.DuplicateSerial, Device: d}
}

func admitToken(c Caller, token Token, match *Device, now time.Time) Admission {
	if r := token.Usable(now); r != reason.None {
		return Admission{Reason: r}
	}
	if match == nil {
		return Admission{Verdict: Issue, Device: c.enter(c.newDevice(Place{Site: token.Site}), token.ID, now), UseToken: true}
	}
	if match.Place.Site != "" && match.Place.Site != token.Site {
		return Admission{Reason: reason.WrongSite}
	}
	if match.State == Pending && match.StateReason == reason.DuplicateSerial && !match.Identity.Approved {
		return Admission{Verdict: Wait, Reason: reason.DuplicateSerial, Device: c.refresh(*match)}
	}
	d := c.enter(*match, token.ID, now)
	if d.Place.Site == "" {
		d.Place.Site = token.Site
	}
	return Admission{Verdict: Issue, Device: d, UseToken: true}
}

func admitAnnounced(c Caller, match *Device, now time.Time) Admission {
	switch {
	case match == nil:
		return Admission{Reason: reason.UnknownDevice}
	case match.Identity.Approved && bytes.Equal(match.Identity.KeySHA256, c.KeySHA256):
		return Admission{Verdict: Issue, Device: c.enter(*match, "", now)}
	case c.Proven && len(c.EKSHA256) > 0 && bytes.Equal(c.EKSHA256, match.Delivery.TPMKeySHA256):
		return Admission{Verdict: Issue, Device: c.enter(*match, "", now)}
	case match.State == Active:
		// Its identity is alive: a call without it proves nothing and must not disturb it.
		return Admission{Reason: reason.DuplicateSerial}
	}
	d := c.refresh(*match)
	d.State = Pending
	if d.StateReason == reason.None {
		d.StateReason = reason.AwaitingApproval
	}
	return Admission{Verdict: Wait, Reason: d.StateReason, Device: d}
}

func (c Caller) newDevice(p Place) Device {
	d := Device{ID: id.NewDevice(), Place: p}
	return c.refresh(d)
}

// refresh takes over what the machine says of itself; what the delivery list said stays. An approval
// counts for the key that was shown to the person, so another key undoes it.
func (c Caller) refresh(d Device) Device {
	if !bytes.Equal(d.Identity.KeySHA256, c.KeySHA256) {
		d.Identity.Approved = false
	}
	d.Hardware, d.Hostname = c.Hardware, c.Hostname
	d.Identity.KeySHA256 = c.KeySHA256
	d.Identity.KeyHeld = c.KeyHeld
	d.Identity.HardwareDigest = c.HardwareDigest
	return d
}

// enter makes d active under the caller's key. The certificate itself is added by who signs it.
func (c Caller) enter(d Device, token string, now time.Time) Device {
	d = c.refresh(d)
	d.State, d.StateReason = Active, reason.None
	d.Alarm, d.AlarmAt = reason.None, time.Time{}
	d.Identity.EnrolledAt = now
	d.Identity.Token = token
	d.Identity.Approved = false
	d.Identity.CertSerial, d.Identity.PreviousSerial = nil, nil
	return d
}

// Usable says why a token opens nothing at now, or None.
func (t Token) Usable(now time.Time) reason.Code {
	switch {
	case t.Revoked:
		return reason.TokenRevoked
	case !now.Before(t.ExpiresAt):
		return reason.TokenExpired
	case t.Uses >= t.MaxUses:
		return reason.TokenUsedUp
	}
	return reason.None
}
