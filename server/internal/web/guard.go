package web

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// policy lets pages load from this server only, run no script and no style that stands in the page, and
// be framed by nobody. The design system's icons are data: images in its style sheet.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const requestIDHeader = "X-Request-Id"

// guard wraps all pages: security headers, a request id, refusal of forms from other sites, a bound on
// bodies, and a page instead of a broken connection where the program fails.
func (s *site) guard(next http.Handler) http.Handler {
	forms := http.NewCrossOriginProtection()
	forms.SetDenyHandler(s.open(func(*request) error { return errForeignForm }))
	next = forms.Handler(http.MaxBytesHandler(next, maxFormBytes))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header(), r.TLS != nil)
		defer s.recover(w, r)
		next.ServeHTTP(w, r)
	})
}

func setHeaders(h http.Header, overTLS bool) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set(requestIDHeader, newRequestID())
	if overTLS {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func (s *site) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) { // net/http's own way to give up
		panic(p)
	}
	s.log.Error("page failed", slog.String("request", requestID(w)), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	s.newRequest(w, r).fail(errInternal)
}

func newRequestID() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}

// requestID is the id that guard gave this request.
func requestID(w http.ResponseWriter) string { return w.Header().Get(requestIDHeader) }
