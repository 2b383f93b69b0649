package fleet

import (
	"bytes"

	"github.com/nattevakt/nattevakt/proto/reason"
)

// Call is how a call with a device certificate introduces itself.
type Call struct {
	CertSerial     []byte
	HardwareDigest []byte
	// BootID is nil for calls that carry none (Renew).
	BootID []byte
}

// Judge says why a call must be refused, or None. A clone is recognised by any of three signs: other
// hardware than was enrolled, a certificate that has been replaced and whose successor is in use, or a
// boot that comes back after a later one was seen (one machine boots forward only; two machines with one
// identity take turns).
func Judge(s State, i Identity, p Presence, c Call) reason.Code {
	switch s {
	case Active:
	case Retired:
		return reason.Retired
	case Revoked:
		return reason.IdentityRevoked
	default:
		return reason.AwaitingApproval
	}
	if !bytes.Equal(c.CertSerial, i.CertSerial) &&
		(len(i.PreviousSerial) == 0 || !bytes.Equal(c.CertSerial, i.PreviousSerial)) {
		return reason.IdentityCloned
	}
	if c.HardwareDigest != nil && !bytes.Equal(c.HardwareDigest, i.HardwareDigest) {
		return reason.IdentityCloned
	}
	if c.BootID != nil && p.PreviousBoot != [16]byte{} && bytes.Equal(c.BootID, p.PreviousBoot[:]) {
		return reason.IdentityCloned
	}
	return reason.None
}
