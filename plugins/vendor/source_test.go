package vendor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parseTest reads <list><p id="…" name="…"/>…</list>, one pack for each p.
func parseTest(s *vendor.Source, l *vendor.Listing) error {
	return s.Elements("list", map[string]func(*vendor.Element) error{
		"p": func(e *vendor.Element) error {
			var p struct {
				Note string `xml:"note"`
			}
			if err := e.Decode(&p); err != nil {
				return err
			}
			one := pack("p", "24H2", "2026-01-01")
			one.ID = e.Attr("id")
			l.Add(e.Attr("key"), e.Attr("name"), one)
			return nil
		},
	})
}

const sample = `<list><p id="1" key="K1" name="Bærbar Æ"><note>&copy; 2026</note></p><p id="2" key="K2" name="B"/></list>`

func utf16Bytes(s string, bigEndian bool) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

func TestEncodings(t *testing.T) {
	latin := strings.ReplaceAll(strings.ReplaceAll(sample, "æ", "\xe6"), "Æ", "\xc6")
	for name, c := range map[string]struct {
		content []byte
		product string
	}{
		"plain":                    {[]byte(sample), "Bærbar Æ"},
		"declared":                 {[]byte(`<?xml version="1.0" encoding="UTF-8"?>` + sample), "Bærbar Æ"},
		"mark and blank line":      {[]byte("\ufeff\r\n" + sample), "Bærbar Æ"},
		"utf-16le with mark":       {append([]byte("\xff\xfe"), utf16Bytes(`<?xml version="1.0" encoding="utf-16"?>`+sample, false)...), "Bærbar Æ"},
		"utf-16be with mark":       {append([]byte("\xfe\xff"), utf16Bytes(sample, true)...), "Bærbar Æ"},
		"utf-16le without":         {utf16Bytes(sample, false), "Bærbar Æ"},
		"utf-16be without":         {utf16Bytes(sample, true), "Bærbar Æ"},
		"declares utf-16, is not":  {[]byte(`<?xml version="1.0" encoding="utf-16"?>` + sample), "Bærbar Æ"},
		"windows-1252":             {[]byte(`<?xml version='1.0' encoding='Windows-1252'?>` + latin), "Bærbar Æ"},
		"bytes that are no letter": {[]byte(latin), "B\ufffdrbar \ufffd"},
	} {
		t.Run(name, func(t *testing.T) {
			c2 := vendor.NewCatalogue(parseTest, false)
			got, err := c2.Index(t.Context(), write(t, "c.xml", c.content))
			if err != nil || got.Packs() != 2 {
				t.Fatalf("Index = %+v, %v", got, err)
			}
			a, err := c2.Find(t.Context(), vendor.Query{ModelKey: "k1", Target: vendor.Target{OS: vendor.Windows11, Arch: vendor.AMD64}})
			if err != nil || len(a.Names) != 1 || a.Names[0] != c.product {
				t.Errorf("names %q, %v, want %q", a.Names, err, c.product)
			}
		})
	}
}

func TestRefusedFiles(t *testing.T) {
	huge := write(t, "huge.xml", nil)
	if err := os.Truncate(huge, 65<<20); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"huge":          {huge, "has 68157440 bytes"},
		"empty":         {write(t, "c.xml", nil), "is empty"},
		"html":          {write(t, "c.xml", []byte("\n<!-- x --><HTML lang='en'>")), "web page"},
		"xhtml":         {write(t, "c.xml", []byte(`<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html/>`)), "web page"},
		"cab":           {write(t, "c.xml", []byte("MSCF\x00\x00")), "cabextract"},
		"zip":           {write(t, "c.xml", []byte("PK\x03\x04....")), "zip"},
		"gzip":          {write(t, "c.xml", []byte("\x1f\x8b\x08....")), "gunzip"},
		"other root":    {write(t, "c.xml", []byte("<other/>")), `its root is "other", not list`},
		"text":          {write(t, "c.xml", []byte("hello")), "is not XML"},
		"cut off":       {write(t, "c.xml", []byte(sample[:len(sample)-10])), "cut off at byte"},
		"two faults":    {write(t, "c.xml", []byte("<list><p></q></list>")), "broken"},
		"deep":          {write(t, "c.xml", []byte("<list>"+strings.Repeat("<a>", 100))), "64 deep"},
		"deep in entry": {write(t, "c.xml", []byte("<list><p id='1' key='k'>"+strings.Repeat("<a>", 100))), "64 deep"},
		"encoding":      {write(t, "c.xml", []byte(`<?xml version="1.0" encoding="EBCDIC-NO"?><list/>`)), "convert it to UTF-8"},
		"no packs":      {write(t, "c.xml", []byte("<list/>")), "lists no driver pack"},
		"folder":        {t.TempDir(), "no .xml or .json file"},
		"missing":       {filepath.Join(t.TempDir(), "none.xml"), "none.xml"},
	} {
		got, err := vendor.NewCatalogue(parseTest, false).Index(t.Context(), c.path)
		if !errors.Is(err, vendor.ErrCatalogue) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.xml": sample, "b.XML": strings.ReplaceAll(sample, "K1", "K3"), "c.xml": "<html>", "d.json": "{}", "read.me": sample,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := vendor.NewCatalogue(parseTest, false).Index(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Files) != 4 || got.Packs() != 4 || got.Models != 3 || got.Files[2].Unusable == "" || got.Files[3].Unusable == "" {
		t.Errorf("Index = %+v", got)
	}
	for i := range 65 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("x%d.xml", i)), []byte(sample), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := vendor.NewCatalogue(parseTest, false).Index(t.Context(), dir); !errors.Is(err, vendor.ErrCatalogue) {
		t.Errorf("69 files: %v", err)
	}
}

func TestIndexEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := vendor.NewCatalogue(parseTest, false).Index(ctx, write(t, "c.xml", []byte(sample))); !errors.Is(err, context.Canceled) {
		t.Errorf("Index = %v", err)
	}
}

// Each broken pack is one problem that names it, and the good one is found.
func TestProblems(t *testing.T) {
	broken := map[string]func(*vendor.Pack){
		"address": func(p *vendor.Pack) { p.URL = "ftp://vendor.example/a.exe" },
		"host":    func(p *vendor.Pack) { p.URL = "https:///a.exe" },
		"kind":    func(p *vendor.Pack) { p.URL = "https://vendor.example/readme.txt" },
		"hash":    func(p *vendor.Pack) { p.SHA256 = "d41d8cd98f00b204e9800998ecf8427e" },
		"size":    func(p *vendor.Pack) { p.Size = -1 },
		"release": func(p *vendor.Pack) { p.Target.Version = "LTSC" },
		"arch":    func(p *vendor.Pack) { p.Target.Arch = "mips" },
		"os":      func(p *vendor.Pack) { p.Target.OS = "windows7" },
	}
	c := vendor.NewCatalogue(func(_ *vendor.Source, l *vendor.Listing) error {
		for id, change := range broken {
			l.Add("K", "A", pack(id, "24H2", "2026-01-01", change))
		}
		l.Add("", "A", pack("key", "24H2", "2026-01-01"))
		l.Add("K", "A", pack("good", "24H2", "2026-01-01"))
		return nil
	}, false)
	got, err := c.Index(t.Context(), write(t, "c.xml", []byte("<x/>")))
	if err != nil || got.ProblemCount != len(broken)+1 || got.Packs() != 1 {
		t.Fatalf("Index = %+v, %v", got, err)
	}
	for _, p := range got.Problems {
		if (broken[p.Entry] == nil && p.Entry != "key") || p.File != "c.xml" || p.Text == "" {
			t.Errorf("problem %+v", p)
		}
	}
}

// A vendor gone wild is told about, up to a bound.
func TestBounds(t *testing.T) {
	c := vendor.NewCatalogue(func(_ *vendor.Source, l *vendor.Listing) error {
		for i := range vendor.MaxPerModel + 300 {
			l.Add("K", strings.Repeat("long\n", 1000), pack(fmt.Sprintf("p%d", i), "24H2", "2026-01-01"))
		}
		return nil
	}, false)
	got, err := c.Index(t.Context(), write(t, "c.xml", []byte("<x/>")))
	if err != nil || got.ProblemCount != 300 || len(got.Problems) != vendor.MaxProblems {
		t.Fatalf("%d problems, %d shown, %v", got.ProblemCount, len(got.Problems), err)
	}
	a, err := c.Find(t.Context(), vendor.Query{ModelKey: "K", Target: vendor.Target{OS: vendor.Windows11, Arch: vendor.AMD64}})
	if err != nil || len(a.Names) != 1 || len(a.Names[0]) > 256 || strings.Contains(a.Names[0], "\n") {
		t.Errorf("names %.300q, %v", a.Names, err)
	}
}

// Whatever the bytes: no panic, an answer or ErrCatalogue, and text that can cross the wire.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("\ufeff\n" + sample))
	f.Add(append([]byte("\xff\xfe"), utf16Bytes(sample, false)...))
	f.Add([]byte("<html>"))
	f.Add([]byte(`<list><p key="k" id="&#xFFFF;"/><p/></list>`))
	f.Add(bytes.Repeat([]byte("<list>"), 70))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := vendor.NewCatalogue(parseTest, true).Index(t.Context(), write(t, "c.xml", content))
		if err != nil && !errors.Is(err, vendor.ErrCatalogue) {
			t.Errorf("Index: %v", err)
		}
		for _, p := range got.Problems {
			if !utf8.ValidString(p.Entry + p.Text) {
				t.Errorf("problem %q", p)
			}
		}
	})
}
