package organisation

import (
	"context"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// compared leaves out what is for inside only.
var compared = cmp.Options{cmpopts.IgnoreUnexported(Account{}, AccountEvent{}), cmpopts.EquateEmpty()}

// story is a month of an organisation: joiners, a leaver, a changed address, settings that drift, keys, callers.
func story(t testing.TB) *feed {
	f := newFeed(t)
	f.client("dana@example.com", "s1") // before the control plane says who that is
	f.listed("first_seen", "user_dana", "dana@example.com", "owner")
	f.listed("first_seen", "user_kofi", "kofi@example.com", "user")
	f.record(&audit.Record{Source: audit.SourceComplianceDirectory, Activity: audit.ActivityAdminChange, Type: "directory.member",
		Account:    audit.Account{Proved: audit.Identity{User: "user_kofi", Email: "kofi@example.com"}},
		Attributes: attrs("change", "first_seen", "id", "rbac_group_1 user_kofi", "group_id", "rbac_group_1", "user_id", "user_kofi")})
	f.setting("sso_enabled", "first_seen", "true")
	f.setting("web_search_enabled", "first_seen", "false")
	f.activity("api_key_created", "user_dana", "dana@example.com", "api_key_id", "apikey_tripod", "scopes", []string{"read:compliance_activities"})
	f.activity("api_key_created", "user_dana", "dana@example.com", "api_key_id", "apikey_other", "scopes", []string{"delete:compliance_user_data"})
	f.activity("org_user_invite_sent", "user_dana", "dana@example.com", "invited_email", "mireille@example.com", "invited_role", "user")
	f.activity("org_user_invite_accepted", "user_mireille", "mireille@example.com")
	f.listed("first_seen", "user_mireille", "mireille@example.com", "user")
	f.activity("org_sso_toggled", "user_dana", "dana@example.com", "enabled", false)
	f.setting("sso_enabled", "changed", "false", "previous", "true", "expected", "true", "drift", true, "baseline", "sso-on")
	f.record(&audit.Record{Source: audit.SourceComplianceActivity, Activity: audit.ActivityCreate, Type: "claude_chat_created", Container: "chat/compliance/chat_1",
		Keys: audit.Keys{Chat: "chat_1"}, Account: audit.Account{Proved: audit.Identity{User: "user_kofi", Email: "kofi@example.com"}}})
	f.record(&audit.Record{Source: audit.SourceComplianceActivity, Activity: audit.ActivityView, Type: "claude_chat_viewed", Container: "chat/compliance/chat_1",
		Keys: audit.Keys{Chat: "chat_1"}, Account: audit.Account{Proved: audit.Identity{User: "user_dana", Email: "dana@example.com"}}})
	calls(f)
	f.activity("claude_user_role_updated", "user_dana", "dana@example.com", "user_id", "user_kofi", "user_email", "kofi@example.com", "current_role", "admin", "previous_role", "user")
	f.listed("changed", "user_kofi", "kofi@example.com", "admin", "changed", []string{"organization_role"}, "previous.organization_role", "user")
	f.listed("changed", "user_mireille", "mireille.k@example.com", "user", "changed", []string{"email"}, "previous.email", "mireille@example.com")
	f.client("mireille@example.com", "s2") // her laptop still says the old one
	f.activity("org_user_deleted", "user_dana", "dana@example.com", "deleted_user_id", "user_kofi", "deleted_user_email", "kofi@example.com")
	f.listed("removed", "user_kofi", "kofi@example.com", "admin")
	f.activity("scoped_api_key_deleted", "user_dana", "dana@example.com", "api_key_id", "apikey_other", "scopes", []string{"delete:compliance_user_data"})
	f.client("stranger@elsewhere.example", "s3")
	return f
}

// calls adds calls of the Compliance API: ours, told before and after the feed shows them, and somebody else's.
func calls(f *feed) {
	call := func(key, method, url, request, ip string, status int) {
		f.now = f.now.Add(time.Minute)
		f.record(&audit.Record{Source: audit.SourceComplianceActivity, Activity: audit.ActivityView, Type: "compliance_api_accessed", IP: ip,
			Keys: audit.Keys{Request: request}, Account: audit.Account{Proved: audit.Identity{Key: key, Org: org, Credential: "compliance"}},
			Attributes: attrs("request_method", method, "url", url, "request_id", request, "status_code", status)})
	}
	call("apikey_tripod", "GET", "/v1/compliance/activities", "req_1", "192.0.2.1", 200)
	f.record(&audit.Record{Source: audit.SourceTripod, Activity: audit.ActivityOperation, Type: "tripod.compliance.requests",
		Attributes: attrs("requests", 3, "request_ids", []string{"req_1", "", "req_2"})})
	call("apikey_tripod", "GET", "/v1/compliance/activities", "req_2", "192.0.2.1", 200)
	call("apikey_other", "GET", "/v1/compliance/apps/chats/claude_chat_01abc/messages", "req_3", "203.0.113.9", 200)
	call("apikey_other", "GET", "/v1/compliance/apps/chats/claude_chat_01abd/messages", "req_4", "203.0.113.10", 403)
	call("apikey_other", "DELETE", "/v1/compliance/apps/chats/claude_chat_01abc", "req_5", "203.0.113.9", 200)
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	f := story(t)
	s := f.state()
	var names []string
	for _, a := range s.Accounts.List {
		names = append(names, a.Name+" "+a.State)
	}
	want := []string{"dana@example.com member", "kofi@example.com left", "mireille.k@example.com member", "stranger@elsewhere.example seen"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(map[string]int{StateMember: 2, StateLeft: 1, StateSeen: 1, StateInvited: 0}, s.Accounts.Count); diff != "" {
		t.Error(diff)
	}
	kofi := s.account(t, "kofi@example.com")
	if kofi.Left == nil || kofi.Role != "admin" || kofi.Listed || !slices.Equal(kofi.Groups, []string{"rbac_group_1"}) {
		t.Errorf("kofi, who left: %+v", kofi)
	}
	var what []string
	for _, e := range s.Events[kofi.ID] {
		what = append(what, strings.TrimSpace(e.What+" "+e.Was+" "+e.Detail+" by "+e.By))
	}
	if diff := cmp.Diff([]string{"gone   by", "left   by dana@example.com", "role user admin by", "role user admin by dana@example.com", "in_group  rbac_group_1 by", "listed  user by"}, what); diff != "" {
		t.Error(diff)
	}
	dana := s.account(t, "dana@example.com")
	if len(dana.Seen) != 2 || dana.Seen[0] != (Seen{Plane: "agent", First: t0.Add(time.Minute), Last: t0.Add(time.Minute)}) || !dana.Seen[1].Proved {
		t.Errorf("dana, whom a client named first, was seen %+v", dana.Seen)
	}
	if dana.Joined != nil || s.account(t, "mireille.k@example.com").Joined == nil {
		t.Errorf("who was there when records begin joined %v", dana.Joined)
	}
	f.listed("first_seen", "user_late", "late@example.com", "user")
	if s = f.state(); s.account(t, "late@example.com").Joined == nil {
		t.Error("whom a later sweep found did not join")
	}
	if a := s.account(t, "stranger@elsewhere.example"); !a.Asserted || a.Joined != nil {
		t.Errorf("who only a client names: %+v", a)
	}
	mireille := s.account(t, "mireille.k@example.com")
	var known []string
	for _, k := range mireille.Known {
		known = append(known, k.Kind+" "+k.Value)
	}
	if diff := cmp.Diff([]string{"email mireille.k@example.com", "email mireille@example.com", "uuid uuid-of-mireille@example.com"}, known); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"user:user_mireille", "mireille@example.com", "email:mireille@example.com", "uuid-of-mireille@example.com"} {
		if a, _, err := f.view.Account(context.Background(), id); err != nil || a == nil || a.ID != mireille.ID {
			t.Errorf("%s names %+v, %v", id, a, err)
		}
	}
	if a, _, err := f.view.Account(context.Background(), "nobody"); a != nil || err != nil {
		t.Errorf("nobody is %+v, %v", a, err)
	}
}

func TestInvited(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.activity("org_user_invite_sent", "user_dana", "dana@example.com", "invited_email", "New@example.com", "invited_role", "user")
	s := f.state()
	if a := s.account(t, "new@example.com"); a.State != StateInvited || a.Asserted {
		t.Errorf("who was invited: %+v", a)
	}
	f.activity("org_user_invite_accepted", "user_new", "new@example.com")
	s = f.state()
	if a := s.account(t, "new@example.com"); a.State != StateMember || a.ID != "user:user_new" || len(s.Events[a.ID]) != 2 {
		t.Errorf("who accepted: %+v", a)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	v := story(t)
	v.apply()
	f := func(filter Filter, total int, want ...string) {
		t.Helper()
		got, err := v.view.Accounts(context.Background(), filter)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range got.List {
			names = append(names, a.Name)
		}
		if !slices.Equal(names, want) || got.Total != total {
			t.Errorf("%+v: %d: %v, want %d: %v", filter, got.Total, names, total, want)
		}
	}
	f(Filter{Text: "MIREILLE@"}, 1, "mireille.k@example.com") // the old address
	f(Filter{Text: "group_1"}, 1, "kofi@example.com")
	f(Filter{State: StateLeft}, 1, "kofi@example.com")
	f(Filter{Offset: 1, Limit: 2}, 4, "kofi@example.com", "mireille.k@example.com")
	f(Filter{Text: "nobody"}, 0)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	f := story(t)
	s := f.state()
	if len(s.Settings) != 2 || s.Settings[0].Name != "sso_enabled" || !s.Settings[0].Drift || s.Settings[0].Expected != "true" {
		t.Fatalf("what drifts does not come first: %+v", s.Settings)
	}
	if s.Settings[0].By != "dana@example.com" || s.Settings[0].Value != "false" {
		t.Errorf("who turned it off is not told: %+v", s.Settings[0])
	}
	var changes []string
	for _, c := range s.History {
		changes = append(changes, c.Name+" "+c.Previous+" "+c.Value+" "+c.By)
	}
	if diff := cmp.Diff([]string{"sso_enabled true false ", "sso_enabled  false dana@example.com"}, changes); diff != "" {
		t.Error(diff)
	}
	f.setting("sso_enabled", "judged", "false", "drift", false)
	since := s.Settings[0].Since
	if s = f.state(); s.Settings[0].Drift || s.Settings[0].Since != since {
		t.Errorf("another verdict of the baseline: %+v", s.Settings[0])
	}
	f.activity("claude_organization_settings_updated", "user_dana", "dana@example.com", "updates.0.type", "enabled_saffron", "updates.0.current_value", true,
		"updates.1.type", "members_limit", "updates.1.current_value", 20, "updates.1.previous_value", 10)
	f.activity("org_cowork_disabled", "user_dana", "dana@example.com", "previous_value", true)
	s = f.state()
	var now []string
	for _, x := range s.Settings {
		now = append(now, x.Name+" "+x.Value)
	}
	if diff := cmp.Diff([]string{"cowork_enabled false", "members_limit 20", "memory_enabled true", "sso_enabled false", "web_search_enabled false"}, now); diff != "" {
		t.Error(diff)
	}
	one, err := f.view.SettingHistory(context.Background(), "sso_enabled", 2)
	if err != nil || len(one) != 2 || one[0].Change != "judged" {
		t.Errorf("history of one setting: %+v, %v", one, err)
	}
}

func TestKeysAndCallers(t *testing.T) {
	t.Parallel()
	f := story(t)
	s := f.state()
	if len(s.Keys) != 2 || s.Keys[0].ID != "apikey_tripod" || !s.Keys[0].Own || s.Keys[0].Created == nil || s.Keys[0].Used == nil || s.Keys[0].By != "dana@example.com" {
		t.Errorf("our key: %+v", s.Keys)
	}
	if k := s.Keys[1]; k.Ended == nil || k.Own || k.Scopes != "delete:compliance_user_data" {
		t.Errorf("the other key, deleted: %+v", k)
	}
	if len(s.Callers) != 2 || s.Callers[0].ID != "key:apikey_other" || s.Callers[0].Own || !s.Callers[1].Own || s.Callers[1].Calls != 2 {
		t.Fatalf("callers: %+v", s.Callers)
	}
	c := s.Callers[0]
	if c.Calls != 3 || c.Reads != 1 || c.Deletes != 1 || c.Refused != 1 || c.Addresses != 2 || len(c.Routes) != 2 || c.Routes[0].Route != "/v1/compliance/apps/chats/{id}/messages" {
		t.Errorf("the other caller: %+v", c)
	}
}

// TestListedKeys: a key that was made before records begin is known from the sweeps of the settings.
func TestListedKeys(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.listed("first_seen", "user_dana", "dana@example.com", "owner")
	key := func(change string, pairs ...any) {
		f.record(&audit.Record{Source: audit.SourceComplianceSettings, Activity: audit.ActivityAdminChange, Type: "settings.api_key", Attributes: attrs(append([]any{"change", change,
			"id", "apikey_old", "scopes", []string{"read:compliance_activities", "read:compliance_org_data"}, "created_at", "2026-01-02T03:04:05Z",
			"created_by_id", "user_dana", "expires_at", "2027-01-02T03:04:05Z"}, pairs...)...)})
	}
	key("first_seen", "is_active", true)
	s := f.state()
	if len(s.Keys) != 1 {
		t.Fatalf("keys: %+v", s.Keys)
	}
	k := s.Keys[0]
	if k.Kind != "compliance" || !k.Listed || k.Off || k.Created == nil || k.Created.Year() != 2026 || k.By != "dana@example.com" || k.Expires == nil ||
		k.Scopes != "read:compliance_activities read:compliance_org_data" {
		t.Errorf("a listed key: %+v", k)
	}
	key("changed", "is_active", false)
	if k = f.state().Keys[0]; !k.Off || k.Ended != nil {
		t.Errorf("switched off: %+v", k)
	}
	key("removed", "is_active", false)
	if k = f.state().Keys[0]; k.Listed || k.Ended == nil {
		t.Errorf("gone: %+v", k)
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	f := story(t)
	s := f.state()
	got := s.Owners["chat/compliance/chat_1"]
	if len(got) != 2 || got[0].Name != "kofi@example.com" || !got[0].Created || !got[0].Proved || got[1].Name != "dana@example.com" || got[1].Created {
		t.Errorf("a chat: %+v", got)
	}
	if got := s.Owners["session/fleet/s1"]; len(got) != 1 || got[0].Account != "user:user_dana" || got[0].Proved {
		t.Errorf("a session that a client told of: %+v", got)
	}
}

// TestManyContainers: however many containers a batch names, each has its owner, again after the next batch.
func TestManyContainers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, ownersAtOnce - 1, ownersAtOnce, ownersAtOnce + 1, 3*ownersAtOnce + 7} {
		f := newFeed(t)
		name := func(i int) string { return "chat/compliance/chat_" + strconv.Itoa(i) }
		for range 2 {
			for i := range n {
				f.record(&audit.Record{Source: audit.SourceComplianceActivity, Activity: audit.ActivityView, Type: "claude_chat_viewed", Container: name(i),
					Account: audit.Account{Proved: audit.Identity{User: "user_" + strconv.Itoa(i), Email: strconv.Itoa(i) + "@example.com"}}})
			}
			f.apply()
		}
		for i := range n {
			owners, err := f.view.Owner(t.Context(), name(i))
			if err != nil {
				t.Fatal(err)
			}
			if len(owners) != 1 || owners[0].Name != strconv.Itoa(i)+"@example.com" || !owners[0].Last.Equal(t0.Add(time.Duration(n+i+1)*time.Minute)) {
				t.Errorf("of %d containers %s belongs to %+v", n, name(i), owners)
			}
		}
	}
}

// TestAnyBatches holds that it does not matter how the journal was cut, whether batches come again, or the process ended
// between them.
func TestAnyBatches(t *testing.T) {
	t.Parallel()
	f := story(t)
	f.erase(9) // the invitation
	want := f.state()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		dir := t.TempDir()
		v := openView(t, dir)
		for at := 0; at < len(f.all); {
			from := max(0, at-rnd.IntN(3))
			to := min(len(f.all), at+1+rnd.IntN(9))
			if err := v.Apply(context.Background(), f.all[from:to]); err != nil {
				t.Fatal(err)
			}
			at = to
			if rnd.IntN(3) == 0 {
				if err := v.Close(); err != nil {
					t.Fatal(err)
				}
				v = openView(t, dir)
			}
		}
		if diff := cmp.Diff(want, stateOf(t, v), compared); diff != "" {
			t.Fatalf("cut otherwise (-whole +cut):\n%s", diff)
		}
	}
}

