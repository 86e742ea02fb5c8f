package file

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const deepest = 32 // lists and dicts within each other

// Parse reads a Python literal, and JSON too, without evaluating anything. Where the text is not one as Python writes
// them, exact is false and the value holds what could be read: a quote that was not escaped, a bare word, a call such as
// UUID('…'), or a text that ends too early.
func Parse(text string) (v Value, exact bool) {
	strict := parser{text: text, exact: true, strict: true}
	if v := strict.all(); strict.exact {
		return v, true
	}
	lenient := parser{text: text, exact: true}
	return lenient.all(), false
}

// parser reads one literal. It never fails: what it does not understand it takes as text, and notes.
type parser struct {
	text   string
	at     int
	depth  int
	strict bool // a text ends at its first quote that is not escaped
	exact  bool // so far everything was as it should be
}

func (p *parser) all() Value {
	p.space()
	if p.at == len(p.text) {
		return Value{}
	}
	v := p.value()
	if p.space(); p.at < len(p.text) {
		p.exact = false
	}
	return v
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) value() Value {
	switch c := p.peek(); c {
	case '{', '[', '(':
		if p.depth == deepest {
			return p.bare()
		}
		p.depth++
		defer func() { p.depth-- }()
		p.at++
		if c == '{' {
			return p.braces()
		}
		return Value{Kind: List, Items: p.items(closing(c))}
	case '\'', '"':
		p.at++
		return Value{Kind: String, Str: p.quoted(c)}
	case '<':
		if v, ok := p.member(); ok {
			return v
		}
	}
	return p.bare()
}

// member reads a member of an enumeration as Python prints it, <Name.MEMBER: 'text'>, as its text.
func (p *parser) member() (Value, bool) {
	inside, _, ok := strings.Cut(p.text[p.at+1:], ">")
	name, text, named := strings.Cut(inside, ": ")
	if !ok || !named || !IsName(name) {
		return Value{}, false
	}
	inner := parser{text: text, exact: true, strict: true}
	v := inner.all()
	if !inner.exact || v.Kind != String {
		return Value{}, false
	}
	p.at += len(inside) + 2
	p.exact = false
	return v, true
}

func closing(c byte) byte {
	if c == '(' {
		return ')'
	}
	return ']'
}

// items reads what stands in a list, to its end.
func (p *parser) items(end byte) []Value {
	var items []Value
	for p.more(end, len(items) == 0) {
		items = append(items, p.value())
	}
	return items
}

// more steps over what stands between two items, and over the end of a list.
func (p *parser) more(end byte, first bool) bool {
	p.space()
	if !first && p.peek() == ',' {
		p.at++
		p.space()
	} else if !first && p.peek() != end && p.at < len(p.text) {
		p.exact = false
	}
	for p.peek() != end && p.at < len(p.text) && strings.IndexByte(",:]})", p.text[p.at]) >= 0 {
		p.at++
		p.exact = false
	}
	switch {
	case p.at == len(p.text):
		p.exact = false
		return false
	case p.peek() == end:
		p.at++
		return false
	}
	return true
}

// braces reads a dict, or a set as a list.
func (p *parser) braces() Value {
	v := Value{Kind: Dict}
	for p.more('}', len(v.Items) == 0) {
		key := p.value()
		p.space()
		if p.peek() != ':' {
			if v.Kind == Dict && len(v.Items) > 0 { // a dict whose key lost its value
				p.exact = false
				v.Keys, v.Items = append(v.Keys, key.text()), append(v.Items, Value{})
				continue
			}
			v.Kind, v.Items = List, append(v.Items, key)
			continue
		}
		p.at++
		p.space()
		if v.Kind == List { // a set whose item has a value
			p.exact = false
			v.Items = append(v.Items, p.value())
			continue
		}
		v.Keys = append(v.Keys, key.text())
		v.Items = append(v.Items, p.value())
	}
	return v
}

// text is a value as the name of a key.
func (v Value) text() string {
	if v.Kind == String {
		return v.Str
	}
	return string(v.AppendJSON(nil))
}

