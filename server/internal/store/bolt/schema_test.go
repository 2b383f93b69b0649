package bolt_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

// shout is an upgrade that changes every owner and moves the values of one table to another.
var shout = []bolt.Upgrade{
	{To: 2, Does: "owners in capitals", Apply: func(tx *bolt.Tx) error {
		return tx.Rewrite(store.Owners, func(r store.Record) ([]store.Op, error) {
			return []store.Op{store.Put(store.Owners, r.Key, bytes.ToUpper(r.Value))}, nil
		})
	}},
	{To: 3, Does: "owners become sites", Apply: func(tx *bolt.Tx) error {
		return tx.Rewrite(store.Owners, func(r store.Record) ([]store.Op, error) {
			return []store.Op{store.Delete(store.Owners, r.Key), store.Put(store.Sites, r.Key, r.Value)}, nil
		})
	}},
}

// ownersStore is a store of schema 1 with more rows than an upgrade reads at once.
func ownersStore(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	batch := store.Batch{}
	for i := range 2500 {
		batch.Ops = append(batch.Ops, store.Put(store.Owners, fmt.Appendf(nil, "%04d", i), []byte("name")))
	}
	if _, err := s.Commit(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	return path
}

func TestUpgrade(t *testing.T) {
	path := ownersStore(t)
	for range 2 { // the second opening has nothing to do
		s, err := bolt.OpenUpgrading(path, shout)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for r, err := range s.Scan(t.Context(), store.Sites, store.Range{}) {
			if err != nil || string(r.Value) != "NAME" {
				t.Fatalf("row %q holds %q, %v", r.Key, r.Value, err)
			}
			n++
		}
		if left := count(t, s, store.Owners); n != 2500 || left != 0 {
			t.Errorf("%d rows moved, %d left", n, left)
		}
		closeStore(t, s)
	}
	if c, err := bolt.Verify(t.Context(), path+".schema-1"); err != nil || c.Schema != 1 || c.Rows[store.Owners] != 2500 {
		t.Errorf("the kept copy: %+v, %v", c, err)
	}
	onlyFiles(t, filepath.Dir(path), "store", "store.schema-1")
	if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "schema 3") {
		t.Errorf("the older program opened it: %v", err)
	}
}

func TestFailedUpgradeChangesNothing(t *testing.T) {
	path := ownersStore(t)
	trouble := errors.New("trouble")
	ups := []bolt.Upgrade{shout[0], {To: 3, Does: "fail", Apply: func(*bolt.Tx) error { return trouble }}}
	for range 2 {
		_, err := bolt.OpenUpgrading(path, ups)
		if !errors.Is(err, trouble) || !strings.Contains(err.Error(), "schema 3 (fail)") {
			t.Errorf("open: %v", err)
		}
	}
	s := open(t, path)
	defer closeStore(t, s)
	r, err := s.Get(t.Context(), store.Owners, []byte("0000"))
	if err != nil || string(r.Value) != "name" {
		t.Errorf("after a failed upgrade: %q, %v", r.Value, err)
	}
}

var keep = flag.Bool("keep", false, "write a kept database of the present schema, if there is none")

// TestKeptDatabases opens every database kept from a released schema: each record must be read, and
// written again must give the same bytes, so that no field was dropped. (What the bytes mean is held by
// the golden file of package record.) For a new schema run with -keep; an old file is never written anew.
func TestKeptDatabases(t *testing.T) {
	newest := fmt.Sprintf("testdata/schema-%d.db.gz", bolt.Schema())
	if _, err := os.Stat(newest); errors.Is(err, os.ErrNotExist) && *keep {
		keepDatabase(t, newest)
	}
	for n := 1; n <= bolt.Schema(); n++ {
		t.Run(fmt.Sprint("schema ", n), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store")
			gunzip(t, fmt.Sprintf("testdata/schema-%d.db.gz", n), path)
			s := open(t, path)
			defer closeStore(t, s)
			for _, table := range store.Tables {
				rows := 0
				for r, err := range s.Scan(t.Context(), table, store.Range{}) {
					if err != nil {
						t.Fatal(err)
					}
					again, err := recode(table, r)
					if err != nil || !bytes.Equal(again, r.Value) {
						t.Errorf("%s %s: %x became %x, %v", table, store.Printable(r.Key), r.Value, again, err)
					}
					rows++
				}
				if rows == 0 {
					t.Errorf("no rows in %s: nothing was tested", table)
				}
			}
		})
	}
}

// recode decodes a row and encodes it again.
func recode(table store.Table, r store.Record) ([]byte, error) {
	switch table {
	case store.Owners:
		o, err := record.DecodeOwner(r.Value)
		return record.EncodeOwner(o), err
	case store.Sites:
		s, err := record.DecodeSite(r.Value)
		return record.EncodeSite(s), err
	case store.Cabinets:
		c, err := record.DecodeCabinet(r.Value)
		return record.EncodeCabinet(c), err
	case store.Devices:
		d, err := record.DecodeDevice(r.Value)
		return record.EncodeDevice(d), err
	case store.Jobs:
		j, err := record.DecodeJob(r.Value)
		return record.EncodeJob(j), err
	case store.Tokens:
		t, err := record.DecodeToken(r.Value)
		return record.EncodeToken(t), err
	case store.Rollouts:
		o, err := record.DecodeRollout(r.Value)
		return record.EncodeRollout(o), err
	case store.Reports:
		return recodeReport(r.Value)
	case store.Serials:
		serial, d, err := record.ParseSerialKey(r.Key)
		if !bytes.Equal(record.SerialKey(serial, d), r.Key) {
			return nil, fmt.Errorf("key of %q, %v", serial, d)
		}
		return r.Value, err
	case store.Meta:
		return r.Value, nil
	}
	return nil, fmt.Errorf("table %s has no decoder here", table)
}

// recodeReport compares what is in the report: another version of the compressor may pack it otherwise.
func recodeReport(value []byte) ([]byte, error) {
	want, err := record.DecodeReport(value)
	if err != nil {
		return nil, err
	}
	again, err := record.EncodeReport(want)
	if err != nil {
		return nil, err
	}
	if got, err := record.DecodeReport(again); err != nil || len(want.Sections) == 0 || !reflect.DeepEqual(got, want) {
		return nil, fmt.Errorf("report %+v became %+v, %w", want, got, err)
	}
	return value, nil
}

func gunzip(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	plain, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// keepDatabase writes what the present program makes of a small municipality.
func keepDatabase(t *testing.T, file string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store")
	s := open(t, path)
	if _, err := s.Commit(t.Context(), store.Batch{Ops: smallMunicipality(t)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), devices(100)); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, store.Meta, "passing", "by")
	if _, err := s.Commit(t.Context(), store.Batch{Ops: []store.Op{store.Delete(store.Meta, []byte("passing"))}}); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := snap.WriteTo(zip); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(zip.Close(), snap.Close(), s.Close(), os.WriteFile(file, out.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func smallMunicipality(t *testing.T) (ops []store.Op) {
	t.Helper()
	at := time.Date(2026, 11, 20, 21, 30, 0, 0, time.UTC)
	put := func(table store.Table, key, value []byte) { ops = append(ops, store.Put(table, key, value)) }
	put(store.Owners, record.NameKey("nordvik"), record.EncodeOwner(fleet.Owner{ID: "nordvik", Name: "Nordvik kommune"}))
	put(store.Sites, record.NameKey("nordvik-u"), record.EncodeSite(fleet.Site{ID: "nordvik-u", Name: "Nordvik ungdomsskole", Owner: "nordvik", Zone: "Europe/Oslo"}))
	put(store.Cabinets, record.NameKey("skap-4"), record.EncodeCabinet(fleet.Cabinet{ID: "skap-4", Name: "Skap 4", Site: "nordvik-u", Slots: 30}))
	put(store.Tokens, []byte("k3v9x2"), record.EncodeToken(fleet.Token{
		ID: "k3v9x2", Site: "nordvik-u", SecretSHA256: bytes.Repeat([]byte{7}, 32), Uses: 3, MaxUses: 30, CreatedAt: at, ExpiresAt: at.AddDate(0, 0, 7),
	}))
	put(store.Rollouts, []byte("r-1"), record.EncodeRollout(rollout.Rollout{
		ID: "r-1", Cabinet: "skap-4", Image: "elev-win11", Release: "2026.11.2", ManifestDigest: bytes.Repeat([]byte{9}, 32), TotalBytes: 31 << 30,
		Policy: window.Policy{Zone: "Europe/Oslo", Open: 1320, Close: 360, Bell: 465},
		Span:   window.Span{Opens: at, Closes: at.Add(8 * time.Hour), Bell: at.Add(10 * time.Hour)}, AtOnce: 6, State: rollout.Running, CreatedAt: at, CreatedBy: "kari",
	}))
	for i, state := range []fleet.State{fleet.Announced, fleet.Pending, fleet.Active, fleet.Revoked, fleet.Retired} {
		d := device(1_000_000 + i)
		d.State, d.StateReason = state, reason.AwaitingApproval
		d.Delivery = fleet.Delivery{Purchased: "2026-08-01", WarrantyEnd: "2029-08-01", PriceOre: 549_000, Supplier: "Leverandør AS"}
		put(store.Devices, record.DeviceKey(d.ID), record.EncodeDevice(d))
		put(store.Serials, record.SerialKey(d.Hardware.Serial, d.ID), nil)
		job := id.Job{15: byte(i)}
		put(store.Jobs, record.JobKey(d.ID, job), record.EncodeJob(rollout.Job{
			ID: job, Rollout: "r-1", Device: d.ID, Attempt: i, State: rollout.JobState(i + 1), Phase: rollout.PhaseWrite, TotalBytes: 31 << 30, PlannedStart: at,
		}))
		report, err := record.EncodeReport(record.Report{Digest: bytes.Repeat([]byte{byte(i)}, 16), At: at, Sections: []record.Section{
			{Name: "memory", Digest: bytes.Repeat([]byte{2}, 16), Content: []byte("\x08\x80\x80\x80\x80\x20")},
			{Name: "packages", Digest: bytes.Repeat([]byte{3}, 16), Content: bytes.Repeat([]byte("dpkg "), 200*i)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		put(store.Reports, record.DeviceKey(d.ID), report)
	}
	put(store.Meta, []byte("fleet-id"), []byte("5f0c"))
	return ops
}
