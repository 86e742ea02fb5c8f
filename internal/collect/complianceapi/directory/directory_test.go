package directory_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/directory"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep/sweeptest"
	"github.com/tripod-audit/tripod/internal/intake"
)

func collector(d sweep.Deps) (sweeptest.Runner, error) {
	return directory.New(directory.Config{}, d)
}

// play runs a collector in a bubble, and what happens at the vendor between its sweeps: one an hour.
func play(t *testing.T, v *vendor, steps ...func()) *sweeptest.Bench {
	t.Helper()
	var b *sweeptest.Bench
	synctest.Test(t, func(t *testing.T) {
		b = sweeptest.Open(t, v, "sk-ant-api01-made-up")
		stop := b.Run(nil, collector)
		for _, step := range steps {
			time.Sleep(30 * time.Minute)
			step()
			time.Sleep(30 * time.Minute)
		}
		time.Sleep(30 * time.Minute)
		stop()
		b.Keep()
	})
	return b
}

func nothing() {}

// TestRecords reads a directory once and looks at what a record of each kind says.
func TestRecords(t *testing.T) {
	t.Parallel()
	b := play(t, newVendor(), nothing)
	f := func(kind, id, want string) {
		t.Helper()
		for _, r := range b.Records(audit.SourceComplianceDirectory) {
			if r.Type != "directory."+kind || sweeptest.Attr(r, "id") != id {
				continue
			}
			var said []string
			for _, a := range r.Attributes {
				said = append(said, a.Name+"="+a.Value.Text())
			}
			for _, c := range r.Content {
				said = append(said, c.Name+":"+string(c.Class))
			}
			p := r.Account.Proved
			said = append(said, p.User+"/"+p.Email+"/"+p.Org, r.Container)
			if diff := cmp.Diff(want, strings.Join(said, " ")); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", kind, id, diff)
			}
			return
		}
		t.Errorf("no record of %s %s", kind, id)
	}
	f("organization", "o1", "change=first_seen id=o1 organization_uuid=o1 created_at=2025-03-12T18:22:41.123456Z name:detail //o1 organization/compliance/o1")
	f("user", "u1", "change=first_seen id=u1 organization_uuid=o1 email=1@example.com organization_role=user created_at=2026-01-02T03:04:05.000006Z full_name:detail "+
		"u1/1@example.com/o1 account/compliance/u1")
	f("role", "r1", "change=first_seen id=r1 organization_uuid=o1 created_at=2025-03-12T18:22:41.123456Z updated_at= name:detail description:text //o1 organization/compliance/o1")
	f("permission", "connectors:manage organization o1", "change=first_seen id=connectors:manage organization o1 organization_uuid=o1 role_id=r1 action=connectors:manage "+
		"resource_type=organization resource_id=o1 //o1 organization/compliance/o1")
	f("group", "g1", "change=first_seen id=g1 source_type=scim roles= created_at=2025-03-12T18:22:41.123456Z updated_at= description= name:detail // organization/compliance/-")
	f("member", "g1 u1", "change=first_seen id=g1 u1 group_id=g1 user_id=u1 created_at= updated_at= email=u1@example.com u1/u1@example.com/ account/compliance/u1")
	for _, r := range b.Records(audit.SourceComplianceDirectory) {
		if line := string(r.AppendCanonical(nil)); strings.Contains(line, "Name 1") || strings.Contains(line, "Clinic") || strings.Contains(line, "Steward") {
			t.Errorf("a name is in the record: %s", line)
		}
	}
}

