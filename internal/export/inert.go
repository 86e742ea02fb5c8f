package export

import (
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Inert is a writer to a terminal that keeps what was recorded from acting on it: in JSON, which carries it as it is, and
// wherever Plain was forgotten. What acts, except for the ends of lines, becomes its JSON escape, so JSON stays the same
// value. It is not safe for concurrent use.
type Inert struct {
	w    io.Writer
	rest []byte // the beginning of a character whose end is yet to come
	buf  []byte
}

// NewInert makes a writer to w.
func NewInert(w io.Writer) *Inert { return &Inert{w: w} }

// Write implements io.Writer.
func (i *Inert) Write(p []byte) (int, error) {
	in := append(i.rest, p...)
	i.buf = i.buf[:0]
	for len(in) > 0 {
		if !utf8.FullRune(in) {
			break
		}
		r, size := utf8.DecodeRune(in)
		switch {
		case r == utf8.RuneError && size == 1:
			i.buf = utf8.AppendRune(i.buf, utf8.RuneError)
		case r != '\n' && r != '\t' && acts(r):
			i.buf = appendEscape(i.buf, r)
		default:
			i.buf = append(i.buf, in[:size]...)
		}
		in = in[size:]
	}
	i.rest = append([]byte(nil), in...)
	if _, err := i.w.Write(i.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// appendEscape writes a character the way JSON can.
func appendEscape(b []byte, r rune) []byte {
	if r1, r2 := utf16.EncodeRune(r); r1 != utf8.RuneError {
		return fmt.Appendf(b, `\u%04x\u%04x`, r1, r2)
	}
	return fmt.Appendf(b, `\u%04x`, r)
}
