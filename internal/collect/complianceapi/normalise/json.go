package normalise

import (
	"bytes"
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

// parse reads one JSON value. Flags tell what is odd about it: text that is no UTF-8, names that come twice.
func parse(raw []byte) (v value, flags []string, err error) {
	p := &parser{dec: json.NewDecoder(bytes.NewReader(raw))}
	p.dec.UseNumber()
	if !utf8.Valid(raw) {
		p.flags = append(p.flags, audit.FlagInvalidText)
	}
	if v, err = p.value(0); err != nil {
		return value{}, p.flags, fmt.Errorf("read an activity: %w", err)
	}
	return v, p.flags, nil
}

type parser struct {
	dec   *json.Decoder
	flags []string
}

func (p *parser) value(depth int) (value, error) {
	t, err := p.dec.Token()
	if err != nil {
		return value{}, err
	}
	switch t := t.(type) {
	case string:
		return value{kind: audit.KindString, str: t}, nil
	case bool:
		return value{kind: audit.KindBool, truth: t}, nil
	case json.Number:
		return value{kind: numberKind(t), str: t.String()}, nil
	case json.Delim:
		if depth == deepest {
			return value{}, errDeep
		}
		if t == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	}
	return value{}, nil // null
}

// numberKind tells whole numbers from others as the source wrote them.
func numberKind(n json.Number) audit.Kind {
	if _, err := n.Int64(); err == nil {
		return audit.KindInt
	}
	return audit.KindDouble
}

func (p *parser) array(depth int) (value, error) {
	v := value{kind: audit.KindArray}
	for p.dec.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
	}
	_, err := p.dec.Token()
	return v, err
}

func (p *parser) object(depth int) (value, error) {
	v := value{kind: audit.KindMap}
	for p.dec.More() {
		t, err := p.dec.Token()
		if err != nil {
			return v, err
		}
		name, _ := t.(string)
		item, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.fields = append(v.fields, field{p.unique(v.fields, name), item})
	}
	_, err := p.dec.Token()
	return v, err
}

// unique tells the second of two equal names apart from the first.
func (p *parser) unique(have []field, name string) string {
	taken := func(s string) bool { return slices.ContainsFunc(have, func(f field) bool { return f.name == s }) }
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
func (v *value) appendJSON(b []byte) []byte {
	return v.append(b, v.fields)
}

// appendForm writes the value with sorted fields: the source form, on which ids and the recognition of changes rest.
func (v *value) appendForm(b []byte) []byte {
	sorted := *v
	sorted.sort()
	return sorted.append(b, sorted.fields)
}

func (v *value) sort() {
	v.fields, v.items = slices.Clone(v.fields), slices.Clone(v.items)
	slices.SortStableFunc(v.fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for i := range v.fields {
		v.fields[i].value.sort()
	}
	for i := range v.items {
		v.items[i].sort()
	}
}

func (v *value) append(b []byte, fields []field) []byte {
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
			b = v.items[i].append(b, v.items[i].fields)
		}
		return append(b, ']')
	case audit.KindMap:
		b = append(b, '{')
		for i := range fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, fields[i].name), ':')
			b = fields[i].value.append(b, fields[i].value.fields)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

func appendText(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // cannot be: strings always marshal
		return append(b, `""`...)
	}
	return append(b, text...)
}
