package normalise

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// value is a JSON value that keeps the order of fields and the digits of numbers.
type value struct {
	kind   audit.Kind
	str    string // of a string, or the digits of a number
	truth  bool
	items  []value
	fields []field
}

type field struct {
	name  string
	value value
}

// deepest bounds how deep an activity may be nested.
const deepest = 32

var errDeep = errors.New("nested too deep")

// parse reads one JSON value, which shares no memory with raw. Flags tell what is odd about it: text that is no UTF-8,
// names that come twice. It reads what encoding/json reads, to the same values; a row of the feed takes it a tenth of the
// time, since it does not have to know of any type.
func parse(raw []byte) (v value, flags []string, err error) { return parseInto(raw, new(scratch)) }

// parseInto is parse with memory for the value's fields, where they are until it is reset.
func parseInto(raw []byte, s *scratch) (v value, flags []string, err error) {
	p := &parser{src: string(raw), plain: utf8.Valid(raw), scratch: s}
	if !p.plain {
		p.flags = append(p.flags, audit.FlagInvalidText)
	}
	v, err = p.value(0)
	if err == nil && p.next() != 0 {
		err = errSyntax
	}
	if err != nil {
		return value{}, p.flags, fmt.Errorf("read an activity, at byte %d: %w", p.at, err)
	}
	return v, p.flags, nil
}

var errSyntax = errors.New("no JSON")

// parser reads src from at on. The strings it gives are parts of src where they can be.
type parser struct {
	src   string
	at    int
	plain bool // src is UTF-8
	flags []string
	*scratch
}

// scratch is memory for the fields of one activity, which is used again for the next.
type scratch struct {
	open []field // of objects that are being read
	done []field // of objects that were read, each one's together
}

// mostScratch bounds the fields for which memory is kept.
const mostScratch = 1024

// reset forgets what it holds.
func (s *scratch) reset() {
	if cap(s.open) > mostScratch || cap(s.done) > mostScratch {
		*s = scratch{}
	}
	clear(s.open)
	clear(s.done)
	s.open, s.done = s.open[:0], s.done[:0]
}

// close takes the fields from the given one on for those of an object.
func (s *scratch) close(from int) []field {
	begin := len(s.done)
	s.done = append(s.done, s.open[from:]...) // what is outgrown stays with the values that refer to it
	clear(s.open[from:])
	s.open = s.open[:from]
	return s.done[begin:len(s.done):len(s.done)]
}

// next skips white space and tells the byte that follows; 0 at the end.
func (p *parser) next() byte {
	for ; p.at < len(p.src); p.at++ {
		switch c := p.src[p.at]; c {
		case ' ', '\t', '\n', '\r':
		case 0:
			return 1 // no JSON, and not the end
		default:
			return c
		}
	}
	return 0
}

// skip steps over a byte, if it is what follows.
func (p *parser) skip(c byte) bool {
	if p.next() != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) value(depth int) (value, error) {
	switch c := p.next(); c {
	case '"':
		s, err := p.text()
		return value{kind: audit.KindString, str: s}, err
	case '{', '[':
		if depth == deepest {
			return value{}, errDeep
		}
		p.at++
		if c == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case 't':
		return value{kind: audit.KindBool, truth: true}, p.word("true")
	case 'f':
		return value{kind: audit.KindBool}, p.word("false")
	case 'n':
		return value{}, p.word("null")
	}
	return p.number()
}

func (p *parser) word(w string) error {
	if !strings.HasPrefix(p.src[p.at:], w) {
		return errSyntax
	}
	p.at += len(w)
	return nil
}

// number keeps the digits as the source wrote them, and tells whole numbers from others.
func (p *parser) number() (value, error) {
	begin := p.at
	p.sign("-")
	if p.at < len(p.src) && p.src[p.at] == '0' {
		p.at++
	} else if !p.digits() {
		return value{}, errSyntax
	}
	if p.sign(".") && !p.digits() {
		return value{}, errSyntax
	}
	if p.sign("eE") {
		if p.sign("+-"); !p.digits() {
			return value{}, errSyntax
		}
	}
	v := value{kind: audit.KindInt, str: p.src[begin:p.at]}
	if _, err := strconv.ParseInt(v.str, 10, 64); err != nil {
		v.kind = audit.KindDouble
	}
	return v, nil
}

// sign steps over one byte of a set.
func (p *parser) sign(set string) bool {
	if p.at == len(p.src) || strings.IndexByte(set, p.src[p.at]) < 0 {
		return false
	}
	p.at++
	return true
}

func (p *parser) digits() bool {
	begin := p.at
	for p.at < len(p.src) && '0' <= p.src[p.at] && p.src[p.at] <= '9' {
		p.at++
	}
	return p.at > begin
}

// text reads a string; what has no escapes is a part of src.
func (p *parser) text() (string, error) {
	begin := p.at
	for i := begin + 1; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == '"':
			p.at = i + 1
			return p.src[begin+1 : i], nil
		case c == '\\', c >= utf8.RuneSelf && !p.plain:
			return p.escaped()
		case c < ' ':
			return "", errSyntax
		}
	}
	return "", errSyntax
}

