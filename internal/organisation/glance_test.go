package organisation

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// same holds a glance against the record itself.
func same(t *testing.T, b []byte, r *audit.Record) {
	t.Helper()
	g, ok := look(b)
	if r.Source == "" || r.Type == "" || r.Occurred.IsZero() {
		return
	}
	if !ok {
		t.Fatalf("not read: %s", b)
	}
	at := r.Occurred
	if r.HasFlag(audit.FlagClockAbsurd) {
		at = r.Recorded
	}
	var typ, container string
	if json.Unmarshal([]byte(`"`+string(g.typ)+`"`), &typ) != nil || json.Unmarshal([]byte(`"`+string(g.container)+`"`), &container) != nil {
		t.Fatalf("%q, %q", g.typ, g.container)
	}
	if typ != r.Type || container != r.Container || g.created != (r.Activity == audit.ActivityCreate) || g.at != at.UnixMicro() {
		t.Errorf("%+v of %s", g, b)
	}
	if who := seenOf(&r.Account); len(g.account) > 0 && readAccount(g.account).subject != who.subject || len(g.account) == 0 && who.subject != "" {
		t.Errorf("%s is the account of %s", g.account, b)
	}
}

func FuzzGlance(f *testing.F) {
	f.Add("otel.log", "user_prompt", "create", "dana@example.com", "session/a/b", `"type":"x"`, true)
	f.Add("x", "y", "", `\"source\":\"`, "chat/{}/[", "}],{", false)
	f.Fuzz(func(t *testing.T, source, typ, activity, email, container, value string, absurd bool) {
		r := &audit.Record{Version: 1, ID: value, Source: audit.Source(source), Activity: audit.Activity(activity), Type: typ, Container: container,
			Occurred: time.Unix(1_700_000_000, 0), Recorded: time.Unix(1_800_000_000, 0), Attributes: attrs(email, value, "source", source)}
		r.Account.Proved.Email, r.Account.Asserted.Groups, r.Keys.Session = email, []string{value}, value
		if absurd {
			r.Flag(audit.FlagClockAbsurd)
		}
		b := r.AppendCanonical(nil)
		read, err := audit.Decode(b)
		if err != nil || strings.Contains(string(b), `:"clock_absurd"`) {
			return
		}
		same(t, b, read)
		for i := 0; i < len(b); i += 1 + len(b)/16 { // whatever is cut off, nothing is read beyond it
			look(b[:i])
		}
	})
}

func TestRouteOf(t *testing.T) {
	t.Parallel()
	f := func(url, want string) {
		t.Helper()
		if got := routeOf(url); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	f("/v1/compliance/activities", "/v1/compliance/activities")
	f("https://api.anthropic.com/v1/compliance/apps/chats/claude_chat_01AbC/messages", "/v1/compliance/apps/chats/{id}/messages")
	f("/v1/compliance/organizations/0f000000-0000-4000-8000-0000000000c1/users", "/v1/compliance/organizations/{id}/users")
	f("", "")
}

// BenchmarkFeed is a backlog of the activity feed: most of it chats that nobody saw before, some calls of the API itself.
func BenchmarkFeed(b *testing.B) {
	f := newFeed(b)
	n := 0
	for b.Loop() {
		b.StopTimer()
		f.all, f.next = f.all[:0], 0
		for i := range 8192 {
			n++
			if i%20 == 0 {
				f.activityAs("compliance_api_accessed", audit.Identity{Key: "apikey_1"}, "request_method", "GET", "url", "/v1/compliance/activities", "status_code", 200)
				continue
			}
			f.record(&audit.Record{Source: audit.SourceComplianceActivity, Activity: audit.ActivityView, Type: "claude_chat_viewed",
				Container: "chat/compliance/claude_chat_" + strconv.Itoa(n), Account: audit.Account{Proved: audit.Identity{User: "user_" + strconv.Itoa(i%500), Email: people[i%3]}}})
		}
		b.StartTimer()
		f.apply()
	}
	b.ReportMetric(float64(8192*b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkApply(b *testing.B) {
	f := newFeed(b)
	for b.Loop() {
		f.all, f.next = f.all[:0], 0
		b.StopTimer()
		for i := range 8192 {
			f.client(people[i%len(people)], "s"+string(rune('a'+i%26)))
		}
		b.StartTimer()
		f.apply()
	}
	b.ReportMetric(float64(8192*b.N)/b.Elapsed().Seconds(), "records/s")
}

var people = []string{"dana@example.com", "kofi@example.com", "mireille@example.com"}
