package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind is the kind of an attribute's value as the source sent it.
type Kind uint8

// The kinds. Empty is a key without a value, as opentelemetry-js sends for undefined.
const (
	KindEmpty Kind = iota
	KindString
	KindBool
	KindInt
	KindDouble
	KindArray
	KindMap   // never kept in a record: it goes to the content store as JSON
	KindBytes // never kept in a record: it goes to the content store
)

var kindNames = [...]string{"empty", "string", "bool", "int", "double", "array", "map", "bytes"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// Value is one attribute value with its kind. The zero Value is Empty.
type Value struct {
	Kind Kind
	str  string
	num  uint64
	list []Value
}

// String makes a string value.
func String(s string) Value { return Value{Kind: KindString, str: s} }

// Bool makes a boolean value.
func Bool(b bool) Value {
	v := Value{Kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Int makes an integer value.
func Int(i int64) Value { return Value{Kind: KindInt, num: uint64(i)} }

// Double makes a floating-point value.
func Double(f float64) Value { return Value{Kind: KindDouble, num: math.Float64bits(f)} }

// Array makes a list value.
func Array(list ...Value) Value { return Value{Kind: KindArray, list: list} }

// Str is the string of a string value, "" of any other.
func (v Value) Str() string { return v.str }

// Items are the elements of an array value.
func (v Value) Items() []Value { return v.list }

// Text renders a scalar as text: digits for numbers, true/false for booleans; "" for empty values and arrays.
func (v Value) Text() string {
	switch v.Kind {
	case KindString:
		return v.str
	case KindBool:
		return strconv.FormatBool(v.num == 1)
	case KindInt:
		return strconv.FormatInt(int64(v.num), 10)
	case KindDouble:
		return strconv.FormatFloat(math.Float64frombits(v.num), 'g', -1, 64)
	}
	return ""
}

// Int64 reads the value as an integer, whatever kind carries it: sources change kinds between versions
// (digits in strings, whole doubles). ok is false where it holds no integer.
func (v Value) Int64() (i int64, ok bool) {
	switch v.Kind {
	case KindInt:
		return int64(v.num), true
	case KindDouble:
		f := math.Float64frombits(v.num)
		if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
			return int64(f), true
		}
	case KindString:
		i, err := strconv.ParseInt(strings.TrimSpace(v.str), 10, 64)
		return i, err == nil
	}
	return 0, false
}

// Float64 reads the value as a number, whatever kind carries it.
func (v Value) Float64() (f float64, ok bool) {
	switch v.Kind {
	case KindInt:
		return float64(int64(v.num)), true
	case KindDouble:
		return math.Float64frombits(v.num), true
	case KindString:
		f, err := strconv.ParseFloat(strings.TrimSpace(v.str), 64)
		return f, err == nil
	}
	return 0, false
}

// IsTrue reads the value as a boolean, whatever kind carries it; ok is false where it holds none.
func (v Value) IsTrue() (b, ok bool) {
	switch v.Kind {
	case KindBool:
		return v.num == 1, true
	case KindString:
		switch v.str {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

// appendJSON writes the value so that its kind can be read back: a double always has a point or an exponent.
func (v Value) appendJSON(b []byte) []byte {
	switch v.Kind {
	case KindString:
		return appendString(b, v.str)
	case KindBool:
		return strconv.AppendBool(b, v.num == 1)
	case KindInt:
		return strconv.AppendInt(b, int64(v.num), 10)
	case KindDouble:
		return appendDouble(b, math.Float64frombits(v.num))
	case KindArray:
		b = append(b, '[')
		for i, e := range v.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.appendJSON(b)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

// appendDouble writes NaN and the infinities as null: JSON has no form for them, and a reader must not stumble.
func appendDouble(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	n := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	if !bytes.ContainsAny(b[n:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

// AppendJSON writes the value as MarshalJSON does.
func (v Value) AppendJSON(b []byte) []byte { return v.appendJSON(b) }

// MarshalJSON writes the value so that UnmarshalJSON reads it and its kind back.
func (v Value) MarshalJSON() ([]byte, error) { return v.appendJSON(nil), nil }

// UnmarshalJSON reads a value and its kind back.
func (v *Value) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return fmt.Errorf("decode value: no bytes")
	}
	switch data[0] {
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("decode value: %w", err)
		}
		*v = String(s)
	case 't', 'f':
		*v = Bool(data[0] == 't')
	case 'n':
		*v = Value{}
	case '[':
		var list []Value
		if err := json.Unmarshal(data, &list); err != nil {
			return fmt.Errorf("decode value: %w", err)
		}
		*v = Value{Kind: KindArray}
		if len(list) > 0 {
			v.list = list
		}
	default:
		return v.decodeNumber(string(data))
	}
	return nil
}

func (v *Value) decodeNumber(s string) error {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("decode value: %w", err)
		}
		*v = Double(f)
		return nil
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return fmt.Errorf("decode value: %w", err)
	}
	*v = Int(i)
	return nil
}

// Attr is one attribute under the source's own name.
type Attr struct {
	Name  string
	Value Value
}

// Attrs keeps attributes in the source's order. In JSON they are one object.
type Attrs []Attr

// TextAttr is an attribute with a text.
func TextAttr(name, s string) Attr { return Attr{Name: name, Value: String(s)} }

// CountAttr is an attribute with a whole number.
func CountAttr(name string, n int64) Attr { return Attr{Name: name, Value: Int(n)} }

// Get finds the first attribute of that name.
func (a Attrs) Get(name string) (Value, bool) {
	for i := range a {
		if a[i].Name == name {
			return a[i].Value, true
		}
	}
	return Value{}, false
}

func (a Attrs) appendJSON(b []byte) []byte {
	b = append(b, '{')
	for i := range a {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, a[i].Name)
		b = append(b, ':')
		b = a[i].Value.appendJSON(b)
	}
	return append(b, '}')
}

// UnmarshalJSON reads an object, keeping the order of its names.
func (a *Attrs) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("decode attributes: want an object, got %v (%w)", t, err)
	}
	*a = nil
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return fmt.Errorf("decode attribute name: %w", err)
		}
		var v Value
		if err := dec.Decode(&v); err != nil {
			return fmt.Errorf("decode attribute %q: %w", t, err)
		}
		*a = append(*a, Attr{Name: t.(string), Value: v})
	}
	return nil
}
