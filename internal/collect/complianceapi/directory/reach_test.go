package directory_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep/sweeptest"
)

// twoOrganisations is a vendor of two, each with a group of its own.
func twoOrganisations() *vendor {
	v := newVendor()
	v.put(orgs, "o2", row{"uuid": "o2", "name": "Console", "created_at": "2025-03-12T18:22:41.123456+00:00"})
	v.put("/organizations/o2/users", "u9", row{"id": "u9", "email": "9@example.com", "organization_role": "user"})
	v.put("/organizations/o2/roles", "r9", row{"id": "r9", "name": "Builder"})
	v.put(groups, "g9", row{"id": "g9", "name": "Builders", "source_type": "scim"})
	v.member("g9", "u9")
	v.member("g1", "u9")
	return v
}

// narrow is what a key of the first of them alone sees, and wide undoes it.
func narrow(v *vendor) {
	v.remove(orgs, "o2")
	v.remove(groups, "g9")
	v.remove("/groups/g1/members", "u9")
}

func wide(v *vendor) {
	v.put(orgs, "o2", row{"uuid": "o2", "name": "Console", "created_at": "2025-03-12T18:22:41.123456+00:00"})
	v.put(groups, "g9", row{"id": "g9", "name": "Builders", "source_type": "scim"})
	v.member("g1", "u9")
}

// changes are what the history has beside what was seen first.
func changes(t *testing.T, b *sweeptest.Bench) (list []string) {
	t.Helper()
	for key, p := range history(t, b) {
		for _, change := range p.changes[1:] {
			list = append(list, strings.Join(strings.Fields(strings.TrimPrefix(key, "directory.")), " ")+" "+change)
		}
	}
	slices.Sort(list)
	return list
}

