package record_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/rollout"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
	"github.com/nattevakt/nattevakt/server/internal/window"
)

var update = flag.Bool("update", false, "write the golden file anew; only for records that are new")

// codec is one noun with any type, so that every test below covers every noun.
type codec struct {
	name   string
	sample any
	draw   *rapid.Generator[any]
	encode func(any) ([]byte, error)
	decode func([]byte) (any, error)
}

func newCodec[T any](name string, sample T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) codec {
	return codec{
		name: name, sample: sample,
		draw:   rapid.MakeCustom[T](generators).AsAny(),
		encode: func(v any) ([]byte, error) { return encode(v.(T)) },
		decode: func(b []byte) (any, error) { return decode(b) },
	}
}

// sure gives an encoder that cannot fail the form of one that can.
func sure[T any](encode func(T) []byte) func(T) ([]byte, error) {
	return func(v T) ([]byte, error) { return encode(v), nil }
}

var at = time.Date(2026, 11, 20, 21, 30, 0, 123456000, time.UTC)

func codecs() []codec {
	return []codec{
		newCodec("owner", fleet.Owner{ID: "nordvik", Name: "Nordvik kommune"}, sure(record.EncodeOwner), record.DecodeOwner),
		newCodec("site", fleet.Site{ID: "nordvik-u", Name: "Nordvik ungdomsskole", Owner: "nordvik", Zone: "Europe/Oslo"}, sure(record.EncodeSite), record.DecodeSite),
		newCodec("cabinet", fleet.Cabinet{ID: "skap-4", Name: "Skap 4", Site: "nordvik-u", Slots: 30}, sure(record.EncodeCabinet), record.DecodeCabinet),
		newCodec("token", fleet.Token{
			ID: "k3v9x2", Site: "nordvik-u", SecretSHA256: bytes.Repeat([]byte{7}, 32), Uses: 3, MaxUses: 30,
			CreatedAt: at, ExpiresAt: at.AddDate(0, 0, 7), Revoked: true,
		}, sure(record.EncodeToken), record.DecodeToken),
		newCodec("device", fullDevice(), sure(record.EncodeDevice), record.DecodeDevice),
		newCodec("rollout", rollout.Rollout{
			ID: "r-1", Cabinet: "skap-4", Image: "elev-win11", Release: "2026.11.2", ManifestDigest: bytes.Repeat([]byte{9}, 32),
			TotalBytes: 31 << 30, Policy: window.Policy{Zone: "Europe/Oslo", Open: 1320, Close: 360, Bell: 465},
			Span: window.Span{Opens: at, Closes: at.Add(8 * time.Hour), Bell: at.Add(10 * time.Hour)}, AtOnce: 6,
			State: rollout.Running, CreatedAt: at, CreatedBy: "kari",
		}, sure(record.EncodeRollout), record.DecodeRollout),
		newCodec("job", rollout.Job{
			ID: id.Job{15: 5}, Rollout: "r-1", Device: id.Device{15: 6}, Revision: 4, Attempt: 2, Number: 9,
			State: rollout.JobFailed, Phase: rollout.PhaseWrite, PhaseState: rollout.PhaseFailed, DoneBytes: 1 << 33, TotalBytes: 31 << 30,
			FetchedBytes: 1 << 34, FetchedBefore: 1 << 33, Reason: reason.DiskError, Detail: "write /dev/nvme0n1p3: input/output error", PlannedStart: at,
			GrantedAt: at.Add(time.Minute), StartedAt: at.Add(time.Second), EndedAt: at.Add(time.Hour), HeardAt: at.Add(2 * time.Hour),
		}, sure(record.EncodeJob), record.DecodeJob),
		newCodec("report", record.Report{
			Digest: bytes.Repeat([]byte{1}, 16), At: at,
			Sections: []record.Section{{Name: "memory", Digest: bytes.Repeat([]byte{2}, 16), Content: []byte("\x0a\x03abc")}},
		}, record.EncodeReport, record.DecodeReport),
	}
}

