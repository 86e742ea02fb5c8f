package settings

import (
	"encoding/json"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings/baseline"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
)

func FuzzValues(f *testing.F) {
	f.Add([]byte(`{"name":"sso_enabled","type":"boolean","value":true}`))
	f.Add([]byte(`{"name":"n","type":"data_retention","value":{"chat":{"type":"fixed","timescale":"day","duration":1e400}}}`))
	f.Add([]byte(`{"name":"allowed_invite_domains","type":"string_list","value":["a",null,[]]}`))
	f.Add([]byte("{\"name\":\"\xff\",\"value\":\"x\",\"value\":-0.0e-1}"))
	most := int64(1)
	rules := baseline.Baseline{Rules: []baseline.Rule{{ID: "a", Setting: "sso_enabled", MustBe: "on"}, {ID: "b", Setting: "n", AtMost: &most}, {ID: "c", Setting: "allowed_invite_domains", NotEmpty: true}}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := &part{credential: "compliance", baseline: rules}
		things, _ := p.values("o", []json.RawMessage{raw})
		for _, thing := range things {
			check(t, p.Draft(sweep.Change{List: listOf("o"), Kind: kindValue, ID: thing.ID, What: sweep.FirstSeen, Fields: thing.Fields, N: 1}).Record)
		}
		keys, _ := keysOf([]json.RawMessage{raw})
		for _, thing := range keys {
			check(t, p.Draft(sweep.Change{List: kindKey, Kind: kindKey, ID: thing.ID, What: sweep.FirstSeen, Fields: thing.Fields, N: 1}).Record)
		}
	})
}

func check(t *testing.T, r *audit.Record) {
	t.Helper()
	r.Version = audit.SchemaVersion
	line := r.AppendCanonical(nil)
	if _, err := audit.Decode(line); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	for _, a := range r.Attributes {
		if len(a.Value.Str()) > audit.MaxKeptString {
			t.Errorf("%s stays in the record with %d bytes", a.Name, len(a.Value.Str()))
		}
	}
}
