// Package e2e holds the end-to-end tests: they build the real control plane and the real agent, run them
// as processes on loopback addresses, type what people type, and judge by what people see.
//
// What it proves is what no single package can: that the promises hold between programs that are killed,
// stopped, moved, copied and run out of disk. Each test owns a control plane with a folder and a loopback
// address of its own, so that tests run beside each other and ports stay the same through restarts.
//
//   - Machines are made up (deploy/madeup); the agent on them is the real one, and so are its TPM (swtpm)
//     and its disk (a file). Where thousands are needed, the test speaks the contract itself.
//   - Nothing is awaited by sleeping: every wait has a condition and a deadline that only failure reaches.
//   - When a test fails, the end of every program's log is in its output.
//   - No program outlives its test, also when the test itself is killed.
//
// NATTEVAKT_KILLS sets how often TestKillUnderLoad kills. There is no code here that anybody imports;
// `go test ./deploy/e2e` is its only use. It needs Linux, and is skipped by -short.
package e2e
