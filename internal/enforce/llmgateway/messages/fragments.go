package messages

import (
	"unicode/utf16"
	"unicode/utf8"
)

// fragments decodes the names and strings of a JSON text that comes in pieces, cut anywhere, each on a line of its own.
// It judges nothing: whether the text is JSON is asked when it is whole.
type fragments struct {
	in    fragmentState
	hex   rune // digits of \u so far
	left  int  // how many are to come
	high  rune // first half of a surrogate pair, 0 for none
	wrote bool // something was written: the next string begins on a new line
	out   []byte
}

type fragmentState uint8

const (
	outside fragmentState = iota
	inString
	inEscape
	inHex
)

// decode returns what these bytes add; it is valid until the next call.
func (f *fragments) decode(p []byte) []byte {
	f.out = f.out[:0]
	for i := 0; i < len(p); {
		if f.in == inString { // most bytes are plain
			n := plainRun(p[i:])
			if n > 0 {
				f.lone()
				f.put(p[i : i+n]...)
				i += n
				continue
			}
		}
		f.step(p[i])
		i++
	}
	return f.out
}

func plainRun(p []byte) int {
	for i, c := range p {
		if c == '"' || c == '\\' {
			return i
		}
	}
	return len(p)
}

func (f *fragments) put(p ...byte) {
	f.out = append(f.out, p...)
	f.wrote = true
}

func (f *fragments) step(c byte) {
	switch f.in {
	case outside:
		if c == '"' {
			f.in = inString
			if f.wrote {
				f.out = append(f.out, '\n')
			}
		}
	case inString:
		if c == '\\' {
			f.in = inEscape
			return
		}
		f.lone()
		f.in = outside
	case inEscape:
		f.escape(c)
	case inHex:
		f.digit(c)
	}
}

func (f *fragments) escape(c byte) {
	if c == 'u' {
		f.in, f.hex, f.left = inHex, 0, 4
		return
	}
	f.lone()
	f.in = inString
	switch c {
	case 'n':
		c = '\n'
	case 't':
		c = '\t'
	case 'r':
		c = '\r'
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	}
	f.put(c)
}

func (f *fragments) digit(c byte) {
	d := rune(0)
	switch {
	case c >= '0' && c <= '9':
		d = rune(c - '0')
	case c >= 'a' && c <= 'f':
		d = rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		d = rune(c-'A') + 10
	default: // no JSON; what it is instead is told when it is whole
		f.lone()
		f.in = inString
		f.put(c)
		return
	}
	f.hex = f.hex<<4 | d
	if f.left--; f.left > 0 {
		return
	}
	f.in = inString
	f.unit(f.hex)
}

// unit takes one UTF-16 unit.
func (f *fragments) unit(u rune) {
	if f.high != 0 {
		if r := utf16.DecodeRune(f.high, u); r != utf8.RuneError {
			f.high = 0
			f.rune(r)
			return
		}
		f.lone()
	}
	if u >= 0xd800 && u < 0xdc00 {
		f.high = u
		return
	}
	f.rune(u)
}

// lone gives up waiting for the second half of a pair.
func (f *fragments) lone() {
	if f.high != 0 {
		f.high = 0
		f.rune(utf8.RuneError)
	}
}

func (f *fragments) rune(r rune) {
	var b [utf8.UTFMax]byte
	f.put(b[:utf8.EncodeRune(b[:], r)]...)
}
