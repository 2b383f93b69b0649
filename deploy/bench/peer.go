//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The roles in which this program runs itself: it serves as the peer, or calls it.
const (
	peerServe   = "peer-serve"
	peerCall    = "peer-call"
	peerAddress = "address" // file in the peer's folder
	peerPath    = "/v1/checkin"
)

func peerRole(ctx context.Context, args []string) error {
	switch {
	case args[0] == peerServe && len(args) == 2:
		return servePeer(ctx, args[1])
	case args[0] == peerCall && len(args) > 2:
		return callPeer(args[1], args[2:])
	}
	return fmt.Errorf("unknown arguments %q: see -help", args)
}

func isPeer(c called) bool { return strings.HasPrefix(c.load.what, "peer") }

// The peer's messages carry what Nattevakt's do.
type peerRequest struct {
	Seq            uint64    `json:"seq"`
	BootID         string    `json:"boot_id"`
	HardwareDigest string    `json:"hardware_digest"`
	ReportDigest   string    `json:"report_digest"`
	OnAC           bool      `json:"on_ac"`
	BatteryPercent int       `json:"battery_percent"`
	DeviceTime     time.Time `json:"device_time"`
}

type peerAnswer struct {
	NextInMS   int       `json:"next_in_ms"`
	WantReport bool      `json:"want_report"`
	ServerTime time.Time `json:"server_time"`
}

// peerServer is a check-in service as one would write it first.
type peerServer struct {
	mu      sync.Mutex // guards devices
	devices map[string]peerRequest
}

func (p *peerServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in peerRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name := r.TLS.PeerCertificates[0].Subject.CommonName
	p.mu.Lock()
	last, known := p.devices[name]
	p.devices[name] = in
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	answer := peerAnswer{NextInMS: 900_000, WantReport: known && last.ReportDigest != in.ReportDigest, ServerTime: time.Now()}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(http.ErrAbortHandler) // the caller is gone
	}
}

// servePeer serves until ctx ends.
func servePeer(ctx context.Context, dir string) error {
	authority, err := openPeerCA(dir)
	if err != nil {
		return err
	}
	cert, err := authority.issue("127.0.0.1")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+peerPath, &peerServer{devices: map[string]peerRequest{}})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute, TLSConfig: &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.pool(), NextProtos: []string{"http/1.1"},
	}}
	if err := writeWhole(filepath.Join(dir, peerAddress), listener.Addr().String()); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// writeWhole lets no reader see half of a file.
func writeWhole(path, content string) error {
	if err := os.WriteFile(path+".tmp", []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
