package bolt_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// BenchmarkCommit updates random devices of 100,000, one device per commit and each commit durable,
// against bbolt's own ways to do the same on an equal file.
func BenchmarkCommit(b *testing.B) {
	const fleetSize = 100_000
	dir := b.TempDir()
	loaded := open(b, filepath.Join(dir, "loaded"))
	if _, err := loaded.Load(b.Context(), devices(fleetSize)); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"ours", "theirs"} {
		if err := loaded.BackupFile(b.Context(), filepath.Join(dir, name)); err != nil {
			b.Fatal(err)
		}
	}
	closeStore(b, loaded)
	ours := open(b, filepath.Join(dir, "ours"))
	defer closeStore(b, ours)
	theirs, err := bbolt.Open(filepath.Join(dir, "theirs"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		b.Fatal(err)
	}
	defer theirs.Close()
	put := func(key, value []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket([]byte("devices")).Put(key, value) }
	}
	for _, way := range []struct {
		name   string
		commit func(key, value []byte) error
	}{
		{"store", func(key, value []byte) error {
			_, err := ours.Commit(b.Context(), store.Batch{Ops: []store.Op{store.Put(store.Devices, key, value)}})
			return err
		}},
		{"bbolt.Batch", func(key, value []byte) error { return theirs.Batch(put(key, value)) }},
		{"bbolt.Update", func(key, value []byte) error { return theirs.Update(put(key, value)) }},
	} {
		for _, callers := range []int{1, 64, 1000} {
			b.Run(way.name+"/callers="+strconv.Itoa(callers), func(b *testing.B) {
				start, used := time.Now(), cpu(b)
				inParallel(b, callers, func() error {
					d := device(rand.IntN(fleetSize))
					return way.commit(d.ID[:], record.EncodeDevice(d))
				})
				b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "commits/s")
				b.ReportMetric(float64((cpu(b)-used).Microseconds())/float64(b.N), "cpu-us/commit")
			})
		}
	}
}

// inParallel shares b.N calls of f among n goroutines.
func inParallel(b *testing.B, n int, f func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkMillion loads a million devices once, then opens the file and decodes each of them, as the
// control plane does when it starts; first with nothing of the file in memory. It takes a minute: set
// NATTEVAKT_BENCH_MILLION.
func BenchmarkMillion(b *testing.B) {
	if os.Getenv("NATTEVAKT_BENCH_MILLION") == "" {
		b.Skip("needs half a gigabyte of disk and a minute: set NATTEVAKT_BENCH_MILLION=1")
	}
	const million = 1_000_000
	path := filepath.Join(b.TempDir(), "store")
	s := open(b, path)
	start := time.Now()
	if _, err := s.Load(b.Context(), devices(million)); err != nil {
		b.Fatal(err)
	}
	loaded := time.Since(start)
	size, err := s.Size()
	if err != nil {
		b.Fatal(err)
	}
	closeStore(b, s)
	for _, cold := range []bool{true, false} {
		name := "start/warm"
		if cold {
			name = "start/cold"
		}
		b.Run(name, func(b *testing.B) {
			used := cpu(b)
			for b.Loop() {
				if cold {
					forget(b, path)
				}
				startAll(b, path, million)
			}
			b.ReportMetric((cpu(b)-used).Seconds()/float64(b.N), "cpu-s/start")
			b.ReportMetric(float64(million)/loaded.Seconds(), "loaded/s")
			b.ReportMetric(float64(size)/million, "B/device")
		})
	}
}

func startAll(b *testing.B, path string, want int) {
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	fleetTable := make([]fleet.Device, 0, want)
	for r, err := range s.Scan(b.Context(), store.Devices, store.Range{}) {
		if err != nil {
			b.Fatal(err)
		}
		d, err := record.DecodeDevice(r.Value)
		if err != nil {
			b.Fatal(err)
		}
		fleetTable = append(fleetTable, d)
	}
	b.StopTimer()
	defer b.StartTimer()
	debug.FreeOSMemory()
	b.ReportMetric(resident(b), "MB-resident")
	if len(fleetTable) != want {
		b.Fatalf("%d devices, want %d", len(fleetTable), want)
	}
	runtime.KeepAlive(fleetTable)
	closeStore(b, s)
}

// forget drops the file from the kernel's cache.
func forget(b *testing.B, path string) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		b.Fatal(err)
	}
}

// cpu is the processor time this process has used: what the clock says depends on the neighbours.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the process's memory that is not part of a file, in MB.
func resident(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}

// BenchmarkGet reads random devices of 100,000.
func BenchmarkGet(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store"))
	defer closeStore(b, s)
	if _, err := s.Load(b.Context(), devices(100_000)); err != nil {
		b.Fatal(err)
	}
	var key [16]byte
	b.ReportAllocs()
	for b.Loop() {
		binary.BigEndian.PutUint64(key[:], uint64(rand.IntN(100_000))<<24)
		copy(key[6:], []byte{0x47, 0, 0x89})
		if _, err := s.Get(b.Context(), store.Devices, key[:]); err != nil {
			b.Fatal(err)
		}
	}
}
