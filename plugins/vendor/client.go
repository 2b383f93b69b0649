package vendor

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc"

	pluginv1 "github.com/nattevakt/nattevakt/proto/nattevakt/plugin/v1"
)

// client is a plugin in another process. Its capabilities are what that plugin said at the start.
type client struct {
	rpc        pluginv1.VendorServiceClient
	identifier Identifier
	packs      DriverPacks
}

func newClient(ctx context.Context, conn *grpc.ClientConn) (*client, error) {
	c := &client{rpc: pluginv1.NewVendorServiceClient(conn)}
	r, err := c.rpc.Info(ctx, &pluginv1.InfoRequest{})
	if err != nil {
		return nil, fmt.Errorf("ask for info: %w", fromStatus(err))
	}
	if slices.Contains(r.GetCapabilities(), pluginv1.Capability_CAPABILITY_IDENTIFY) {
		c.identifier = &identifierClient{pluginv1.NewIdentifierServiceClient(conn)}
	}
	if slices.Contains(r.GetCapabilities(), pluginv1.Capability_CAPABILITY_DRIVER_PACKS) {
		c.packs = &packClient{pluginv1.NewDriverPackServiceClient(conn)}
	}
	return c, nil
}

func (c *client) Info(ctx context.Context) (Info, error) {
	r, err := c.rpc.Info(ctx, &pluginv1.InfoRequest{})
	if err != nil {
		return Info{}, fromStatus(err)
	}
	return Info{Name: r.GetName(), Version: r.GetVersion(), Vendors: r.GetVendors()}, nil
}

type identifierClient struct {
	rpc pluginv1.IdentifierServiceClient
}

func (c *identifierClient) Identify(ctx context.Context, h Hardware) (Identity, error) {
	r, err := c.rpc.Identify(ctx, &pluginv1.IdentifyRequest{Hardware: &pluginv1.Hardware{
		Vendor: h.Vendor, Product: h.Product, ModelKey: h.ModelKey,
	}})
	if err != nil {
		return Identity{}, fromStatus(err)
	}
	return Identity{Mine: r.GetMine(), ModelKey: r.GetModelKey(), Name: r.GetName()}, nil
}

type packClient struct {
	rpc pluginv1.DriverPackServiceClient
}

func (c *packClient) Index(ctx context.Context, path string) (Indexed, error) {
	r, err := c.rpc.Index(ctx, &pluginv1.IndexRequest{Path: path})
	if err != nil {
		return Indexed{}, fromStatus(err)
	}
	return indexedFromProto(r), nil
}

func (c *packClient) Find(ctx context.Context, q Query) (Answer, error) {
	r, err := c.rpc.Find(ctx, &pluginv1.FindRequest{
		ModelKey: q.ModelKey, Product: q.Product, Target: targetToProto(q.Target),
	})
	if err != nil {
		return Answer{}, fromStatus(err)
	}
	return answerFromProto(r), nil
}
