package complianceapi

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzQuery reads any query for every route: it is refused in the vendor's form or read within its bounds.
func FuzzQuery(f *testing.F) {
	f.Add("limit=5&created_at.gte=2026-11-01T00%3A00%3A00Z&after_id=abc")
	f.Add("user_ids[]=user_1&user_ids%5B%5D=user_2&order=asc")
	f.Add("created_at[gte]=2026-11-01&page=x&%zz;")
	f.Add("limit=-1&limit=99999999999999999999&tool_result_max_chars=-1")
	f.Add("created_at.lt=2026-11-01T00:00:00+00:00&organization_ids[]=org_01")
	all := routes()
	f.Fuzz(func(t *testing.T, raw string) {
		for i := range all {
			rt := &all[i]
			q, bad := rt.params.parse(raw, September)
			if bad != nil {
				if bad.status != http.StatusBadRequest || bad.kind != "invalid_request_error" || bad.message == "" || len(bad.body()) == 0 {
					t.Fatalf("%s?%s: %+v", rt.path, raw, bad)
				}
				continue
			}
			if q.after != "" && q.before != "" || rt.params.limit != nil && (q.limit < 0 || q.limit > rt.params.limit.most) {
				t.Fatalf("%s?%s: %+v", rt.path, raw, q)
			}
			for name, values := range q.lists {
				if most := rt.params.lists[name]; most > 0 && len(values) > most {
					t.Fatalf("%s?%s: %d of %s", rt.path, raw, len(values), name)
				}
			}
		}
	})
}

// FuzzCursor opens any text as a cursor: none that the API did not make is taken.
func FuzzCursor(f *testing.F) {
	a := &API{dice: 3}
	good := a.seal(place{List: "activities", Key: 7, ID: "activity_01x"})
	f.Add(good)
	f.Add("e30")
	f.Add(strings.Repeat("A", 100))
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := a.dice.open(s, "activities", "")
		if ok && a.seal(p) != a.seal(place{List: p.List, Org: p.Org, Key: p.Key, ID: p.ID, Born: p.Born}) {
			t.Fatalf("%q opens as %+v", s, p)
		}
		if ok && p.List != "activities" {
			t.Fatalf("%q opens as a place of %s", s, p.List)
		}
	})
}
