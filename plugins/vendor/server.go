package vendor

import (
	"context"

	pluginv1 "github.com/nattevakt/nattevakt/proto/nattevakt/plugin/v1"
)

// The servers turn messages into values and back; they decide nothing.

type infoServer struct {
	pluginv1.UnimplementedVendorServiceServer
	impl Vendor
}

func (s *infoServer) Info(ctx context.Context, _ *pluginv1.InfoRequest) (*pluginv1.InfoResponse, error) {
	info, err := s.impl.Info(ctx)
	if err != nil {
		return nil, toStatus(err)
	}
	return &pluginv1.InfoResponse{
		Name: info.Name, Version: info.Version, Vendors: info.Vendors, Capabilities: capabilities(s.impl),
	}, nil
}

func capabilities(v Vendor) []pluginv1.Capability {
	var list []pluginv1.Capability
	if _, ok := AsIdentifier(v); ok {
		list = append(list, pluginv1.Capability_CAPABILITY_IDENTIFY)
	}
	if _, ok := AsDriverPacks(v); ok {
		list = append(list, pluginv1.Capability_CAPABILITY_DRIVER_PACKS)
	}
	return list
}

type identifierServer struct {
	pluginv1.UnimplementedIdentifierServiceServer
	impl Identifier
}

func (s *identifierServer) Identify(ctx context.Context, r *pluginv1.IdentifyRequest) (*pluginv1.IdentifyResponse, error) {
	h := r.GetHardware()
	got, err := s.impl.Identify(ctx, Hardware{Vendor: h.GetVendor(), Product: h.GetProduct(), ModelKey: h.GetModelKey()})
	if err != nil {
		return nil, toStatus(err)
	}
	return &pluginv1.IdentifyResponse{Mine: got.Mine, ModelKey: got.ModelKey, Name: got.Name}, nil
}

type packServer struct {
	pluginv1.UnimplementedDriverPackServiceServer
	impl DriverPacks
}

func (s *packServer) Index(ctx context.Context, r *pluginv1.IndexRequest) (*pluginv1.IndexResponse, error) {
	got, err := s.impl.Index(ctx, r.GetPath())
	if err != nil {
		return nil, toStatus(err)
	}
	return indexedToProto(got), nil
}

func (s *packServer) Find(ctx context.Context, r *pluginv1.FindRequest) (*pluginv1.FindResponse, error) {
	got, err := s.impl.Find(ctx, Query{
		ModelKey: r.GetModelKey(), Product: r.GetProduct(), Target: targetFromProto(r.GetTarget()),
	})
	if err != nil {
		return nil, toStatus(err)
	}
	return answerToProto(got), nil
}
