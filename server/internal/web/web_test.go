package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/auth"
	"github.com/nattevakt/nattevakt/server/internal/control"
	"github.com/nattevakt/nattevakt/server/internal/web"
)

// visitor is someone with a browser in front of the pages.
type visitor struct {
	t       *testing.T
	handler http.Handler
	token   string
	log     *bytes.Buffer
	session *http.Cookie
}

// newVisitor opens the pages of source, not logged in.
func newVisitor(t *testing.T, source web.Source) *visitor {
	t.Helper()
	admin, token, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, token: token, log: &bytes.Buffer{}}
	v.handler = web.New(web.Options{Source: source, Admin: admin, Version: "0.1.0", Logger: slog.New(slog.NewTextHandler(v.log, nil))})
	return v
}

// newAdmin is a visitor who has logged in.
func newAdmin(t *testing.T, source web.Source) *visitor {
	t.Helper()
	v := newVisitor(t, source)
	v.session = sessionOf(v.login(v.token, "/"))
	if v.session == nil {
		t.Fatal("no session after log-in")
	}
	return v
}

func (v *visitor) do(r *http.Request) *http.Response {
	if v.session != nil {
		r.AddCookie(v.session)
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	return w.Result()
}

func (v *visitor) get(path string, header ...string) *http.Response {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.do(r)
}

func (v *visitor) post(path string, form url.Values, header ...string) *http.Response {
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.do(r)
}

func (v *visitor) login(token, to string) *http.Response {
	return v.post("/logg-inn", url.Values{"nokkel": {token}, "til": {to}})
}

func sessionOf(res *http.Response) *http.Cookie {
	for _, c := range res.Cookies() {
		if c.Name == "__Host-nattevakt" && c.Value != "" {
			return c
		}
	}
	return nil
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// privatePages are all pages behind the log-in, and their streams.
func privatePages(s *fakeSource, t *testing.T) []string {
	return []string{
		"/", "/maskiner", "/maskiner?sok=solvang&tilstand=i-drift&skole=solvang", "/maskiner?ladeskap=hamna-1",
		"/maskin/" + s.slotDevice(t, "solvang-a", 12).ID.String(), "/maskin/" + s.slotDevice(t, "solvang-a", 26).ID.String(),
		"/maskin/" + s.slotDevice(t, "solvang-b", 4).ID.String(), "/ladeskap/solvang-a", "/ladeskap/fjellro-1", "/ladeskap/hamna-1",
		"/klar/solvang-a", "/klar/solvang-b", "/klar/hamna-1", "/natt", "/natt/solvang-a", "/natt/solvang-b", "/natt/fjellro-1",
	}
}

func TestEveryPageInBothLanguages(t *testing.T) {
	source := newFakeSource()
	v := newAdmin(t, source)
	for _, path := range privatePages(source, t) {
		for lang, word := range map[string]string{"nb": "Hopp til innholdet", "en": "Skip to content"} {
			res := v.get(path, "Accept-Language", lang)
			page := body(t, res)
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s %s: status %d", path, lang, res.StatusCode)
			}
			if !strings.Contains(page, `<html lang="`+lang+`"`) || !strings.Contains(page, word) {
				t.Errorf("%s: not in %s", path, lang)
			}
			if !strings.HasSuffix(strings.TrimSpace(page), "</html>") || strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "0001") {
				t.Errorf("%s %s: cut short, or holds what a template refused, or the year 1", path, lang)
			}
		}
	}
}

