package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake"
)

// told makes records of one session, a second apart.
type told struct {
	session string
	at      time.Time
	drafts  []intake.Draft
	account audit.Account
}

func (s *told) event(kind string, activity audit.Activity, o audit.Outcome, k audit.Keys, attrs ...string) *audit.Record {
	k.Session = s.session
	s.at = s.at.Add(time.Second)
	r := &audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Type: kind, Activity: activity, Outcome: o, Occurred: s.at,
		Keys: k, Container: "session/" + s.session, Account: s.account}
	for i := 0; i+1 < len(attrs); i += 2 {
		r.Attributes = append(r.Attributes, audit.Attr{Name: attrs[i], Value: audit.String(attrs[i+1])})
	}
	s.drafts = append(s.drafts, intake.Draft{Record: r, Form: fmt.Appendf(nil, "%s %d", s.session, len(s.drafts))})
	return r
}

// shownSession is the page of a session made of such records.
func shownSession(t *testing.T, id string, tell func(*told)) (*consoletest.Bench, string) {
	t.Helper()
	b := consoletest.New(t, consoletest.Options{})
	s := &told{session: id, at: time.Now().Add(-time.Hour)}
	tell(s)
	b.Submit("fleet", s.drafts...)
	b.CatchUp()
	b.SignIn()
	a := b.Get("/session/" + url.PathEscape(id))
	if a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	consoletest.CheckInert(t, "session", a.Body)
	return b, a.Body
}

func start(s *told) {
	s.event("managed_settings_resolved", audit.ActivitySettingChange, audit.OutcomeSuccess, audit.Keys{})
	s.event("plugin_loaded", audit.ActivityExtension, audit.OutcomeSuccess, audit.Keys{})
	s.event("plugin_loaded", audit.ActivityExtension, audit.OutcomeSuccess, audit.Keys{})
	s.event("hook_registered", audit.ActivitySettingChange, audit.OutcomeSuccess, audit.Keys{})
	s.event("mcp_server_connection", audit.ActivityConnection, audit.OutcomeSuccess, audit.Keys{}, "status", "connected")
}

