package clock

import (
	"errors"
	"io/fs"
	"sync"
	"time"
)

// FileName is where a Keeper keeps its anchor and floor.
const FileName = "clock.json"

// saveEvery bounds how stale the file may get; a step of more than saveStep is written at once.
const (
	saveEvery = time.Hour
	saveStep  = 5 * time.Second
)

// Store keeps one small file.
type Store interface {
	ReadJSON(name string, into any) error
	WriteJSON(name string, value any) error
}

// Keeper is the agent's one estimate of the control plane's time. Its methods may be called concurrently.
type Keeper struct {
	store Store
	read  func() Reading

	mu sync.Mutex // guards what follows
	kept
	saved Reading
}

type kept struct {
	Anchor Anchor    `json:"anchor"`
	Floor  time.Time `json:"floor"`
}

// Open loads what was kept. read gives the machine's Reading.
func Open(store Store, read func() Reading) (*Keeper, error) {
	k := &Keeper{store: store, read: read}
	if err := store.ReadJSON(FileName, &k.kept); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return k, nil
}

// Read gives the machine's own Reading.
func (k *Keeper) Read() Reading { return k.read() }

// Anchor gives the newest anchor.
func (k *Keeper) Anchor() Anchor {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept.Anchor
}

// Now estimates the control plane's time.
func (k *Keeper) Now() time.Time { return k.Anchor().Now(k.read()) }

// RealNow estimates the control plane's own wall clock. Where it has not been told, it is the floor; before
// the first contact, the machine's clock.
func (k *Keeper) RealNow() time.Time {
	r := k.read()
	if now := k.Anchor().RealNow(r); !now.IsZero() {
		return now
	}
	if floor := k.Floor(); !floor.IsZero() {
		return floor
	}
	return r.Wall
}

// Until is the real time to wait for the control plane's time to be t.
func (k *Keeper) Until(t time.Time) time.Duration { return k.Anchor().Until(t, k.read()) }

// Sure is Anchor.Sure now.
func (k *Keeper) Sure() bool { return k.Anchor().Sure(k.read()) }

// Floor is a time that has certainly passed; zero before the first contact. In the boot that heard it,
// the time since boot is added.
func (k *Keeper) Floor() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.floorAt(k.read())
}

func (k *Keeper) floorAt(r Reading) time.Time {
	a := k.kept.Anchor
	if a.Sure(r) && a.RealNow(r).After(k.kept.Floor) {
		return a.RealNow(r)
	}
	return k.kept.Floor
}

// Observe takes in an answer's clock, received at r. An answer without a time changes nothing.
func (k *Keeper) Observe(said Answer, r Reading) error {
	if said.Time.Unix() <= 0 {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.kept.Anchor
	k.kept.Anchor = NewAnchor(said, r)
	k.raise(k.kept.Anchor.Real)
	if !k.due(old, r) {
		return nil
	}
	return k.save(r)
}

// Signed takes in a time that the control plane has signed: the start of our certificate's validity.
func (k *Keeper) Signed(t time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !t.After(k.kept.Floor) {
		return nil
	}
	k.raise(t)
	return k.save(k.read())
}

func (k *Keeper) raise(t time.Time) {
	if t.After(k.kept.Floor) {
		k.kept.Floor = t
	}
}

// due reports whether the file would mislead after a power cut now.
func (k *Keeper) due(old Anchor, r Reading) bool {
	now := k.kept.Anchor
	if !old.Sure(r) || old.Rate != now.Rate || k.saved.Boot != r.Boot || r.Up-k.saved.Up >= saveEvery {
		return true
	}
	return now.Time.Sub(old.Now(r)).Abs() > scale(saveStep, now.Rate)
}

func (k *Keeper) save(r Reading) error {
	if err := k.store.WriteJSON(FileName, k.kept); err != nil {
		return err
	}
	k.saved = r
	return nil
}
