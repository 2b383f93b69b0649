// Package api is the edge where the contract's messages meet the domain: it turns proto into the types of
// control and back, checks who may call what, and decides nothing else.
//
// One listener serves devices and operators over TLS 1.3, natively by grpc-go (net/http would cost three
// times as much per check-in). Who is at the other end is found once per connection, in the handshake
// (creds.go); what they may call is one table (roles.go).
//
// Guarantees:
//   - Without a certificate only Enroll answers. With a device certificate that ran out only Renew does.
//     Devices cannot call operators' methods, nor operators devices'.
//   - A refusal carries google.rpc.ErrorInfo with domain "nattevakt" and the stable reason.
//   - Every message is validated against the contract before it is looked at, and bounded in size before
//     it is read.
//   - CheckIn, the hot path, is counted but never logged; all other calls are logged with request id and
//     caller, never with content.
package api
