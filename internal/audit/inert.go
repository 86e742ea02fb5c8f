package audit

import (
	"unicode"
	"unicode/utf8"
)

// Inert reports whether a character of recorded text can stand on a page, a terminal or in a table as it is. One that moves
// a cursor, ends a line, turns the reading direction or cannot be seen acts on what shows it.
func Inert(r rune) bool { return unicode.IsPrint(r) && !unicode.Is(unicode.Bidi_Control, r) }

// InertText reports whether a text is UTF-8 and has only characters that are inert.
func InertText(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return false
			}
		}
		if !Inert(r) {
			return false
		}
	}
	return true
}
