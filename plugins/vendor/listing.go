package vendor

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// Bounds of one catalogue. The largest real one (HP) has 4,255 rows, and a model at most 21 packs.
const (
	maxEntries = 500_000
	maxText    = 1024
)

// Listing is what a Parse fills: packs by model key, and what could not be used.
type Listing struct {
	models       map[string]*model
	problems     []Problem
	problemCount int
	entries      int
	// file is the one being read.
	file File
}

// model is what a catalogue has for one key.
type model struct {
	key   string
	names []string
	packs []Pack
}

// read reads one file; if it is of no use, the listing stays as it was.
func (l *Listing) read(ctx context.Context, name string, parse Parse) File {
	one := &Listing{models: map[string]*model{}, entries: l.entries}
	source, err := openSource(ctx, name)
	one.file.Name = baseName(name)
	if err == nil {
		err = parse(source, one)
		err = source.close(err)
	}
	if err != nil {
		return File{Name: one.file.Name, Unusable: err.Error()}
	}
	l.merge(one)
	return one.file
}

// merge adds what one file had. Files are merged one after the other, so that the order of their names
// decides nothing but which problems are shown.
func (l *Listing) merge(one *Listing) {
	l.entries, l.file = one.entries, File{Name: one.file.Name}
	l.problemCount += one.problemCount
	room := MaxProblems - len(l.problems)
	l.problems = append(l.problems, one.problems[:min(room, len(one.problems))]...)
	for key, m := range one.models {
		for _, p := range m.packs {
			l.put(key, p)
		}
	}
}

// Describe sets the catalogue's own version and day, where it has them.
func (l *Listing) Describe(version string, released time.Time) {
	l.file.Version, l.file.Released = Clip(version), released
}

// Ignore counts an entry that is well but of no use here.
func (l *Listing) Ignore() { l.file.Ignored++ }

// Problem tells of an entry that cannot be used; entry names it as the vendor does.
func (l *Listing) Problem(entry, format string, args ...any) {
	l.problemCount++
	if len(l.problems) < MaxProblems {
		l.problems = append(l.problems, Problem{File: l.file.Name, Entry: Clip(entry), Text: Clip(fmt.Sprintf(format, args...))})
	}
}

// Add lists pack for the model key under a product name. Kind 0 is Full; Format comes from the address
// where it is empty. A pack that cannot be used becomes a problem; one without a SHA-256 becomes a
// problem and is listed all the same, so that Find can say why it is passed over.
func (l *Listing) Add(key, product string, pack Pack) {
	l.entries++
	pack = tidied(pack, product)
	if why := l.refuse(key, pack); why != "" {
		l.Problem(pack.ID, "%s", why)
		return
	}
	if pack.SHA256 == "" {
		l.Problem(pack.ID, "no SHA-256 for %s, so it will not be used", pack.URL)
	}
	pack.Catalogue = l.file.Name
	l.put(foldKey(key), pack)
	l.file.Packs++
}

// tidied brings a pack into the form that Find gives.
func tidied(p Pack, product string) Pack {
	p.ID, p.Name, p.Version = Clip(p.ID), Clip(p.Name), Clip(p.Version)
	p.SHA256 = strings.ToLower(p.SHA256)
	p.Products = nil
	if product = Clip(product); product != "" {
		p.Products = []string{product}
	}
	if p.Kind == 0 {
		p.Kind = Full
	}
	if p.Format == "" {
		p.Format = strings.TrimPrefix(path.Ext(p.URL), ".")
	}
	p.Format = strings.ToLower(p.Format)
	if p.Target.Version != "" {
		p.Target.Version = strings.ToUpper(p.Target.Version)
	}
	p.Released = p.Released.UTC()
	return p
}

// refuse says why a pack cannot be listed, or nothing.
func (l *Listing) refuse(key string, p Pack) string {
	link, err := url.Parse(p.URL)
	switch {
	case l.entries > maxEntries:
		return fmt.Sprintf("the catalogue has more than %d entries", maxEntries)
	case foldKey(key) == "" || len(key) > 128:
		return fmt.Sprintf("model key %.64q", key)
	case p.ID == "":
		return "it has no id"
	case err != nil || !linkSchemes[link.Scheme] || link.Host == "" && link.Scheme != "file" || len(p.URL) > maxText:
		return fmt.Sprintf("address %.128q is not that of a file", p.URL)
	case !Formats[p.Format]:
		return fmt.Sprintf("%.128s is not a driver pack (cab, exe, msi or zip)", p.URL)
	case p.SHA256 != "" && !sha256Form.MatchString(p.SHA256):
		return fmt.Sprintf("%.80q is not a SHA-256", p.SHA256)
	case p.Size < 0:
		return fmt.Sprintf("size %d", p.Size)
	}
	if err := p.Target.Check(); err != nil {
		return err.Error()
	}
	return ""
}

// put adds a pack to a model; the same pack under another product name only adds the name.
func (l *Listing) put(key string, pack Pack) {
	m := l.models[key]
	if m == nil {
		m = &model{key: key}
		l.models[key] = m
	}
	m.names = addNames(m.names, pack.Products)
	for i, p := range m.packs {
		if p.ID == pack.ID && p.URL == pack.URL && p.Target == pack.Target && p.Kind == pack.Kind {
			m.packs[i].Products = addNames(p.Products, pack.Products)
			return
		}
	}
	if len(m.packs) == MaxPerModel {
		l.Problem(pack.ID, "model %s has more than %d packs", key, MaxPerModel)
		return
	}
	m.packs = append(m.packs, pack)
}

func addNames(names, more []string) []string {
	for _, n := range more {
		if !slices.Contains(names, n) {
			names = append(slices.Clip(names), n)
		}
	}
	return names
}

// Clip makes text from a catalogue fit for people and logs: one line, no control characters, at most 256
// bytes.
func Clip(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(s) <= 256 {
		return s
	}
	return strings.ToValidUTF8(s[:256], "")
}
