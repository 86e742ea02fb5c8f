package file

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of a value in a cell.
type Kind uint8

// The kinds.
const (
	None Kind = iota
	Bool
	Int
	Float
	String
	List
	Dict
)

// Value is the value of a cell: what a Python literal says.
type Value struct {
	Kind  Kind
	True  bool
	Int   int64
	Float float64
	Str   string
	Items []Value  // of a list, or beside Keys
	Keys  []string // of a dict, in the cell's order
}

// Get finds the value of a key. Where the key comes twice with different values, nobody knows which is meant: a name that
// was not escaped can hold what looks like a key. Then it is none, and twice says so.
func (v Value) Get(key string) (found Value, twice bool) {
	seen := false
	for i, k := range v.Keys {
		if k != key {
			continue
		}
		if seen && string(found.AppendJSON(nil)) != string(v.Items[i].AppendJSON(nil)) {
			return Value{}, true
		}
		found, seen = v.Items[i], true
	}
	return found, false
}

// Repeats reports whether a dict in the value has a key with two different values.
func (v Value) Repeats() bool {
	first := make(map[string]int, len(v.Keys))
	for i, k := range v.Keys {
		at, seen := first[k]
		if !seen {
			first[k] = i
		} else if string(v.Items[at].AppendJSON(nil)) != string(v.Items[i].AppendJSON(nil)) {
			return true
		}
	}
	return slices.ContainsFunc(v.Items, Value.Repeats)
}

// Absent reports whether the value says nothing: None, an empty text, an empty list or dict.
func (v Value) Absent() bool {
	return v.Kind == None || v.Kind == String && v.Str == "" || v.Kind >= List && len(v.Items) == 0
}

// AppendJSON writes the value as JSON with keys sorted: the same bytes for the same value, however the cell spelled it.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.Kind {
	case Bool:
		return strconv.AppendBool(b, v.True)
	case Int:
		return strconv.AppendInt(b, v.Int, 10)
	case Float:
		return append(b, strings.ToLower(strconv.FormatFloat(v.Float, 'g', -1, 64))...)
	case String:
		return appendText(b, v.Str)
	case List:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.AppendJSON(b)
		}
		return append(b, ']')
	case Dict:
		order := make([]int, len(v.Keys))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(x, y int) int { return strings.Compare(v.Keys[x], v.Keys[y]) })
		b = append(b, '{')
		for n, i := range order {
			if n > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, v.Keys[i]), ':')
			b = v.Items[i].AppendJSON(b)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

func appendText(b []byte, s string) []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always has a form
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}
