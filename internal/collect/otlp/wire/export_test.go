package wire

import "github.com/tripod-audit/tripod/internal/audit"

// ArrayOf and MapOf build values for comparison.
func ArrayOf(items []Value) Value {
	v := Value{Kind: audit.KindArray}
	if len(items) > 0 {
		v.list = &nested{items: items}
	}
	return v
}

func MapOf(fields []Attr) Value {
	v := Value{Kind: audit.KindMap}
	if len(fields) > 0 {
		v.list = &nested{fields: fields}
	}
	return v
}
