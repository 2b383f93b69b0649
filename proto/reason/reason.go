// Package reason gives the stable codes of proto Reason to the domain, with one Norwegian and one
// English sentence and a next step for Driftstøtte for each of them.
//
// Guarantees: Code has the numbers of the contract; every code of the contract has all four texts (a
// test counts them); texts never hold a secret or a name of a person.
package reason

import (
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// Code is a stable reason; 0 is none. Its numbers are those of the contract's Reason.
type Code uint16

// The codes, named as in the contract.
const (
	None               = Code(nattevaktv1.Reason_REASON_UNSPECIFIED)
	UnknownDevice      = Code(nattevaktv1.Reason_REASON_UNKNOWN_DEVICE)
	AwaitingApproval   = Code(nattevaktv1.Reason_REASON_AWAITING_APPROVAL)
	TokenInvalid       = Code(nattevaktv1.Reason_REASON_TOKEN_INVALID)
	TokenExpired       = Code(nattevaktv1.Reason_REASON_TOKEN_EXPIRED)
	TokenUsedUp        = Code(nattevaktv1.Reason_REASON_TOKEN_USED_UP)
	TokenRevoked       = Code(nattevaktv1.Reason_REASON_TOKEN_REVOKED)
	WrongSite          = Code(nattevaktv1.Reason_REASON_WRONG_SITE)
	DuplicateSerial    = Code(nattevaktv1.Reason_REASON_DUPLICATE_SERIAL)
	IdentityRevoked    = Code(nattevaktv1.Reason_REASON_IDENTITY_REVOKED)
	IdentityCloned     = Code(nattevaktv1.Reason_REASON_IDENTITY_CLONED)
	CertificateExpired = Code(nattevaktv1.Reason_REASON_CERTIFICATE_EXPIRED)
	ForeignCertificate = Code(nattevaktv1.Reason_REASON_FOREIGN_CERTIFICATE)
	TPMProofFailed     = Code(nattevaktv1.Reason_REASON_TPM_PROOF_FAILED)
	CapabilityTooOld   = Code(nattevaktv1.Reason_REASON_CAPABILITY_TOO_OLD)
	NeverSeen          = Code(nattevaktv1.Reason_REASON_NEVER_SEEN)
	NoContact          = Code(nattevaktv1.Reason_REASON_NO_CONTACT)
	WrongClock         = Code(nattevaktv1.Reason_REASON_WRONG_CLOCK)
	Retired            = Code(nattevaktv1.Reason_REASON_RETIRED)
	BatteryLow         = Code(nattevaktv1.Reason_REASON_BATTERY_LOW)
	WindowClosed       = Code(nattevaktv1.Reason_REASON_WINDOW_CLOSED)
	WaitingForTurn     = Code(nattevaktv1.Reason_REASON_WAITING_FOR_TURN)
	NotEnoughTime      = Code(nattevaktv1.Reason_REASON_NOT_ENOUGH_TIME)
	Working            = Code(nattevaktv1.Reason_REASON_WORKING)
	Planned            = Code(nattevaktv1.Reason_REASON_PLANNED)
	Cancelled          = Code(nattevaktv1.Reason_REASON_CANCELLED)
	ContentUnreachable = Code(nattevaktv1.Reason_REASON_CONTENT_UNREACHABLE)
	DiskFull           = Code(nattevaktv1.Reason_REASON_DISK_FULL)
	DiskTooSmall       = Code(nattevaktv1.Reason_REASON_DISK_TOO_SMALL)
	DiskError          = Code(nattevaktv1.Reason_REASON_DISK_ERROR)
	NoTargetDisk       = Code(nattevaktv1.Reason_REASON_NO_TARGET_DISK)
	SignatureInvalid   = Code(nattevaktv1.Reason_REASON_SIGNATURE_INVALID)
	ContentCorrupt     = Code(nattevaktv1.Reason_REASON_CONTENT_CORRUPT)
	ContentMissing     = Code(nattevaktv1.Reason_REASON_CONTENT_MISSING)
	OrderExpired       = Code(nattevaktv1.Reason_REASON_ORDER_EXPIRED)
	DowngradeRefused   = Code(nattevaktv1.Reason_REASON_DOWNGRADE_REFUSED)
	UnsupportedAction  = Code(nattevaktv1.Reason_REASON_UNSUPPORTED_ACTION)
	Internal           = Code(nattevaktv1.Reason_REASON_INTERNAL)
)

// Proto gives the contract's form.
func (c Code) Proto() nattevaktv1.Reason { return nattevaktv1.Reason(c) }

// Of reads the contract's form; a number this build does not know is kept, and String shows it.
func Of(r nattevaktv1.Reason) Code {
	if r < 0 || r > 0xffff {
		return Internal
	}
	return Code(r)
}
