package wire

import "github.com/tripod-audit/tripod/internal/audit"

// ArrayOf builds a value for comparison.
func ArrayOf(items []Value) Value {
	v := Value{Kind: audit.KindArray}
	if len(items) > 0 {
		v.list = &nested{items: items}
	}
	return v
}
