package complianceapi_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// messages walks the messages of a session.
func (b *bench) messages(path string, query ...string) []map[string]any {
	b.t.Helper()
	var all []map[string]any
	for next := ""; ; {
		q := slices.Clone(query)
		if next != "" {
			q = append(q, "page", next)
		}
		r := b.get(path, q...)
		all = append(all, r.data()...)
		if next = r.text("next_page"); next == "" {
			return all
		}
	}
}

// sessions walks a list of sessions.
func (b *bench) sessions(family string, query ...string) []map[string]any {
	return b.messages("/apps/sessions/"+family, query...)
}

// TestSessionsJoin: what clients tell of a day and what the transcripts have are joined by the ids of tool uses.
func TestSessionsJoin(t *testing.T) {
	t.Parallel()
	b := reader(t)
	from, to := day(b)
	want := map[audit.Surface]map[string]string{}
	for _, act := range b.world.Between(from, to) {
		if act.Kind == world.ToolCall && slices.Contains(act.Seen, audit.SourceComplianceSession) {
			if want[act.Surface] == nil {
				want[act.Surface] = map[string]string{}
			}
			want[act.Surface][act.Keys.ToolUse] = act.Tool.Name + " " + act.Tool.Input
		}
	}
	got := map[string]string{}
	accounts, surfaces := map[string]bool{}, map[string]bool{}
	for _, family := range []string{"local", "remote"} {
		for _, s := range b.sessions(family, "created_at.gte", from.Format(time.RFC3339)) {
			surfaces[s["product_surface"].(string)] = true
			if u, ok := s["user"].(map[string]any); ok {
				accounts[u["email_address"].(string)] = true
			}
			for _, m := range b.messages("/apps/sessions/" + family + "/" + s["id"].(string) + "/messages") {
				for _, c := range m["content"].([]any) {
					if c := c.(map[string]any); c["type"] == "tool_use" {
						got[c["id"].(string)] = c["name"].(string) + " " + c["input"].(string)
					}
				}
			}
		}
	}
	for surface, uses := range want {
		missed := 0
		for id, tool := range uses {
			if got[id] != tool {
				missed++
			}
		}
		if missed > len(uses)/50 { // the session a request was cut in
			t.Errorf("%s: %d of %d tool calls are not in a transcript", surface, missed, len(uses))
		}
	}
	if len(want) < 3 || len(surfaces) < 3 || len(accounts) < 10 {
		t.Errorf("surfaces %v, %d accounts", surfaces, len(accounts))
	}
}

// TestSessionPages: pages end early where they grow large, and hold every message once in either order.
func TestSessionPages(t *testing.T) {
	t.Parallel()
	b := reader(t)
	short := 0
	for _, s := range b.sessions("local", "limit", "500") {
		path := "/apps/sessions/local/" + s["id"].(string) + "/messages"
		r := b.get(path, "limit", "1000")
		if r.body["session"].(map[string]any)["user"].(map[string]any)["email_address"] != nil {
			t.Error("the head of a transcript tells an e-mail address")
		}
		if r.text("next_page") != "" {
			short++
		}
		up, down := ids(b.messages(path, "limit", "7")), ids(b.messages(path, "limit", "1000", "order", "desc"))
		slices.Reverse(down)
		if diff := cmp.Diff(up, down); diff != "" {
			t.Fatalf("%s (-asc +desc reversed):\n%s", path, diff)
		}
	}
	if short == 0 {
		t.Error("no page ended early")
	}
}

// TestTokensExpire: the tokens of a walk through messages last a day and belong to one session and order.
func TestTokensExpire(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{})
	list := b.sessions("local", "limit", "500")
	path := "/apps/sessions/local/" + list[0]["id"].(string) + "/messages"
	next := b.get(path, "limit", "1").text("next_page")
	f := func(path, want string, query ...string) {
		t.Helper()
		r := b.do(http.MethodGet, b.api.Keys().Read, path, query...)
		if _, message := r.message(); message != want || r.status != http.StatusBadRequest && want != "" {
			t.Errorf("%s %v: %d %q", path, query, r.status, message)
		}
	}
	const bad = "The page parameter is not a valid cursor for this request."
	f(path, bad, "page", next, "order", "desc")
	f("/apps/sessions/local/"+list[1]["id"].(string)+"/messages", bad, "page", next)
	b.clock.pass(23 * time.Hour)
	second := b.get(path, "limit", "1", "page", next).text("next_page")
	b.clock.pass(2 * time.Hour)
	const old = "The page cursor has expired. Restart the walk without a page parameter; results will reflect the current retention boundary."
	f(path, old, "page", next)
	f(path, old, "page", second)
	f("/apps/sessions/local", bad, "page", next)
	listed := b.get("/apps/sessions/local", "limit", "1").text("next_page")
	b.clock.pass(30 * time.Hour)
	f("/apps/sessions/local", "", "page", listed)
}

func TestSessionRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{})
	id := b.sessions("local", "limit", "500")[0]["id"].(string)
	f := func(path string, status int, want string, query ...string) {
		t.Helper()
		r := b.do(http.MethodGet, b.api.Keys().Read, path, query...)
		if _, message := r.message(); r.status != status || message != want {
			t.Errorf("%s %v: %d %q", path, query, r.status, message)
		}
	}
	f("/apps/sessions/local/nonsense", 400, "Invalid session_id format: 'nonsense'")
	f("/apps/sessions/remote/nonsense/messages", 400, "Invalid session_id format: 'nonsense'")
	unknown := "01" + strings.Repeat("2", 22)
	f("/apps/sessions/local/clls_"+unknown, 404, "Local session not found.")
	f("/apps/sessions/remote/cse_"+unknown+"/messages", 404, "Remote session not found.")
	f("/apps/sessions/local/"+id+"/messages", 400, "tool_result_max_bytes: Input should be -1 or greater than 0", "tool_result_max_bytes", "0")
	at := noon().Format(time.RFC3339)
	f("/apps/sessions/local", 400, "created_at.lt must be strictly after created_at.gte.", "created_at.gte", at, "created_at.lt", at)
	f("/apps/sessions/local", 400, "Unknown query parameter: 'created_at.gt'.", "created_at.gt", at)
	none := newBench(t, complianceapi.Options{NoLocalSessions: true})
	r := none.do(http.MethodGet, none.api.Keys().Read, "/apps/sessions/local")
	if _, message := r.message(); r.status != 404 || message != "Local sessions are not available." {
		t.Errorf("%d %s", r.status, r.raw)
	}
}

// TestPending: a remote session is listed before its messages can be read.
func TestPending(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{})
	from, to := day(b)
	for _, act := range b.world.Between(from, to) {
		if act.Surface != audit.SurfaceCoworkRemote || act.Kind != world.Prompt {
			continue
		}
		b.clock.t = act.At
		s := b.sessions("remote", "created_at.gte", act.At.Format(time.RFC3339Nano))
		if len(s) != 1 || s[0]["status"] != "pending" {
			t.Fatalf("%v", s)
		}
		if r := b.do(http.MethodGet, b.api.Keys().Read, "/apps/sessions/remote/"+s[0]["id"].(string)+"/messages"); r.status != http.StatusNotFound {
			t.Errorf("messages while pending: %d", r.status)
		}
		b.clock.pass(5 * time.Minute)
		if len(b.messages("/apps/sessions/remote/"+s[0]["id"].(string)+"/messages")) == 0 {
			t.Error("no messages")
		}
		return
	}
	t.Fatal("no remote session in a day")
}

// TestRemoteBudget: the second budget, whose 429 says little.
func TestRemoteBudget(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{RemoteRate: 3})
	for range 3 {
		b.get("/apps/sessions/remote", "limit", "1")
	}
	r := b.do(http.MethodGet, b.api.Keys().Read, "/apps/sessions/remote", "limit", "1")
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "1" || r.header.Get("Anthropic-Ratelimit-Requests-Remaining") != "596" {
		t.Errorf("%d %v", r.status, r.header)
	}
	b.get("/apps/sessions/local", "limit", "1")
}

// TestUpdatedSince: a session that goes on comes back by updated_at.
func TestUpdatedSince(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Rate: -1})
	b.clock.t = noon().Add(-6 * time.Hour)
	before := map[string]string{}
	for _, s := range b.sessions("local", "limit", "500") {
		before[s["id"].(string)] = s["updated_at"].(string)
	}
	b.clock.pass(15 * time.Minute)
	again := 0
	for _, s := range b.sessions("local", "limit", "500", "updated_at.gte", noon().Add(-6*time.Hour-5*time.Minute).Format(time.RFC3339)) {
		if old, ok := before[s["id"].(string)]; ok && s["updated_at"].(string) > old {
			again++
		}
	}
	if again == 0 {
		t.Error("no session went on")
	}
}

// TestNotCaptured: what was said while recording was off is in no transcript.
func TestNotCaptured(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Rate: -1})
	b.clock.t = noon().Add(-6 * time.Hour)
	b.api.SetEnabled(false)
	off := b.clock.now()
	b.clock.pass(2 * time.Hour)
	b.api.SetEnabled(true)
	on := b.clock.now()
	b.clock.pass(4 * time.Hour)
	before, after := 0, 0
	for _, s := range b.sessions("local", "limit", "500") {
		for _, m := range b.messages("/apps/sessions/local/" + s["id"].(string) + "/messages") {
			at, err := time.Parse(time.RFC3339, m["created_at"].(string))
			switch {
			case err != nil:
				t.Fatal(err)
			case at.Before(off):
				before++
			case at.Before(on):
				t.Errorf("a message of %v", at)
			default:
				after++
			}
		}
	}
	if before == 0 || after == 0 {
		t.Errorf("%d messages before, %d after", before, after)
	}
}

// TestTogether has many clients at once.
func TestTogether(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Rate: -1, RemoteRate: -1, Since: noon().Add(-4 * time.Hour)})
	var g sync.WaitGroup
	for i := range 8 {
		g.Go(func() {
			for _, path := range []string{"/activities", "/apps/chats", "/apps/sessions/local", "/apps/sessions/remote", "/groups", "/organizations/" + b.world.Org.UUID + "/settings"} {
				if r := b.do(http.MethodGet, b.api.Keys().Read, path); r.status != http.StatusOK {
					t.Errorf("%s: %d %s", path, r.status, r.raw)
				}
			}
			b.api.SetKey(b.api.Keys().Read2, complianceapi.KeyState(i%3))
			b.clock.pass(time.Second)
		})
	}
	g.Wait()
}
