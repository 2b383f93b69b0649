// Package control is the control plane at work: the one place that holds its live state. It takes a call
// from api or web, asks a deciding package (fleet, window, plan, rollout, readiness) what is right,
// commits the answer to the store, and only then changes what it holds in memory and replies.
//
// Guarantees:
//   - What a method acknowledges has reached the disk. The exceptions are named: presence (who was heard
//     when) lives in memory with a snapshot, and byte counts of a running phase are not kept.
//   - An unchanged check-in writes nothing.
//   - A token is never used more often than it allows, and two calls never both move one device: each
//     change is a compare-and-set on what it was decided from.
//   - Every device of a cabinet is in every answer about the cabinet.
//
// Locks, always taken in this order: moving or entering (places, tokens) → job entry's change → edit stripe
// (one device's record) → shard of the hot table → night's maps → a job entry's own. Only the first three
// are held while the store commits.
//
// api and web call it; it knows neither of them, and no wire format but the stored report's sections.
package control

import "errors"

// ErrNotFound means that nothing has this name; the wrapping error says what was looked for.
var ErrNotFound = errors.New("not found")

// ErrInvalid means that the request can never be carried out as it is; the wrapping error says why.
var ErrInvalid = errors.New("invalid request")
