package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/nattevakt/nattevakt/server/internal/control"
)

// handshakeTime bounds a TLS handshake; a laptop on a bad line needs a few seconds.
const handshakeTime = 10 * time.Second

// authInfo is what a connection knows of its peer. who is nil without a certificate.
type authInfo struct {
	credentials.CommonAuthInfo
	who *control.Peer
	// refusal is why a certificate was not accepted. The connection stays open so that the first call
	// can be answered with the reason, which a TLS alert could not carry.
	refusal error
}

// AuthType names the scheme to grpc.
func (authInfo) AuthType() string { return "nattevakt-mtls" }

// creds does the TLS handshake and then asks control, once, whose certificate that was.
type creds struct {
	config *tls.Config
	plane  *control.Plane
}

func (c creds) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
	defer cancel()
	conn := tls.Server(raw, c.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("handshake: %w", err), raw.Close())
	}
	state := conn.ConnectionState()
	who, err := c.plane.Authenticate(ctx, state.PeerCertificates)
	var refusal *control.Refusal
	if err != nil && !errors.As(err, &refusal) {
		return nil, nil, errors.Join(fmt.Errorf("authenticate: %w", err), conn.Close())
	}
	info := authInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, who: who, refusal: err}
	return conn, info, nil
}

func (creds) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("these credentials are the server's")
}

func (creds) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (c creds) Clone() credentials.TransportCredentials { return c }

func (creds) OverrideServerName(string) error { return errors.New("not a client") }

// caller gives the connection's peer.
func caller(ctx context.Context) (authInfo, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return authInfo{}, false
	}
	info, ok := p.AuthInfo.(authInfo)
	return info, ok
}
