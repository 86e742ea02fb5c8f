package complianceapi_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{})
	k := b.api.Keys()
	f := func(name, key string, status int, message string) {
		t.Helper()
		r := b.do(http.MethodGet, key, "/activities", "limit", "1")
		if _, got := r.message(); r.status != status || got != message {
			t.Errorf("%s: %d %q, want %d %q", name, r.status, got, status, message)
		}
	}
	f("read", k.Read, 200, "")
	f("audit", k.Audit, 200, "")
	f("limited", k.Limited, 200, "")
	f("admin", k.Admin, 200, "")
	f("standalone", k.Standalone, 200, "")
	f("delete", k.Delete, 403, "Missing required scopes. Got: ['delete:compliance_user_data'] Needed one of: ['read:compliance_activities', 'read:org_audit']")
	f("early", k.AdminEarly, 403, "Missing required scopes. Got: ['api:admin'] Needed one of: ['read:compliance_activities', 'read:org_audit']")
	f("none", "", 404, "Not found")
	f("of another kind", k.Messages, 404, "Not found")
	f("made up", "sk-ant-api01-guessed", 401, "API key is invalid.")
	b.api.SetKey(k.Read, complianceapi.Disabled)
	f("disabled", k.Read, 401, "API key has been deactivated.")
	f("second", k.Read2, 200, "")
	b.api.SetKey(k.Read, complianceapi.Active)
	f("again", k.Read, 200, "")
	b.api.SetKey(k.Admin, complianceapi.Expired)
	f("expired", k.Admin, 401, "API key has expired.")
	b.api.SetKey(k.Read2, complianceapi.Deleted)
	f("deleted", k.Read2, 401, "API key is invalid.")
	if b.api.SetKey(k.Read2, complianceapi.Active) {
		t.Error("a deleted key came back")
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	b := reader(t)
	r := httptest.NewRequest(http.MethodGet, "/v1/compliance/activities", nil)
	r.Header.Set("Authorization", "Bearer "+b.api.Keys().Read)
	w := httptest.NewRecorder()
	b.api.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestReach: what a key sees is what its organisation owns.
func TestReach(t *testing.T) {
	t.Parallel()
	b := reader(t)
	k := b.api.Keys()
	orgs := func(key string) map[string]bool {
		m := map[string]bool{}
		for _, a := range b.do(http.MethodGet, key, "/activities", "limit", "5000").data() {
			u, _ := a["organization_uuid"].(string)
			m[u] = true
		}
		return m
	}
	read, admin, alone := orgs(k.Read), orgs(k.Admin), orgs(k.Standalone)
	if !read[b.world.Org.UUID] || !read[""] || len(read) < 3 {
		t.Errorf("the parent's key sees %v", read)
	}
	if len(admin) != 1 || admin[b.world.Org.UUID] {
		t.Errorf("the Console organisation's key sees %v", admin)
	}
	for u := range alone {
		if read[u] || len(alone) != 1 {
			t.Errorf("the standalone key sees %v", alone)
		}
	}
}

func TestCursorsSurviveRotation(t *testing.T) {
	t.Parallel()
	b := reader(t)
	k := b.api.Keys()
	last := b.get("/activities", "limit", "3").text("last_id")
	if r := b.do(http.MethodGet, k.Read2, "/activities", "after_id", last); r.status != http.StatusOK {
		t.Errorf("another key of the organisation: %d %s", r.status, r.raw)
	}
	if r := b.do(http.MethodGet, k.Standalone, "/activities", "after_id", last); r.status != http.StatusBadRequest {
		t.Errorf("another organisation: %d %s", r.status, r.raw)
	}
}

// TestBudget: one budget for all keys of a parent, in a fixed window; what is not authenticated costs nothing.
func TestBudget(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{})
	k := b.api.Keys()
	for i := range 600 {
		key, status := k.Read, http.StatusOK
		if i%3 == 1 {
			key, status = k.Delete, http.StatusForbidden
		}
		r := b.do(http.MethodGet, key, "/activities", "limit", "1")
		if r.status != status || r.header.Get("Anthropic-Ratelimit-Requests-Remaining") != strconv.Itoa(599-i) || r.header.Get("Anthropic-Ratelimit-Requests-Limit") != "600" {
			t.Fatalf("request %d: %d, %v", i, r.status, r.header)
		}
		if i%100 == 0 {
			if r := b.do(http.MethodGet, "sk-ant-api01-guessed", "/activities"); r.header.Get("Anthropic-Ratelimit-Requests-Limit") != "" {
				t.Errorf("headers of the budget without a key: %v", r.header)
			}
		}
	}
	b.clock.pass(20 * time.Second)
	r := b.do(http.MethodGet, k.Limited, "/activities", "limit", "1")
	if kind, message := r.message(); r.status != 429 || kind != "rate_limit_error" || r.header.Get("Retry-After") != "41" ||
		!strings.HasPrefix(message, "Compliance API rate limit of 600 requests per minute per parent organization has been exceeded.") {
		t.Errorf("request 601: %d %s %v", r.status, r.raw, r.header)
	}
	if reset := r.header.Get("Anthropic-Ratelimit-Requests-Reset"); reset != noon().Add(time.Minute).Format(time.RFC3339) {
		t.Errorf("reset %s", reset)
	}
	if r := b.do(http.MethodGet, k.Standalone, "/activities", "limit", "1"); r.status != http.StatusOK {
		t.Errorf("the standalone organisation has a budget of its own: %d", r.status)
	}
	b.clock.pass(40 * time.Second)
	if r := b.do(http.MethodGet, k.Read, "/activities", "limit", "1"); r.status != http.StatusOK {
		t.Errorf("after the window: %d", r.status)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := reader(t)
	last := b.get("/activities", "limit", "1").text("last_id")
	f := func(want string, query ...string) {
		t.Helper()
		r := b.do(http.MethodGet, b.api.Keys().Read, "/activities", query...)
		if kind, got := r.message(); r.status != http.StatusBadRequest || kind != "invalid_request_error" || got != want {
			t.Errorf("%v: %d %s %q, want %q", query, r.status, kind, got, want)
		}
	}
	f("Unknown query parameter: 'created_at[gte]'. Did you mean 'created_at.gte'?", "created_at[gte]", "2026-11-01T00:00:00Z")
	f("Unknown query parameter: 'user_id'. Did you mean 'user_ids[]'?", "user_id", "user_01")
	f("Unknown query parameter: 'offset'.", "offset", "3")
	f("Unknown query parameter: 'page'.", "page", "3")
	f("limit: Input should be less than or equal to 5000", "limit", "5001")
	f("limit: Input should be greater than or equal to 1", "limit", "0")
	f("limit: Input should be a valid integer, unable to parse string as an integer", "limit", "many")
	f("created_at.gte: Input should have timezone info", "created_at.gte", "2026-11-01T00:00:00")
	f("created_at.lt: Input should have timezone info", "created_at.lt", "2026-11-01")
	f("created_at.lt: Input should be a valid datetime or date, invalid character in year", "created_at.lt", "yesterday")
	f("activity_types[].1: Input is not one of the permitted values.", "activity_types[]", "claude_chat_created", "activity_types[]", "claude_chat_dreamt")
	f("activity_types[] and exclude_activity_types[] cannot be combined.", "activity_types[]", "claude_chat_created", "exclude_activity_types[]", "claude_chat_viewed")
	f("order: Input should be 'asc' or 'desc'", "order", "up")
	f("Only one of after_id and before_id can be given.", "after_id", last, "before_id", last)
	f("Invalid pagination cursor for 'after_id'", "after_id", "e30")
	f("Invalid pagination cursor for 'before_id'", "before_id", last[:len(last)-3])
	f("Invalid activity_id format: 'activity_invalid123'", "after_id", "activity_invalid123")
	f("Invalid pagination cursor for 'after_id'", "after_id", "activity_01"+strings.Repeat("2", 22))
	for _, path := range []string{"/nothing", "/activities/", "/activities/activity_01"} {
		if r := b.do(http.MethodGet, b.api.Keys().Read, path); r.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	if r := b.do(http.MethodPost, b.api.Keys().Read, "/activities"); r.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", r.status)
	}
}

func TestAugust(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Wording: complianceapi.August})
	f := func(key string, status int, want string, query ...string) {
		t.Helper()
		r := b.do(http.MethodGet, key, "/activities", query...)
		if _, got := r.message(); r.status != status || got != want {
			t.Errorf("%v: %d %q, want %d %q", query, r.status, got, status, want)
		}
	}
	f("", 401, "The API key provided is invalid or has been revoked.")
	f(b.api.Keys().Read, 400, "The limit parameter must be between 1 and 5000, inclusive. Got 9999.", "limit", "9999")
}