// bare reads what stands without quotes, up to where an item ends: a word of the language, a number, or anything else as
// text, calls with their arguments.
func (p *parser) bare() Value {
	start, depth := p.at, 0
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		if depth == 0 && strings.IndexByte(",:]})", c) >= 0 {
			break
		}
		switch c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '\'', '"':
			if quote, prefixed := p.prefixed(start); prefixed {
				p.at++
				p.exact = p.exact && (quote == "u" || quote == "b")
				return Value{Kind: String, Str: p.quoted(c)}
			}
		}
	}
	word := strings.TrimSpace(p.text[start:p.at])
	if v, ok := constant(word); ok {
		return v
	}
	p.exact = false
	if v, ok := p.call(word); ok {
		return v
	}
	return Value{Kind: String, Str: word}
}

// prefixed reports whether what stands before a quote is a text's prefix, as in u'…'.
func (p *parser) prefixed(start int) (prefix string, ok bool) {
	if p.at-start > 2 {
		return "", false
	}
	prefix = strings.ToLower(p.text[start:p.at])
	switch prefix {
	case "u", "b", "r", "f", "rb", "br":
		return prefix, true
	}
	return "", false
}

func constant(word string) (Value, bool) {
	switch word {
	case "None", "null":
		return Value{}, true
	case "True", "true", "False", "false":
		return Value{Kind: Bool, True: word[0]|0x20 == 't'}, true
	}
	if i, err := strconv.ParseInt(word, 10, 64); err == nil {
		return Value{Kind: Int, Int: i}, true
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) && !strings.ContainsAny(word, "xX_pP") {
		return Value{Kind: Float, Float: f}, true
	}
	return Value{}, false
}

// call reads the argument out of a call with a single text, as Python prints a UUID: UUID('…').
func (p *parser) call(word string) (Value, bool) {
	name, argument, ok := strings.Cut(word, "(")
	if !ok || !strings.HasSuffix(argument, ")") || !IsName(name) {
		return Value{}, false
	}
	argument = argument[:len(argument)-1]
	if len(argument) < 2 || argument[0] != '\'' && argument[0] != '"' || argument[len(argument)-1] != argument[0] {
		return Value{}, false
	}
	inner := parser{text: argument, exact: true, strict: true}
	v := inner.all()
	return v, inner.exact && v.Kind == String
}

// quoted reads a text up to its closing quote, which was opened. Where quotes were not escaped, one counts only in front of
// what can follow a text.
func (p *parser) quoted(quote byte) string {
	var b strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '\\' && p.at < len(p.text):
			p.escape(&b)
		case c == quote && (p.strict || p.ends()):
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	p.exact = false
	return b.String()
}

// ends reports whether what follows can follow a text.
func (p *parser) ends() bool {
	rest := strings.TrimLeft(p.text[p.at:], " \t\r\n")
	return rest == "" || strings.IndexByte(",:]})", rest[0]) >= 0
}

// escape reads what stands behind a backslash.
func (p *parser) escape(b *strings.Builder) {
	c := p.text[p.at]
	p.at++
	switch c {
	case '\n': // Python joins the lines
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'a':
		b.WriteByte('\a')
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'v':
		b.WriteByte('\v')
	case '\\', '\'', '"', '/':
		b.WriteByte(c)
	case 'x':
		p.hex(b, 2)
	case 'u':
		p.hex(b, 4)
	case 'U':
		p.hex(b, 8)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		p.at--
		end := p.at
		for end < len(p.text) && end < p.at+3 && p.text[end] >= '0' && p.text[end] <= '7' {
			end++
		}
		n, _ := strconv.ParseUint(p.text[p.at:end], 8, 32)
		b.WriteRune(rune(n))
		p.at = end
	default: // as Python does
		b.WriteByte('\\')
		b.WriteByte(c)
	}
}

// hex reads a character by its number; two halves, as JSON writes some, are one character.
func (p *parser) hex(b *strings.Builder, digits int) {
	r, ok := p.number(p.at, digits)
	if !ok {
		p.exact = false
		b.WriteString(p.text[p.at-2 : p.at])
		return
	}
	p.at += digits
	if r >= 0xd800 && r < 0xdc00 && digits == 4 && strings.HasPrefix(p.text[p.at:], `\u`) {
		if low, ok := p.number(p.at+2, 4); ok && low >= 0xdc00 && low < 0xe000 {
			p.at += 6
			r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
		}
	}
	if !utf8.ValidRune(r) {
		p.exact = false
		r = utf8.RuneError
	}
	b.WriteRune(r)
}

func (p *parser) number(at, digits int) (rune, bool) {
	if at+digits > len(p.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[at:at+digits], 16, 32)
	return rune(n), err == nil
}
