package directory

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
)

func FuzzRow(f *testing.F) {
	f.Add(kindUser, []byte(`{"id":"user_01","full_name":"Dana","email":"Dana@example.com","organization_role":"owner","created_at":"2026-01-02T03:04:05Z"}`))
	f.Add(kindGroup, []byte(`{"id":"g","roles":["a","b"],"created_at":"2026-01-02T03:04:05","source_type":{"x":[1e400]},"updated_at":null}`))
	f.Add(kindPermission, []byte(`{"action":"a/b c","resource_id":7}`))
	f.Add(kindMember, []byte("{\"user_id\":\"\xff\",\"email\":[[]],\"email\":1.0}"))
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		k, ok := kinds()[name]
		if !ok {
			return
		}
		thing, ok := k.parse(raw)
		if !ok {
			return
		}
		list := map[string]string{
			kindOrganization: kindOrganization, kindUser: "organization/o/user", kindRole: "organization/o/role", kindPermission: "organization/o/role/r/permission",
			kindGroup: kindGroup, kindMember: "group/g/member",
		}[name]
		p := &part{credential: "compliance"}
		d := p.Draft(sweep.Change{List: list, Kind: name, ID: thing.ID, What: sweep.FirstSeen, Fields: thing.Fields, N: 1})
		d.Record.Version = audit.SchemaVersion
		line := d.Record.AppendCanonical(nil)
		if _, err := audit.Decode(line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, a := range d.Record.Attributes {
			if len(a.Value.Str()) > audit.MaxKeptString && a.Name != "id" {
				t.Errorf("%s stays in the record with %d bytes", a.Name, len(a.Value.Str()))
			}
		}
		if again, ok := k.parse(raw); !ok || len(again.Fields) != len(thing.Fields) || len(d.Form) == 0 {
			t.Errorf("the same row, read again: %v", again)
		}
	})
}
