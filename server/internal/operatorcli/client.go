package operatorcli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorfile"
)

const (
	// dialTime is how long one address may take to answer.
	dialTime = 5 * time.Second
	// maxAnswer bounds one message: a page of 1000 devices is about 1 MiB.
	maxAnswer = 32 << 20
	// renewSoon is when a person is told that their certificate will run out.
	renewSoon = 30 * 24 * time.Hour
)

// client is a connection to a control plane, as an operator.
type client struct {
	operator operatorfile.File
	// server is the address that answered.
	server string
	conn   *grpc.ClientConn

	fleet       operatorv1.FleetServiceClient
	tokens      operatorv1.TokenServiceClient
	night       operatorv1.NightServiceClient
	maintenance operatorv1.MaintenanceServiceClient
}

// connect finds the operator file and the first server of it that answers. The caller closes the client.
func (c *CLI) connect(ctx context.Context) (*client, error) {
	f, err := c.loadOperator()
	if err != nil {
		return nil, err
	}
	config, err := f.TLS()
	if err != nil {
		return nil, err
	}
	server, err := c.firstServer(ctx, f, config)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+server,
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.WithChainUnaryInterceptor(c.explainUnary),
		grpc.WithChainStreamInterceptor(c.explainStream),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", server, err)
	}
	return &client{
		operator: f, server: server, conn: conn,
		fleet: operatorv1.NewFleetServiceClient(conn), tokens: operatorv1.NewTokenServiceClient(conn),
		night: operatorv1.NewNightServiceClient(conn), maintenance: operatorv1.NewMaintenanceServiceClient(conn),
	}, nil
}

func (k *client) close() { _ = k.conn.Close() } // nothing is under way any more

// with connects for the time of f.
func (c *CLI) with(ctx context.Context, f func(*client) error) error {
	k, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer k.close()
	return f(k)
}

func (c *CLI) loadOperator() (operatorfile.File, error) {
	path, err := operatorfile.Find(c.flags.operator, c.host.Getenv(operatorfile.Variable), c.host.Config)
	var missing *operatorfile.NotFoundError
	if errors.As(err, &missing) {
		return operatorfile.File{}, &fault{
			code: exitRefused,
			what: c.t("fant ingen operatørfil; så etter ", "found no operator file; looked at ") + strings.Join(missing.Places, ", "),
			next: c.t("Pek på den med --operator FIL eller $NATTEVAKT_OPERATOR. Kontrollplanet lager den første i DATA/operator når det starter.",
				"Point to it with --operator FILE or $NATTEVAKT_OPERATOR. The control plane makes the first one in DATA/operator when it starts."),
		}
	}
	if err != nil {
		return operatorfile.File{}, err
	}
	f, err := operatorfile.Load(path)
	if errors.Is(err, operatorfile.ErrReadable) {
		return f, &fault{
			code: exitRefused,
			what: fmt.Sprintf(c.t("operatørfilen %s kan leses av andre på denne maskinen", "the operator file %s can be read by others on this machine"), path),
			safe: c.t("Filen er ikke brukt.", "The file has not been used."),
			next: fmt.Sprintf(c.t("Kjør «chmod 600 %s», og tenk over hvem som kan ha lest nøkkelen i den.", "Run “chmod 600 %s”, and think of who may have read the key in it."), path),
		}
	}
	if err != nil {
		return f, &fault{code: exitRefused, what: c.t("operatørfilen kan ikke brukes", "the operator file cannot be used"), cause: err}
	}
	return f, c.checkLife(f)
}

// checkLife refuses an operator certificate that has run out, before the server would, and warns in time.
func (c *CLI) checkLife(f operatorfile.File) error {
	ends, err := f.Ends()
	if err != nil {
		return err
	}
	s := c.speech(nil, c.host.Now())
	switch left := ends.Sub(s.now); {
	case left <= 0:
		return &fault{
			code: exitRefused,
			what: fmt.Sprintf(c.t("operatørfilen til %s gikk ut %s", "the operator file of %s ran out on %s"), f.Name, s.date(ends)),
			next: c.newFile(),
		}
	case left < renewSoon:
		c.note(c.t("nattevakt: operatørfilen til %s går ut %s. %s", "nattevakt: the operator file of %s runs out on %s. %s"), f.Name, s.date(ends), c.newFile())
	}
	return nil
}

func (c *CLI) newFile() string {
	return c.t("Be den som driver kontrollplanet om en ny operatørfil.", "Ask whoever runs the control plane for a new operator file.")
}

// firstServer shakes hands with each server in turn: only here can it still be said for certain that
// nothing has been changed, and by whom a foreign certificate was shown.
func (c *CLI) firstServer(ctx context.Context, f operatorfile.File, config *tls.Config) (string, error) {
	var last error
	for _, server := range f.Servers {
		err := shake(ctx, server, config)
		if err == nil {
			return server, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		last = err
	}
	safe := c.t("Ingenting er endret.", "Nothing has been changed.")
	var foreign x509.UnknownAuthorityError
	if errors.As(last, &foreign) {
		return "", &fault{
			code: exitRefused, safe: safe,
			what: fmt.Sprintf(c.t("det som svarer på %s, er ikke kontrollplanet som operatørfilen hører til", "what answers at %s is not the control plane that the operator file belongs to"), strings.Join(f.Servers, ", ")),
			next: c.t("Sjekk adressen i operatørfilen. Er kontrollplanet satt opp på nytt, trengs en ny operatørfil.", "Check the address in the operator file. If the control plane was set up anew, a new operator file is needed."),
		}
	}
	return "", &fault{
		code: exitUnreachable, safe: safe, cause: last,
		what: fmt.Sprintf(c.t("kontrollplanet svarer ikke på %s", "the control plane does not answer at %s"), strings.Join(f.Servers, ", ")),
		next: c.t("Sjekk at det kjører, at adressen i operatørfilen stemmer og at brannmuren slipper deg fram.", "Check that it runs, that the address in the operator file is right and that the firewall lets you through."),
	}
}

func shake(ctx context.Context, server string, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	probe := config.Clone()
	probe.NextProtos = []string{"h2"}
	host, _, err := net.SplitHostPort(server)
	if err != nil {
		return err
	}
	probe.ServerName = host
	conn, err := (&tls.Dialer{Config: probe}).DialContext(ctx, "tcp", server)
	if err != nil {
		return err
	}
	return conn.Close()
}
