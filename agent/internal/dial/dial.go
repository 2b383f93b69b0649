// Package dial brings the agent's calls to the control plane: TLS 1.3 to one of its addresses, the root
// pinned, time judged as package trust says, one connection at a time.
//
// Guarantees:
//   - Every address is tried once per Do, beginning with the one that answered last.
//   - An error of Do is one of three: *Refused (the control plane answered no), *Away (nobody answered) or
//     the context's. What answered with another error counts as Away with that error: it may pass.
//   - Park closes the connection and keeps the TLS session, so that coming back costs half a handshake.
//   - Nothing is read from the machine's own list of roots.
//
// agent makes it for enroll and checkin, and takes the HTTPS client for imaging from it. A Dialer may be used by several goroutines; calls go one by one.
package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/nattevakt/nattevakt/agent/internal/clock"
	"github.com/nattevakt/nattevakt/agent/internal/trust"
)

// tryLimit is how long one address may take to answer one call, a report over a slow line included.
const tryLimit = 30 * time.Second

// Clock tells what time it may be; *clock.Keeper is one.
type Clock interface {
	Read() clock.Reading
	Floor() time.Time
}

// Config says whom to trust and who we are.
type Config struct {
	// Addresses are host:port, at least one.
	Addresses []string
	Roots     *x509.CertPool
	Clock     Clock
	// Certificate gives the device's own; nil or a nil result means none, as before enrolment.
	Certificate func() *tls.Certificate
}

// Dialer keeps at most one connection.
type Dialer struct {
	config     Config
	clockWrong atomic.Bool
	sessions   atomic.Pointer[tls.ClientSessionCache]

	mu   sync.Mutex // guards what follows, and is held during calls
	at   int        // index of the address that answered last
	conn *grpc.ClientConn
}

// New makes a Dialer; it connects when there is a call to make.
func New(config Config) *Dialer {
	d := &Dialer{config: config}
	d.forgetSessions()
	return d
}

// Do makes a call, on another address where one does not answer.
func (d *Dialer) Do(ctx context.Context, call func(context.Context, grpc.ClientConnInterface) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var last error
	for range d.config.Addresses {
		err := d.try(ctx, call)
		if err == nil {
			return nil
		}
		d.close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		last = classify(err, d.config.Addresses[d.at])
		if refused := (*Refused)(nil); errors.As(last, &refused) {
			return last
		}
		d.at = (d.at + 1) % len(d.config.Addresses)
	}
	return last
}

func (d *Dialer) try(ctx context.Context, call func(context.Context, grpc.ClientConnInterface) error) error {
	if d.conn == nil {
		conn, err := d.connect(d.config.Addresses[d.at])
		if err != nil {
			return err
		}
		d.conn = conn
	}
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	return call(ctx, d.conn)
}

// connect uses fixed windows (which turns the bandwidth-probing pings off) and small buffers: a
// check-in is a hundred bytes.
func (d *Dialer) connect(address string) (*grpc.ClientConn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	const window = 64 << 10
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(credentials.NewTLS(d.TLS(host))),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithReadBufferSize(0), grpc.WithWriteBufferSize(4<<10),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256<<10)),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithDisableHealthCheck(),
	)
}

// TLS is the configuration for a connection to host, a name or an IP address. The ordinary verification
// is replaced by package trust's, which does all of it: chain, name, use and time.
func (d *Dialer) TLS(host string) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: host, ClientSessionCache: *d.sessions.Load(),
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection verifies, resumed sessions too
		VerifyConnection:   func(c tls.ConnectionState) error { return d.verify(c, host) },
	}
	if d.config.Certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if own := d.config.Certificate(); own != nil {
				return own, nil
			}
			return &tls.Certificate{}, nil
		}
	}
	return config
}

func (d *Dialer) verify(c tls.ConnectionState, host string) error {
	now := d.config.Clock
	wrong, err := trust.Judge(c.PeerCertificates, d.config.Roots, host, now.Read().Wall, now.Floor())
	if err == nil {
		d.clockWrong.Store(wrong)
	}
	return err
}

// ClockWrong reports whether the newest connection was accepted although the machine's clock spoke
// against it.
func (d *Dialer) ClockWrong() bool { return d.clockWrong.Load() }

// Park closes the connection until the next call.
func (d *Dialer) Park() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.close()
}

// Renewed makes the next call show the device's new certificate: a resumed session would show the old.
func (d *Dialer) Renewed() {
	d.Park()
	d.forgetSessions()
}

func (d *Dialer) close() {
	if d.conn != nil {
		_ = d.conn.Close()
		d.conn = nil
	}
}

func (d *Dialer) forgetSessions() {
	cache := tls.NewLRUClientSessionCache(2 * max(1, len(d.config.Addresses)))
	d.sessions.Store(&cache)
}
