package vendortest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// samplesIn names the environment variable with the folder of the vendors' real catalogues.
const samplesIn = "NATTEVAKT_VENDOR_CATALOGS"

// RealSample returns the path of a real catalogue, or skips: real catalogues are not part of the repository.
func RealSample(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv(samplesIn)
	if folder == "" {
		t.Skipf("needs real vendor catalogues (set %s to their folder)", samplesIn)
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s in the folder of %s", name, samplesIn)
	}
	return path
}

// Golden asks for the pack of every model key in the file golden, which has lines of "key id" or of
// "key -" where no pack fits, and reports each difference.
func Golden(t *testing.T, v vendor.Vendor, catalogue string, target vendor.Target, golden string) vendor.Indexed {
	t.Helper()
	finder := packs(t, v)
	indexed := must(finder.Index(t.Context(), catalogue))(t)
	lines := bufio.NewScanner(bytes.NewReader(must(os.ReadFile(golden))(t)))
	count := 0
	for lines.Scan() {
		var key, want string
		if _, err := fmt.Sscanf(lines.Text(), "%s %s", &key, &want); err != nil {
			t.Fatalf("%s: line %q: %v", golden, lines.Text(), err)
		}
		count++
		q := vendor.Query{ModelKey: key, Target: target}
		answer := must(finder.Find(t.Context(), q))(t)
		if err := answer.Check(q); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if !answer.Known {
			t.Errorf("%s is not known", key)
		}
		got := "-"
		if answer.Pack != nil {
			got = answer.Pack.ID
		}
		if got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if count != indexed.Models {
		t.Errorf("%s has %d models, the catalogue %d", golden, count, indexed.Models)
	}
	return indexed
}

// Ask indexes a catalogue and asks one question directly.
func Ask(t *testing.T, v vendor.Vendor, catalogue string, q vendor.Query) vendor.Answer {
	t.Helper()
	finder := packs(t, v)
	must(finder.Index(t.Context(), catalogue))(t)
	answer := must(finder.Find(t.Context(), q))(t)
	if err := answer.Check(q); err != nil {
		t.Error(err)
	}
	return answer
}

// Passed says why a pack was passed over; ok is false where it was not.
func Passed(a vendor.Answer, id string) (reason vendor.PassReason, ok bool) {
	i := slices.IndexFunc(a.PassedOver, func(p vendor.PassedOver) bool { return p.Pack.ID == id })
	if i < 0 {
		return 0, false
	}
	return a.PassedOver[i].Reason, true
}

// Problem is the text of the problem with an entry, or empty.
func Problem(x vendor.Indexed, entry string) string {
	for _, p := range x.Problems {
		if strings.Contains(p.Entry, entry) {
			return p.Text
		}
	}
	return ""
}

// BenchmarkFind measures a question that has an answer and one about an unknown model.
func BenchmarkFind(b *testing.B, v vendor.Vendor, content []byte, known vendor.Query) {
	path := filepath.Join(b.TempDir(), "catalogue.xml")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	finder, _ := vendor.AsDriverPacks(v)
	indexed, err := finder.Index(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	unknown := known
	unknown.ModelKey = known.ModelKey[:2] + "ZZ"
	for name, q := range map[string]vendor.Query{"known": known, "unknown": unknown} {
		b.Run(fmt.Sprintf("%s of %d packs", name, indexed.Packs()), func(b *testing.B) {
			for b.Loop() {
				if _, err := finder.Find(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("index", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			if _, err := finder.Index(b.Context(), path); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Hostile gives a plugin a catalogue of any bytes: it must be refused with ErrCatalogue or indexed, and
// what was indexed must give answers that pass the control plane's checks.
func Hostile(t *testing.T, v vendor.Vendor, content []byte) {
	t.Helper()
	finder := packs(t, v)
	path := filepath.Join(t.TempDir(), "catalogue.xml")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	indexed, err := finder.Index(t.Context(), path)
	if err != nil {
		if !errors.Is(err, vendor.ErrCatalogue) {
			t.Errorf("Index: %v", err)
		}
		return
	}
	if indexed.Models == 0 || indexed.Packs() == 0 {
		t.Errorf("a catalogue of nothing was taken: %+v", indexed)
	}
	q := vendor.Query{ModelKey: "0000", Target: vendor.Target{OS: vendor.Windows11, Version: "24H2", Arch: vendor.AMD64}}
	for _, m := range must(finder.Find(t.Context(), q))(t).Nearest {
		q.ModelKey = m.Key
		if err := must(finder.Find(t.Context(), q))(t).Check(q); err != nil {
			t.Errorf("Find(%q): %v", m.Key, err)
		}
	}
}
