package smbios

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// endOfTable is the type of the last structure (7.45).
const endOfTable = 127

// structure is one formatted area with its strings (6.1). Reading past its end gives zero: older
// firmware has shorter structures.
type structure struct {
	kind    uint8
	data    []byte
	strings [][]byte
}

// next cuts the first structure off the table. With an error it returns what of the structure is there,
// and no rest where the way to the following one is lost.
func next(table []byte) (s structure, rest []byte, err error) {
	if len(table) < 4 {
		return structure{kind: endOfTable}, nil, fmt.Errorf("%d bytes left, want at least 4", len(table))
	}
	s.kind = table[0]
	length := int(table[1])
	if length < 4 {
		return structure{kind: endOfTable}, nil, fmt.Errorf("type %d has length %d, want at least 4", s.kind, length)
	}
	if length > len(table) {
		s.data = table
		return s, nil, fmt.Errorf("type %d has length %d but %d bytes are left", s.kind, length, len(table))
	}
	s.data = table[:length]
	s.strings, rest, err = cutStrings(table[length:])
	if err != nil {
		err = fmt.Errorf("type %d: %w", s.kind, err)
	}
	return s, rest, err
}

// cutStrings cuts the string set: NUL-terminated strings up to an empty one (6.1.3).
func cutStrings(b []byte) (list [][]byte, rest []byte, err error) {
	if len(b) >= 2 && b[0] == 0 && b[1] == 0 {
		return nil, b[2:], nil
	}
	for len(b) > 0 {
		text, after, found := bytes.Cut(b, []byte{0})
		if found && len(text) == 0 {
			return list, after, nil
		}
		list = append(list, text)
		b = after
	}
	return list, nil, errors.New("strings end without a double zero")
}

func (s structure) byte(offset int) uint8 {
	if offset >= len(s.data) {
		return 0
	}
	return s.data[offset]
}

func (s structure) word(offset int) uint16 {
	if offset+2 > len(s.data) {
		return 0
	}
	return binary.LittleEndian.Uint16(s.data[offset:])
}

func (s structure) dword(offset int) uint32 {
	if offset+4 > len(s.data) {
		return 0
	}
	return binary.LittleEndian.Uint32(s.data[offset:])
}

// raw returns the string whose number stands at offset.
func (s structure) raw(offset int) string {
	n := int(s.byte(offset))
	if n == 0 || n > len(s.strings) {
		return ""
	}
	return string(s.strings[n-1])
}

func (s structure) text(offset int) string { return Clean(s.raw(offset)) }