func wantChanges(t *testing.T, b *sweeptest.Bench, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, changes(t, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// unread are the lists that a statement names.
func unread(r *audit.Record) (list []string) {
	v, _ := r.Attributes.Get("unread")
	for _, name := range v.Items() {
		list = append(list, name.Str())
	}
	return list
}

// TestKeyOfOneOrganisation: a key that reaches less than the one before makes nobody a leaver, not those of groups that go
// out of reach with their organisation either. Who leaves where the key reaches is told, and what went meanwhile once it is
// reached again.
func TestKeyOfOneOrganisation(t *testing.T) {
	t.Parallel()
	t.Run("stands", func(t *testing.T) {
		t.Parallel()
		v := twoOrganisations()
		b := play(t, v, func() { narrow(v) }, nothing, nothing)
		wantChanges(t, b)
		s := statements(b)
		last := s[len(s)-1]
		if sweeptest.Attr(last, "status") != "provisional" || sweeptest.Attr(last, "out_of_reach") != "1" || !slices.Contains(unread(last), "organization/o2") ||
			!strings.Contains(sweeptest.Attr(last, "finding"), "does not reach") {
			t.Errorf("%+v", last.Attributes)
		}
		if raised := b.Health.Conditions(); len(raised) != 1 || raised[0].Code != "compliance.directory.out_of_reach" || raised[0].Severity != "warning" {
			t.Errorf("%+v", raised)
		}
	})
	t.Run("leavers where it reaches", func(t *testing.T) {
		t.Parallel()
		v := twoOrganisations()
		v.put(groups, "g2", row{"id": "g2", "name": "n", "source_type": "scim"})
		b := play(t, v, func() { narrow(v) }, func() { v.remove(users, "u3"); v.remove(groups, "g2") }, nothing)
		wantChanges(t, b, "group g2 removed", "user o1 u3 removed")
	})
	t.Run("reached again", func(t *testing.T) {
		t.Parallel()
		v := twoOrganisations()
		b := play(t, v, func() { narrow(v) }, nothing, func() { v.remove("/organizations/o2/roles", "r9"); wide(v); v.remove(groups, "g9") }, nothing)
		wantChanges(t, b, "group g9 removed", "member g9 u9 removed", "role o2 r9 removed")
		if raised := b.Health.Conditions(); len(raised) != 0 {
			t.Errorf("%+v", raised)
		}
		if s := statements(b); sweeptest.Attr(s[len(s)-1], "status") != "final" {
			t.Errorf("%+v", s[len(s)-1].Attributes)
		}
	})
	t.Run("groups unread at first", func(t *testing.T) {
		t.Parallel()
		v := twoOrganisations()
		down := true
		b := play(t, v, func() {
			narrow(v)
			v.set(func() {
				v.answer = func(w http.ResponseWriter, r *http.Request) bool {
					return down && strings.HasSuffix(r.URL.Path, groups) && refuse(w, 500, "api_error", "Internal server error")
				}
			})
		}, func() { v.set(func() { down = false }) }, nothing)
		wantChanges(t, b)
	})
}

// TestKeyReplacedWhileRead: organisations by the key of all, groups by the key of one.
func TestKeyReplacedWhileRead(t *testing.T) {
	t.Parallel()
	v := twoOrganisations()
	const parent, one = "sk-ant-api01-parent", "sk-ant-api01-one"
	refused := false
	v.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if refused && strings.HasSuffix(r.URL.Path, "/organizations/o2/roles") && r.Header.Get("X-Api-Key") == parent {
			delete(v.lists[orgs], "o2")
			delete(v.lists[groups], "g9")
			return refuse(w, 401, "authentication_error", "API key has been deactivated.")
		}
		return false
	}
	var b *sweeptest.Bench
	synctest.Test(t, func(t *testing.T) {
		b = sweeptest.Open(t, v, parent+" "+one)
		stop := b.Run(nil, collector)
		time.Sleep(30 * time.Minute)
		v.set(func() { refused = true })
		time.Sleep(3 * time.Hour)
		stop()
		b.Keep()
	})
	wantChanges(t, b)
	if raised := b.Health.Conditions(); len(raised) != 1 || raised[0].Code != "compliance.directory.out_of_reach" {
		t.Errorf("%+v", raised)
	}
}

// TestReachIsToldAfterARestart: before the next sweep.
func TestReachIsToldAfterARestart(t *testing.T) {
	t.Parallel()
	v := twoOrganisations()
	synctest.Test(t, func(t *testing.T) {
		b := sweeptest.Open(t, v, "sk-ant-api01-made-up")
		for range 2 {
			stop := b.Run(nil, collector)
			time.Sleep(61 * time.Minute)
			narrow(v)
			stop()
			time.Sleep(time.Hour)
		}
		b.Health.Clear("compliance.directory.out_of_reach")
		asked := v.requests()
		stop := b.Run(nil, func(d sweep.Deps) (sweeptest.Runner, error) { return slow(d) })
		time.Sleep(time.Minute)
		stop()
		if raised := b.Health.Conditions(); len(raised) != 1 || v.requests() != asked {
			t.Errorf("%+v after %d requests", raised, v.requests()-asked)
		}
	})
}

// TestOneListFails: one organisation, role or group at which the vendor fails for good, or whose id cannot be asked for,
// hides no change anywhere else, and is none itself.
func TestOneListFails(t *testing.T) {
	t.Parallel()
	f := func(name, path string, status int) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := twoOrganisations()
			v.put(groups, "g0/x", row{"id": "g0/x", "name": "n", "source_type": "scim"})
			failing := func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("X-Should-Retry", "false")
				return strings.HasSuffix(r.URL.Path, path) && refuse(w, status, "api_error", "Internal server error")
			}
			b := play(t, v, nothing, func() {
				v.set(func() { v.answer = failing })
				v.remove("/organizations/o2/users", "u9")
				v.remove("/groups/g9/members", "u9")
				v.remove(users, "u3")
				v.remove("/groups/g1/members", "u2")
			}, nothing, nothing)
			all := map[string]string{
				"/organizations/o2/users": "user o2 u9 removed", "/groups/g9/members": "member g9 u9 removed", users: "user o1 u3 removed", "/groups/g1/members": "member g1 u2 removed",
			}
			delete(all, path)
			var want []string
			for _, change := range all {
				want = append(want, change)
			}
			slices.Sort(want)
			wantChanges(t, b, want...)
			s := statements(b)
			if last := s[len(s)-1]; sweeptest.Attr(last, "status") != "provisional" || sweeptest.Attr(last, "unread_lists") != "2" {
				t.Errorf("%+v", last.Attributes)
			}
			if raised := b.Health.Conditions(); len(raised) != 1 || raised[0].Code != "compliance.directory.incomplete" {
				t.Errorf("%+v", raised)
			}
		})
	}
	f("accounts", "/organizations/o2/users", 500)
	f("roles", "/organizations/o2/roles", 400)
	f("permissions", "/organizations/o1/roles/r1/permissions", 500)
	f("members", "/groups/g9/members", 529)
}

// TestRouteFails: where every list of a kind fails, most of them are not asked for.
func TestRouteFails(t *testing.T) {
	t.Parallel()
	v := newVendor()
	for n := range 40 {
		v.put(groups, fmt.Sprint("g", 100+n), row{"id": fmt.Sprint("g", 100+n), "name": "n", "source_type": "scim"})
	}
	v.answer = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("X-Should-Retry", "false")
		return strings.HasSuffix(r.URL.Path, "/members") && refuse(w, 500, "api_error", "Internal server error")
	}
	b := play(t, v)
	s := statements(b)
	if len(s) == 0 || sweeptest.Attr(s[0], "unread_lists") != "41" || v.requests() > 12*len(s) {
		t.Errorf("%d statements after %d requests", len(s), v.requests())
	}
	if got := len(b.Records(audit.SourceComplianceDirectory)); got != 47 {
		t.Errorf("%d records", got)
	}
}
