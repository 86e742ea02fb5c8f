package wire

import "github.com/tripod-audit/tripod/internal/audit"

// Members reads the text members of a JSON object and calls each for them in order. Clients cut long JSON anywhere, so
// it reports what stands before the first error and stops there, reporting nothing of it.
func Members(text string, each func(name, value string)) {
	j := &scanner{s: text, d: &decoder{lim: Limits{}.withDefaults()}}
	if j.peek() != '{' {
		return
	}
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return
		}
		if j.peek() != '"' {
			j.skip()
			continue
		}
		if value := j.string(); j.err == nil {
			each(name, value)
		}
	}
}

// Equal reports whether two values are the same in kind and content.
func (v *Value) Equal(w *Value) bool {
	if v.Kind != w.Kind || v.Num != w.Num || v.Str != w.Str || len(v.Items()) != len(w.Items()) || len(v.Fields()) != len(w.Fields()) {
		return false
	}
	for i := range v.Items() {
		if !v.Items()[i].Equal(&w.Items()[i]) {
			return false
		}
	}
	for i := range v.Fields() {
		a, b := &v.Fields()[i], &w.Fields()[i]
		if a.Name != b.Name || !a.Value.Equal(&b.Value) {
			return false
		}
	}
	return true
}

// NewMap makes a map of some attributes.
func NewMap(fields []Attr) Value {
	if len(fields) == 0 {
		return Value{Kind: audit.KindMap}
	}
	return Value{Kind: audit.KindMap, list: &nested{fields: fields}}
}

// IsScalar reports whether the value is a string, boolean or number.
func (v *Value) IsScalar() bool {
	return v.Kind >= audit.KindString && v.Kind <= audit.KindDouble
}
