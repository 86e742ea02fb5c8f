package wire

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner walks JSON text by pulling. A syntax error ends the walk; anything that is JSON but not what was asked for is
// read around and noted in the decoder's odd.
type scanner struct {
	s   string
	i   int
	d   *decoder
	err error
}

func (j *scanner) fail(what string) {
	if j.err == nil {
		j.err = notOTLP("invalid JSON: "+what, j.i)
	}
	j.i = len(j.s)
}

// peek skips white space and returns the byte at the cursor, 0 at the end.
func (j *scanner) peek() byte {
	for j.i < len(j.s) {
		switch c := j.s[j.i]; c {
		case ' ', '\t', '\n', '\r':
			j.i++
		default:
			return c
		}
	}
	return 0
}

// walk is the place within one object or array.
type walk struct {
	close byte // the closing bracket; 0 where there is nothing (more) to walk
	began bool
	lone  bool // a single value stands where a list belongs
}

// object begins an object. null is an empty one; anything else is noted and passed over.
func (j *scanner) object() walk {
	switch j.peek() {
	case '{':
		j.i++
		return walk{close: '}'}
	case 'n':
		j.skip()
	default:
		j.d.odd |= OddValue
		j.skip()
	}
	return walk{}
}

// list begins an array. null is an empty one; a single object is taken as the only element.
func (j *scanner) list() walk {
	switch j.peek() {
	case '[':
		j.i++
		return walk{close: ']'}
	case 'n':
		j.skip()
	case '{':
		j.d.odd |= OddValue
		return walk{close: ']', lone: true}
	default:
		j.d.odd |= OddValue
		j.skip()
	}
	return walk{}
}

// more reports whether a further element stands at the cursor, having passed the comma before it.
func (j *scanner) more(w *walk) bool {
	if w.close == 0 || j.err != nil || j.d.over {
		return false
	}
	if w.lone {
		first := !w.began
		w.began = true
		return first
	}
	c := j.peek()
	if c == w.close {
		j.i++
		w.close = 0
		return false
	}
	if w.began {
		if c != ',' {
			j.fail("want a comma or a closing bracket")
			return false
		}
		j.i++
		if j.peek() == w.close {
			j.fail("a comma before a closing bracket")
			return false
		}
	}
	w.began = true
	return true
}

// field reads the next name of an object and passes the colon.
func (j *scanner) field(w *walk) (name string, ok bool) {
	if !j.more(w) {
		return "", false
	}
	if j.peek() != '"' {
		j.fail("want a name")
		return "", false
	}
	name = j.string()
	if j.peek() != ':' {
		j.fail("want a colon")
		return "", false
	}
	j.i++
	return name, j.err == nil
}

// string reads the string at the cursor; without escapes it shares the memory of the body.
func (j *scanner) string() string {
	start := j.i + 1
	n := strings.IndexByte(j.s[start:], '"')
	if n < 0 {
		j.fail("a string that does not end")
		return ""
	}
	if raw := j.s[start : start+n]; strings.IndexByte(raw, '\\') < 0 {
		j.i = start + n + 1
		return j.d.text(raw)
	}
	return j.escaped(start)
}

func (j *scanner) escaped(start int) string {
	end := j.endOfString(start)
	if end < 0 {
		j.fail("a string that does not end")
		return ""
	}
	b := make([]byte, 0, end-start)
	for i := start; i < end; {
		n := strings.IndexByte(j.s[i:end], '\\')
		if n < 0 {
			b = append(b, j.s[i:end]...)
			break
		}
		b = append(b, j.s[i:i+n]...)
		var r rune
		r, i = j.escape(i+n, end)
		b = utf8.AppendRune(b, r)
	}
	j.i = end + 1
	return j.d.text(string(b))
}

// endOfString finds the closing quote of the string whose text begins at i; it is negative where there is none, or an
// escape is none.
func (j *scanner) endOfString(i int) int {
	for i < len(j.s) {
		switch j.s[i] {
		case '"':
			return i
		case '\\':
			if i+1 >= len(j.s) || strings.IndexByte(`"\/bfnrtu`, j.s[i+1]) < 0 {
				return -1
			}
			if j.s[i+1] == 'u' {
				if _, ok := j.unit(i, len(j.s)); !ok {
					return -1
				}
			}
			i++
		}
		i++
	}
	return -1
}

