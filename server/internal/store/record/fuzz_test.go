package record_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

func packed(t testing.TB, plain []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(plain, nil)
}

// fuzz decodes anything: what a decoder accepts, it gives back after encoding.
func fuzz(f *testing.F, name string) {
	for _, c := range codecs() {
		if c.name != name {
			continue
		}
		value, err := c.encode(c.sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
		f.Add(value[:len(value)/2])
		f.Add([]byte{1, 0xa0})
		f.Fuzz(func(t *testing.T, value []byte) {
			got, err := c.decode(value)
			if err != nil {
				return
			}
			again, err := c.encode(got)
			if err != nil {
				t.Fatalf("encode what was decoded: %v", err)
			}
			if back, err := c.decode(again); err != nil || !reflect.DeepEqual(back, got) {
				t.Fatalf("got %+v, %v\nwant %+v", back, err, got)
			}
		})
	}
}

func FuzzDecodeOwner(f *testing.F)   { fuzz(f, "owner") }
func FuzzDecodeSite(f *testing.F)    { fuzz(f, "site") }
func FuzzDecodeCabinet(f *testing.F) { fuzz(f, "cabinet") }
func FuzzDecodeToken(f *testing.F)   { fuzz(f, "token") }
func FuzzDecodeDevice(f *testing.F)  { fuzz(f, "device") }
func FuzzDecodeRollout(f *testing.F) { fuzz(f, "rollout") }
func FuzzDecodeJob(f *testing.F)     { fuzz(f, "job") }

func FuzzDecodeReport(f *testing.F) {
	large, err := record.EncodeReport(record.Report{Sections: []record.Section{{Name: "disks", Content: bytes.Repeat([]byte("disk"), 500)}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(large)
	fuzz(f, "report")
}

func FuzzParseSerialKey(f *testing.F) {
	f.Add([]byte("7XK2LM3\x000123456789abcdef"))
	f.Fuzz(func(t *testing.T, key []byte) {
		serial, device, err := record.ParseSerialKey(key)
		if err == nil && !bytes.Equal(record.SerialKey(serial, device), key) {
			t.Errorf("key %x is of %q %v", key, serial, device)
		}
	})
}
