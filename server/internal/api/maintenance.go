package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/store"
)

// Info is what the control plane tells about itself.
type Info struct {
	Version   string
	StartedAt time.Time
	// AgentAddresses are host:port of the device listener, as machines can reach it; first is preferred.
	AgentAddresses []string
	WebAddress     string
	ContentAddress string
	SchemaVersion  int
	// RootDER is the certificate that machines pin.
	RootDER []byte
	// ReleaseKeys are the ed25519 public keys whose signatures machines ask for on a release.
	ReleaseKeys      [][]byte
	ReleaseThreshold int
}

// Bootstrap is the file a machine needs to find and trust the control plane, with a site token in it;
// agent/internal/config reads it.
func (i Info) Bootstrap(siteToken string) ([]byte, error) {
	keys := make([]string, len(i.ReleaseKeys))
	for n, k := range i.ReleaseKeys {
		keys[n] = base64.StdEncoding.EncodeToString(k)
	}
	if len(i.AgentAddresses) == 0 {
		return nil, errors.New("bootstrap file: no address to give to machines")
	}
	return json.MarshalIndent(struct {
		Version          int      `json:"version"`
		Server           string   `json:"server"`
		Servers          []string `json:"servers,omitempty"`
		CA               string   `json:"ca"`
		SiteToken        string   `json:"site_token,omitempty"`
		ReleaseKeys      []string `json:"release_keys"`
		ReleaseThreshold int      `json:"release_threshold"`
	}{1, i.AgentAddresses[0], i.AgentAddresses[1:], string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.RootDER})), siteToken, keys, i.ReleaseThreshold}, "", "  ")
}

// Backuper copies the store while it is in use.
type Backuper interface {
	store.Backuper
	store.Sizer
}

type maintenance struct {
	operatorv1.UnimplementedMaintenanceServiceServer
	plane  *control.Plane
	info   Info
	backup Backuper
}

func (m *maintenance) GetStatus(context.Context, *operatorv1.GetStatusRequest) (*operatorv1.GetStatusResponse, error) {
	size, err := m.backup.Size()
	if err != nil {
		return nil, statusOf(err)
	}
	out := &operatorv1.GetStatusResponse{
		Version: m.info.Version, StartedAt: stamp(m.info.StartedAt), Devices: uint64(m.plane.Len()), StoreBytes: uint64(size),
		SchemaVersion: uint32(m.info.SchemaVersion), WebAddress: m.info.WebAddress, ContentAddress: m.info.ContentAddress,
	}
	if len(m.info.AgentAddresses) > 0 {
		out.AgentAddress = m.info.AgentAddresses[0]
	}
	return out, nil
}

func (m *maintenance) Backup(_ *operatorv1.BackupRequest, stream grpc.ServerStreamingServer[operatorv1.BackupResponse]) error {
	snap, err := m.backup.Snapshot(stream.Context())
	if err != nil {
		return statusOf(err)
	}
	defer snap.Close()
	if err := stream.Send(&operatorv1.BackupResponse{TotalBytes: uint64(snap.Size())}); err != nil {
		return err
	}
	_, err = snap.WriteTo(pieces{stream})
	return statusOf(err)
}

// pieces cuts a stream of bytes into messages that every client accepts.
type pieces struct {
	stream grpc.ServerStreamingServer[operatorv1.BackupResponse]
}

const pieceSize = 256 << 10

func (p pieces) Write(b []byte) (int, error) {
	for n := 0; n < len(b); n += pieceSize {
		if err := p.stream.Send(&operatorv1.BackupResponse{Data: b[n:min(n+pieceSize, len(b))]}); err != nil {
			return n, err
		}
	}
	return len(b), nil
}

var _ io.Writer = pieces{}
