package api

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/nattevakt/nattevakt/proto/id"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// watchEvery bounds how often a watcher is sent the night.
const watchEvery = 500 * time.Millisecond

type nightService struct {
	operatorv1.UnimplementedNightServiceServer
	plane *control.Plane
}

func (s *nightService) Push(ctx context.Context, in *operatorv1.PushRequest) (*operatorv1.PushResponse, error) {
	info, _ := caller(ctx)
	r, night, err := s.plane.Push(ctx, control.Order{
		Cabinet: id.Name(in.GetCabinetId()), Image: in.GetImage(), Release: in.GetRelease(),
		Open: in.GetWindow().GetOpen(), Close: in.GetWindow().GetClose(), Bell: in.GetWindow().GetBell(),
		AtOnce: int(in.GetAtOnce()), Now: in.GetNow(), DryRun: in.GetDryRun(), By: info.who.Name,
	})
	if err != nil {
		return nil, statusOf(err)
	}
	return &operatorv1.PushResponse{Rollout: rolloutProto(r, night.Jobs), Night: nightProto(night)}, nil
}

func (s *nightService) ListRollouts(context.Context, *operatorv1.ListRolloutsRequest) (*operatorv1.ListRolloutsResponse, error) {
	out := &operatorv1.ListRolloutsResponse{}
	for _, r := range s.plane.Rollouts() {
		out.Rollouts = append(out.Rollouts, rolloutProto(r.Rollout, r.Jobs))
	}
	return out, nil
}

func (s *nightService) CancelRollout(ctx context.Context, in *operatorv1.CancelRolloutRequest) (*operatorv1.CancelRolloutResponse, error) {
	return &operatorv1.CancelRolloutResponse{}, statusOf(s.plane.Cancel(ctx, in.GetId()))
}

func (s *nightService) GetNight(ctx context.Context, in *operatorv1.GetNightRequest) (*operatorv1.GetNightResponse, error) {
	out := &operatorv1.GetNightResponse{Now: stamp(s.plane.Now())}
	if in.GetCabinetId() == "" {
		nights, err := s.plane.Nights(ctx)
		if err != nil {
			return nil, statusOf(err)
		}
		for _, n := range nights {
			out.Cabinets = append(out.Cabinets, nightProto(n))
		}
		return out, nil
	}
	n, err := s.plane.Cabinet(ctx, id.Name(in.GetCabinetId()))
	if err != nil {
		return nil, statusOf(err)
	}
	out.Cabinets = append(out.Cabinets, nightProto(n))
	return out, nil
}

func (s *nightService) WatchNight(in *operatorv1.WatchNightRequest, stream grpc.ServerStreamingServer[operatorv1.WatchNightResponse]) error {
	ctx := stream.Context()
	changes := s.plane.Watch(ctx, id.Name(in.GetCabinetId()))
	pause := time.NewTicker(watchEvery)
	defer pause.Stop()
	for {
		n, err := s.plane.Cabinet(ctx, id.Name(in.GetCabinetId()))
		if err != nil {
			return statusOf(err)
		}
		if err := stream.Send(&operatorv1.WatchNightResponse{Now: stamp(s.plane.Now()), Cabinet: nightProto(n)}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		}
	}
}
