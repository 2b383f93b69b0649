// Package house holds the rules of the house as tests: who may import whom, which packages decide and
// therefore read no clock and do no I/O, that every package explains itself, that generated code is what
// the contract generates, and that files stay within what a person can hold in mind.
//
// It has no code that anybody runs; `go test ./deploy/house` is its only use. A rule is changed here and
// nowhere else, with the reason in the commit.
package house