func TestStartIsFolded(t *testing.T) {
	t.Parallel()
	_, body := shownSession(t, "quiet", func(s *told) {
		start(s)
		s.event("user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess, audit.Keys{Prompt: "p"})
		s.event("permission_mode_changed", audit.ActivitySettingChange, audit.OutcomeSuccess, audit.Keys{}, "to_mode", "plan")
	})
	holds(t, "a quiet start", body, `<details class="fold">`, "Start: 2 plugins, 1 hook, 1 MCP server connected", "permission mode changed to plan")
	if strings.Contains(body, `<details class="fold" open>`) {
		t.Error("nothing went wrong, and a group is open")
	}
	_, body = shownSession(t, "loud", func(s *told) {
		start(s)
		s.event("mcp_server_connection", audit.ActivityConnection, audit.OutcomeFailure, audit.Keys{}, "status", "failed")
	})
	holds(t, "a start with a failure", body, `<details class="fold" open>`, "1 MCP server not reached", "1 failed")
	_, body = shownSession(t, "old", func(s *told) {
		s.event("tool_result", audit.ActivityToolResult, audit.OutcomeSuccess, audit.Keys{ToolUse: "a"})
	})
	holds(t, "a tool use outside any prompt", body, `<details class="fold" open>`, "1 tool use")
}

func TestWhoRefusedIsTold(t *testing.T) {
	t.Parallel()
	_, body := shownSession(t, "refused", func(s *told) {
		p := audit.Keys{Prompt: "p"}
		s.event("user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess, p)
		s.event("hook_execution_start", audit.ActivityHookRun, audit.OutcomeUnknown, p, "hook_event", "PreToolUse", "hook_name", "PreToolUse:Bash", "num_hooks", "1")
		s.event("hook_execution_complete", audit.ActivityHookRun, audit.OutcomeDenied, p, "hook_event", "PreToolUse", "hook_name", "PreToolUse:Bash",
			"num_hooks", "1", "num_blocking", "1")
		for i, source := range []string{"hook", "user_reject", "config", "user_abort"} {
			s.event("tool_decision", audit.ActivityToolDecision, audit.OutcomeDenied, audit.Keys{Prompt: "p", ToolUse: fmt.Sprint("t", i)}, "source", source).Tool = "Bash"
		}
	})
	holds(t, "session", body, "refused by a hook: PreToolUse:Bash", "refused by a hook (PreToolUse:Bash)", `href="/record/3" data-open="3">record 3</a>`,
		"refused by the user", "refused by configuration, without asking", "interrupted by the user", "4 denied", "1 ran",
		`<a href="#step-2" title="To the first one`, `class="pennant denied" data-href="#step-2"`, "the call of <bdi>Bash</bdi> it refused")
	if n := strings.Count(body, `class="step hook `); n != 1 {
		t.Errorf("%d steps of hooks, want start and end in one", n)
	}
}

func TestOwnersAreProvedOrNot(t *testing.T) {
	t.Parallel()
	f := func(about string, records []audit.Account, want ...string) {
		t.Helper()
		_, body := shownSession(t, "owned", func(s *told) {
			for _, a := range records {
				s.account = a
				s.event("user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess, audit.Keys{Prompt: "p"})
			}
		})
		_, head, _ := strings.Cut(body, `<p class="owners">`)
		head, _, _ = strings.Cut(head, "</p>")
		holds(t, about, head, want...)
	}
	who := func(email string) audit.Identity { return audit.Identity{Email: email} }
	f("the same", []audit.Account{{Asserted: who("a@b.example"), Proved: audit.Identity{Email: "a@b.example", Credential: "laptop-7"}}},
		"a@b.example", `proof-mark good`, "proved</span>", "laptop-7")
	f("another", []audit.Account{{Asserted: who("a@b.example"), Proved: who("c@b.example")}}, "a@b.example", "proof-mark warn", "proved: <code><bdi>c@b.example")
	f("in part", []audit.Account{{Asserted: who("a@b.example"), Proved: who("a@b.example")}, {Asserted: who("a@b.example")}}, "proved in 1 of 2 records")
	f("by none", []audit.Account{{Asserted: audit.Identity{Email: "a@b.example", Device: "d1"}}}, "asserted, not proved", "device, asserted", "d1")
	f("the credential alone", []audit.Account{{Proved: who("a@b.example")}}, "not asserted", "<strong class=\"mono\"><bdi>a@b.example", "proof-mark good")
	f("nobody", []audit.Account{{}}, "No record names an account.")
}

// TestDenialsOnOtherPages holds that the count at the top and the keys lead to pages where something was denied.
func TestDenialsOnOtherPages(t *testing.T) {
	t.Parallel()
	b, body := shownSession(t, "long", func(s *told) {
		for i := range 700 {
			o := audit.OutcomeSuccess
			if i == 250 || i == 650 {
				o = audit.OutcomeDenied
			}
			s.event("tool_decision", audit.ActivityToolDecision, o, audit.Keys{Prompt: "p", ToolUse: fmt.Sprint("t", i)})
		}
	})
	holds(t, "first page", body, `<dd><a href="/session/long?from=200#step-250"`, `data-bad-behind="/session/long?from=200#step-250"`)
	holds(t, "third page", b.Get("/session/long?from=400").Body, `data-bad-before="/session/long?from=200#step-250"`,
		`data-bad-behind="/session/long?from=600#step-650"`)
	holds(t, "second page", b.Get("/session/long?from=200").Body, `<dd><a href="#step-250"`, `id="step-250"`)
}

func TestHostileHooksAndStarts(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	for i, v := range consoletest.HostileValues() {
		_, body := shownSession(t, fmt.Sprint("hostile-", i), func(s *told) {
			s.account = audit.Account{Asserted: audit.Identity{Email: v}, Proved: audit.Identity{Email: v + "2", Credential: v}}
			start(s)
			s.event(v, audit.ActivityUpdate, audit.OutcomeSuccess, audit.Keys{})
			s.event("permission_mode_changed", audit.ActivitySettingChange, audit.OutcomeSuccess, audit.Keys{}, "to_mode", v)
			p := audit.Keys{Prompt: "p"}
			s.event("hook_execution_complete", audit.ActivityHookRun, audit.OutcomeDenied, p, "hook_event", "PreToolUse", "hook_name", "PreToolUse:"+v,
				"num_hooks", v, "num_blocking", v)
			s.event("tool_decision", audit.ActivityToolDecision, audit.OutcomeDenied, audit.Keys{Prompt: "p", ToolUse: "a"}, "source", "hook").Tool = v
		})
		if len(body) > 1<<20 {
			t.Errorf("%.40q: %d bytes: long values are not cut", v, len(body))
		}
	}
}