// TestInject: a test chooses what befalls a request.
func TestInject(t *testing.T) {
	t.Parallel()
	var next *complianceapi.Fault
	var seen complianceapi.Call
	b := newBench(t, complianceapi.Options{Inject: func(c complianceapi.Call) *complianceapi.Fault {
		seen = c
		return next
	}})
	next = &complianceapi.Fault{Status: 500, ShouldRetry: "false"}
	r := b.do(http.MethodGet, b.api.Keys().Read, "/activities", "limit", "1")
	if r.status != 500 || r.header.Get("X-Should-Retry") != "false" || r.header.Get("Request-Id") == "" {
		t.Errorf("%d %v", r.status, r.header)
	}
	if seen.N != 1 || seen.Path != "/v1/compliance/activities" || seen.Query != "limit=1" || seen.Key != b.api.KeyID(b.api.Keys().Read) {
		t.Errorf("the hook saw %+v", seen)
	}
	next = &complianceapi.Fault{Status: 429, RetryAfter: 7}
	if r := b.do(http.MethodGet, b.api.Keys().Read, "/activities"); r.status != 429 || r.header.Get("Retry-After") != "7" {
		t.Errorf("%d %v", r.status, r.header)
	}
}

// TestAbort: a body that is cut is an error to its reader, never a shorter body.
func TestAbort(t *testing.T) {
	t.Parallel()
	abort := true
	b := newBench(t, complianceapi.Options{Inject: func(complianceapi.Call) *complianceapi.Fault {
		return &complianceapi.Fault{Abort: abort, Slow: time.Millisecond}
	}})
	srv := httptest.NewServer(b.api.Handler())
	defer srv.Close()
	get := func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/v1/compliance/activities", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", b.api.Keys().Read)
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = drain(resp)
		return err
	}
	if err := get(); err == nil {
		t.Error("a body that was cut reads as whole")
	}
	abort = false
	if err := get(); err != nil {
		t.Errorf("a slow body: %v", err)
	}
}