// fullDevice has every field set.
func fullDevice() fleet.Device {
	d := sampleDevice()
	d.StateReason, d.Alarm, d.AlarmAt = reason.AwaitingApproval, reason.IdentityCloned, at
	d.Delivery = fleet.Delivery{
		Purchased: "2026-08-01", WarrantyEnd: "2029-08-01", PriceOre: 549_000, Supplier: "Leverandør AS",
		TPMKeySHA256: bytes.Repeat([]byte{3}, 32),
	}
	d.Identity.PreviousSerial, d.Identity.Approved = bytes.Repeat([]byte{4}, 16), true
	d.Report.Patch.Critical, d.Report.Patch.RebootPending = 1, true
	return d
}

// generators draw what a decoder gives back exactly: times in UTC to the microsecond, no empty slices
// beside nil, and text of any bytes.
var generators = rapid.MakeConfig{
	Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[time.Time](): rapid.Custom(func(t *rapid.T) any {
			if rapid.Bool().Draw(t, "zero") {
				return time.Time{}
			}
			return time.UnixMicro(rapid.Int64Range(-62135596800000000, 253402300799999999).Draw(t, "micro")).UTC()
		}),
		reflect.TypeFor[[]byte](): rapid.Custom(func(t *rapid.T) any {
			if b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes"); len(b) > 0 {
				return b
			}
			return []byte(nil)
		}),
		reflect.TypeFor[[]record.Section](): rapid.Custom(func(t *rapid.T) any {
			var sections []record.Section
			for range rapid.IntRange(0, 4).Draw(t, "sections") {
				sections = append(sections, record.Section{
					Name:    rapid.String().Draw(t, "name"),
					Content: bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, rapid.IntRange(1, 5000).Draw(t, "length")),
				})
			}
			return sections
		}),
	},
	Kinds: map[reflect.Kind]*rapid.Generator[any]{
		reflect.String: rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 30), func(b []byte) string { return string(b) }).AsAny(),
	},
}

func TestRoundTrip(t *testing.T) {
	for _, c := range codecs() {
		t.Run(c.name, rapid.MakeCheck(func(t *rapid.T) {
			want := c.draw.Draw(t, c.name)
			value, err := c.encode(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.decode(value)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("got %+v, %v\nwant %+v", got, err, want)
			}
			again, err := c.encode(got)
			if err != nil || !bytes.Equal(again, value) {
				t.Fatalf("encoded again: %x, %v\nwant %x", again, err, value)
			}
		}))
	}
}

// TestGolden holds the bytes that are in people's databases.
func TestGolden(t *testing.T) {
	const path = "testdata/version-1.txt"
	if *update {
		var out strings.Builder
		for _, c := range codecs() {
			value, err := c.encode(c.sample)
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(c.name + " " + hex.EncodeToString(value) + "\n")
		}
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != len(codecs()) {
		t.Fatalf("%d golden values for %d nouns", len(lines), len(codecs()))
	}
	for i, c := range codecs() {
		name, digits, _ := strings.Cut(lines[i], " ")
		golden, err := hex.DecodeString(digits)
		if err != nil || name != c.name {
			t.Fatalf("line %d is of %q, %v; want %q", i+1, name, err, c.name)
		}
		if got, err := c.decode(golden); err != nil || !reflect.DeepEqual(got, c.sample) {
			t.Errorf("%s: golden bytes decode to %+v, %v", c.name, got, err)
		}
		if value, err := c.encode(c.sample); err != nil || !bytes.Equal(value, golden) {
			t.Errorf("%s: encodes to %x, %v\nwant %x", c.name, value, err, golden)
		}
	}
}

func TestLaterFieldsAreIgnored(t *testing.T) {
	for _, c := range codecs() {
		value, err := c.encode(c.sample)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.decode(withLaterFields(t, c, value))
		if err != nil || !reflect.DeepEqual(got, c.sample) {
			t.Errorf("%s: got %+v, %v", c.name, got, err)
		}
	}
}

// withLaterFields adds fields of every shape to the map in value.
func withLaterFields(t *testing.T, c codec, value []byte) []byte {
	head := 1
	if c.name == "report" {
		head = 2
	}
	fields := map[int]cbor.RawMessage{}
	if err := cbor.Unmarshal(value[head:], &fields); err != nil {
		t.Fatal(err)
	}
	for key, later := range map[int]any{200: "text", 201: []int{1, 2}, 202: map[string][]byte{"a": {1}}, 1000: 3.5, -1: nil} {
		raw, err := cbor.Marshal(later)
		if err != nil {
			t.Fatal(err)
		}
		fields[key] = raw
	}
	body, err := cbor.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.Clone(value[:head]), body...)
}

