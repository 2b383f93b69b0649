package imaging_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/imaging"
	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/images/build"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// world is a published release and a machine to write it to.
type world struct {
	*imaging.Executor
	content []byte
	order   job.Order
	served  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w := &world{content: make([]byte, 1<<20), served: filepath.Join(dir, "served")}
	if _, err := rand.Read(w.content[:300_000]); err != nil {
		t.Fatal(err)
	}
	w.publish(t, private)
	server := httptest.NewServer(http.FileServer(http.Dir(w.served)))
	t.Cleanup(server.Close)
	w.order.Reimage.ContentURLs = []string{server.URL}
	w.Executor = &imaging.Executor{
		Stage: filepath.Join(dir, "stage"), Disk: filepath.Join(dir, "disk"), Client: http.DefaultClient,
		Trust: release.Trust{Keys: []ed25519.PublicKey{public}, Threshold: 1},
	}
	w.disk(t, len(w.content))
	return w
}

func (w *world) publish(t *testing.T, key ed25519.PrivateKey) {
	t.Helper()
	folder, err := store.Folder(w.served)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	built, err := build.Build(t.Context(), build.Options{
		Source: bytes.NewReader(w.content), Size: int64(len(w.content)), Image: "elev", Release: "1",
		Created: time.Unix(1_800_000_000, 0), Keys: []ed25519.PrivateKey{key}, Store: folder,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.order = job.Order{Reimage: job.Reimage{Image: "elev", Release: "1", ManifestDigest: built.ManifestDigest}}
}

func (w *world) disk(t *testing.T, size int) {
	t.Helper()
	if err := os.WriteFile(w.Disk, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

// do carries phases out, one after the other, until one fails.
func (w *world) do(t *testing.T, phases ...job.Phase) error {
	t.Helper()
	for _, phase := range phases {
		if err := w.Do(t.Context(), w.order, phase, func(done, total, fetched int64) {}); err != nil {
			return err
		}
	}
	return nil
}

var all = []job.Phase{job.Fetch, job.Verify, job.Write, job.Confirm}

func TestReimage(t *testing.T) {
	w := newWorld(t)
	for range 2 { // each phase is safe to run twice
		if err := w.do(t, all...); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(w.Disk); err != nil || !bytes.Equal(got, w.content) {
		t.Error("the disk is not the release")
	}
	if err := w.Release(); err != nil {
		t.Error(err)
	}
}

func TestReasons(t *testing.T) {
	stranger, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		spoil func(t *testing.T, w *world)
		want  reason.Code
	}{
		{"no disk given", func(_ *testing.T, w *world) { w.Disk = "" }, reason.NoTargetDisk},
		{"no such disk", func(_ *testing.T, w *world) { w.Disk += "none" }, reason.NoTargetDisk},
		{"disk is a folder", func(t *testing.T, w *world) { w.Disk = t.TempDir() }, reason.DiskError},
		{"small disk", func(t *testing.T, w *world) { w.disk(t, 1000) }, reason.DiskTooSmall},
		{"signed by a stranger", func(_ *testing.T, w *world) { w.Trust.Keys = []ed25519.PublicKey{stranger} }, reason.SignatureInvalid},
		{"another release", func(_ *testing.T, w *world) { w.order.Reimage.ManifestDigest[0] ^= 1 }, reason.ContentCorrupt},
		{"not published", func(_ *testing.T, w *world) { w.order.Reimage.Release = "2" }, reason.ContentMissing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.spoil(t, w)
			err := w.do(t, all...)
			var coded *imaging.Error
			if !errors.As(err, &coded) || coded.Reason() != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestUnknownPhase(t *testing.T) {
	var coded *imaging.Error
	if err := newWorld(t).do(t, "polish"); !errors.As(err, &coded) || coded.Reason() != reason.UnsupportedAction {
		t.Errorf("got %v", err)
	}
}
