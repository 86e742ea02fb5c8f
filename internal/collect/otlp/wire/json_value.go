package wire

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// text reads a string field, whatever kind carries it.
func (j *scanner) text() string {
	switch j.peek() {
	case '"':
		return j.string()
	case 'n':
		j.word("null")
		return ""
	}
	j.d.odd |= OddValue
	start := j.i
	j.skip()
	return j.d.text(strings.TrimSpace(j.s[start:j.i]))
}

// digits reads a number field as text: a bare number, or one in quotes as protobuf JSON spells 64 bits.
func (j *scanner) digits() (string, bool) {
	switch c := j.peek(); {
	case c == '"':
		return strings.TrimSpace(j.string()), true
	case c == '-' || c >= '0' && c <= '9':
		return j.number(), true
	case c == 'n':
		j.word("null")
		return "", false
	}
	if !j.emptyObject() {
		j.d.odd |= OddValue
		j.skip()
	}
	return "", false
}

// emptyObject passes over {}, which some clients send for an undefined number.
func (j *scanner) emptyObject() bool {
	if j.peek() != '{' {
		return false
	}
	at := j.i
	j.i++
	if j.peek() == '}' {
		j.i++
		return true
	}
	j.i = at
	return false
}

func (j *scanner) u64() uint64 {
	s, ok := j.digits()
	if !ok || s == "" {
		return 0
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f >= 0 && f < math.MaxUint64 {
		return uint64(f)
	}
	j.d.odd |= OddValue
	return 0
}

func (j *scanner) u32() uint32 { return uint32(min(j.u64(), math.MaxUint32)) }

func (j *scanner) i32() int32 {
	s, ok := j.digits()
	if !ok || s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		j.d.odd |= OddValue
	}
	return int32(n)
}

func (j *scanner) f64() float64 {
	v := j.numeric(1, readDouble)
	if v.Kind != audit.KindDouble {
		return 0
	}
	return math.Float64frombits(v.Num)
}

func (j *scanner) bool() bool {
	v := j.boolValue()
	return v.Kind == audit.KindBool && v.Num == 1
}

// enum reads an enumeration by number or by name; its names end in what names lists, with the number.
func (j *scanner) enum(names map[string]int32) int32 {
	s, ok := j.digits()
	if !ok || s == "" {
		return 0
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return int32(n)
	}
	if n, ok := names[s]; ok {
		return n
	}
	j.d.odd |= OddValue
	return 0
}

func (j *scanner) id() string {
	s := j.text()
	if s == "" {
		return ""
	}
	return j.d.textID(s)
}

// attrs reads a list of KeyValue, after what a field of that name already gave.
func (j *scanner) attrs(into *[]Attr) {
	list := j.keyValues(1)
	if len(*into) > 0 {
		list = append(*into, list...)
	}
	*into = list
}

func (j *scanner) keyValues(depth int) []Attr {
	var few [24]Attr
	list := few[:0]
	for w := j.list(); j.more(&w); {
		if !j.d.spend(1) {
			return nil
		}
		list = append(list, j.keyValue(depth))
	}
	j.d.nodes -= len(list) // attrs spends them again
	a := j.d.attrs(len(list))
	return append(a, list...)
}

func (j *scanner) keyValue(depth int) (a Attr) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return a
		}
		switch name {
		case "key":
			a.Name = j.text()
		case "value":
			a.Value = j.value(depth)
		default:
			j.skip()
		}
	}
}

// value reads an AnyValue. What is none is read as the plain JSON it is.
func (j *scanner) value(depth int) (v Value) {
	switch j.peek() {
	case '{':
	case 'n':
		j.word("null")
		return Value{}
	default:
		j.d.odd |= OddValue
		return j.plain(depth)
	}
	var unknown []Attr
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			break
		}
		switch name {
		case "stringValue", "string_value":
			v = j.stringValue(depth)
		case "intValue", "int_value":
			v = j.numeric(depth, readInt)
		case "doubleValue", "double_value":
			v = j.numeric(depth, readDouble)
		case "boolValue", "bool_value":
			v = j.boolValue()
		case "bytesValue", "bytes_value":
			v = j.bytesValue()
		case "arrayValue", "array_value":
			v = j.arrayValue(depth)
		case "kvlistValue", "kvlist_value":
			v = j.mapValue(depth)
		default:
			j.d.odd |= OddValue
			if other := j.plain(depth + 1); j.d.spend(1) {
				unknown = append(unknown, Attr{Name: name, Value: other})
			}
		}
	}
	if v.Kind == audit.KindEmpty && len(unknown) > 0 {
		v = Value{Kind: audit.KindMap, list: &nested{fields: unknown}}
	}
	return v
}

func (j *scanner) stringValue(depth int) Value {
	switch j.peek() {
	case '"':
		return Value{Kind: audit.KindString, Str: j.string()}
	case 'n':
		j.word("null")
		return Value{}
	}
	j.d.odd |= OddValue
	return j.plain(depth)
}

