package controltest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/agent/internal/config"
	"github.com/nattevakt/nattevakt/images/build"
	"github.com/nattevakt/nattevakt/images/store"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// JobID is the job of the assignments that Release gives.
const JobID = "c0a8f7d2-93c1-4e0e-b1f5-2a2d7d0b6e11"

// Bootstrap writes a bootstrap file for the server as it is now, trusting keys, and gives its path.
func (s *Server) Bootstrap(token string, keys ...ed25519.PublicKey) string {
	s.tb.Helper()
	b := config.Bootstrap{Version: config.Version, Server: s.Address(), CA: string(s.CA.PEM()), SiteToken: token}
	for _, key := range keys {
		b.ReleaseKeys, b.ReleaseThreshold = append(b.ReleaseKeys, base64.StdEncoding.EncodeToString(key)), 1
	}
	data, err := json.Marshal(b)
	if err != nil {
		s.tb.Fatal(err)
	}
	path := filepath.Join(s.tb.TempDir(), "bootstrap.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.tb.Fatal(err)
	}
	return path
}

// Release is a signed release that is served over HTTPS to device certificates of a CA.
type Release struct {
	Key    ed25519.PublicKey
	digest [32]byte
	url    string
}

// Publish signs a disk as release "elev 2026.11" and serves it.
func (s *Server) Publish(disk []byte) *Release {
	s.tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		s.tb.Fatal(err)
	}
	dir := s.tb.TempDir()
	folder, err := store.Folder(dir)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer folder.Close()
	built, err := build.Build(context.Background(), build.Options{
		Source: bytes.NewReader(disk), Size: int64(len(disk)), Image: "elev", Release: "2026.11",
		Created: time.Unix(1_800_000_000, 0), Keys: []ed25519.PrivateKey{private}, Store: folder,
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return &Release{Key: public, digest: built.ManifestDigest, url: s.serve(s.tb, dir)}
}

func (s *Server) serve(tb testing.TB, dir string) string {
	server := httptest.NewUnstartedServer(http.FileServer(http.Dir(dir)))
	server.TLS = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{s.Certificate},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.CA.Pool(),
	}
	server.StartTLS()
	tb.Cleanup(server.Close)
	return server.URL
}

// Assignment orders the release now, for an hour.
func (r *Release) Assignment(revision uint64) *v1.Assignment {
	return &v1.Assignment{
		Revision: revision, JobId: JobID, Attempt: 1, Granted: true,
		Phases:    []v1.Phase{v1.Phase_PHASE_FETCH, v1.Phase_PHASE_VERIFY, v1.Phase_PHASE_WRITE, v1.Phase_PHASE_CONFIRM},
		NotBefore: timestamppb.New(time.Now().Add(-time.Minute)), NotAfter: timestamppb.New(time.Now().Add(time.Hour)),
		Action: &v1.Assignment_Reimage{Reimage: &v1.Reimage{
			Image: "elev", Release: "2026.11", ManifestDigest: r.digest[:], ContentUrls: []string{r.url},
		}},
	}
}
