package audit_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

func TestErasureOrder(t *testing.T) {
	t.Parallel()
	want := audit.Commit(audit.Salt{1}, []byte("x"))
	order := func(change func(r *audit.Record)) *audit.Record {
		r := &audit.Record{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord, Attributes: audit.Attrs{
			{Name: "position", Value: audit.Int(7)}, {Name: "commitment", Value: audit.String(want.String())},
		}}
		change(r)
		return r
	}
	if seq, c, ok := audit.ErasureOrder(order(func(*audit.Record) {})); seq != 7 || c != want || !ok {
		t.Errorf("got %d, %v, %v", seq, c, ok)
	}
	for name, change := range map[string]func(r *audit.Record){
		"another source":          func(r *audit.Record) { r.Source = audit.SourceOTelLog },
		"another activity":        func(r *audit.Record) { r.Activity = audit.ActivityOperation },
		"another type":            func(r *audit.Record) { r.Type = audit.TypeEraseContainer },
		"no attributes":           func(r *audit.Record) { r.Attributes = nil },
		"no position":             func(r *audit.Record) { r.Attributes = r.Attributes[1:] },
		"position 0":              func(r *audit.Record) { r.Attributes[0].Value = audit.Int(0) },
		"position below 0":        func(r *audit.Record) { r.Attributes[0].Value = audit.Int(-7) },
		"position is no number":   func(r *audit.Record) { r.Attributes[0].Value = audit.String("seven") },
		"no commitment":           func(r *audit.Record) { r.Attributes = r.Attributes[:1] },
		"commitment cut":          func(r *audit.Record) { r.Attributes[1].Value = audit.String(want.String()[2:]) },
		"commitment is no string": func(r *audit.Record) { r.Attributes[1].Value = audit.Int(1) },
	} {
		if seq, c, ok := audit.ErasureOrder(order(change)); ok || seq != 0 || c != (audit.Commitment{}) {
			t.Errorf("%s: got %d, %v, %v", name, seq, c, ok)
		}
	}
}
