// Package readiness answers the teacher's question for one device: ready, or exactly one reason why not,
// with the age of what the answer rests on. Every surface (command line, pages, API, metrics) shows this
// answer and computes no other.
//
// Guarantees: Of is pure; Ready and a Reason exclude each other; counts over a cabinet sum to its devices.
package readiness

import (
	"time"

	"github.com/nattevakt/nattevakt/proto/reason"
)

// Status is the answer for one device.
type Status struct {
	Ready bool
	// Reason is set exactly when Ready is false.
	Reason reason.Code
	// Since is when this state began, as far as known.
	Since time.Time
	// AsOf is when the device last confirmed it; zero if it never did.
	AsOf time.Time
	// Expected is when the device is expected to be ready; zero where unknown.
	Expected time.Time
	// Detail is one line for Driftstøtte; may be empty.
	Detail string
}
