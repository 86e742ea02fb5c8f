package sigma

import (
	"encoding/base64"
	"fmt"
	"unicode/utf16"
)

// mostSpellings bounds what one value may stand for.
const mostSpellings = 1000

// rawByte marks a byte that an encoding made and that is no character: rawByte + the byte.
const rawByte rune = 0x11_0000

// transform applies one modifier to one spelling of a value.
func transform(p pattern, modifier string) (spellings []pattern, problem string) {
	switch modifier {
	case "contains":
		return []pattern{p.open(true, true)}, ""
	case "startswith":
		return []pattern{p.open(false, true)}, ""
	case "endswith":
		return []pattern{p.open(true, false)}, ""
	case "windash":
		return windash(p), ""
	case "all", "cased", "neq", "expand":
		return []pattern{p}, ""
	}
	b, ok := p.bytes()
	if !ok {
		return nil, fmt.Sprintf("modifier %s takes a value without wildcards", modifier)
	}
	switch modifier {
	case "base64":
		return []pattern{pattern(base64.StdEncoding.EncodeToString(b))}, ""
	case "base64offset":
		return base64offset(b), ""
	case "utf16le", "wide":
		return []pattern{fromBytes(encode16(string(b), false))}, ""
	case "utf16be":
		return []pattern{fromBytes(encode16(string(b), true))}, ""
	case "utf16":
		return []pattern{fromBytes(append([]byte{0xff, 0xfe}, encode16(string(b), false)...))}, ""
	}
	return nil, fmt.Sprintf("modifier %s does not apply to a text", modifier)
}

// bytes is what a pattern without wildcards encodes.
func (p pattern) bytes() ([]byte, bool) {
	var b []byte
	for _, r := range p {
		switch {
		case r < 0:
			return nil, false
		case r >= rawByte:
			b = append(b, byte(r-rawByte))
		default:
			b = append(b, string(r)...)
		}
	}
	return b, true
}

func fromBytes(b []byte) pattern {
	p := make(pattern, len(b))
	for i, c := range b {
		if p[i] = rune(c); c == 0 || c >= 0x80 {
			p[i] = rawByte + rune(c)
		}
	}
	return p
}

func encode16(s string, bigEndian bool) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

// base64offset is what stays the same of a text within a longer one in Base64, for each of the three places it can begin at.
func base64offset(b []byte) []pattern {
	var list []pattern
	for shift := range 3 {
		coded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), b...))
		first := [...]int{0, 2, 3}[shift]
		last := len(coded) - [...]int{0, 3, 2}[(len(b)+shift)%3]
		if first < last {
			list = append(list, pattern(coded[first:last]))
		}
	}
	return list
}

// windash spells each dash or slash that begins a word in every way Windows reads.
func windash(p pattern) []pattern {
	dashes := []rune{'-', '/', '–', '—', '―'}
	isDash := func(r rune) bool {
		for _, d := range dashes {
			if r == d {
				return true
			}
		}
		return false
	}
	word := func(i int) bool {
		if i < 0 || i >= len(p) {
			return false
		}
		r := p[i]
		return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127 && r < rawByte && !isDash(r)
	}
	list := []pattern{append(pattern(nil), p...)}
	for i, r := range p {
		if !isDash(r) || word(i-1) || !word(i+1) {
			continue
		}
		var next []pattern
		for _, s := range list {
			for _, d := range dashes {
				t := append(pattern(nil), s...)
				t[i] = d
				next = append(next, t)
			}
		}
		if list = next; len(list) > mostSpellings {
			return list
		}
	}
	return list
}
