package complianceapi_test

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// walk reads the feed to its end and returns the rows' ids in the order given.
func (b *bench) walk(advance, from string, query ...string) []string {
	b.t.Helper()
	var all []string
	for cursor := from; ; {
		q := query
		if cursor != "" {
			q = append(slices.Clone(query), advance, cursor)
		}
		r := b.get("/activities", q...)
		list := r.data()
		if advance == "before_id" {
			slices.Reverse(list)
		}
		all = append(all, ids(list)...)
		next := map[string]string{"after_id": "last_id", "before_id": "first_id"}[advance]
		if (r.body[next] == nil) != (len(list) == 0) {
			b.t.Fatalf("a page of %d rows has %s %v", len(list), next, r.body[next])
		}
		if r.body["has_more"] != true {
			return all
		}
		cursor = r.text(next)
	}
}

func day(b *bench) (from, to time.Time) {
	from = noon().AddDate(0, 0, -1).Truncate(24 * time.Hour)
	return from, from.AddDate(0, 0, 1)
}

func window(from, to time.Time) []string {
	return []string{"created_at.gte", from.Format(time.RFC3339Nano), "created_at.lt", to.Format(time.RFC3339Nano)}
}

// TestWalk reads a day in every way there is: each row comes exactly once, whatever the page size, ties included.
func TestWalk(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Volume: 600, Rate: -1})
	from, to := day(b)
	truth := b.api.Truth(from, to)
	if len(truth) < 900 {
		t.Fatalf("a day has %d rows", len(truth))
	}
	reversed := slices.Clone(truth)
	slices.Reverse(reversed)
	for _, limit := range []int{1, 2, 7, 100, 999, 5000} {
		if limit == 1 {
			from = to.Add(-9 * time.Hour)
			truth = b.api.Truth(from, to)
			reversed = slices.Clone(truth)
			slices.Reverse(reversed)
		} else if limit == 2 {
			from, to = day(b)
			truth = b.api.Truth(from, to)
			reversed = slices.Clone(truth)
			slices.Reverse(reversed)
		}
		q := append(window(from, to), "limit", strconv.Itoa(limit))
		if diff := cmp.Diff(reversed, b.walk("after_id", "", q...)); diff != "" {
			t.Errorf("limit %d, desc, after_id (-truth +feed):\n%s", limit, diff)
		}
		if diff := cmp.Diff(truth, b.walk("after_id", "", append(q, "order", "asc")...)); diff != "" {
			t.Errorf("limit %d, asc, after_id (-truth +feed):\n%s", limit, diff)
		}
		first := b.get("/activities", append(window(from, to), "limit", "1", "order", "asc")...).text("first_id")
		if diff := cmp.Diff(truth[1:], b.walk("before_id", first, q...)); diff != "" {
			t.Errorf("limit %d, desc, before_id (-truth +feed):\n%s", limit, diff)
		}
		if diff := cmp.Diff(truth[1:], b.walk("before_id", truth[0], q...)); diff != "" {
			t.Errorf("limit %d, from a bare activity id (-truth +feed):\n%s", limit, diff)
		}
	}
}

// TestTies wants instants with many rows, since those are what naive cursors lose.
func TestTies(t *testing.T) {
	t.Parallel()
	b := reader(t)
	at := map[string]int{}
	from, to := day(b)
	for _, a := range b.get("/activities", append(window(from, to), "limit", "5000")...).data() {
		at[a["created_at"].(string)]++
	}
	most := 0
	for _, n := range at {
		most = max(most, n)
	}
	if most < 10 {
		t.Errorf("at most %d rows share an instant", most)
	}
}

