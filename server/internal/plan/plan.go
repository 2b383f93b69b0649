// Package plan decides what each cabinet does tonight: who starts when, who waits, and why. Night is a
// pure function of a snapshot and an instant; the plan is data, shown to people before it runs.
//
// Guarantees:
//   - Every device of the snapshot is in the plan exactly once: starting, working, done, or waiting with
//     one reason.
//   - Never more than AtOnce devices hold a grant or work at the same instant.
//   - Nothing is granted that is not expected to finish before the window closes and the bell rings.
package plan
