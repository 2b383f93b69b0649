package inventory

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// maxFile bounds what is read of one attribute or small file.
	maxFile = 1 << 20
	// maxEntries bounds a folder's listing: disks, adapters, supplies.
	maxEntries = 1024
)

// root is the folder that stands for "/". Names are relative to it, with slashes.
type root string

func (r root) path(name string) string { return filepath.Join(string(r), name) }

// isReal tells whether this is the machine the agent runs on, whose devices may be asked directly.
func (r root) isReal() bool { return filepath.Clean(string(r)) == "/" }

// bytes reads at most maxFile of a file.
func (r root) bytes(name string) ([]byte, error) {
	f, err := os.Open(r.path(name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// text reads a file as text without surrounding space.
func (r root) text(name string) (string, error) {
	b, err := r.bytes(name)
	return strings.TrimSpace(strings.ToValidUTF8(string(b), "\uFFFD")), err
}

// line reads an attribute that may well be missing; it is empty then.
func (r root) line(name string) string {
	text, err := r.text(name)
	if err != nil {
		return ""
	}
	return clip(strings.Join(strings.Fields(text), " "), 256)
}

// number reads an attribute that holds one whole number, decimal or with 0x.
func (r root) number(name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(r.line(name), 0, 64)
	return n, err == nil
}

// positive is number, but 0 for what is missing or negative.
func (r root) positive(name string) uint64 {
	n, _ := r.number(name)
	return uint64(max(n, 0))
}

// list returns the names in a folder, sorted.
func (r root) list(name string) ([]string, error) {
	d, err := os.ReadDir(r.path(name))
	names := make([]string, 0, min(len(d), maxEntries))
	for _, entry := range d[:min(len(d), maxEntries)] {
		names = append(names, entry.Name())
	}
	return names, err
}

func (r root) exists(name string) bool {
	_, err := os.Stat(r.path(name))
	return err == nil
}
