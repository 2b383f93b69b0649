package vendor

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/nattevakt/nattevakt/proto/nattevakt/plugin/v1"
)

// ProtocolVersion is the newest version of the contract. It moves when an old plugin would misunderstand
// a new host, never for an addition; Plugins then serves the old versions beside the new one.
//
//	1  Info, Identify, Index, Find
const ProtocolVersion = 1

// pluginName is the one thing that a plugin process dispenses.
const pluginName = "vendor"

// handshake keeps people from starting a plugin by hand and hosts from starting something else. It is
// no secret.
var handshake = plugin.HandshakeConfig{
	MagicCookieKey:   "NATTEVAKT_VENDOR_PLUGIN",
	MagicCookieValue: "d3f0b6c8-nattevakt-vendor",
}

// maxMessage bounds one message either way; the largest answer (MaxPerModel packs) has well under 1 MiB.
const maxMessage = 4 << 20

// Serve is the whole main of a plugin: it serves v to the program that started this one and does not
// return. Whatever v offers besides Vendor is found by its methods.
func Serve(v Vendor) {
	go exitWithParent(os.Getppid())
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  handshake,
		VersionedPlugins: Plugins(v),
		GRPCServer:       newServer,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
	})
	os.Exit(0)
}

func newServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts, grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))...)
}

// Plugins is what go-plugin serves for v and, with a nil v, dispenses, by protocol version.
func Plugins(v Vendor) map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolVersion: {pluginName: &glue{impl: v}}}
}

// ClientConfig is how a host starts the plugin that cmd describes: only if the file has the SHA-256
// checksum, over gRPC with mutual TLS, with the environment of cmd and nothing of the host's. The host
// adds its timeout and its logs.
func ClientConfig(cmd *exec.Cmd, checksum [sha256.Size]byte) *plugin.ClientConfig {
	return &plugin.ClientConfig{
		HandshakeConfig:  handshake,
		VersionedPlugins: Plugins(nil),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		SecureConfig:     &plugin.SecureConfig{Checksum: checksum[:], Hash: sha256.New()},
		Cmd:              cmd,
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage))},
	}
}

// Dispense asks the plugin behind protocol what it is and returns it as a Vendor; use AsIdentifier and
// AsDriverPacks for the rest.
func Dispense(ctx context.Context, protocol plugin.ClientProtocol) (Vendor, error) {
	raw, err := protocol.Dispense(pluginName)
	if err != nil {
		return nil, fmt.Errorf("dispense: %w", err)
	}
	conn, ok := raw.(*grpc.ClientConn)
	if !ok {
		return nil, errors.New("dispense: not a gRPC connection")
	}
	return newClient(ctx, conn)
}

// glue is the plugin as go-plugin wants it: a value to serve on one side, a connection on the other.
type glue struct {
	plugin.NetRPCUnsupportedPlugin
	impl Vendor
}

var _ plugin.GRPCPlugin = (*glue)(nil)

// GRPCServer registers a service for each capability of the value.
func (g *glue) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if g.impl == nil {
		return errors.New("nothing to serve")
	}
	pluginv1.RegisterVendorServiceServer(s, &infoServer{impl: g.impl})
	if i, ok := AsIdentifier(g.impl); ok {
		pluginv1.RegisterIdentifierServiceServer(s, &identifierServer{impl: i})
	}
	if p, ok := AsDriverPacks(g.impl); ok {
		pluginv1.RegisterDriverPackServiceServer(s, &packServer{impl: p})
	}
	return nil
}

// GRPCClient returns the connection; what is on it is known only after a call, which needs a deadline.
func (g *glue) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}
