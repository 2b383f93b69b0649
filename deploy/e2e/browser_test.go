//go:build linux

package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
)

// browser is a person with a browser who has logged in to a control plane's pages.
type browser struct {
	t     *testing.T
	plane *plane
	http  *http.Client
}

// newBrowser logs in with the token that the first start printed.
func newBrowser(p *plane) *browser {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots()}, DisableKeepAlives: true}
	b := &browser{t: p.t, plane: p, http: &http.Client{Jar: jar, Transport: transport, Timeout: deadline}}
	res, err := b.http.PostForm(p.ready.Web+"logg-inn", url.Values{"nokkel": {p.login()}, "til": {"/"}})
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != "/" {
		p.t.Fatalf("login ended at %s with %s", res.Request.URL, res.Status)
	}
	return b
}

// page gives the text of a page, without its markup and with single spaces.
func (b *browser) page(path string) string {
	b.t.Helper()
	res, err := b.http.Get(b.plane.ready.Web + strings.TrimPrefix(path, "/"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != path {
		b.t.Fatalf("%s: came to %s with %s", path, res.Request.URL, res.Status)
	}
	return plain(string(body))
}

// plain leaves out everything between < and >.
func plain(page string) string {
	var text strings.Builder
	for piece := range strings.SplitSeq(page, "<") {
		_, after, _ := strings.Cut(piece, ">")
		text.WriteString(after + " ")
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// login is the administrator's token, which only the first start shows.
func (p *plane) login() string {
	p.t.Helper()
	b, err := os.ReadFile(p.log())
	if err != nil {
		p.t.Fatal(err)
	}
	_, after, found := strings.Cut(string(b), "login:")
	words := strings.Fields(after)
	if !found || len(words) == 0 {
		p.t.Fatalf("the control plane showed no token:\n%s", b)
	}
	return words[0]
}

// roots trusts what the operator file trusts.
func (p *plane) roots() *x509.CertPool {
	p.t.Helper()
	b, err := os.ReadFile(p.operator)
	if err != nil {
		p.t.Fatal(err)
	}
	var file struct{ CA string }
	if err := json.Unmarshal(b, &file); err != nil {
		p.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(file.CA)) {
		p.t.Fatalf("%s holds no root", p.operator)
	}
	return pool
}
