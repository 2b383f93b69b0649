package vendor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Bounds of what is read. The largest catalogue of the vendors known here is some 25 MB.
const (
	maxFileBytes = 64 << 20
	maxFiles     = 64
)

// Source is one catalogue file as UTF-8 text without a byte order mark, whatever it was before. Reading
// fails where the caller's context ends.
type Source struct {
	io.Reader
	// Name is the file's base name, Folder where it lies.
	Name, Folder string
	file         *os.File
}

func (s *Source) close(err error) error {
	return errors.Join(err, s.file.Close())
}

// catalogueFiles lists what to look at: the file itself, or the .xml and .json files of a folder by name.
func catalogueFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if !e.IsDir() && (ext == ".xml" || ext == ".json") {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("%s has no .xml or .json file", path)
	case len(names) > maxFiles:
		return nil, fmt.Errorf("%s has %d catalogue files; at most %d are read", path, len(names), maxFiles)
	}
	slices.Sort(names)
	return names, nil
}

func baseName(path string) string { return filepath.Base(path) }

// openSource opens a file that may be a catalogue; the error says what it is instead.
func openSource(ctx context.Context, path string) (*Source, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := readable(ctx, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Source{Reader: text, Name: baseName(path), Folder: filepath.Dir(path), file: file}, nil
}

func readable(ctx context.Context, file *os.File) (io.Reader, error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a file")
	case info.Size() == 0:
		return nil, errors.New("is empty")
	case info.Size() > maxFileBytes:
		return nil, fmt.Errorf("has %d bytes; a catalogue has at most %d", info.Size(), maxFileBytes)
	}
	// The limit holds for a file that grows while it is read, too.
	raw := bufio.NewReader(io.LimitReader(&cancelled{ctx, file}, maxFileBytes))
	head, err := raw.Peek(int(min(info.Size(), 1024)))
	if err != nil {
		return nil, err
	}
	if err := packed(head); err != nil {
		return nil, err
	}
	decoder, err := textForm(head)
	if err != nil {
		return nil, err
	}
	text := bufio.NewReader(transform.NewReader(raw, decoder))
	if head, _ = text.Peek(512); htmlForm.Match(head) {
		return nil, errors.New("is a web page, not a catalogue (the error page of a proxy, perhaps): download it again")
	}
	return text, nil
}

var htmlForm = regexp.MustCompile(`(?i)^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*>\s*)?<(?:!doctype\s+html|html|head|body)\b`)

// packed refuses what is not text, by its first bytes, with the way out.
func packed(head []byte) error {
	for _, k := range []struct{ magic, what string }{
		{"MSCF", "is a cabinet: unpack it first (cabextract)"},
		{"PK\x03\x04", "is a zip archive: unpack it first"},
		{"\x1f\x8b", "is compressed: unpack it first (gunzip)"},
		{"\x28\xb5\x2f\xfd", "is compressed: unpack it first (unzstd)"},
	} {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return errors.New(k.what)
		}
	}
	return nil
}

var declared = regexp.MustCompile(`^\s*<\?xml[^>]*\bencoding=["']([^"']{1,40})["']`)

// textForm finds how a file is encoded: by its byte order mark, by how an opening bracket looks in
// UTF-16, else by what it declares. Bytes that are no text become U+FFFD and spoil one name, not the file.
func textForm(head []byte) (transform.Transformer, error) {
	utf8 := unicode.UTF8.NewDecoder()
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")), bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return unicode.BOMOverride(utf8), nil
	case bytes.HasPrefix(head, []byte("<\x00")):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder(), nil
	case bytes.HasPrefix(head, []byte("\x00<")):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder(), nil
	}
	m := declared.FindSubmatch(head)
	if m == nil {
		return utf8, nil
	}
	form, ok := encodings[strings.ToLower(string(m[1]))]
	if !ok {
		return nil, fmt.Errorf("is encoded as %q, which is not read here: convert it to UTF-8", m[1])
	}
	return form.NewDecoder(), nil
}

// encodings are those a catalogue may declare. One that declares UTF-16 and is not is taken as UTF-8.
var encodings = map[string]encoding.Encoding{
	"utf-8": unicode.UTF8, "utf8": unicode.UTF8, "us-ascii": unicode.UTF8, "utf-16": unicode.UTF8,
	"iso-8859-1": charmap.Windows1252, "windows-1252": charmap.Windows1252,
}

// cancelled stops reading when the context ends.
type cancelled struct {
	ctx  context.Context
	from io.Reader
}

func (c *cancelled) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.from.Read(b)
}
