package complianceapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// TestLeaver: whoever leaves vanishes from the directory at once.
func TestLeaver(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{})
	var leaver *world.Account
	for _, acc := range b.world.Accounts {
		if acc.Left.After(noon()) && acc.Left.Before(noon().AddDate(0, 0, 2)) {
			leaver = acc
		}
	}
	has := func() bool {
		for _, u := range b.get("/organizations/"+b.world.Org.UUID+"/users", "limit", "1000").data() {
			if u["id"] == leaver.User && u["email"] == leaver.Email {
				return true
			}
		}
		return false
	}
	if !has() {
		t.Error("not there before")
	}
	b.clock.t = leaver.Left.Add(time.Second)
	if has() {
		t.Error("still there")
	}
}

// TestSettings: the state in force follows the world, and lists the keys without their secrets.
func TestSettings(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{})
	var off time.Time
	for _, act := range b.world.Between(b.world.When(world.SSOOff, noon())) {
		if act.Control != nil && act.Control.Type == "org_sso_toggled" && act.Control.New == "false" {
			off = act.At
		}
	}
	path := "/organizations/" + b.world.Org.UUID + "/settings"
	sso := func() any {
		for _, v := range b.get(path).body["settings"].([]any) {
			if v := v.(map[string]any); v["name"] == "sso_enabled" {
				return v["value"]
			}
		}
		return nil
	}
	b.clock.t = off.Add(-time.Minute)
	if sso() != true {
		t.Error("single sign-on is off before the incident")
	}
	b.clock.t = off.Add(time.Minute)
	if sso() != false {
		t.Error("single sign-on is on in the incident")
	}
	r := b.get(path)
	if len(r.body["settings"].([]any)) < 50 || len(r.body["api_keys"].([]any)) < 5 || strings.Contains(string(r.raw), "SIMULATED") {
		t.Errorf("%s", r.raw)
	}
	wrong := strings.Replace(path, b.world.Org.UUID, "00000000-0000-4000-8000-000000000000", 1)
	r = b.do(http.MethodGet, b.api.Keys().Read, wrong)
	if _, message := r.message(); r.status != http.StatusNotFound || message != "organization `00000000-0000-4000-8000-000000000000` not found in this organization's hierarchy" {
		t.Errorf("%d %s", r.status, message)
	}
	if r := b.do(http.MethodGet, "", path); r.status != http.StatusUnauthorized {
		t.Errorf("without a key: %d", r.status)
	}
}

// TestTimes: times come in the vendor's several forms.
func TestTimes(t *testing.T) {
	t.Parallel()
	b := reader(t)
	f := func(path, suffix string) {
		t.Helper()
		at := b.get(path).data()[0]["created_at"].(string)
		if _, err := time.Parse(time.RFC3339, at); (err == nil) != (suffix != "") || !strings.HasSuffix(at, suffix) {
			t.Errorf("%s: %s", path, at)
		}
	}
	group := b.get("/groups").data()[0]["id"].(string)
	f("/organizations", "+00:00")
	f("/organizations/"+b.world.Org.UUID+"/users", "Z")
	f("/organizations/"+b.world.Org.UUID+"/roles", "")
	f("/groups", "")
	f("/groups/"+group+"/members", "")
}

// TestGroups: a group of the feed is one of the directory.
func TestGroups(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Since: noon().AddDate(0, 0, -4)})
	rows := b.get("/activities", "activity_types[]", "group_member_added", "limit", "5").data()
	if len(rows) == 0 {
		t.Fatal("nobody was added to a group")
	}
	for _, a := range rows {
		group := a["group_id"].(string)
		member := a["member_ids"].([]any)[0]
		found := false
		for _, m := range b.get("/groups/"+group+"/members", "limit", "1000").data() {
			found = found || m["user_id"] == member
		}
		if !found {
			t.Errorf("%v is not in %s", member, group)
		}
	}
}

// TestRole: an account that was made an owner is one from then on.
func TestRole(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Since: noon().AddDate(0, 0, -9)})
	var act world.Act
	for _, a := range b.world.Between(b.world.When(world.RoleEscalation, noon().AddDate(0, 0, -7))) {
		if a.Control != nil && a.Control.Type == "claude_user_role_updated" {
			act = a
		}
	}
	if act.Control == nil {
		t.Fatal("nobody was made an owner")
	}
	role := func() any {
		for _, u := range b.get("/organizations/"+b.world.Org.UUID+"/users", "limit", "1000").data() {
			if u["id"] == act.Control.Object {
				return u["organization_role"]
			}
		}
		return nil
	}
	b.clock.t = act.At.Add(-time.Second)
	if r := role(); r != "claude_code_user" {
		t.Errorf("before: %v", r)
	}
	b.clock.t = act.At
	if r := role(); r != "owner" {
		t.Errorf("after: %v", r)
	}
}