// TestHistory changes the directory in every way and finds the whole history again.
func TestHistory(t *testing.T) {
	t.Parallel()
	v := newVendor()
	b := play(t, v,
		func() { v.user("4", "4@example.com", "user") },                        // joins
		func() { v.user("2", "two@example.com", "user") },                      // another address
		func() { v.user("2", "two@example.com", "owner") },                     // another role
		func() { v.remove(users, "u3"); v.member("g1", "u3") },                 // leaves, and a group that has not heard of it
		func() { v.remove(users, "u2"); v.user("3", "3@example.com", "user") }, // leaves; returns
		func() { v.remove(groups, "g1"); v.remove("/organizations/o1/roles", "r1") },
		nothing,
	)
	h := history(t, b)
	if diff := cmp.Diff([]string{"u1", "u3", "u4"}, there(h, "user")); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	if left := slices.Concat(there(h, "group"), there(h, "member"), there(h, "role"), there(h, "permission")); len(left) > 0 {
		t.Errorf("a group and a role are gone with what they held, and these are left: %v", left)
	}
	two := h["directory.user o1  u2"]
	if diff := cmp.Diff([]string{"2@example.com", "two@example.com"}, two.was["email"]); diff != "" {
		t.Errorf("addresses of one who left (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"user", "owner"}, two.was["organization_role"]); diff != "" {
		t.Errorf("roles of one who left (-want +got):\n%s", diff)
	}
	if three := h["directory.user o1  u3"]; !slices.Equal(three.changes, []string{"first_seen", "removed", "returned"}) {
		t.Errorf("one who left and returned: %s", show(three))
	}
	for _, r := range b.Records("") {
		if sweeptest.Attr(r, "change") == "removed" && r.Account.Proved.User == "u2" && r.Type == "directory.user" && r.Account.Proved.Email != "two@example.com" {
			t.Errorf("who left is not told by the address: %+v", r.Account)
		}
	}
}

// TestNothingNew: a directory that stands still makes no records but the statements, whatever form its times come in and
// whatever fields nobody knows do meanwhile.
func TestNothingNew(t *testing.T) {
	t.Parallel()
	v := newVendor()
	n := 0
	b := play(t, v, func() {
		v.put(groups, "g1", row{"id": "g1", "name": "Pilots", "description": "", "source_type": "scim", "roles": []string{"r1"}, "created_at": "2025-03-12T18:22:41.123456Z", "updated_at": nil})
	}, func() {
		for _, u := range []string{"1", "2", "3"} {
			n++
			v.put(users, "u"+u, row{
				"id": "u" + u, "full_name": "Name " + u, "email": u + "@example.com", "organization_role": "user", "created_at": "2026-01-02T03:04:05.000006+00:00", "seen": n,
				"motto": fmt.Sprint("motto ", n),
			})
		}
	}, nothing)
	for _, r := range b.Records(audit.SourceComplianceDirectory) {
		if sweeptest.Attr(r, "change") != "first_seen" {
			t.Errorf("%s %s %v", r.Type, sweeptest.Attr(r, "change"), r.Attributes)
		}
	}
	if s := statements(b); len(s) != 4 || sweeptest.Attr(s[3], "status") != "final" || sweeptest.Attr(s[3], "rows") != "9" || sweeptest.Attr(s[3], "requests") != "6" ||
		sweeptest.Attr(s[3], "rows.user") != "3" || sweeptest.Attr(s[0], "first_seen") != "9" || sweeptest.Attr(s[1], "first_seen") != "" || sweeptest.Attr(s[3], "first_request_id") != "req_19" {
		t.Errorf("%d statements, the last %+v", len(s), s[len(s)-1].Attributes)
	}
}

func statements(b *sweeptest.Bench) []*audit.Record {
	return slices.DeleteFunc(b.Records(audit.SourceTripod), func(r *audit.Record) bool { return r.Type != complianceapi.TypeStatement })
}

// TestUnknownFieldsAreKept: beside the record where they are texts.
func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	v := newVendor()
	v.put(users, "u1", row{"id": "u1", "email": "1@example.com", "organization_role": map[string]any{"name": "x"}, "seats": 3, "motto": "a secret", "nested": []any{map[string]any{"a": 1}}})
	b := play(t, v)
	for _, r := range b.Records(audit.SourceComplianceDirectory) {
		if r.Type != "directory.user" || sweeptest.Attr(r, "id") != "u1" {
			continue
		}
		var beside []string
		for _, c := range r.Content {
			beside = append(beside, c.Name+":"+string(c.Class)+":"+c.Kind)
		}
		if diff := cmp.Diff([]string{"organization_role:text:map", "motto:text:string", "nested:text:map"}, beside); diff != "" || sweeptest.Attr(r, "seats") != "3" {
			t.Errorf("%v (-want +got):\n%s", r.Attributes, diff)
		}
		return
	}
	t.Error("no record")
}