// TestWorld holds the feed against the acts of the world: same time, type, account and keys.
func TestWorld(t *testing.T) {
	t.Parallel()
	b := reader(t)
	from, to := day(b)
	byKey := map[string]map[string]any{}
	for _, a := range b.get("/activities", append(window(from, to), "limit", "5000")...).data() {
		actor := a["actor"].(map[string]any)
		email, _ := actor["email_address"].(string)
		if email == "" {
			email, _ = actor["unauthenticated_email_address"].(string)
		}
		byKey[a["type"].(string)+" "+a["created_at"].(string)+" "+email] = a
	}
	n := 0
	for _, act := range b.world.Between(from, to) {
		if act.Control == nil || act.Account.Service {
			continue
		}
		n++
		at := act.At.Format("2006-01-02T15:04:05.999999Z")
		a := byKey[act.Control.Type+" "+at+" "+act.Account.Email]
		if a == nil {
			t.Errorf("the feed does not show %s of %s at %s", act.Control.Type, act.Account.Email, at)
			continue
		}
		if strings.HasPrefix(act.Control.Type, "claude_chat_") && a["claude_chat_id"] != act.Keys.Chat {
			t.Errorf("%s has chat %v, not %s", act.Control.Type, a["claude_chat_id"], act.Keys.Chat)
		}
	}
	if n < 300 {
		t.Errorf("a day of the world has %d acts", n)
	}
}

// TestFields holds every type of the vendor's list against the bodies the feed gives it.
func TestFields(t *testing.T) {
	t.Parallel()
	var list struct {
		Types []struct {
			Type   string
			Actors []string `json:"a"`
			Fields []struct {
				Name string `json:"n"`
				Type string `json:"t"`
				Null bool   `json:"null"`
				Enum []string
			} `json:"f"`
			Blank []string
		}
	}
	raw, err := os.ReadFile("activities.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, complianceapi.Options{Gallery: len(list.Types)})
	from, to := day(b)
	got := map[string]map[string]any{}
	for _, a := range b.get("/activities", append(window(from, to), "limit", "5000")...).data() {
		got[a["type"].(string)] = a
	}
	for _, k := range list.Types {
		a := got[k.Type]
		if a == nil {
			t.Errorf("no %s in a day", k.Type)
			continue
		}
		for _, common := range []string{"id", "created_at", "organization_id", "organization_uuid", "actor"} {
			if _, ok := a[common]; !ok {
				t.Errorf("%s has no %s", k.Type, common)
			}
		}
		if actor := a["actor"].(map[string]any)["type"].(string); len(k.Actors) > 0 && !slices.Contains(k.Actors, actor) {
			t.Errorf("%s was done by a %s", k.Type, actor)
		}
		for _, f := range k.Fields {
			v, ok := a[f.Name]
			switch {
			case !ok:
				t.Errorf("%s has no %s", k.Type, f.Name)
			case v == nil && !f.Null && !slices.Contains(k.Blank, f.Name):
				t.Errorf("%s has no value in %s", k.Type, f.Name)
			case v != nil && slices.Contains(k.Blank, f.Name):
				t.Errorf("%s tells its %s, which is blanked: %v", k.Type, f.Name, v)
			case v != nil && !typed(f.Type, v):
				t.Errorf("%s: %s is %v, not a %s", k.Type, f.Name, v, f.Type)
			}
		}
	}
}

func typed(want string, v any) bool {
	var ok bool
	switch want {
	case "string":
		_, ok = v.(string)
	case "number":
		_, ok = v.(float64)
	case "boolean":
		_, ok = v.(bool)
	case "object", "map":
		_, ok = v.(map[string]any)
	default:
		_, ok = v.([]any)
	}
	return ok
}

// TestBlanked: file names are in the feed until they are blanked, of older rows too.
func TestBlanked(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 9, 21, 0, 0, 0, 0, time.UTC)
	b := newBench(t, complianceapi.Options{Since: since})
	names := func() (named, blank int) {
		q := append(window(since, since.AddDate(0, 0, 2)), "activity_types[]", "claude_file_uploaded", "limit", "5000")
		for _, a := range b.get("/activities", q...).data() {
			if a["filename"] == nil {
				blank++
			} else {
				named++
			}
		}
		return named, blank
	}
	b.clock.t = time.Date(2026, 9, 23, 12, 0, 0, 0, time.UTC)
	if named, blank := names(); named == 0 || blank > 0 {
		t.Errorf("before: %d named, %d blank", named, blank)
	}
	b.clock.t = time.Date(2026, 9, 24, 12, 0, 0, 0, time.UTC)
	if named, blank := names(); named > 0 || blank == 0 {
		t.Errorf("after: %d named, %d blank", named, blank)
	}
}

