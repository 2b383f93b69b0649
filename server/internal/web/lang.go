package web

import (
	"net/http"
	"strconv"
	"strings"
)

// The languages of the pages, by their BCP 47 tags.
const (
	bokmål  = "nb"
	english = "en"
)

// language is what the user chose, else what the browser asks for, else bokmål.
func language(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == bokmål || c.Value == english) {
		return c.Value
	}
	return preferred(r.Header.Get("Accept-Language"))
}

// preferred picks from an Accept-Language header (RFC 9110, 12.5.4). Any Norwegian, Danish and Swedish
// read bokmål; of equal weights the first counts.
func preferred(header string) string {
	best, bestQ := bokmål, 0.0
	for i, part := range strings.Split(header, ",") {
		if i == 20 { // no browser sends as many
			break
		}
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		lang, ok := known(tag)
		if q := weight(params); ok && q > bestQ {
			best, bestQ = lang, q
		}
	}
	return best
}

func known(tag string) (lang string, ok bool) {
	base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	switch base {
	case "nb", "no", "nn", "da", "sv":
		return bokmål, true
	case "en":
		return english, true
	}
	return "", false
}

func weight(params string) float64 {
	v, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(v, 64)
	if err != nil || q < 0 || q > 1 {
		return 0
	}
	return q
}

// chooseLanguage keeps the user's choice for a year and goes back to where it was made.
func (s *site) chooseLanguage(q *request) error {
	if err := q.ParseForm(); err != nil {
		return err
	}
	lang := bokmål
	if q.PostForm.Get("til") == english {
		lang = english
	}
	http.SetCookie(q.w, &http.Cookie{
		Name: languageCookie, Value: lang, Path: "/", MaxAge: 365 * 24 * 3600,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	q.redirect(q.PostForm.Get("tilbake"))
	return nil
}
