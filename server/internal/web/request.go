package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	// The prefix has browsers refuse the cookie unless it is Secure, for this host only and for all paths.
	sessionCookie  = "__Host-nattevakt"
	languageCookie = "sprak"
)

// request is one request on its way to a page.
type request struct {
	w http.ResponseWriter
	*http.Request
	site *site
	// id is what an error page and the log call this request.
	id       string
	lang     string
	loggedIn bool
}

// handler answers one request; an error becomes a page that says what to do.
type handler func(*request) error

// open serves h to anyone.
func (s *site) open(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := s.newRequest(w, r)
		q.loggedIn = q.session()
		q.answer(h)
	})
}

// private serves h within a session, and shows others the log-in.
func (s *site) private(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := s.newRequest(w, r)
		if q.loggedIn = q.session(); !q.loggedIn {
			http.Redirect(w, r, "/logg-inn?"+url.Values{"til": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
			return
		}
		q.answer(h)
	})
}

func (s *site) newRequest(w http.ResponseWriter, r *http.Request) *request {
	return &request{w: w, Request: r, site: s, id: requestID(w), lang: language(r)}
}

// answer runs h under the time limit and turns its error into a page.
func (q *request) answer(h handler) {
	ctx, cancel := context.WithTimeout(q.Context(), answerTimeout)
	defer cancel()
	q.Request = q.WithContext(ctx)
	if err := h(q); err != nil {
		q.fail(err)
	}
}

// session reports whether the request carries a live session, and sends a fresh cookie where that is due.
func (q *request) session() bool {
	c, err := q.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	renewed, ok := q.site.admin.Check(c.Value, time.Now())
	if renewed != "" {
		q.setSession(renewed)
	}
	return ok
}

// setSession sends the session's cookie; an empty value removes it.
func (q *request) setSession(value string) {
	c := &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/",
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(q.w, c)
}

// remote is the address of the connection's other end.
func (q *request) remote() netip.Addr {
	host, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr, _ := netip.ParseAddr(host) // the zero address shares one limit
	return addr
}

// redirect goes to a path of this server after a form was sent.
func (q *request) redirect(path string) {
	http.Redirect(q.w, q.Request, localPath(path), http.StatusSeeOther)
}

// localPath gives p if it is a path on this server, else the front page. Browsers read "//host" and
// "/\host" as other servers, and drop control characters before they look. The path is given as it came:
// writing it anew could decode "/%2f" into "//".
func localPath(p string) string {
	odd := func(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsFunc(p, odd) || len(p) > 2000 {
		return "/"
	}
	u, err := url.Parse(p)
	if err != nil || u.IsAbs() || u.Host != "" {
		return "/"
	}
	return p
}