// TestLate: a client that reads windows as they close loses rows that are indexed late, and only those.
func TestLate(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Faults: complianceapi.Faults{Late: 0.05}, Volume: 2000})
	from := noon()
	seen := map[string]bool{}
	for range 12 {
		b.clock.pass(10 * time.Minute)
		to := b.clock.now().Add(-time.Minute)
		for _, a := range b.get("/activities", append(window(from, to), "limit", "5000", "exclude_activity_types[]", "compliance_api_accessed")...).data() {
			seen[a["id"].(string)] = true
		}
		from = to
	}
	b.clock.pass(time.Hour)
	all := b.get("/activities", append(window(noon(), from), "limit", "5000", "exclude_activity_types[]", "compliance_api_accessed")...).data()
	lost := 0
	for _, a := range all {
		if !seen[a["id"].(string)] {
			lost++
		}
	}
	if lost == 0 || lost > len(all)/4 {
		t.Errorf("windows that only tile lose %d of %d rows", lost, len(all))
	}
}

func TestNothingOfTheFuture(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Volume: 5000})
	now := b.clock.now().Format("2006-01-02T15:04:05.999999Z")
	for _, a := range b.get("/activities", "limit", "200").data() {
		if a["created_at"].(string) > now {
			t.Errorf("at %s the feed shows a row of %s", now, a["created_at"])
		}
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Faults: complianceapi.Faults{Duplicates: 0.2}, Rate: -1})
	from, to := day(b)
	got := b.walk("after_id", "", append(window(from, to), "limit", "50")...)
	truth := b.api.Truth(from, to)
	if len(got) < len(truth)*11/10 {
		t.Errorf("%d rows delivered of %d", len(got), len(truth))
	}
	slices.Sort(got)
	slices.Sort(truth)
	if diff := cmp.Diff(truth, slices.Compact(got)); diff != "" {
		t.Errorf("without the duplicates (-truth +feed):\n%s", diff)
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Faults: complianceapi.Faults{Unknown: 0.2}})
	from, to := day(b)
	var newType, newActor, newField bool
	for _, a := range b.get("/activities", append(window(from, to), "limit", "5000")...).data() {
		newType = newType || a["type"] == "claude_spatial_scene_opened"
		newActor = newActor || a["actor"].(map[string]any)["type"] == "delegated_agent_actor"
		newField = newField || a["rendered_by"] != nil
	}
	if !newType || !newActor || !newField {
		t.Errorf("unknown type %v, actor %v, field %v", newType, newActor, newField)
	}
}

// TestOwnCalls: each call is in the feed a minute later, with its id and outcome.
func TestOwnCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{})
	k := b.api.Keys()
	a := b.get("/activities", "limit", "1")
	c := b.do(http.MethodGet, k.Limited, "/activities", "nonsense", "1")
	d := b.do(http.MethodGet, "sk-ant-api01-guessed", "/activities")
	b.clock.pass(time.Minute)
	got := map[string]map[string]any{}
	for _, r := range b.get("/activities", "activity_types[]", "compliance_api_accessed").data() {
		got[r["request_id"].(string)] = r
	}
	if r := got[a.header.Get("Request-Id")]; r == nil || r["status_code"] != 200.0 || r["url"] != "https://api.anthropic.com/v1/compliance/activities?limit=1" ||
		r["actor"].(map[string]any)["api_key_id"] != b.api.KeyID(k.Read) || r["organization_id"] != nil {
		t.Errorf("the call is shown as %v", r)
	}
	if r := got[c.header.Get("Request-Id")]; r == nil || r["status_code"] != 400.0 || r["actor"].(map[string]any)["api_key_id"] != b.api.KeyID(k.Limited) {
		t.Errorf("a call refused is shown as %v", r)
	}
	if r := got[d.header.Get("Request-Id")]; r != nil {
		t.Errorf("a call without a key is shown: %v", r)
	}
	for _, r := range got {
		if raw, _ := json.Marshal(r); strings.Contains(string(raw), "SIMULATED") {
			t.Errorf("a key is in the feed: %s", raw)
		}
	}
}