// numeric reads an intValue or doubleValue. An object stands for undefined where it is empty.
func (j *scanner) numeric(depth int, read func(string) (Value, bool)) Value {
	var s string
	switch c := j.peek(); {
	case c == '"':
		s = strings.TrimSpace(j.string())
	case c == '-' || c >= '0' && c <= '9':
		s = j.number()
	case c == 'n':
		j.word("null")
		return Value{}
	case j.emptyObject():
		return Value{}
	default:
		j.d.odd |= OddValue
		return j.plain(depth)
	}
	v, ok := read(s)
	if !ok {
		j.d.odd |= OddValue
	}
	return v
}

func readInt(s string) (Value, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return Value{Kind: audit.KindInt, Num: uint64(n)}, true
	}
	return numberOr(s), false
}

func readDouble(s string) (Value, bool) {
	v := numberOr(s)
	return v, v.Kind == audit.KindDouble
}

// numberOr reads text as a double, or leaves it text.
func numberOr(s string) Value {
	switch s {
	case "NaN":
		return double(math.NaN())
	case "Infinity":
		return double(math.Inf(1))
	case "-Infinity":
		return double(math.Inf(-1))
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && strings.Trim(s, "0123456789+-.eE") == "" {
		return double(f)
	}
	return Value{Kind: audit.KindString, Str: s}
}

func (j *scanner) boolValue() Value {
	v := j.plain(1)
	switch {
	case v.Kind == audit.KindBool || v.Kind == audit.KindEmpty:
	case v.Kind == audit.KindString && v.Str == "true":
		v = Value{Kind: audit.KindBool, Num: 1}
	case v.Kind == audit.KindString && v.Str == "false":
		v = Value{Kind: audit.KindBool}
	default:
		j.d.odd |= OddValue
	}
	return v
}

func (j *scanner) bytesValue() Value {
	s := j.text()
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(s); err == nil {
			return Value{Kind: audit.KindBytes, Str: string(b)}
		}
	}
	j.d.odd |= OddValue
	return Value{Kind: audit.KindString, Str: s}
}

func (j *scanner) arrayValue(depth int) Value {
	if j.peek() == '[' { // the list itself, without its wrapper
		j.d.odd |= OddValue
		return j.items(depth, false)
	}
	v := Value{Kind: audit.KindArray}
	for w := j.object(); ; {
		name, ok := j.field(&w)
		switch {
		case !ok:
			return v
		case name == "values":
			v = j.items(depth, false)
		default:
			j.skip()
		}
	}
}

// items reads a list of AnyValue, or of plain JSON.
func (j *scanner) items(depth int, plain bool) Value {
	v := Value{Kind: audit.KindArray}
	if j.tooDeep(depth) {
		return v
	}
	var list []Value
	for w := j.list(); j.more(&w) && j.d.spend(1); {
		if plain {
			list = append(list, j.plain(depth+1))
		} else {
			list = append(list, j.value(depth+1))
		}
	}
	if len(list) > 0 {
		v.list = &nested{items: list}
	}
	return v
}

func (j *scanner) mapValue(depth int) Value {
	v := Value{Kind: audit.KindMap}
	for w := j.object(); ; {
		name, ok := j.field(&w)
		switch {
		case !ok:
			return v
		case name != "values":
			j.skip()
		case !j.tooDeep(depth):
			if fields := j.keyValues(depth + 1); len(fields) > 0 {
				v.list = &nested{fields: fields}
			}
		}
	}
}

// tooDeep passes over a value that stands deeper than the limit, unless it is an empty list.
func (j *scanner) tooDeep(depth int) bool {
	if depth < j.d.lim.MaxDepth {
		return false
	}
	j.d.odd |= OddDepth
	j.skip()
	return true
}

// plain reads any JSON as a value.
func (j *scanner) plain(depth int) Value {
	switch c := j.peek(); c {
	case '"':
		return Value{Kind: audit.KindString, Str: j.string()}
	case 't':
		j.word("true")
		return Value{Kind: audit.KindBool, Num: 1}
	case 'f':
		j.word("false")
		return Value{Kind: audit.KindBool}
	case 'n':
		j.word("null")
		return Value{}
	case '[':
		return j.items(depth, true)
	case '{':
		return j.plainObject(depth)
	}
	s := j.number()
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return Value{Kind: audit.KindInt, Num: uint64(n)}
	}
	return numberOr(s)
}

func (j *scanner) plainObject(depth int) Value {
	v := Value{Kind: audit.KindMap}
	if j.tooDeep(depth) {
		return v
	}
	var fields []Attr
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok || !j.d.spend(1) {
			break
		}
		fields = append(fields, Attr{Name: name, Value: j.plain(depth + 1)})
	}
	if len(fields) > 0 {
		v.list = &nested{fields: fields}
	}
	return v
}
