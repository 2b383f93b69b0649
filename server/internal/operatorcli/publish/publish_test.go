package publish_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/images/build"
	"github.com/nattevakt/nattevakt/images/keys"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/publish"
)

// remote is a content address: a folder behind HTTP that remembers what was put, in order.
type remote struct {
	*store.FolderStore
	mu     sync.Mutex // guards what follows
	puts   []string
	refuse int // status for all PUTs, 0 for none
	fail   int // how many PUTs to cut off
}

func newRemote(t *testing.T) (*remote, publish.Target) {
	t.Helper()
	folder, err := store.Folder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &remote{FolderStore: folder}
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	return r, publish.Target{Client: server.Client(), URL: server.URL + "/content/"}
}

func (r *remote) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimPrefix(req.URL.Path, "/content/")
	if req.Method == http.MethodPut {
		r.put(w, req, name)
		return
	}
	size, err := r.Stat(req.Context(), name)
	if err != nil {
		http.NotFound(w, req)
		return
	}
	body, err := r.Open(req.Context(), name, 0, size)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(b))
}

func (r *remote) put(w http.ResponseWriter, req *http.Request, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.refuse != 0:
		http.Error(w, "no", r.refuse)
	case r.fail > 0:
		r.fail--
		http.Error(w, "the disk is busy", http.StatusServiceUnavailable)
	default:
		if err := r.Put(req.Context(), name, req.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		r.puts = append(r.puts, name)
		w.WriteHeader(http.StatusNoContent)
	}
}

// local is a store with one built release of random content.
func local(t *testing.T, name string) (*store.FolderStore, build.Result) {
	t.Helper()
	s, err := store.Folder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s, built(t, s, name)
}

func built(t *testing.T, s *store.FolderStore, name string) build.Result {
	t.Helper()
	key, err := keys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	disk := make([]byte, 1<<20)
	if _, err := rand.Read(disk); err != nil {
		t.Fatal(err)
	}
	r, err := build.Build(context.Background(), build.Options{
		Source: bytes.NewReader(disk), Size: int64(len(disk)), Image: "elev", Release: name,
		Created: time.Unix(1_800_000_000, 0), Keys: []ed25519.PrivateKey{key}, Store: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReleaseArrivesWholeAndManifestLast(t *testing.T) {
	from, r := local(t, "one")
	to, target := newRemote(t)
	var last, total int64
	sent, err := publish.Release(context.Background(), from, "elev", "one", target, func(done, all int64) { last, total = done, all })
	if err != nil {
		t.Fatal(err)
	}
	names, err := from.List(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(slices.Values(to.puts))
	if !slices.Equal(got, names) {
		t.Errorf("sent %v, want %v", got, names)
	}
	if end := to.puts[len(to.puts)-1]; end != release.ManifestPath("elev", "one") {
		t.Errorf("last was %s", end)
	}
	if last != total || last != sent.Bytes || sent.NewBytes != sent.Bytes || sent.NewObjects != len(r.Manifest.Packs)+2 {
		t.Errorf("progress %d of %d, sent %+v", last, total, sent)
	}
	for _, n := range names {
		equalObjects(t, from, to, n)
	}
}

func equalObjects(t *testing.T, a, b store.Store, name string) {
	t.Helper()
	x, errX := store.ReadAll(context.Background(), a, name, 1<<30)
	y, errY := store.ReadAll(context.Background(), b, name, 1<<30)
	if errX != nil || errY != nil || !bytes.Equal(x, y) {
		t.Errorf("%s differs: %v, %v", name, errX, errY)
	}
}

func TestSecondTimeSendsNothing(t *testing.T) {
	from, _ := local(t, "one")
	to, target := newRemote(t)
	if _, err := publish.Release(context.Background(), from, "elev", "one", target, nil); err != nil {
		t.Fatal(err)
	}
	to.puts = nil
	sent, err := publish.Release(context.Background(), from, "elev", "one", target, nil)
	if err != nil || len(to.puts) != 0 || sent.NewBytes != 0 || sent.Bytes == 0 {
		t.Errorf("sent again: %v, %+v, %v", to.puts, sent, err)
	}
}

func TestPackOfAnotherSizeIsSentAgain(t *testing.T) {
	from, r := local(t, "one")
	to, target := newRemote(t)
	pack := release.PackPath(r.Manifest.Packs[0].Digest)
	if err := to.Put(context.Background(), pack, strings.NewReader("cut short")); err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Release(context.Background(), from, "elev", "one", target, nil); err != nil {
		t.Fatal(err)
	}
	equalObjects(t, from, to, pack)
}

func TestAnotherReleaseOfTheNameStays(t *testing.T) {
	first, _ := local(t, "one")
	second, _ := local(t, "one")
	to, target := newRemote(t)
	if _, err := publish.Release(context.Background(), first, "elev", "one", target, nil); err != nil {
		t.Fatal(err)
	}
	to.puts = nil
	_, err := publish.Release(context.Background(), second, "elev", "one", target, nil)
	if !errors.Is(err, publish.ErrOther) || len(to.puts) != 0 {
		t.Errorf("error %v after %v", err, to.puts)
	}
	equalObjects(t, first, to, release.ManifestPath("elev", "one"))
}

func TestWhatTheNetworkLosesIsSentAgain(t *testing.T) {
	from, _ := local(t, "one")
	to, target := newRemote(t)
	to.fail = 1
	sent, err := publish.Release(context.Background(), from, "elev", "one", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sent.Bytes != sent.NewBytes {
		t.Errorf("a second try was counted twice: %+v", sent)
	}
}

func TestRefusalIsNotTriedAgain(t *testing.T) {
	from, _ := local(t, "one")
	to, target := newRemote(t)
	to.refuse = http.StatusForbidden
	_, err := publish.Release(context.Background(), from, "elev", "one", target, nil)
	if !errors.Is(err, publish.ErrRefused) {
		t.Errorf("error %v, want a refusal", err)
	}
}

func TestMissingReleaseIsNamed(t *testing.T) {
	from, _ := local(t, "one")
	_, target := newRemote(t)
	_, err := publish.Release(context.Background(), from, "elev", "two", target, nil)
	if !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "elev/two") {
		t.Errorf("error %v", err)
	}
}
