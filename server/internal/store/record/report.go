package record

import (
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Report is the newest report of a device, section by section as the device sent it.
type Report struct {
	Digest   []byte
	At       time.Time
	Sections []Section
}

// Section is one part of a report; Content is its message in the contract's encoding and is not looked
// into here.
type Section struct {
	Name    string
	Digest  []byte
	Content []byte
}

// Limits of a report. api takes messages of up to 4 MiB; a report beyond MaxReport is refused with its size.
const (
	MaxSections = 64
	MaxReport   = 2 << 20
)

type reportRow struct {
	Digest   []byte       `cbor:"1,keyasint,omitempty"`
	At       instant      `cbor:"2,keyasint,omitempty"`
	Sections []sectionRow `cbor:"3,keyasint,omitempty"`
}

type sectionRow struct {
	Name    string `cbor:"1,keyasint,omitempty"`
	Digest  []byte `cbor:"2,keyasint,omitempty"`
	Content []byte `cbor:"3,keyasint,omitempty"`
}

// A report's version byte is followed by one that says how the map is packed.
const (
	packedPlain = 0
	packedZstd  = 1
	// packFrom is where compression begins to save a page or more; below, a report mostly holds digests.
	packFrom = 512
)

var (
	packer   = must(zstd.NewWriter(nil, zstd.WithLowerEncoderMem(true)))
	unpacker = must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxReport)))
)

// EncodeReport gives the value of a row of store.Reports; it fails if r is beyond the limits.
func EncodeReport(r Report) ([]byte, error) {
	if len(r.Sections) > MaxSections {
		return nil, fmt.Errorf("encode report: %d sections: at most %d", len(r.Sections), MaxSections)
	}
	row := reportRow{Digest: r.Digest, At: instantOf(r.At)}
	for _, s := range r.Sections {
		row.Sections = append(row.Sections, sectionRow(s))
	}
	body := encode(row)[1:]
	if len(body) > MaxReport {
		return nil, fmt.Errorf("encode report: %d bytes: at most %d", len(body), MaxReport)
	}
	if len(body) < packFrom {
		return append([]byte{version, packedPlain}, body...), nil
	}
	return packer.EncodeAll(body, []byte{version, packedZstd}), nil
}

// DecodeReport reads the value of a row of store.Reports.
func DecodeReport(value []byte) (Report, error) {
	body, err := unpack(value)
	if err != nil {
		return Report{}, err
	}
	var row reportRow
	if err := decoding.Unmarshal(body, &row); err != nil {
		return Report{}, fmt.Errorf("decode report: %w", err)
	}
	r := Report{Digest: row.Digest, At: row.At.time()}
	for _, s := range row.Sections {
		r.Sections = append(r.Sections, Section(s))
	}
	return r, nil
}

func unpack(value []byte) ([]byte, error) {
	packed, err := versioned("report", value)
	if err != nil {
		return nil, err
	}
	if len(packed) == 0 {
		return nil, fmt.Errorf("decode report: it ends after its version")
	}
	switch body := packed[1:]; packed[0] {
	case packedPlain:
		return body, nil
	case packedZstd:
		plain, err := unpacker.DecodeAll(body, nil)
		if err != nil {
			return nil, fmt.Errorf("decode report: %w", err)
		}
		return plain, nil
	default:
		return nil, fmt.Errorf("decode report: packed in the unknown way %d", packed[0])
	}
}
