package apply_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/nattevakt/nattevakt/images/apply"
)

// cutDisk is a disk with a volatile cache: what was written since the last Sync is lost, kept or torn at
// random when the power is cut, sector by sector and so in any order.
type cutDisk struct {
	mu      sync.Mutex
	durable []byte
	current []byte
	dirty   []bool // per sector: current is not durable
	left    int    // writes and syncs until the power is cut; negative: never
}

const cutSector = 512

var errPower = errors.New("power cut")

func newCutDisk(content []byte, size int) *cutDisk {
	d := &cutDisk{durable: make([]byte, size), current: make([]byte, size), dirty: make([]bool, size/cutSector+1), left: -1}
	copy(d.durable, content)
	copy(d.current, content)
	return d
}

func (d *cutDisk) Size() (int64, error) { return int64(len(d.durable)), nil }

func (d *cutDisk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 {
		return 0, errPower
	}
	if off+int64(len(p)) > int64(len(d.current)) {
		return 0, io.EOF
	}
	return copy(p, d.current[off:]), nil
}

func (d *cutDisk) WriteAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.tick() {
		return 0, errPower
	}
	for s := off / cutSector; s*cutSector < off+int64(len(p)); s++ {
		d.dirty[s] = true
	}
	return copy(d.current[off:], p), nil
}

func (d *cutDisk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.tick() {
		return errPower
	}
	copy(d.durable, d.current)
	clear(d.dirty)
	return nil
}

// tick reports whether there is still power.
func (d *cutDisk) tick() bool {
	if d.left > 0 {
		d.left--
	}
	return d.left != 0
}

// restart starts the machine again after a cut: each sector that was not synced has its old or its new
// content.
func (d *cutDisk) restart(r *rand.Rand) {
	for s, dirty := range d.dirty {
		if dirty && r.IntN(2) == 0 {
			at := s * cutSector
			copy(d.durable[at:], d.current[at:min(at+cutSector, len(d.current))])
		}
	}
	copy(d.current, d.durable)
	clear(d.dirty)
	d.left = -1
}

// TestPowerCuts cuts Write at every point, again and again, and wants the same disk in the end without
// the network.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.stage(t)
	if err := reimage(t.Context(), s, w.http(), w.old.ref, w.trust, newCutDisk(nil, diskSize)); err != nil {
		t.Fatal(err)
	}
	if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, newCutDisk(w.old.disk, diskSize), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.folder); err != nil {
		t.Fatal(err)
	}
	cuts, want := 0, amount(t, "NATTEVAKT_CUTS", 200)
	round := uint64(0)
	for ; cuts < want; round++ {
		r := rand.New(rand.NewPCG(round, 0))
		d := newCutDisk(w.old.disk, len(w.new.disk)+1000)
		cuts += cutUntilDone(t, w, s, d, r)
		if err := s.Confirm(t.Context(), w.new.ref, d, nil); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if !bytes.Equal(d.durable[:len(w.new.disk)], w.new.disk) {
			t.Fatalf("round %d: disk is not the release", round)
		}
	}
	t.Logf("%d updates, %d power cuts", round, cuts)
}

// amount gives how often to cut or kill: what the environment says (make soak), else the usual, a tenth
// of it with -short.
func amount(t *testing.T, variable string, usual int) int {
	t.Helper()
	if v := os.Getenv(variable); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
		return n
	}
	if testing.Short() {
		return usual / 10
	}
	return usual
}

// cutUntilDone runs Write with power cuts at random points until it ends by itself.
func cutUntilDone(t *testing.T, w *world, s *apply.Stage, d *cutDisk, r *rand.Rand) (cuts int) {
	t.Helper()
	for range 50 {
		d.left = 1 + r.IntN(8)
		err := s.Write(t.Context(), w.new.ref, d, nil)
		if err == nil {
			return cuts
		}
		var e *apply.Error
		if !errors.As(err, &e) || e.Kind != apply.DiskIO {
			t.Fatalf("after a cut: %v", err)
		}
		cuts++
		d.restart(r)
	}
	if err := s.Write(t.Context(), w.new.ref, d, nil); err != nil {
		t.Fatalf("undisturbed at last: %v", err)
	}
	return cuts
}

// TestStageAfterPowerCut cuts and garbles the end of the chunk log, as a lost cache would, and wants Fetch
// to get just what is lost.
func TestStageAfterPowerCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, target := w.stage(t), newCutDisk(nil, diskSize)
	if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, target, nil); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(w.dir, "stage", fmt.Sprintf("%x", w.new.ref.ManifestDigest), "chunks")
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		cut := r.IntN(len(whole))
		torn := append([]byte(nil), whole[:cut]...)
		switch r.IntN(3) {
		case 0: // the file ends there
		case 1: // its length was durable, its content not
			torn = append(torn, make([]byte, r.IntN(len(whole)-cut))...)
		case 2:
			torn = append(torn, noise(uint64(cut), r.IntN(100_000))...)
		}
		if err := os.WriteFile(log, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		w.fetched.Store(0)
		if err := s.Fetch(t.Context(), w.http(), w.new.ref, w.trust, target, nil); err != nil {
			t.Fatal(err)
		}
		if lost := int64(len(whole) - cut); w.fetched.Load() > lost+300_000 {
			t.Fatalf("lost %d bytes, fetched %d", lost, w.fetched.Load())
		}
		if err := s.Verify(t.Context(), w.new.ref, w.trust, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzChunkLog: whatever stands in the log, Verify ends, and Fetch makes the stage whole again.
func FuzzChunkLog(f *testing.F) {
	w := newWorld(f)
	s, target := w.stage(f), newCutDisk(nil, diskSize)
	if err := s.Fetch(f.Context(), w.http(), w.old.ref, w.trust, target, nil); err != nil {
		f.Fatal(err)
	}
	log := filepath.Join(w.dir, "stage", fmt.Sprintf("%x", w.old.ref.ManifestDigest), "chunks")
	whole, err := os.ReadFile(log)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{}, 0)
	f.Add(whole[:100], len(whole)/2)
	f.Fuzz(func(t *testing.T, garbage []byte, at int) {
		b := bytes.Clone(whole)
		copy(b[min(len(b), max(0, at)):], garbage)
		if err := os.WriteFile(log, b, 0o600); err != nil {
			t.Fatal(err)
		}
		damaged := s.Verify(t.Context(), w.old.ref, w.trust, nil)
		if !bytes.Equal(b, whole) && damaged == nil {
			t.Fatal("a changed log was accepted")
		}
		if damaged == nil {
			return
		}
		if err := s.Fetch(t.Context(), w.http(), w.old.ref, w.trust, target, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(t.Context(), w.old.ref, w.trust, nil); err != nil {
			t.Fatal(err)
		}
	})
}
