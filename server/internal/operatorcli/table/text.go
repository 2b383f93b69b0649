package table

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from outside safe to show on one line: control characters (escape sequences are made
// of them), characters that turn the direction of writing, and bytes that are no UTF-8 become "�"; line
// breaks and tabs become spaces.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return utf8.RuneError
		}
		return r
	}, s)
}

// Style is what a piece of text means; Paint gives it a colour.
type Style uint8

// The styles.
const (
	Plain Style = iota
	Title
	Dim
	Good
	Busy
	Warn
	Bad
)

// codes are SGR parameters (ECMA-48, 8.3.117) from the 16 colours that a person's terminal theme sets.
var codes = [...]string{Plain: "", Title: "1", Dim: "2", Good: "32", Busy: "36", Warn: "33", Bad: "31"}

// Paint tells whether text is coloured.
type Paint bool

// Text gives s in its style; s as it is where nothing is coloured.
func (p Paint) Text(style Style, s string) string {
	if !p || codes[style] == "" || s == "" {
		return s
	}
	return "\x1b[" + codes[style] + "m" + s + "\x1b[0m"
}
