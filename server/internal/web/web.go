// Package web serves the pages people see: the fleet, a device, a cabinet, tonight, and the teacher's
// answer. Pages are made on the server from html/template; the one small script only brings changes to
// pages that are open, and every page works without it.
//
// Guarantees:
//   - It shows what Source gives and decides nothing: counts, readiness and plans come ready-made.
//   - Every page but the log-in needs a session, and so does every piece of a live page as it is sent.
//   - Nothing from a device, a person or an address becomes markup, script or a redirect to elsewhere.
//   - A page with all it loads is under 100 KB over the wire, and asks no other server for anything.
//   - Bokmål and English have the same pages; times are those of the site that is shown.
//   - Live streams, request sizes and the time a request may take are bounded.
//
// The server calls New once and serves the result over TLS, preferably through Server.
package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/auth"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// Source is what pages show. Methods may be called from many goroutines. What does not exist is an error
// that is control.ErrNotFound.
type Source interface {
	Overview(context.Context) (control.Overview, error)
	// Devices gives at most limit rows after the row that after names; next is empty at the end.
	Devices(ctx context.Context, f control.DeviceFilter, limit int, after string) (rows []control.DeviceRow, next string, err error)
	// Device finds by id, serial number or host name.
	Device(ctx context.Context, key string) (control.DeviceDetail, error)
	Cabinet(context.Context, id.Name) (control.CabinetNight, error)
	Nights(context.Context) ([]control.CabinetNight, error)
	// Watch gives a channel that receives after something about the cabinet has changed; signals that
	// nobody has taken yet may melt into one. It ends with ctx.
	Watch(ctx context.Context, cabinet id.Name) <-chan struct{}
	// Now is the control plane's clock, which may run fast in a demonstration.
	Now() time.Time
}

// Options for New. Source and Admin are required.
type Options struct {
	Source Source
	Admin  *auth.Admin
	// Logger gets one line per request that failed; nil is slog.Default.
	Logger *slog.Logger
	// Version is shown at the foot of each page.
	Version string
	// Zone is for pages that no single site owns; nil is Europe/Oslo.
	Zone *time.Location
	// MaxStreams is how many live pages may be open at the same time; 0 is DefaultMaxStreams.
	MaxStreams int
}

// Limits on requests and streams.
const (
	DefaultMaxStreams = 400
	maxHeaderBytes    = 16 << 10
	maxFormBytes      = 4 << 10
	headerTimeout     = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 20 * time.Second
	idleTimeout       = 2 * time.Minute
	answerTimeout     = 8 * time.Second
)

// site is the running set of pages.
type site struct {
	source  Source
	admin   *auth.Admin
	log     *slog.Logger
	version string
	zone    *time.Location
	files   *files
	pages   *pages
	hub     *hub
}

// New gives the handler of all pages.
func New(o Options) http.Handler {
	s := &site{source: o.Source, admin: o.Admin, log: o.Logger, version: o.Version, zone: o.Zone}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.zone == nil {
		s.zone = loadZone("Europe/Oslo", time.UTC)
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = DefaultMaxStreams
	}
	s.files = embeddedFiles()
	s.pages = parsePages(s.files)
	s.hub = newHub(s, o.MaxStreams)
	return s.guard(s.routes())
}

// routes says which page needs what. Everything that is not open needs a session.
func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /assets/{file}", s.files.serve)
	mux.Handle("GET /logg-inn", s.open(s.loginPage))
	mux.Handle("POST /logg-inn", s.open(s.login))
	mux.Handle("POST /sprak", s.open(s.chooseLanguage))
	mux.Handle("POST /logg-ut", s.open(s.logout))
	mux.Handle("GET /{$}", s.private(s.overview))
	mux.Handle("GET /maskiner", s.private(s.devices))
	mux.Handle("GET /maskin/{key}", s.private(s.device))
	mux.Handle("GET /ladeskap/{cabinet}", s.private(s.cabinet))
	mux.Handle("GET /klar/{cabinet}", s.private(s.ready))
	mux.Handle("GET /klar/{cabinet}/hendelser", s.stream("klar"))
	mux.Handle("GET /natt", s.private(s.nights))
	mux.Handle("GET /natt/{cabinet}", s.private(s.night))
	mux.Handle("GET /natt/{cabinet}/hendelser", s.stream("natt"))
	mux.Handle("/", s.private(func(*request) error { return errNoPage }))
	return mux
}

// Server wraps handler in a server whose limits suit pages for people. Streams end with ctx, so that
// Shutdown need not wait for them. The caller sets Addr and TLSConfig.
func Server(ctx context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
}

func loadZone(name string, fallback *time.Location) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		return fallback
	}
	return loc
}