// escaped leaves a string with escapes, or with what is no UTF-8, to encoding/json.
func (p *parser) escaped() (s string, err error) {
	begin := p.at
	for p.at++; p.at < len(p.src) && p.src[p.at] != '"'; p.at++ {
		if p.src[p.at] == '\\' {
			p.at++
		}
	}
	if p.at++; p.at > len(p.src) || json.Unmarshal([]byte(p.src[begin:p.at]), &s) != nil {
		return "", errSyntax
	}
	return s, nil
}

func (p *parser) array(depth int) (value, error) {
	v := value{kind: audit.KindArray}
	if p.skip(']') {
		return v, nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
		switch {
		case p.skip(']'):
			return v, nil
		case !p.skip(','):
			return v, errSyntax
		}
	}
}

func (p *parser) object(depth int) (value, error) {
	v := value{kind: audit.KindMap}
	if p.skip('}') {
		return v, nil
	}
	begin := len(p.open)
	for {
		if p.next() != '"' {
			return v, errSyntax
		}
		name, err := p.text()
		if err != nil {
			return v, err
		}
		if !p.skip(':') {
			return v, errSyntax
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		p.open = append(p.open, field{p.unique(p.open[begin:], name), item})
		switch {
		case p.skip('}'):
			v.fields = p.close(begin)
			return v, nil
		case !p.skip(','):
			return v, errSyntax
		}
	}
}

// unique tells the second of two equal names apart from the first.
func (p *parser) unique(have []field, name string) string {
	taken := func(s string) bool {
		for i := range have {
			if have[i].name == s {
				return true
			}
		}
		return false
	}
	if len(have) > mostAttrs || !taken(name) {
		return name
	}
	if !slices.Contains(p.flags, audit.FlagDuplicateAttribute) {
		p.flags = append(p.flags, audit.FlagDuplicateAttribute)
	}
	for i := 2; ; i++ {
		if s := name + "#" + strconv.Itoa(i); !taken(s) {
			return s
		}
	}
}

// get finds a field of an object; the zero value is null.
func (v *value) get(name string) value {
	for i := range v.fields {
		if v.fields[i].name == name {
			return v.fields[i].value
		}
	}
	return value{}
}

// text is the string of a string value, without more than a record may hold.
func (v *value) text(name string) string {
	f := v.get(name)
	if f.kind != audit.KindString || len(f.str) > audit.MaxKeptString {
		return ""
	}
	return f.str
}

// size is about how many bytes the value takes in a record.
func (v *value) size() int {
	n := len(v.str) + 8
	for i := range v.items {
		n += v.items[i].size()
	}
	return n
}

// value makes what a record holds.
func (v *value) value() audit.Value {
	switch v.kind {
	case audit.KindString:
		return audit.String(v.str)
	case audit.KindBool:
		return audit.Bool(v.truth)
	case audit.KindInt:
		i, _ := strconv.ParseInt(v.str, 10, 64)
		return audit.Int(i)
	case audit.KindDouble:
		f, err := strconv.ParseFloat(v.str, 64)
		if err != nil || math.IsInf(f, 0) || len(v.str) > 17 { // digits that a double would lose
			return audit.String(v.str[:min(len(v.str), audit.MaxKeptString)])
		}
		return audit.Double(f)
	case audit.KindArray:
		list := make([]audit.Value, len(v.items))
		for i := range v.items {
			list[i] = v.items[i].value()
		}
		return audit.Array(list...)
	}
	return audit.Value{}
}

// appendJSON writes the value in the order it came in.
func (v *value) appendJSON(b []byte) []byte { return v.append(b, false) }

// appendForm writes the value with sorted fields: the source form, on which ids and the recognition of changes rest.
func (v *value) appendForm(b []byte) []byte { return v.append(b, true) }

func (v *value) append(b []byte, sorted bool) []byte {
	switch v.kind {
	case audit.KindString:
		return appendText(b, v.str)
	case audit.KindBool:
		return strconv.AppendBool(b, v.truth)
	case audit.KindInt, audit.KindDouble:
		return append(b, v.str...)
	case audit.KindArray:
		b = append(b, '[')
		for i := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.items[i].append(b, sorted)
		}
		return append(b, ']')
	case audit.KindMap:
		var few [32]*field
		b = append(b, '{')
		for i, f := range v.ordered(few[:0], sorted) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, f.name), ':')
			b = f.value.append(b, sorted)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// ordered lists the fields as they came, or by name; names that come more often than the parser tells apart stay in
// their order.
func (v *value) ordered(list []*field, sorted bool) []*field {
	for i := range v.fields {
		list = append(list, &v.fields[i])
	}
	if sorted {
		slices.SortStableFunc(list, func(a, b *field) int { return strings.Compare(a.name, b.name) })
	}
	return list
}

// appendText writes a string as encoding/json does.
func appendText(b []byte, s string) []byte {
	if isPlain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	text, err := json.Marshal(s)
	if err != nil { // cannot be: strings always marshal
		return append(b, `""`...)
	}
	return append(b, text...)
}

// isPlain reports whether a string stands in JSON as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}