func TestBadValues(t *testing.T) {
	for _, c := range codecs() {
		value, err := c.encode(c.sample)
		if err != nil {
			t.Fatal(err)
		}
		newer := bytes.Clone(value)
		newer[0] = 2
		for _, bad := range []struct {
			what  string
			value []byte
			names string
		}{
			{"nothing", nil, "empty"},
			{"a newer version", newer, "version 2, this program knows 1"},
			{"half", value[:len(value)/2], "decode " + c.name},
			{"one byte more", append(bytes.Clone(value), 0), "decode " + c.name},
			{"not a map", append(bytes.Clone(value[:1]), 0x01), "decode " + c.name},
		} {
			if _, err := c.decode(bad.value); err == nil || !strings.Contains(err.Error(), bad.names) {
				t.Errorf("%s: %s: %v, want %q", c.name, bad.what, err, bad.names)
			}
		}
	}
}

func TestDeviceIsSmall(t *testing.T) {
	if n := len(record.EncodeDevice(sampleDevice())); n > 420 {
		t.Errorf("a device without delivery takes %d bytes", n)
	}
}

func TestDecodedDeviceIsItsOwn(t *testing.T) {
	value := record.EncodeDevice(fullDevice())
	d, err := record.DecodeDevice(value)
	if err != nil {
		t.Fatal(err)
	}
	for i := range value {
		value[i] = 0xff
	}
	if !reflect.DeepEqual(d, fullDevice()) {
		t.Error("a decoded device changed with the bytes it was read from")
	}
}

func TestReportLimits(t *testing.T) {
	section := func(n int) record.Section { return record.Section{Name: "disks", Content: make([]byte, n)} }
	for _, c := range []struct {
		name     string
		sections []record.Section
		ok       bool
	}{
		{"most sections", make([]record.Section, record.MaxSections), true},
		{"too many sections", make([]record.Section, record.MaxSections+1), false},
		{"large", []record.Section{section(record.MaxReport - 100)}, true},
		{"too large", []record.Section{section(record.MaxReport)}, false},
	} {
		value, err := record.EncodeReport(record.Report{Sections: c.sections})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !c.ok {
			continue
		}
		if r, err := record.DecodeReport(value); err != nil || len(r.Sections) != len(c.sections) {
			t.Errorf("%s: decoded %d sections, %v", c.name, len(r.Sections), err)
		}
	}
}

// TestReportBomb decodes a few kilobytes that would unpack to far more than a report may hold.
func TestReportBomb(t *testing.T) {
	bomb := packed(t, make([]byte, 64<<20))
	if len(bomb) > 100_000 {
		t.Fatalf("the bomb takes %d bytes", len(bomb))
	}
	if _, err := record.DecodeReport(append([]byte{1, 1}, bomb...)); err == nil {
		t.Error("unpacked 64 MiB")
	}
}

func TestSerialKeys(t *testing.T) {
	d := id.NewDevice()
	for _, serial := range []string{"7XK2LM3", "", "A\x00B", "Ø-1"} {
		got, device, err := record.ParseSerialKey(record.SerialKey(serial, d))
		if err != nil || got != serial || device != d {
			t.Errorf("%q: got %q %v, %v", serial, got, device, err)
		}
		if !bytes.HasPrefix(record.SerialKey(serial, d), record.SerialPrefix(serial)) {
			t.Errorf("%q: the key does not begin with the prefix", serial)
		}
	}
	for _, bad := range []string{"", "short", "no NUL before the device"} {
		if _, _, err := record.ParseSerialKey([]byte(bad)); err == nil {
			t.Errorf("key %q was accepted", bad)
		}
	}
}

func TestJobKeysFollowTheirDevice(t *testing.T) {
	d, j := id.NewDevice(), id.NewJob()
	key := record.JobKey(d, j)
	if !bytes.Equal(key, append(record.DeviceKey(d), j[:]...)) {
		t.Errorf("job key %x", key)
	}
	for _, k := range [][]byte{key, record.DeviceKey(d), record.NameKey("nordvik"), record.SerialKey("s", d)} {
		if err := store.Put(store.Jobs, k, nil).Validate(); err != nil {
			t.Error(err)
		}
	}
}