// TestBrokenSweep: a sweep that breaks off half-way, an answer cut short, a list that cannot be read, all look like leavers
// to who does not look closely.
func TestBrokenSweep(t *testing.T) {
	f := func(name string, answer func(w http.ResponseWriter, r *http.Request) bool, reason, status string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor()
			v.page = 2
			b := play(t, v, func() { v.set(func() { v.answer = answer }) }, nothing)
			for _, r := range b.Records(audit.SourceComplianceDirectory) {
				if sweeptest.Attr(r, "change") != "first_seen" {
					t.Errorf("%s %s is %s", r.Type, sweeptest.Attr(r, "id"), sweeptest.Attr(r, "change"))
				}
			}
			if raised := b.Health.Conditions(); len(raised) != 1 || raised[0].Code != "compliance.directory."+reason {
				t.Errorf("conditions %+v", raised)
			}
			if s := statements(b); sweeptest.Attr(s[len(s)-1], "status") != status || len(s) == 1 && status != "final" {
				t.Errorf("%d statements, the last %+v", len(s), s[len(s)-1].Attributes)
			}
		})
	}
	on := func(path string, f func(w http.ResponseWriter) bool) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			return strings.HasSuffix(r.URL.RequestURI(), path) && f(w)
		}
	}
	f("second page fails", on("users?limit=1000&page=2", func(w http.ResponseWriter) bool { return refuse(w, 500, "api_error", "Internal server error") }), "incomplete", "provisional")
	f("a later list fails", on("members?limit=1000", func(w http.ResponseWriter) bool { return refuse(w, 503, "overloaded_error", "Try again") }), "incomplete", "provisional")
	f("cut short", on("users?limit=1000", func(w http.ResponseWriter) bool {
		_, err := w.Write([]byte(`{"data":[{"id":"u1"}],"has_more":true,"next_page":null}`))
		return err == nil
	}), "incomplete", "provisional")
	f("another list gone", on("members?limit=1000", func(w http.ResponseWriter) bool { return refuse(w, 404, "not_found_error", "Group not found.") }), "incomplete", "provisional")
	f("accounts forbidden", on("users?limit=1000", func(w http.ResponseWriter) bool {
		return refuse(w, 403, "permission_error", "Missing required scopes. Got: ['read:compliance_org_data'] Needed one of: ['read:compliance_user_data', 'read:org_audit']")
	}), "forbidden", "provisional")
	f("all forbidden", on("", func(w http.ResponseWriter) bool {
		return refuse(w, 403, "permission_error", "Missing required scopes.")
	}), "forbidden", "final")
	f("key refused", on("", func(w http.ResponseWriter) bool {
		return refuse(w, 401, "authentication_error", "API key has been deactivated.")
	}), "key_refused", "final")
	f("rows without ids", on("users?limit=1000", func(w http.ResponseWriter) bool {
		_, err := w.Write([]byte(`{"data":[{"id":"u1","email":"1@example.com","organization_role":"user","full_name":"Name 1","created_at":"2026-01-02T03:04:05.000006Z"},{"id":7},"x"]}`))
		return err == nil
	}), "incomplete", "provisional")
	f("everything fails", on("", func(w http.ResponseWriter) bool { return refuse(w, 500, "api_error", "Internal server error") }), "unreachable", "final")
}

// TestMuchMissing: an organisation, or more than half of a list, counts as gone when the next reading misses it, too.
func TestMuchMissing(t *testing.T) {
	t.Parallel()
	v := newVendor()
	for n := range 9 {
		v.user(fmt.Sprint(100+n), fmt.Sprintf("%d@example.com", 100+n), "user")
	}
	b := play(t, v,
		func() { v.set(func() { v.lists[users] = map[string]row{} }) },
		nothing,
	)
	if h := history(t, b); len(there(h, "user")) != 0 {
		t.Errorf("gone for good, and these are there: %v", there(h, "user"))
	}
	s := statements(b)
	if len(s) < 3 || sweeptest.Attr(s[1], "status") != "provisional" || sweeptest.Attr(s[1], "missing") != "12" || sweeptest.Attr(s[2], "removed") != "12" {
		t.Fatalf("%d statements", len(s))
	}
	if again := s[2].Occurred.Sub(s[1].Occurred); again > 10*time.Minute {
		t.Errorf("looked again after %v", again)
	}
}