// stored is a journal made of what a feed stored.
type stored []journal.Stored

func (s stored) Last(context.Context) (uint64, error) { return uint64(len(s)), nil }

func (s stored) Scan(context.Context, uint64, uint64) iter.Seq2[journal.Stored, error] {
	return func(yield func(journal.Stored, error) bool) {
		for _, x := range s {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// TestErased holds that nothing of an erased record is left, in the view's answers and in its files, whether it was erased
// before or after the view read it; and that a rebuild agrees.
func TestErased(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	dir := t.TempDir()
	f.view = openView(t, dir)
	f.listed("first_seen", "user_dana", "dana@example.com", "owner")
	var marked []uint64
	marked = append(marked,
		f.client("canary@example.com", "canary-session"),
		f.activity("org_user_invite_sent", "user_dana", "dana@example.com", "invited_email", "canary@example.com", "invited_role", "canary_role"),
		f.activityAs("api_key_created", audit.Identity{Email: "canary@example.com"}, "api_key_id", "apikey_canary"),
		f.activityAs("org_cowork_disabled", audit.Identity{User: "user_canary", Email: "canary@example.com"}),
		f.activityAs("compliance_api_accessed", audit.Identity{Key: "apikey_canary"}, "request_method", "GET", "url", "/v1/compliance/canary"),
		f.listed("first_seen", "user_canary", "canary@example.com", "user"),
		f.setting("canary_enabled", "first_seen", "true"))
	f.apply()
	for _, seq := range marked {
		f.erase(seq)
	}
	s := f.state()
	if len(s.Accounts.List) != 1 || len(s.Keys) != 0 || len(s.Callers) != 0 || len(s.Settings) != 0 || len(s.History) != 0 {
		t.Errorf("something is left: %+v", s)
	}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(Path(dir) + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "canary") {
			t.Errorf("%s still holds an erased record", Path(dir)+suffix)
		}
	}
	beside := t.TempDir()
	err := viewfile.Rebuild(context.Background(), Path(beside), func(path string) (*View, error) { return open(context.Background(), path, Options{}) }, stored(f.all), nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenReader(context.Background(), beside)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if diff := cmp.Diff(s, stateOf(t, again), compared); diff != "" {
		t.Errorf("a rebuild differs (-was +rebuilt):\n%s", diff)
	}
}

// TestOneOfManyErased holds that what other records say too stays.
func TestOneOfManyErased(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	first := f.client("dana@example.com", "s1")
	f.client("dana@example.com", "s1")
	last := f.client("dana@example.com", "s1")
	f.apply()
	f.erase(first)
	if s := f.state(); len(s.Accounts.List) != 1 || len(s.Owners["session/fleet/s1"]) != 1 {
		t.Fatalf("two records still name the account: %+v", s.Accounts.List)
	}
	f.erase(last)
	if s := f.state(); len(s.Accounts.List) != 0 {
		t.Errorf("a view that no longer knows of a record names its account: %+v", s.Accounts.List)
	}
}

func TestOtherVersionIsNone(t *testing.T) {
	t.Parallel()
	if _, err := OpenReader(context.Background(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "rebuild") {
		t.Errorf("no file: %v", err)
	}
}
