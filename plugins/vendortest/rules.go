package vendortest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// same compares what came over the wire with what was sent.
func same(t *testing.T, what string, remote, direct any) {
	t.Helper()
	if !reflect.DeepEqual(remote, direct) {
		t.Errorf("%s over the wire:\n%+v\ndirectly:\n%+v", what, remote, direct)
	}
}

func identify(t *testing.T, p Plugin) {
	impl := p.New()
	direct, _ := vendor.AsIdentifier(impl)
	remote, ok := vendor.AsIdentifier(Connect(t, impl))
	if !ok {
		t.Fatal("the capability to identify was lost on the wire")
	}
	ask := func(h vendor.Hardware) vendor.Identity {
		t.Helper()
		got := must(remote.Identify(t.Context(), h))(t)
		same(t, "Identify", got, must(direct.Identify(t.Context(), h))(t))
		if err := got.Check(); err != nil {
			t.Errorf("Identify(%+v): %v", h, err)
		}
		return got
	}
	if len(p.Own) == 0 {
		t.Fatal("the suite needs a machine of the plugin's own")
	}
	for _, h := range p.Own {
		claims(t, h, ask)
	}
	for _, h := range append(p.Foreign, vendor.Hardware{}) {
		if ask(h).Mine {
			t.Errorf("Identify claims a foreign machine: %+v", h)
		}
	}
}

// claims holds Identify to one machine of its own.
func claims(t *testing.T, h vendor.Hardware, ask func(vendor.Hardware) vendor.Identity) {
	t.Helper()
	got := ask(h)
	if !got.Mine || got.ModelKey == "" {
		t.Errorf("Identify(%+v) = %+v", h, got)
	}
	for _, key := range []string{strings.ToLower(h.ModelKey), strings.ToUpper(h.ModelKey), got.ModelKey} {
		again := h
		again.ModelKey = key
		if ask(again) != got {
			t.Errorf("Identify with the key %q gives %+v, not %+v", key, ask(again), got)
		}
	}
	strange := h
	strange.ModelKey, strange.Product = strings.Repeat("æ", 64), ""
	if !ask(strange).Mine {
		t.Errorf("Identify decides by more than the vendor: %+v", strange)
	}
}

func find(t *testing.T, p Plugin) {
	direct, remote := index(t, p)
	found := 0
	for _, w := range p.Want {
		for _, key := range []string{w.Query.ModelKey, strings.ToLower(w.Query.ModelKey), strings.ToUpper(w.Query.ModelKey)} {
			q := w.Query
			q.ModelKey = key
			if got := check(t, direct, remote, q); got != w.ID {
				t.Errorf("Find(%+v) = %q, want %q", q, got, w.ID)
			}
		}
		if w.ID != "" {
			found++
		}
	}
	if found == 0 {
		t.Error("the suite needs a question that has an answer")
	}
	unknown := vendor.Query{ModelKey: "no such model", Target: p.Want[0].Query.Target}
	if got := check(t, direct, remote, unknown); got != "" {
		t.Errorf("an unknown model gets the pack %s", got)
	}
	if _, err := remote.Find(t.Context(), vendor.Query{ModelKey: p.Want[0].Query.ModelKey}); err == nil {
		t.Error("Find without a target is no error")
	}
}

// check asks on both sides, checks the answer and returns the pack's id.
func check(t *testing.T, direct, remote vendor.DriverPacks, q vendor.Query) string {
	t.Helper()
	got := must(remote.Find(t.Context(), q))(t)
	same(t, "Find", got, must(direct.Find(t.Context(), q))(t))
	if err := got.Check(q); err != nil {
		t.Errorf("Find(%+v): %v", q, err)
	}
	if got.Pack == nil {
		return ""
	}
	return got.Pack.ID
}

func noCatalogue(t *testing.T, p Plugin) {
	remote := packs(t, Connect(t, p.New()))
	if _, err := remote.Find(t.Context(), vendor.Query{}); !errors.Is(err, vendor.ErrNoCatalogue) {
		t.Errorf("Find before Index: %v", err)
	}
}

func badCatalogues(t *testing.T, p Plugin) {
	direct, remote := index(t, p)
	good := bytes.TrimSpace(must(os.ReadFile(p.Catalogue))(t))
	dir := t.TempDir()
	bad := map[string][]byte{
		"empty":  {},
		"html":   []byte("<!DOCTYPE html>\n<html><body>Log in to the proxy</body></html>"),
		"cab":    []byte("MSCF\x00\x00\x00\x00" + strings.Repeat("x", 100)),
		"text":   []byte("404 page not found\n"),
		"zeroes": make([]byte, 5000),
	}
	for _, percent := range []int{1, 25, 50, 75, 95} {
		bad[fmt.Sprintf("cut off at %d", percent)] = good[:len(good)*percent/100]
	}
	for name, content := range bad {
		path := filepath.Join(dir, name+filepath.Ext(p.Catalogue))
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, remote, path)
	}
	refused(t, remote, filepath.Join(dir, "missing.xml"))
	refused(t, remote, t.TempDir())
	for _, w := range p.Want {
		if got := check(t, direct, remote, w.Query); got != w.ID {
			t.Errorf("after refused catalogues Find(%+v) = %q, want %q", w.Query, got, w.ID)
		}
	}
}

func refused(t *testing.T, packs vendor.DriverPacks, path string) {
	t.Helper()
	if got, err := packs.Index(t.Context(), path); !errors.Is(err, vendor.ErrCatalogue) {
		t.Errorf("Index(%s) = %+v, %v; want ErrCatalogue", filepath.Base(path), got, err)
	} else if !strings.Contains(err.Error(), filepath.Base(path)) {
		t.Errorf("Index(%s) does not name the file: %v", filepath.Base(path), err)
	}
}

func atOnce(t *testing.T, p Plugin) {
	_, remote := index(t, p)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				if _, err := remote.Index(t.Context(), p.Catalogue); err != nil {
					t.Error(err)
				}
				for _, w := range p.Want {
					got, err := remote.Find(t.Context(), w.Query)
					if err != nil || got.Pack == nil && w.ID != "" || got.Pack != nil && got.Pack.ID != w.ID {
						t.Errorf("Find(%+v) while reading = %+v, %v", w.Query, got.Pack, err)
					}
				}
			}
		})
	}
	all.Wait()
}
