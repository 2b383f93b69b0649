package web

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/auth"
)

type loginView struct {
	page
	// To is where to go after log-in.
	To string
	// Problem is what was wrong with the last try; empty at the first.
	Problem string
}

func (s *site) loginPage(q *request) error {
	to := localPath(q.URL.Query().Get("til"))
	if q.loggedIn {
		q.redirect(to)
		return nil
	}
	return q.showLogin(http.StatusOK, to, "")
}

func (q *request) showLogin(status int, to, problem string) error {
	v := loginView{page: q.newPage("Logg inn", "Log in"), To: to, Problem: problem}
	return q.render(status, "login", v)
}

// login starts a session for whoever has the administrator's token.
func (s *site) login(q *request) error {
	if err := q.ParseForm(); err != nil {
		return err
	}
	to := localPath(q.PostForm.Get("til"))
	cookie, err := s.admin.Login(q.remote(), q.PostForm.Get("nokkel"), time.Now())
	switch {
	case errors.Is(err, auth.ErrTooMany):
		s.log.Warn("log-in refused unseen", slog.String("request", q.id), slog.String("address", q.remote().String()))
		q.w.Header().Set("Retry-After", "10")
		return q.showLogin(http.StatusTooManyRequests, to, words{
			"For mange forsøk. Vent ti sekunder og prøv igjen.",
			"Too many attempts. Wait ten seconds and try again."}.in(q.lang))
	case errors.Is(err, auth.ErrWrongToken):
		s.log.Warn("log-in with a wrong token", slog.String("request", q.id), slog.String("address", q.remote().String()))
		return q.showLogin(http.StatusUnauthorized, to, words{
			"Nøkkelen stemmer ikke. Kopier hele nøkkelen fra første oppstart, uten tegn foran eller bak.",
			"That is not the token. Copy all of the token from the first start, with nothing before or after it."}.in(q.lang))
	case err != nil:
		return err
	}
	q.setSession(cookie)
	q.redirect(to)
	return nil
}

// logout ends the session on the server, so that no copy of the cookie opens anything.
func (s *site) logout(q *request) error {
	if c, err := q.Cookie(sessionCookie); err == nil {
		if err := s.admin.Logout(c.Value, time.Now()); err != nil {
			return err
		}
	}
	q.setSession("")
	q.redirect("/logg-inn")
	return nil
}
