package apply_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/nattevakt/nattevakt/images/apply"
)

// cutDisk is a disk with a volatile cache: what was written since the last Sync is lost, kept or torn at
// random when the power is cut, sector by sector and so in any order.
type cutDisk struct {
	mu      sync.Mutex
	durable []byte
	cache   map[int64][]byte // by sector number
	left    int              // writes and syncs until the power is cut; negative: never
}

const cutSector = 512

var errPower = errors.New("power cut")

func newCutDisk(content []byte, size int) *cutDisk {
	d := &cutDisk{durable: make([]byte, size), cache: map[int64][]byte{}, left: -1}
	copy(d.durable, content)
	return d
}

func (d *cutDisk) Size() (int64, error) { return int64(len(d.durable)), nil }

func (d *cutDisk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 {
		return 0, errPower
	}
	if off+int64(len(p)) > int64(len(d.durable)) {
		return 0, io.EOF
	}
	copy(p, d.durable[off:])
	for s := off / cutSector; s*cutSector < off+int64(len(p)); s++ {
		if b, ok := d.cache[s]; ok {
			overlay(p, off, b, s*cutSector)
		}
	}
	return len(p), nil
}

// overlay copies the part of src, which lies at srcOff, that p, which lies at off, covers.
func overlay(p []byte, off int64, src []byte, srcOff int64) {
	if srcOff >= off {
		copy(p[srcOff-off:], src)
		return
	}
	copy(p, src[off-srcOff:])
}

func (d *cutDisk) WriteAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.tick() {
		return 0, errPower
	}
	for s := off / cutSector; s*cutSector < off+int64(len(p)); s++ {
		b, ok := d.cache[s]
		if !ok {
			b = append([]byte(nil), d.durable[s*cutSector:min(int64(len(d.durable)), (s+1)*cutSector)]...)
			d.cache[s] = b
		}
		overlay(b, s*cutSector, p, off)
	}
	return len(p), nil
}

func (d *cutDisk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.tick() {
		return errPower
	}
	for s, b := range d.cache {
		copy(d.durable[s*cutSector:], b)
	}
	clear(d.cache)
	return nil
}

// tick reports whether there is still power.
func (d *cutDisk) tick() bool {
	if d.left > 0 {
		d.left--
	}
	return d.left != 0
}

// restart cuts the power, if that has not happened, and starts the machine again.
func (d *cutDisk) restart(r *rand.Rand) {
	for s, b := range d.cache {
		if r.IntN(2) == 0 {
			copy(d.durable[s*cutSector:], b)
		}
	}
	clear(d.cache)
	d.left = -1
}

// TestPowerCuts cuts Write at every point, again and again, and wants the same disk in the end without
// the network.
func TestPowerCuts(t *testing.T) {
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
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	cuts := 0
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(round), 0))
		d := newCutDisk(w.old.disk, diskSize)
		cuts += cutUntilDone(t, w, s, d, r)
		if err := s.Confirm(t.Context(), w.new.ref, d, nil); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if string(d.durable[:len(w.new.disk)]) != string(w.new.disk) {
			t.Fatalf("round %d: disk is not the release", round)
		}
	}
	if cuts < rounds {
		t.Errorf("only %d cuts in %d rounds", cuts, rounds)
	}
	t.Logf("%d rounds, %d power cuts", rounds, cuts)
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
	for range 60 {
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