func TestLanguage(t *testing.T) {
	v := newVisitor(t, newFakeSource())
	for header, want := range map[string]string{
		"": "nb", "en": "en", "en-GB,en;q=0.9": "en", "nn,en;q=0.8": "nb", "de,en;q=0.5": "en", "de": "nb",
		"en;q=0.5,nb": "nb", "en;q=0": "nb", "no;q=x,en": "en", strings.Repeat(",", 5000) + "en": "nb", "en;q=NaN": "nb",
	} {
		if page := body(t, v.get("/logg-inn", "Accept-Language", header)); !strings.Contains(page, `<html lang="`+want+`"`) {
			t.Errorf("Accept-Language %.40q: not %s", header, want)
		}
	}
	res := v.post("/sprak", url.Values{"til": {"en"}, "tilbake": {"/logg-inn?til=%2Fnatt"}})
	if res.Header.Get("Location") != "/logg-inn?til=%2Fnatt" || len(res.Cookies()) != 1 {
		t.Fatalf("choice of language: %v", res.Header)
	}
	r := httptest.NewRequest("GET", "/logg-inn", nil)
	r.Header.Set("Accept-Language", "nb")
	r.AddCookie(res.Cookies()[0])
	if page := body(t, v.do(r)); !strings.Contains(page, `<html lang="en"`) {
		t.Errorf("the user's choice does not win over the browser's")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name, path string
		fail       error
		status     int
	}{
		{"no page", "/finnes-ikke", nil, 404},
		{"no cabinet", "/ladeskap/finnes-ikke", nil, 404},
		{"no cabinet's night", "/natt/finnes-ikke", nil, 404},
		{"no cabinet's stream", "/natt/finnes-ikke/hendelser", nil, 404},
		{"a name that cannot be", "/klar/%2e%2e%2fetc", nil, 404},
		{"no device", "/maskin/finnes-ikke", nil, 404},
		{"endless device", "/maskin/" + strings.Repeat("x", 3000), nil, 404},
		{"state that is none", "/maskiner?tilstand=ja", nil, 400},
		{"owner that cannot be", "/maskiner?eier=../x", nil, 400},
		{"endless search", "/maskiner?sok=" + strings.Repeat("x", 201), nil, 400},
		{"store broken", "/", errors.New("read bucket: disk on fire"), 500},
		{"store slow", "/natt", context.DeadlineExceeded, 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			source := newFakeSource()
			source.fail = c.fail
			v := newAdmin(t, source)
			res := v.get(c.path)
			page := body(t, res)
			if res.StatusCode != c.status {
				t.Errorf("status %d, want %d", res.StatusCode, c.status)
			}
			id := res.Header.Get("X-Request-Id")
			for _, want := range []string{"Hva er trygt", "Hva du kan gjøre", id} {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if strings.Contains(page, "disk on fire") {
				t.Errorf("the page shows the program's own error")
			}
			if logged := strings.Contains(v.log.String(), id); logged != (c.status >= 500) {
				t.Errorf("logged: %v", logged)
			}
		})
	}
}

// panicking is a source that breaks.
type panicking struct{ *fakeSource }

func (panicking) Overview(context.Context) (control.Overview, error) { panic("index out of range") }

func TestAPanicBecomesAPage(t *testing.T) {
	v := newAdmin(t, panicking{newFakeSource()})
	res := v.get("/")
	if page := body(t, res); res.StatusCode != 500 || !strings.Contains(page, "Noe gikk galt") || strings.Contains(page, "out of range") {
		t.Errorf("status %d", res.StatusCode)
	}
	if !strings.Contains(v.log.String(), "index out of range") {
		t.Errorf("not logged")
	}
}

func TestListPagesCoverEveryDeviceOnce(t *testing.T) {
	v := newAdmin(t, newFakeSource())
	link := regexp.MustCompile(`href="/maskin/([0-9a-f-]{36})"`)
	next := regexp.MustCompile(`href="(/maskiner\?[^"]*etter=[^"]*)"`)
	seen := map[string]bool{}
	path := "/maskiner?tilstand=i-drift"
	for range 10 {
		page := body(t, v.get(path))
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			if seen[m[1]] {
				t.Errorf("device %s is listed twice", m[1])
			}
			seen[m[1]] = true
		}
		m := next.FindStringSubmatch(page)
		if m == nil {
			break
		}
		path = strings.ReplaceAll(m[1], "&amp;", "&")
		if !strings.Contains(path, "tilstand=i-drift") {
			t.Errorf("the next page forgets the choice: %s", path)
		}
	}
	if len(seen) != 72 {
		t.Errorf("%d devices listed, want 72", len(seen))
	}
}

func TestTheTeachersAnswer(t *testing.T) {
	v := newAdmin(t, newFakeSource())
	page := text(body(t, v.get("/klar/solvang-b")))
	for _, want := range []string{
		"28 av 30 klare", "Plass 4 Maskinen har aldri meldt seg.", "Plass 17 Batteriet er nesten tomt.",
		"Ventes klar kl.\u00a005.14", "Eldste svar fra en klar maskin: for 6\u00a0minutter siden",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, " Klar "); n != 28 {
		t.Errorf("%d places say Klar, want 28", n)
	}
}

