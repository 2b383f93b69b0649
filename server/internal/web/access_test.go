package web_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/server/internal/auth"
)

func TestNothingOpensWithoutASession(t *testing.T) {
	source := newFakeSource()
	v := newVisitor(t, source)
	for _, path := range append(privatePages(source, t), "/finnes-ikke") {
		res := v.get(path)
		want := "/logg-inn?til=" + url.QueryEscape(path)
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want the log-in", path, res.StatusCode, res.Header.Get("Location"))
		}
	}
	for _, path := range []string{"/natt/solvang-a/hendelser", "/klar/solvang-a/hendelser"} {
		if res := v.get(path); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", path, res.StatusCode)
		}
	}
	if source.watched() != 0 {
		t.Errorf("a refused stream watches")
	}
}

func TestSessionCookie(t *testing.T) {
	v := newVisitor(t, newFakeSource())
	c := sessionOf(v.login(v.token, "/natt"))
	if c == nil || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %v", c)
	}
}

func TestLogin(t *testing.T) {
	v := newVisitor(t, newFakeSource())
	res := v.login("feil", "/natt")
	if page := body(t, res); res.StatusCode != http.StatusUnauthorized || sessionOf(res) != nil || !strings.Contains(page, "Nøkkelen stemmer ikke") {
		t.Errorf("wrong token: %d", res.StatusCode)
	}
	if res := v.login(v.token, "/natt"); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/natt" {
		t.Errorf("right token: %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	for range auth.DefaultLimits.PerAddressBurst {
		res = v.login("feil", "/")
	}
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("over the limit: %d", res.StatusCode)
	}
	if strings.Contains(v.log.String(), v.token) || strings.Contains(v.log.String(), "feil") {
		t.Errorf("what was typed is in the log")
	}
}

func TestLogoutEndsTheSessionOnTheServer(t *testing.T) {
	v := newAdmin(t, newFakeSource())
	if res := v.post("/logg-ut", nil); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("log-out: %d", res.StatusCode)
	}
	if res := v.get("/"); res.StatusCode != http.StatusSeeOther { // v still sends the old cookie
		t.Errorf("the old cookie opens the front page: %d", res.StatusCode)
	}
}

func TestRedirectsStayHere(t *testing.T) {
	for _, to := range []string{
		"//evil.example", "/\\evil.example", "https://evil.example", "evil.example", "\t//evil.example", "/\t/evil.example",
		"/\n/evil.example", "javascript:alert(1)", "http:/evil.example", "", "/%0d%0aLocation: x", "//evil.example/%2f..",
	} {
		v := newVisitor(t, newFakeSource())
		loc := v.login(v.token, to).Header.Get("Location")
		if loc != "/" && !strings.HasPrefix(loc, "/%0") {
			t.Errorf("log-in to %q goes to %q", to, loc)
		}
		loc = v.post("/sprak", url.Values{"til": {"en"}, "tilbake": {to}}).Header.Get("Location")
		if loc != "/" && !strings.HasPrefix(loc, "/%0") {
			t.Errorf("language from %q goes to %q", to, loc)
		}
	}
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		v := newAdmin(t, newFakeSource())
		res := v.post("/logg-ut", nil, header...)
		if page := body(t, res); res.StatusCode != http.StatusForbidden || !strings.Contains(page, "annet nettsted") {
			t.Errorf("%v: %d", header, res.StatusCode)
		}
		if v.get("/").StatusCode != http.StatusOK {
			t.Errorf("%v: logged out all the same", header)
		}
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	v := newAdmin(t, newFakeSource())
	for _, path := range []string{"/", "/finnes-ikke", "/assets/x.css", "/logg-inn"} {
		h := v.get(path).Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy lacks %s", path, want)
			}
		}
		if strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
		if h.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS without TLS", path)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{}
	if v.do(r).Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("no HSTS over TLS")
	}
}

func TestNoScriptOrStyleStandsInAPage(t *testing.T) {
	source := newFakeSource()
	v := newAdmin(t, source)
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|<script(?:>|\s+(?:[^s>]|s[^r>]))|\son[a-z]+=|javascript:`)
	for _, path := range privatePages(source, t) {
		page := strings.ReplaceAll(body(t, v.get(path)), "&lt;script", "")
		page = strings.ReplaceAll(page, "onload=&#39;", "")
		if m := inline.FindString(page); m != "" {
			t.Errorf("%s: holds %q", path, m)
		}
	}
}

func TestHostileStringsStayText(t *testing.T) {
	source := newFakeSource()
	v := newAdmin(t, source)
	inBDI := regexp.MustCompile(`(?s)<(bdi|title|option)[^>]*>[^<]*$`)
	for _, path := range privatePages(source, t) {
		page := body(t, v.get(path))
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "onload='x'") {
			t.Errorf("%s: a device's name became markup", path)
		}
		for i := 0; ; {
			k := strings.Index(page[i:], "\u202e")
			if k < 0 {
				break
			}
			if i += k; !inBDI.MatchString(page[:i]) {
				t.Errorf("%s: a right-to-left mark outside <bdi> at …%s", path, page[max(0, i-60):i])
			}
			i += len("\u202e")
		}
	}
}

func TestHugeFormsAreRefused(t *testing.T) {
	v := newVisitor(t, newFakeSource())
	res := v.login(strings.Repeat("x", 1<<20), "/")
	if page := body(t, res); res.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(page, "for stort") {
		t.Errorf("status %d", res.StatusCode)
	}
}
