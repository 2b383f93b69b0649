package web

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

//go:embed templates/*.html
var templates embed.FS

// pages are the parsed templates: each page is the layout with its own "main".
type pages struct {
	byName map[string]*template.Template
	files  *files
}

var pageNames = []string{"overview", "devices", "device", "cabinet", "ready", "nights", "night", "login", "error"}

func parsePages(f *files) *pages {
	p := &pages{byName: map[string]*template.Template{}, files: f}
	common := template.Must(template.ParseFS(templates, "templates/layout.html", "templates/parts.html"))
	for _, name := range pageNames {
		t := template.Must(common.Clone())
		p.byName[name] = template.Must(t.ParseFS(templates, "templates/"+name+".html"))
	}
	return p
}

// page is what the layout needs; each page's view embeds it and, through it, the words and forms of its
// language and zone.
type page struct {
	locale
	Title string
	// Here is the path of this page with its query, to come back to.
	Here     string
	Section  string
	LoggedIn bool
	Version  string
	Files    *files
	// Live is the path of the page's stream; empty where it has none.
	Live string
}

// newPage starts a view of this request; the title is given in both languages.
func (q *request) newPage(nb, en string) page {
	l := locale{Lang: q.lang, Now: q.site.source.Now(), Zone: q.site.zone}
	return page{
		locale:   l,
		Title:    l.T(nb, en),
		Here:     q.here(),
		LoggedIn: q.loggedIn,
		Version:  q.site.version,
		Files:    q.site.files,
	}
}

// here is where to come back to after a form: forms themselves cannot be come back to.
func (q *request) here() string {
	if q.Method != http.MethodGet {
		return "/"
	}
	return localPath(q.URL.RequestURI())
}

// at gives the page the zone of the site it shows.
func (p *page) at(zone string) {
	if zone != "" {
		p.Zone = loadZone(zone, p.Zone)
	}
}

// render makes the whole page before it sends any of it, so that a failure can still become an error page.
func (q *request) render(status int, name string, view any) error {
	var b bytes.Buffer
	if err := q.site.pages.byName[name].ExecuteTemplate(&b, "layout", view); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	h := q.w.Header()
	h.Set("Cache-Control", "no-store") // what a session showed is gone from the browser when it ends
	h.Add("Vary", "Accept-Language, Cookie")
	h.Set("Content-Language", q.lang)
	// Zipping is safe from guessing by size: no page holds a secret beside what a request can choose.
	send(q.w, q.Request, status, "text/html; charset=utf-8", b.Bytes(), zip(b.Bytes(), gzip.DefaultCompression))
	return nil
}

// fragment makes the part of a page that its stream replaces.
func (p *pages) fragment(name string, view any) ([]byte, error) {
	var b bytes.Buffer
	if err := p.byName[name].ExecuteTemplate(&b, "live", view); err != nil {
		return nil, fmt.Errorf("render part %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// zoneName is the zone's own short name at t, as in "CET".
func zoneName(t time.Time) string { name, _ := t.Zone(); return name }
