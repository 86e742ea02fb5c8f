package organisation

import (
	"context"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

// TestFeedAloneIsNotJudged: what only the feed tells is held against no baseline.
func TestFeedAloneIsNotJudged(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.activity("org_sso_toggled", "user_dana", "dana@example.com", "enabled", false)
	s := f.state().Settings
	if len(s) != 1 || s[0].Judged || s[0].Snapshot || s[0].Found || Swept(s) {
		t.Fatalf("the feed alone: %+v", s)
	}
	f.setting("sso_enabled", "first_seen", "false", "drift", true, "expected", "true", "severity", "high", "reason", "Passwords are guessed.")
	s = f.state().Settings
	if len(s) != 1 || !s[0].Judged || !s[0].Found || !Swept(s) || s[0].Severity != "high" || s[0].Reason != "Passwords are guessed." || s[0].ByAt == nil || s[0].ByAt.Equal(s[0].Since) {
		t.Errorf("read: %+v", s)
	}
}

// TestHiddenDriftStays: a setting that is no longer shown keeps what was last known of it, until it is shown again.
func TestHiddenDriftStays(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.setting("sso_enabled", "first_seen", "false", "drift", true, "expected", "true")
	hidden := f.setting("sso_enabled", "removed", "", "previous", "false")
	s := f.state().Settings
	if len(s) != 1 || !s[0].Drift || !s[0].Gone || s[0].Value != "false" || s[0].GoneAt == nil || s[0].GoneSeq != hidden || s[0].GoneSeq == s[0].Seq {
		t.Fatalf("hidden: %+v", s)
	}
	f.setting("sso_enabled", "returned", "true", "drift", false, "expected", "true")
	if s = f.state().Settings; len(s) != 1 || s[0].Drift || s[0].Gone || s[0].GoneAt != nil || s[0].GoneSeq != 0 {
		t.Errorf("shown again: %+v", s)
	}
	f.setting("sso_enabled", "judged", "true", "drift", true)
	for _, c := range f.state().History {
		if c.Change == "judged" || c.Change == "first_seen" {
			t.Errorf("%s is no change", c.Change)
		}
	}
	if list, err := f.view.SettingHistory(context.Background(), "sso_enabled", 0); err != nil || len(list) != 4 {
		t.Errorf("all of one setting: %+v, %v", list, err)
	}
}

// TestHidingErased: without the record that hides it a setting is shown.
func TestHidingErased(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.setting("sso_enabled", "first_seen", "false", "drift", true)
	hidden := f.setting("sso_enabled", "removed", "")
	f.apply()
	f.erase(hidden)
	if s := f.state().Settings; len(s) != 1 || s[0].Gone || s[0].GoneSeq != 0 {
		t.Errorf("%+v", s)
	}
}

// TestWhoseKey: a request id makes a key ours where the call's user agent names our run, or is not told.
func TestWhoseKey(t *testing.T) {
	t.Parallel()
	for _, told := range []string{"before", "after"} {
		f := func(agent string, want bool) {
			t.Helper()
			f := newFeed(t)
			call := func() {
				f.record(&audit.Record{Source: audit.SourceComplianceActivity, Activity: audit.ActivityView, Type: "compliance_api_accessed", Keys: audit.Keys{Request: "req_1"},
					Account: audit.Account{Proved: audit.Identity{Key: "apikey_1", Org: org}}, Attributes: attrs("request_method", "GET", "url", "/v1/compliance/activities", "actor.user_agent", agent)})
			}
			own := func() {
				f.record(&audit.Record{Source: audit.SourceTripod, Activity: audit.ActivityOperation, Type: "tripod.compliance.requests", Attributes: attrs("run", "R1", "request_ids", []string{"req_1"})})
			}
			if told == "after" {
				call()
				if s := f.state(); !s.Keys[0].Pending || !s.Callers[0].Pending {
					t.Errorf("before we told of any call: %+v", s.Keys)
				}
				own()
			} else {
				own()
				call()
			}
			s := f.state()
			if s.Keys[0].Own != want || s.Callers[0].Own != want || s.Keys[0].Pending || s.Callers[0].Pending {
				t.Errorf("%q told %s: %+v, want own %v", agent, told, s.Keys, want)
			}
		}
		f("tripod/1.2 (run R1, call 17)", true)
		f("", true)
		f("tripod/1.2 (run R2, call 17)", false)
		f("curl/8.9", false)
	}
}

// TestFoundInAGroup: whom the first reading finds in a group did not join it then.
func TestFoundInAGroup(t *testing.T) {
	t.Parallel()
	f := func(want string, pairs ...any) {
		t.Helper()
		f := newFeed(t)
		f.record(&audit.Record{Source: audit.SourceComplianceDirectory, Activity: audit.ActivityAdminChange, Type: "directory.member",
			Account:    audit.Account{Proved: audit.Identity{User: "user_kofi", Email: "kofi@example.com"}},
			Attributes: attrs(append([]any{"change", "first_seen", "id", "g user_kofi", "group_id", "g", "user_id", "user_kofi"}, pairs...)...)})
		s := f.state()
		a := s.account(t, "kofi@example.com")
		if e := s.Events[a.ID]; len(e) != 1 || e[0].Words() != want {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	f("was listed in a group: g")
	f("joined a group: g", "last_sweep", "2026-11-23T09:00:00Z")
}