// escape reads the escape at i, which endOfString has found to be one.
func (j *scanner) escape(i, end int) (rune, int) {
	switch c := j.s[i+1]; c {
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'n':
		return '\n', i + 2
	case 'r':
		return '\r', i + 2
	case 't':
		return '\t', i + 2
	case 'u':
	default:
		return rune(c), i + 2
	}
	r, _ := j.unit(i, end)
	if !utf16.IsSurrogate(r) {
		return r, i + 6
	}
	// A client that cuts at a number of UTF-16 units may leave half a pair.
	if low, ok := j.unit(i+6, end); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, i + 12
		}
	}
	j.d.odd |= OddText
	return utf8.RuneError, i + 6
}

// unit reads \uXXXX at i.
func (j *scanner) unit(i, end int) (rune, bool) {
	if i+6 > end || j.s[i] != '\\' || j.s[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(j.s[i+2:i+6], 16, 16)
	return rune(n), err == nil
}

// number reads the number at the cursor as it is spelled.
func (j *scanner) number() string {
	start := j.i
	digits := func() bool {
		from := j.i
		for j.i < len(j.s) && j.s[j.i] >= '0' && j.s[j.i] <= '9' {
			j.i++
		}
		return j.i > from
	}
	if j.at('-') {
		j.i++
	}
	ok := j.at('0')
	if ok {
		j.i++ // no further digit may follow a leading zero
	} else {
		ok = digits()
	}
	if ok && j.at('.') {
		j.i++
		ok = digits()
	}
	if ok && (j.at('e') || j.at('E')) {
		j.i++
		if j.at('+') || j.at('-') {
			j.i++
		}
		ok = digits()
	}
	if !ok {
		j.fail("a number that is none")
		return "0"
	}
	return j.s[start:j.i]
}

func (j *scanner) at(c byte) bool { return j.i < len(j.s) && j.s[j.i] == c }

func (j *scanner) word(w string) bool {
	if !strings.HasPrefix(j.s[j.i:], w) {
		j.fail("an unknown word")
		return false
	}
	j.i += len(w)
	return true
}

const deepest = 10_000 // brackets within brackets, in what is passed over

// skip passes over one value of any kind, however deep, without recursion.
func (j *scanner) skip() {
	var open []byte // closing brackets awaited, innermost last
	for {
		switch c := j.peek(); {
		case c == '{' || c == '[':
			if len(open) == deepest {
				j.fail("nesting beyond reason")
				return
			}
			j.i++
			open = append(open, c+2) // '}' and ']' stand two after their openers
			if j.peek() == open[len(open)-1] {
				break // an empty one: closed below
			}
			if c == '{' && !j.skipName() {
				return
			}
			continue
		case c == '"':
			if end := j.endOfString(j.i + 1); end >= 0 {
				j.i = end + 1
			} else {
				j.fail("a string that does not end")
			}
		case c == 't':
			j.word("true")
		case c == 'f':
			j.word("false")
		case c == 'n':
			j.word("null")
		default:
			j.number()
		}
		if j.err != nil || !j.skipClosings(&open) {
			return
		}
	}
}

// skipClosings follows a skipped value: it passes closing brackets and the next comma; false when all is closed.
func (j *scanner) skipClosings(open *[]byte) bool {
	for len(*open) > 0 {
		last := (*open)[len(*open)-1]
		switch c := j.peek(); c {
		case last:
			j.i++
			*open = (*open)[:len(*open)-1]
		case ',':
			j.i++
			return last == ']' || j.skipName()
		default:
			j.fail("want a comma or a closing bracket")
			return false
		}
	}
	return false
}

func (j *scanner) skipName() bool {
	if j.peek() != '"' {
		j.fail("want a name")
		return false
	}
	end := j.endOfString(j.i + 1)
	if end < 0 {
		j.fail("a string that does not end")
		return false
	}
	j.i = end + 1
	if j.peek() != ':' {
		j.fail("want a colon")
		return false
	}
	j.i++
	return true
}
