package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nattevakt/nattevakt/server/internal/api"
	"github.com/nattevakt/nattevakt/server/internal/auth"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
	"github.com/nattevakt/nattevakt/server/internal/web"
)

// The data folder.
const (
	storeFile    = "nattevakt.db"
	caDir        = "ca"
	contentDir   = "content"
	operatorDir  = "operator"
	operatorFile = "operator.json"
	webDir       = "web"
)

// house is the open data folder and what works on it.
type house struct {
	ca         *ca.CA
	store      *bolt.Store
	plane      *control.Plane
	admin      *auth.Admin
	firstToken string
	metrics    *prometheus.Registry
	certs      *serverCerts
	info       api.Info
	dir        string
	log        *slog.Logger
}

func openHouse(ctx context.Context, f serveFlags, clock control.Clock, log *slog.Logger) (_ *house, err error) {
	h := &house{dir: f.data, log: log, metrics: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	for _, d := range []string{"", contentDir, operatorDir, webDir} {
		if err := os.MkdirAll(filepath.Join(f.data, d), 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
	}
	if h.ca, _, err = ca.Open(filepath.Join(f.data, caDir), ca.Options{RootKey: f.rootKey}, time.Now()); err != nil {
		return nil, err
	}
	commits := newCommitMetrics()
	h.metrics.MustRegister(commits.seconds, commits.batches)
	if h.store, err = bolt.Open(filepath.Join(f.data, storeFile), bolt.Options{Observe: commits.observe}); err != nil {
		return nil, err
	}
	releases, err := openReleases(filepath.Join(f.data, contentDir), filepath.Join(f.data, trustFile))
	if err != nil {
		return nil, err
	}
	h.info = api.Info{Version: version(), StartedAt: time.Now(), SchemaVersion: bolt.Schema(), RootDER: h.ca.Root().Raw}
	h.plane, err = control.Open(ctx, control.Options{
		Store: h.store, CA: h.ca, Dir: f.data, Clock: clock, Pace: f.pace, Releases: releases, Log: log,
	})
	if err != nil {
		return nil, err
	}
	return h, h.firstRelease(releases)
}

// close is safe on a house that was only half opened.
func (h *house) close() error {
	var errs []error
	if h.plane != nil {
		errs = append(errs, h.plane.Close())
	}
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	return errors.Join(errs...)
}

// introduce settles under which names the server is known.
func (h *house) introduce(ctx context.Context, f serveFlags, l listeners) error {
	hosts := f.advertise
	if len(hosts) == 0 {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("host name: %w", err)
		}
		hosts = []string{name}
		if ip := l.agents.Addr().(*net.TCPAddr).IP; !ip.IsUnspecified() {
			hosts = []string{ip.String()}
		}
	}
	at := func(x net.Listener, host string) string {
		_, port, _ := net.SplitHostPort(x.Addr().String())
		return net.JoinHostPort(host, port)
	}
	for _, host := range hosts {
		h.info.AgentAddresses = append(h.info.AgentAddresses, at(l.agents, host))
	}
	h.info.ContentAddress = "https://" + at(l.content, hosts[0]) + api.ContentPrefix
	h.info.WebAddress = "https://" + at(l.web, hosts[0]) + "/"
	if f.webHTTP {
		h.info.WebAddress = "http://" + at(l.web, hosts[0]) + "/"
	}
	h.certs = &serverCerts{ca: h.ca, hosts: append(hosts, "localhost", "127.0.0.1", "::1")}
	return h.writeOperator(ctx, f.newOperator)
}

func (h *house) servers(ctx context.Context, f serveFlags, l listeners) (servers, error) {
	tc := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: h.certs.get,
		// Asked for and judged by control, which can say why a certificate is refused.
		ClientAuth: tls.RequestClientCert,
	}
	agents, err := api.New(api.Options{
		Plane: h.plane, TLS: withProtocols(tc, "h2"), Limit: f.limit, Info: h.info, Backup: h.store, Metrics: h.metrics, Log: h.log,
	})
	if err != nil {
		return servers{}, err
	}
	content, err := api.NewContent(filepath.Join(f.data, contentDir), h.plane, tc, h.log)
	if err != nil {
		return servers{}, err
	}
	// Last, and after the ports are open: the first start makes the token that is shown only once, and a
	// start that fails would show it never.
	if h.admin, h.firstToken, err = auth.Open(filepath.Join(f.data, webDir)); err != nil {
		return servers{}, err
	}
	pages := web.Server(ctx, web.New(web.Options{Source: h.plane, Admin: h.admin, Logger: h.log, Version: version()}))
	pages.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: h.certs.get}
	s := servers{agents: agents, agentsL: l.agents, https: []bound{
		{"content", content, l.content, true},
		{"pages", pages, l.web, !f.webHTTP},
	}}
	if l.metrics != nil {
		h.metrics.MustRegister(fleetMetrics(h.plane, h.store)...)
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(h.metrics, promhttp.HandlerOpts{}))
		s.https = append(s.https, bound{"metrics", &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, l.metrics, false})
	}
	return s, nil
}

func withProtocols(c *tls.Config, protocols ...string) *tls.Config {
	c = c.Clone()
	c.NextProtos = protocols
	return c
}

// serverCerts gives the server's own certificate, and makes a new one at two thirds of its life. The key
// lives in memory only: machines trust the root, not the key.
type serverCerts struct {
	ca    *ca.CA
	hosts []string

	mu    sync.Mutex // guards both
	cert  *tls.Certificate
	renew time.Time
}

func (s *serverCerts) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.cert != nil && now.Before(s.renew) {
		return s.cert, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	chain, leaf, err := s.ca.Issue(ca.Subject{Role: ca.Server, Name: "server", Hosts: s.hosts}, key.Public(), now)
	if err != nil {
		return nil, err
	}
	s.cert = &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}
	s.renew = now.Add(ca.ServerLife * 2 / 3)
	return s.cert, nil
}
