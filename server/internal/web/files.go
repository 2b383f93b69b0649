package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

//go:embed assets
var assets embed.FS

// styles make up the one style sheet; the design system goes first, because it sets the order of layers.
// Each licence goes with what it covers, as it asks.
var styles = []struct{ name, licence string }{
	{"designsystemet.css", "designsystemet.LICENSE"}, {"theme.css", "theme.LICENSE"}, {"nattevakt.css", ""},
}

// files are what pages load. A name holds the content's hash, so that browsers keep a file for ever and
// a new version has a new name.
type files struct {
	byURL                map[string]file
	Style, Script, Badge string
}

type file struct {
	etag, contentType string
	plain, zipped     []byte
}

var embeddedFiles = sync.OnceValue(func() *files {
	f := &files{byURL: map[string]file{}}
	var sheet bytes.Buffer
	for _, s := range styles {
		if s.licence != "" {
			fmt.Fprintf(&sheet, "/*! %s */\n", asset(s.licence))
		}
		sheet.Write(asset(s.name))
		sheet.WriteByte('\n')
	}
	f.Style = f.add("nattevakt", ".css", "text/css; charset=utf-8", sheet.Bytes())
	f.Script = f.add("live", ".js", "text/javascript; charset=utf-8", asset("live.js"))
	f.Badge = f.add("nattevakt", ".svg", "image/svg+xml", asset("nattevakt.svg"))
	return f
})

// asset reads an embedded file that the program cannot be built without.
func asset(name string) []byte {
	data, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err)
	}
	return data
}

func (f *files) add(base, ext, contentType string, data []byte) (url string) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:8])
	url = "/assets/" + base + "-" + hash + ext
	f.byURL[url] = file{etag: `"` + hash + `"`, contentType: contentType, plain: data, zipped: zip(data, gzip.BestCompression)}
	return url
}

// serve answers GET /assets/….
func (f *files) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := f.byURL[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", file.etag)
	if r.Header.Get("If-None-Match") == file.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, r, http.StatusOK, file.contentType, file.plain, file.zipped)
}

// send writes a whole answer, zipped where the browser takes that; zipped may be nil.
func send(w http.ResponseWriter, r *http.Request, status int, contentType string, plain, zipped []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Add("Vary", "Accept-Encoding")
	body := plain
	if zipped != nil && takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a browser that has gone away is no error
	}
}

func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding == "gzip" || coding == "*" {
			return weight(params) > 0
		}
	}
	return false
}

func zip(data []byte, level int) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil { // level is one of gzip's own
		panic(err)
	}
	_, _ = z.Write(data) // into memory
	_ = z.Close()
	return b.Bytes()
}