// TestMuchIsBack: what one reading missed and the next one shows was never gone.
func TestMuchIsBack(t *testing.T) {
	t.Parallel()
	v := newVendor()
	for n := range 9 {
		v.user(fmt.Sprint(100+n), fmt.Sprintf("%d@example.com", 100+n), "user")
	}
	var kept map[string]row
	b := play(t, v,
		func() {
			v.set(func() { kept, v.lists[users] = v.lists[users], map[string]row{} })
			time.Sleep(32 * time.Minute) // past the next reading, and not as far as the second look
			v.set(func() { v.lists[users] = kept })
		}, nothing)
	for key, p := range history(t, b) {
		if len(p.changes) != 1 {
			t.Errorf("%s: %s", key, show(p))
		}
	}
	if s := statements(b); len(s) < 3 || sweeptest.Attr(s[1], "missing") != "12" || sweeptest.Attr(s[2], "status") != "final" {
		t.Errorf("%d statements", len(s))
	}
}

// TestRowsMoveBetweenPages: who leaves while a list is read moves those behind over the edge of a page; they have not left.
func TestRowsMoveBetweenPages(t *testing.T) {
	t.Parallel()
	v := newVendor()
	v.page = 2
	for n := range 6 {
		v.user(fmt.Sprint(4+n), fmt.Sprintf("%d@example.com", 4+n), "user")
	}
	b := play(t, v, func() {
		v.set(func() {
			v.answer = func(_ http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.RequestURI(), "users?limit=1000&page=2") {
					delete(v.lists[users], "u1") // all behind move up by one: u3 is on no page
				}
				return false
			}
		})
	}, nothing)
	h := history(t, b)
	if diff := cmp.Diff([]string{"u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"}, there(h, "user")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if three := h["directory.user o1  u3"]; len(three.changes) != 1 {
		t.Errorf("one who stayed: %s", show(three))
	}
}

// TestForbiddenAccountsAreNotAskedFor: each refused request is one of the budget, and a row in the customer's feed.
func TestForbiddenAccountsAreNotAskedFor(t *testing.T) {
	t.Parallel()
	v := newVendor()
	for n := range 20 {
		v.put(groups, fmt.Sprint("g", n), row{"id": fmt.Sprint("g", n), "name": "n", "source_type": "scim"})
	}
	v.answer = func(w http.ResponseWriter, r *http.Request) bool {
		return (strings.HasSuffix(r.URL.Path, "/users") || strings.HasSuffix(r.URL.Path, "/members")) && refuse(w, 403, "permission_error", "Missing required scopes.")
	}
	b := play(t, v)
	if n := v.requests(); n != 5 {
		t.Errorf("%d requests: %v", n, v.asked)
	}
	if got := len(there(history(t, b), "group")); got != 20 {
		t.Errorf("%d groups", got)
	}
}

// fullDisk is a door that takes nothing in for a while.
type fullDisk struct {
	sweep.Door
	refuses *atomic.Int32
}

func (d fullDisk) Submit(ctx context.Context, del intake.Delivery) (intake.Receipt, error) {
	if d.refuses.Add(-1) >= 0 {
		return intake.Receipt{}, intake.ErrUnavailable
	}
	return d.Door.Submit(ctx, del)
}

func (d fullDisk) Record(ctx context.Context, a intake.Act, cursors map[string][]byte) (uint64, error) {
	if d.refuses.Add(-1) >= 0 {
		return 0, intake.ErrUnavailable
	}
	return d.Door.Record(ctx, a, cursors)
}

// TestFullDisk: what could not be kept is not known, and is told once it can be. It is no trouble of the vendor's.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := sweeptest.Open(t, newVendor(), "sk-ant-api01-made-up")
		var refuses atomic.Int32
		refuses.Store(3)
		stop := b.Run(nil, func(d sweep.Deps) (sweeptest.Runner, error) {
			d.Door = fullDisk{d.Door, &refuses}
			return collector(d)
		})
		time.Sleep(30 * time.Minute)
		stop()
		if h := history(t, b); len(h) != 9 || len(statements(b)) != 1 {
			t.Errorf("%d things, %d statements", len(h), len(statements(b)))
		}
		if raised := b.Health.Conditions(); len(raised) > 0 {
			t.Errorf("%+v", raised)
		}
	})
}
