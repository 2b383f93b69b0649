package api

import (
	"context"

	"github.com/nattevakt/nattevakt/proto/id"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
)

type fleetService struct {
	operatorv1.UnimplementedFleetServiceServer
	plane *control.Plane
}

func (s *fleetService) CreateOwner(ctx context.Context, in *operatorv1.CreateOwnerRequest) (*operatorv1.CreateOwnerResponse, error) {
	o := in.GetOwner()
	err := s.plane.CreateOwner(ctx, fleet.Owner{ID: id.Name(o.GetId()), Name: o.GetName()})
	return &operatorv1.CreateOwnerResponse{}, statusOf(err)
}

func (s *fleetService) CreateSite(ctx context.Context, in *operatorv1.CreateSiteRequest) (*operatorv1.CreateSiteResponse, error) {
	n := in.GetSite()
	err := s.plane.CreateSite(ctx, fleet.Site{ID: id.Name(n.GetId()), Name: n.GetName(), Owner: id.Name(n.GetOwnerId()), Zone: n.GetZone()})
	return &operatorv1.CreateSiteResponse{}, statusOf(err)
}

func (s *fleetService) CreateCabinet(ctx context.Context, in *operatorv1.CreateCabinetRequest) (*operatorv1.CreateCabinetResponse, error) {
	c := in.GetCabinet()
	err := s.plane.CreateCabinet(ctx, fleet.Cabinet{ID: id.Name(c.GetId()), Name: c.GetName(), Site: id.Name(c.GetSiteId()), Slots: int(c.GetSlots())})
	return &operatorv1.CreateCabinetResponse{}, statusOf(err)
}

func (s *fleetService) GetOverview(ctx context.Context, _ *operatorv1.GetOverviewRequest) (*operatorv1.GetOverviewResponse, error) {
	o, err := s.plane.Overview(ctx)
	if err != nil {
		return nil, statusOf(err)
	}
	return overviewProto(o), nil
}

func (s *fleetService) ListDevices(ctx context.Context, in *operatorv1.ListDevicesRequest) (*operatorv1.ListDevicesResponse, error) {
	rows, next, err := s.plane.Devices(ctx, control.DeviceFilter{
		Owner: id.Name(in.GetOwnerId()), Site: id.Name(in.GetSiteId()), Cabinet: id.Name(in.GetCabinetId()),
		State: fleet.State(in.GetState()), Query: in.GetQuery(),
	}, int(in.GetPageSize()), in.GetPageToken())
	if err != nil {
		return nil, statusOf(err)
	}
	out := &operatorv1.ListDevicesResponse{NextPageToken: next, AsOf: stamp(s.plane.Now())}
	for _, r := range rows {
		out.Devices = append(out.Devices, deviceProto(r))
	}
	return out, nil
}

func (s *fleetService) GetDevice(ctx context.Context, in *operatorv1.GetDeviceRequest) (*operatorv1.GetDeviceResponse, error) {
	d, err := s.plane.Device(ctx, in.GetDevice())
	if err != nil {
		return nil, statusOf(err)
	}
	return &operatorv1.GetDeviceResponse{Device: deviceProto(d.DeviceRow), Inventory: d.Inventory, Patch: d.Patch, AsOf: stamp(s.plane.Now())}, nil
}

func (s *fleetService) PlaceDevice(ctx context.Context, in *operatorv1.PlaceDeviceRequest) (*operatorv1.PlaceDeviceResponse, error) {
	r, err := s.plane.Place(ctx, in.GetDevice(), fleet.Place{Site: id.Name(in.GetSiteId()), Cabinet: id.Name(in.GetCabinetId()), Slot: int(in.GetSlot())})
	if err != nil {
		return nil, statusOf(err)
	}
	return &operatorv1.PlaceDeviceResponse{Device: deviceProto(r)}, nil
}

func (s *fleetService) ApproveDevice(ctx context.Context, in *operatorv1.ApproveDeviceRequest) (*operatorv1.ApproveDeviceResponse, error) {
	r, err := s.plane.Approve(ctx, in.GetDevice())
	if err != nil {
		return nil, statusOf(err)
	}
	return &operatorv1.ApproveDeviceResponse{Device: deviceProto(r)}, nil
}

func (s *fleetService) RevokeDevice(ctx context.Context, in *operatorv1.RevokeDeviceRequest) (*operatorv1.RevokeDeviceResponse, error) {
	r, err := s.plane.Revoke(ctx, in.GetDevice())
	if err != nil {
		return nil, statusOf(err)
	}
	return &operatorv1.RevokeDeviceResponse{Device: deviceProto(r)}, nil
}

func (s *fleetService) RetireDevice(ctx context.Context, in *operatorv1.RetireDeviceRequest) (*operatorv1.RetireDeviceResponse, error) {
	r, err := s.plane.Retire(ctx, in.GetDevice())
	if err != nil {
		return nil, statusOf(err)
	}
	return &operatorv1.RetireDeviceResponse{Device: deviceProto(r)}, nil
}

func (s *fleetService) ImportDelivery(ctx context.Context, in *operatorv1.ImportDeliveryRequest) (*operatorv1.ImportDeliveryResponse, error) {
	out, err := s.plane.ImportDelivery(ctx, control.DeliveryFile{
		Name: in.GetFileName(), Content: in.GetContent(), DryRun: in.GetDryRun(),
		Owner: id.Name(in.GetOwnerId()), Site: id.Name(in.GetSiteId()),
	})
	if err != nil {
		return nil, statusOf(err)
	}
	resp := &operatorv1.ImportDeliveryResponse{Rows: uint32(out.Rows), Added: uint32(out.Added), Changed: uint32(out.Changed), Unchanged: uint32(out.Unchanged)}
	for _, p := range out.Problems {
		resp.Problems = append(resp.Problems, &operatorv1.RowProblem{Row: uint32(p.Row), Column: p.Column, Value: p.Value, Problem: p.Text, ProblemEn: p.English})
	}
	return resp, nil
}

type tokenService struct {
	operatorv1.UnimplementedTokenServiceServer
	plane *control.Plane
	info  Info
}

func (s *tokenService) CreateToken(ctx context.Context, in *operatorv1.CreateTokenRequest) (*operatorv1.CreateTokenResponse, error) {
	t, secret, err := s.plane.CreateToken(ctx, id.Name(in.GetSiteId()), int(in.GetMaxUses()), in.GetLife().AsDuration())
	if err != nil {
		return nil, statusOf(err)
	}
	bootstrap, err := s.info.Bootstrap(secret)
	if err != nil {
		return nil, statusOf(err)
	}
	return &operatorv1.CreateTokenResponse{Token: tokenProto(t), Secret: secret, Bootstrap: bootstrap}, nil
}

func (s *tokenService) ListTokens(ctx context.Context, _ *operatorv1.ListTokensRequest) (*operatorv1.ListTokensResponse, error) {
	tokens, err := s.plane.Tokens(ctx)
	if err != nil {
		return nil, statusOf(err)
	}
	out := &operatorv1.ListTokensResponse{}
	for _, t := range tokens {
		out.Tokens = append(out.Tokens, tokenProto(t))
	}
	return out, nil
}

func (s *tokenService) RevokeToken(ctx context.Context, in *operatorv1.RevokeTokenRequest) (*operatorv1.RevokeTokenResponse, error) {
	return &operatorv1.RevokeTokenResponse{}, statusOf(s.plane.RevokeToken(ctx, in.GetId()))
}
