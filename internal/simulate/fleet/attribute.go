package fleet

import "strconv"

// kind is which of OTLP's values an attribute holds.
type kind uint8

const (
	kindNone kind = iota // present without a value, as JavaScript writes undefined
	kindString
	kindBool
	kindInt
	kindDouble
	kindStrings
	kindQuotedInt   // an integer that JSON writes as a string
	kindEmptyDouble // a double that JSON writes as an empty object, protobuf as not a number
)

// attribute is a name and a value, in the order in which the client sets them.
type attribute struct {
	key  string
	kind kind
	text string
	int  int64 // of kindInt; 0 or 1 of kindBool
	real float64
	list []string
}

// attributes are built up name by name.
type attributes []attribute

func (a *attributes) str(key, v string) {
	*a = append(*a, attribute{key: key, kind: kindString, text: v})
}
func (a *attributes) int(key string, v int64) {
	*a = append(*a, attribute{key: key, kind: kindInt, int: v})
}

func (a *attributes) real(key string, v float64) {
	*a = append(*a, attribute{key: key, kind: kindDouble, real: v})
}

func (a *attributes) bool(key string, v bool) {
	n := int64(0)
	if v {
		n = 1
	}
	*a = append(*a, attribute{key: key, kind: kindBool, int: n})
}

func (a *attributes) strs(key string, v []string) {
	*a = append(*a, attribute{key: key, kind: kindStrings, list: v})
}

// some adds a text that is left out where there is none.
func (a *attributes) some(key, v string) {
	if v != "" {
		a.str(key, v)
	}
}

// digits adds a number as the client writes it in many places: as a string.
func (a *attributes) digits(key string, v int64) { a.str(key, strconv.FormatInt(v, 10)) }

// yes adds a truth as the client writes it in many places: as a string.
func (a *attributes) yes(key string, v bool) { a.str(key, strconv.FormatBool(v)) }

// count adds a number, as an integer or, in older clients, as a string.
func (a *attributes) count(key string, v int64, asText bool) {
	if asText {
		a.digits(key, v)
	} else {
		a.int(key, v)
	}
}
