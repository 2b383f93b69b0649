package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// A row's value in the file is CRC-32C (4 bytes), revision (8 bytes), both big-endian, then the value.
// The sum is over key, revision and value.
const rowHeader = 4 + 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeRow(key, value []byte, rev store.Rev) []byte {
	raw := make([]byte, rowHeader+len(value))
	binary.BigEndian.PutUint64(raw[4:], uint64(rev))
	copy(raw[rowHeader:], value)
	binary.BigEndian.PutUint32(raw, rowSum(key, raw))
	return raw
}

// decodeRow gives a record whose slices are parts of key and raw.
func decodeRow(t store.Table, key, raw []byte) (store.Record, error) {
	if len(raw) < rowHeader || binary.BigEndian.Uint32(raw) != rowSum(key, raw) {
		return store.Record{}, fmt.Errorf("%w: %s %s: checksum does not match", store.ErrDamaged, t, store.Printable(key))
	}
	return store.Record{
		Key:   key,
		Value: raw[rowHeader:len(raw):len(raw)],
		Rev:   store.Rev(binary.BigEndian.Uint64(raw[4:])),
	}, nil
}

func rowSum(key, raw []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, raw[4:])
}

// absentIsZero gives the revision a check compares with.
func absentIsZero(r store.Record, err error) (store.Rev, error) {
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return r.Rev, err
}
