// Package id holds the identifiers that both ends use: random device and job ids, and the short names
// that people give to owners, sites and cabinets.
//
// Guarantees: ids are comparable values; Parse accepts exactly what String gives; a parsed Name is safe
// in a URL path, a file name and a certificate's SAN.
package id

import (
	"fmt"
	"regexp"

	"github.com/google/uuid"
)

// Device names one device for its whole life, through reimaging and renewal.
type Device uuid.UUID

// Job names one device's part of a rollout.
type Job uuid.UUID

// NewDevice gives a random id (UUID version 4).
func NewDevice() Device { return Device(uuid.New()) }

// NewJob gives a random id (UUID version 4).
func NewJob() Job { return Job(uuid.New()) }

func (d Device) String() string { return uuid.UUID(d).String() }

func (j Job) String() string { return uuid.UUID(j).String() }

// IsZero reports whether d names nothing.
func (d Device) IsZero() bool { return d == Device{} }

// MarshalText gives the canonical form, in JSON too.
func (d Device) MarshalText() ([]byte, error) { return uuid.UUID(d).MarshalText() }

// UnmarshalText is the inverse of MarshalText.
func (d *Device) UnmarshalText(b []byte) error { return (*uuid.UUID)(d).UnmarshalText(b) }

// MarshalText gives the canonical form, in JSON too.
func (j Job) MarshalText() ([]byte, error) { return uuid.UUID(j).MarshalText() }

// UnmarshalText is the inverse of MarshalText.
func (j *Job) UnmarshalText(b []byte) error { return (*uuid.UUID)(j).UnmarshalText(b) }

// ParseDevice reads the canonical 36-character form.
func ParseDevice(s string) (Device, error) {
	u, err := parse(s)
	return Device(u), err
}

// ParseJob reads the canonical 36-character form.
func ParseJob(s string) (Job, error) {
	u, err := parse(s)
	return Job(u), err
}

func parse(s string) (uuid.UUID, error) {
	if len(s) != 36 {
		return uuid.UUID{}, fmt.Errorf("id %.40q: want 36 characters", s)
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("id %.40q: %w", s, err)
	}
	return u, nil
}

// Name is a short name of an owner, site or cabinet: lower-case letters, digits and inner hyphens.
type Name string

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ParseName checks the form; the error tells people what a name may hold.
func ParseName(s string) (Name, error) {
	if !nameForm.MatchString(s) {
		return "", fmt.Errorf("name %.70q: use 1–63 lower-case letters a–z, digits and hyphens, not first or last a hyphen", s)
	}
	return Name(s), nil
}