// TestOff: while recording is off nothing is recorded, nor told; what was recorded stays.
func TestOff(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Volume: 5000})
	off := b.clock.now()
	b.api.SetEnabled(false)
	if kind, message := b.do(http.MethodGet, b.api.Keys().Read, "/activities").message(); kind != "invalid_request_error" || message != "Compliance API is not enabled for this organization" {
		t.Errorf("while off: %s %s", kind, message)
	}
	b.clock.pass(2 * time.Hour)
	b.api.SetEnabled(true)
	b.clock.pass(time.Hour)
	var types []string
	for _, a := range b.get("/activities", append(window(off, off.Add(2*time.Hour+time.Microsecond)), "limit", "5000", "order", "asc")...).data() {
		types = append(types, a["type"].(string))
	}
	if n := len(types); n < 2 || types[n-1] != "org_compliance_api_settings_updated" || slices.Contains(types[1:n-1], "claude_chat_viewed") {
		t.Errorf("of the time off the feed shows %v", types)
	}
	if n := len(b.api.Truth(off.Add(2*time.Hour), off.Add(3*time.Hour))); n < 100 {
		t.Errorf("%d rows after recording was on again", n)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	b := reader(t)
	user := b.world.Account("marit@" + b.world.Org.Domain).User
	f := func(name string, ok func(map[string]any) bool, query ...string) {
		t.Helper()
		list := b.get("/activities", append(query, "limit", "1000")...).data()
		if len(list) == 0 {
			t.Errorf("%s: no rows", name)
		}
		for _, a := range list {
			if !ok(a) {
				t.Errorf("%s: %v", name, a)
			}
		}
	}
	byUser := func(a map[string]any) bool { return a["actor"].(map[string]any)["user_id"] == user }
	f("user", byUser, "user_ids[]", user)
	f("actor", byUser, "actor_ids[]", user)
	f("type", func(a map[string]any) bool { return a["type"] == "claude_chat_created" }, "activity_types[]", "claude_chat_created")
	f("not type", func(a map[string]any) bool { return a["type"] != "claude_chat_created" }, "exclude_activity_types[]", "claude_chat_created")
	f("organisation", func(a map[string]any) bool { return a["organization_uuid"] == b.world.Org.UUID }, "organization_ids[]", b.world.Org.ID)
}

// TestDeterministic: the same requests get the same answers, bytes and faults.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (all []string) {
		b := newBench(t, complianceapi.Options{World: world.New(world.Options{Seed: 7}), Seed: seed, Faults: complianceapi.Faults{
			TooMany: 0.1, Internal: 0.1, Final: 0.1, Unavailable: 0.1, Overloaded: 0.1, LostAnswer: 0.1, Duplicates: 0.05, Late: 0.05, Unknown: 0.05,
		}})
		for i := range 120 {
			r := b.do(http.MethodGet, b.api.Keys().Read, "/activities", "limit", strconv.Itoa(i+1))
			all = append(all, strconv.Itoa(r.status)+" "+r.header.Get("X-Should-Retry")+" "+string(r.raw))
		}
		return all
	}
	first := run(1)
	if diff := cmp.Diff(first, run(1)); diff != "" {
		t.Errorf("the second run differs:\n%s", diff)
	}
	if slices.Equal(first, run(2)) {
		t.Error("another seed gives the same faults")
	}
	found := map[string]bool{}
	for _, s := range first {
		found[s[:3]] = true
	}
	for _, status := range []string{"200", "429", "500", "503", "529"} {
		if !found[status] {
			t.Errorf("120 requests on a bad day and no %s", status)
		}
	}
}
