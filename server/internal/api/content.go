package api

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	imagestore "github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// ContentPrefix is where releases lie below the content address.
const ContentPrefix = "/content/"

// maxObject bounds one uploaded object: a pack is at most 64 MiB and a little.
const maxObject = 80 << 20

// content serves the objects of releases to the fleet over mTLS, and takes new ones from operators. All
// objects are signed or named by their digest, so a reader trusts none of it until it has checked.
type content struct {
	plane *control.Plane
	root  *os.Root
	store *imagestore.FolderStore
	log   *slog.Logger
}

// NewContent makes the HTTPS server of the folder dir. The caller serves it with its TLSConfig.
func NewContent(dir string, plane *control.Plane, config *tls.Config, log *slog.Logger) (*http.Server, error) {
	store, err := imagestore.Folder(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	c := &content{plane: plane, root: root, store: store, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+ContentPrefix+"{name...}", c.get)
	mux.HandleFunc("PUT "+ContentPrefix+"{name...}", c.put)
	tc := config.Clone()
	tc.NextProtos = []string{"h2", "http/1.1"}
	return &http.Server{
		Handler:           mux,
		TLSConfig:         tc,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}, nil
}

// peer judges the certificate for every request, so that a revoked device gets nothing more even on an
// open connection.
func (c *content) peer(ctx context.Context, r *http.Request) (*control.Peer, error) {
	who, err := c.plane.Authenticate(ctx, r.TLS.PeerCertificates)
	if err == nil && (who == nil || who.Expired) {
		err = errNotYours
	}
	return who, err
}

func (c *content) get(w http.ResponseWriter, r *http.Request) {
	if _, err := c.peer(r.Context(), r); err != nil {
		c.fail(w, r, err)
		return
	}
	name := r.PathValue("name")
	if err := imagestore.CheckName(name); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	f, err := c.root.Open(name)
	if err != nil {
		http.Error(w, name+": no such object in the store; publish the release again", http.StatusNotFound)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.Error(w, name+": no such object in the store", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if !strings.HasSuffix(name, ".pack") {
		w.Header().Set("Cache-Control", "no-cache")
	}
	http.ServeContent(w, r, "", info.ModTime(), f)
}

func (c *content) put(w http.ResponseWriter, r *http.Request) {
	who, err := c.peer(r.Context(), r)
	if err == nil && who.Role != ca.Operator {
		err = errNotYours
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	name := r.PathValue("name")
	if err := imagestore.CheckName(name); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := c.store.Put(r.Context(), name, http.MaxBytesReader(w, r.Body, maxObject)); err != nil {
		c.fail(w, r, err)
		return
	}
	c.log.Info("object published", "name", name, "operator", who.Name)
	w.WriteHeader(http.StatusNoContent)
}

func (c *content) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *control.Refusal
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &refusal), errors.Is(err, errNotYours):
		http.Error(w, err.Error(), http.StatusForbidden)
	case errors.As(err, &tooLarge):
		http.Error(w, "object is too large", http.StatusRequestEntityTooLarge)
	case errors.Is(err, context.Canceled):
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		c.log.Error("content", "method", r.Method, "path", r.URL.Path, "err", err)
		http.Error(w, "the control plane's disk has no room for this object: make room on it and try again", http.StatusInsufficientStorage)
	default:
		c.log.Error("content", "method", r.Method, "path", r.URL.Path, "err", err)
		http.Error(w, "the store cannot take or give this object now; the log of the control plane has the details", http.StatusInternalServerError)
	}
}