func TestEmptyPlacesAreShown(t *testing.T) {
	v := newAdmin(t, newFakeSource())
	page := body(t, v.get("/ladeskap/fjellro-1"))
	if n := strings.Count(page, `class="nv-slot"`); n != 16 {
		t.Errorf("%d places, want 16", n)
	}
	if n := strings.Count(page, "data-empty"); n != 4 {
		t.Errorf("%d empty places, want 4", n)
	}
}

func TestDevicePageTellsTheAlarm(t *testing.T) {
	source := newFakeSource()
	v := newAdmin(t, source)
	page := text(body(t, v.get("/maskin/"+source.slotDevice(t, "solvang-a", 12).ID.String())))
	for _, want := range []string{
		"Alarm: To maskiner bruker samme identitet.", "ble avvist for 25\u00a0minutter siden", "fil på disken",
		"Sikkerhet 5", "Lengst på etterskudd: 12\u00a0dager", "5f130c9a", "fwupd : D-Bus: name has no owner", "6\u00a0420,50\u00a0kr",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestEmptyFleetSaysWhatToDoNext(t *testing.T) {
	v := newAdmin(t, &fakeSource{})
	for path, want := range map[string]string{"/": "nattevakt token create", "/maskiner": "Til forsiden", "/natt": "nattevakt push"} {
		if page := body(t, v.get(path)); !strings.Contains(page, want) {
			t.Errorf("%s: lacks %q", path, want)
		}
	}
}

// text is what a page says without its tags.
func text(page string) string {
	page = regexp.MustCompile(`(?s)<head>.*?</head>|<[^>]*>`).ReplaceAllString(page, " ")
	page = strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&#43;", "+", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(page)
	return regexp.MustCompile(`[ \n]+`).ReplaceAllString(page, " ")
}

func TestPagesWeighUnder100KB(t *testing.T) {
	source := newFakeSource()
	v := newAdmin(t, source)
	loads := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`)
	for _, path := range privatePages(source, t) {
		res := v.get(path, "Accept-Encoding", "gzip, br")
		wire := body(t, res)
		page := unzip(t, res, wire)
		sum := len(wire)
		for _, m := range loads.FindAllStringSubmatch(page, -1) {
			sum += len(body(t, v.get(m[1], "Accept-Encoding", "gzip")))
		}
		t.Logf("%-60.60s %6d of page, %6d in all", path, len(wire), sum)
		if sum >= 100_000 {
			t.Errorf("%s: %d bytes over the wire", path, sum)
		}
	}
}

func unzip(t *testing.T, res *http.Response, wire string) string {
	t.Helper()
	if res.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("not zipped")
	}
	z, err := gzip.NewReader(strings.NewReader(wire))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAssetsAreKeptForEver(t *testing.T) {
	v := newVisitor(t, newFakeSource())
	m := regexp.MustCompile(`href="(/assets/[^"]+\.css)"`).FindStringSubmatch(body(t, v.get("/logg-inn")))
	if m == nil {
		t.Fatal("no style sheet")
	}
	plain, zipped := v.get(m[1]), v.get(m[1], "Accept-Encoding", "br;q=1, gzip")
	if plain.Header.Get("Content-Encoding") != "" || !strings.Contains(plain.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("headers %v", plain.Header)
	}
	if body(t, plain) != unzip(t, zipped, body(t, zipped)) {
		t.Errorf("zipped and plain differ")
	}
	if res := v.get(m[1], "If-None-Match", plain.Header.Get("ETag")); res.StatusCode != http.StatusNotModified || body(t, res) != "" {
		t.Errorf("known content sent again: %d", res.StatusCode)
	}
	for _, path := range []string{"/assets/designsystemet.css", "/assets/..%2fweb.go", "/assets/"} {
		if res := v.get(path); res.StatusCode == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}

// BenchmarkPage makes the heaviest page, zipped: 30 devices in the middle of their night.
func BenchmarkPage(b *testing.B) {
	admin, token, err := auth.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	cookie, err := admin.Login(netip.Addr{}, token, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	handler := web.New(web.Options{Source: newFakeSource(), Admin: admin})
	r := httptest.NewRequest("GET", "/natt/solvang-a", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-nattevakt", Value: cookie})
	r.Header.Set("Accept-Encoding", "gzip")
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d", w.Code)
		}
	}
}
