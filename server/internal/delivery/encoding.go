package delivery

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// decode finds out how a text was written and gives it in UTF-8. ok is false for what is no text, or was
// cut in the middle of a character.
//
// Without a byte order mark: every other byte zero is UTF-16, valid UTF-8 is UTF-8 (other encodings
// practically never are), and the rest is Windows-1252, which has all letters of ISO 8859-1 in their places.
func decode(content []byte) (text, encoding string, ok bool) {
	switch {
	case bytes.HasPrefix(content, []byte{0xEF, 0xBB, 0xBF}):
		text = string(content[3:])
		return text, "UTF-8", utf8.ValidString(text) && isText(text)
	case bytes.HasPrefix(content, []byte{0xFF, 0xFE}):
		return decodeUTF16(content[2:], binary.LittleEndian, "UTF-16LE")
	case bytes.HasPrefix(content, []byte{0xFE, 0xFF}):
		return decodeUTF16(content[2:], binary.BigEndian, "UTF-16BE")
	case zerosAt(content, 1):
		return decodeUTF16(content, binary.LittleEndian, "UTF-16LE")
	case zerosAt(content, 0):
		return decodeUTF16(content, binary.BigEndian, "UTF-16BE")
	case utf8.Valid(content):
		text = string(content)
		return text, "UTF-8", isText(text)
	}
	decoded, err := charmap.Windows1252.NewDecoder().Bytes(content)
	text = string(decoded)
	return text, "Windows-1252", err == nil && !strings.ContainsRune(text, utf8.RuneError) && isText(text)
}

// zerosAt: of the first hundred pairs of bytes, most have a zero in that place, as Latin letters in UTF-16 do.
func zerosAt(content []byte, place int) bool {
	pairs, zeros := min(len(content)/2, 100), 0
	for i := range pairs {
		if content[2*i+place] == 0 && content[2*i+1-place] != 0 {
			zeros++
		}
	}
	return pairs > 0 && 2*zeros > pairs
}

func decodeUTF16(content []byte, order binary.ByteOrder, name string) (text, encoding string, ok bool) {
	units := make([]uint16, len(content)/2)
	for i := range units {
		units[i] = order.Uint16(content[2*i:])
	}
	text = string(utf16.Decode(units))
	return text, name, len(content)%2 == 0 && !strings.ContainsRune(text, utf8.RuneError) && isText(text)
}

// isText: no control characters but tab and line ends.
func isText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' && r != '\n' })
}

// garbled recognises Norwegian letters that went through the wrong encoding on their way here: UTF-8 read
// as Windows-1252 ("Ã¸" for ø), and the code page 850 of old programs read as Windows-1252 ("†" for å).
func garbled(s string) bool {
	for _, sign := range []string{"Ã¦", "Ã¸", "Ã¥", "Ã†", "Ã˜", "Ã…", "Ã©", "\uFFFD"} {
		if strings.Contains(s, sign) {
			return true
		}
	}
	return strings.ContainsAny(s, "†›‘’") && insideWord(s, "†›‘’")
}

// insideWord: one of the signs stands between two letters.
func insideWord(s, signs string) bool {
	runes := []rune(s)
	for i := 1; i < len(runes)-1; i++ {
		if strings.ContainsRune(signs, runes[i]) && isLetter(runes[i-1]) && isLetter(runes[i+1]) {
			return true
		}
	}
	return false
}

func isLetter(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }
