package audit_test

import (
	"slices"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

func TestErasureOrders(t *testing.T) {
	t.Parallel()
	want := audit.Commit(audit.Salt{1}, []byte("x"))
	order := func(change func(r *audit.Record)) *audit.Record {
		r := &audit.Record{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord, Attributes: audit.Attrs{
			{Name: "position", Value: audit.Int(7)}, {Name: "commitment", Value: audit.String(want.String())},
		}}
		change(r)
		return r
	}
	one := []audit.Ordered{{Position: 7, Commitment: want}}
	if got := audit.ErasureOrders(order(func(*audit.Record) {})); !slices.Equal(got, one) {
		t.Errorf("got %v", got)
	}
	for name, change := range map[string]func(r *audit.Record){
		"another source":          func(r *audit.Record) { r.Source = audit.SourceOTelLog },
		"another activity":        func(r *audit.Record) { r.Activity = audit.ActivityOperation },
		"another type":            func(r *audit.Record) { r.Type = audit.TypeEraseContainer },
		"the type for many":       func(r *audit.Record) { r.Type = audit.TypeEraseRecords },
		"no attributes":           func(r *audit.Record) { r.Attributes = nil },
		"no position":             func(r *audit.Record) { r.Attributes = r.Attributes[1:] },
		"position 0":              func(r *audit.Record) { r.Attributes[0].Value = audit.Int(0) },
		"position below 0":        func(r *audit.Record) { r.Attributes[0].Value = audit.Int(-7) },
		"position is no number":   func(r *audit.Record) { r.Attributes[0].Value = audit.String("seven") },
		"no commitment":           func(r *audit.Record) { r.Attributes = r.Attributes[:1] },
		"commitment cut":          func(r *audit.Record) { r.Attributes[1].Value = audit.String(want.String()[2:]) },
		"commitment is no string": func(r *audit.Record) { r.Attributes[1].Value = audit.Int(1) },
	} {
		if got := audit.ErasureOrders(order(change)); got != nil {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestErasureOrdersOfMany(t *testing.T) {
	t.Parallel()
	commitment := audit.Commit(audit.Salt{1}, []byte("x"))
	list := func(positions ...uint64) (orders []audit.Ordered) {
		for _, p := range positions {
			orders = append(orders, audit.Ordered{Position: p, Commitment: commitment})
		}
		return orders
	}
	read := func(t *testing.T, attrs audit.Attrs) []audit.Ordered {
		t.Helper()
		r := &audit.Record{Version: audit.SchemaVersion, Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecords, Attributes: attrs}
		back, err := audit.Decode(r.AppendCanonical(nil))
		if err != nil {
			t.Fatal(err)
		}
		return audit.ErasureOrders(back)
	}
	full := make([]uint64, audit.MaxErased)
	for i := range full {
		full[i] = uint64(i + 1)
	}
	for _, good := range [][]uint64{{7}, {7, 9, 1 << 40}, full} {
		if got := read(t, audit.ErasureAttrs(list(good...))); !slices.Equal(got, list(good...)) {
			t.Errorf("%d positions: got %v", len(good), got)
		}
	}
	for name, bad := range map[string][]uint64{"none": nil, "out of order": {9, 7}, "twice the same": {7, 7}, "position 0": {0, 7}, "too many": append(full, 501)} {
		if got := read(t, audit.ErasureAttrs(list(bad...))); got != nil {
			t.Errorf("%s: got %d", name, len(got))
		}
	}
	short := audit.ErasureAttrs(list(7, 9))
	short[1].Value = audit.Array(short[1].Value.Items()[0])
	if got := read(t, short); got != nil {
		t.Errorf("a commitment is missing: %v", got)
	}
	broken := audit.ErasureAttrs(list(7, 9))
	broken[1].Value = audit.Array(broken[1].Value.Items()[0], audit.String("9"))
	if got := read(t, broken); got != nil {
		t.Errorf("a commitment is malformed: %v", got)
	}
}
