package recorder_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/policy"
)

const turnOne = `{"model":"claude-x","stream":true,"metadata":{"user_id":"{\"device_id\":\"d1\",\"account_uuid\":\"u1\",\"session_id\":\"s1\"}"},
 "system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.330.a; cc_entrypoint=cli;"},{"type":"text","text":"be kind"}],
 "tools":[{"name":"Bash","description":"runs","input_schema":{}},{"name":"mcp__files__read","input_schema":{}}],
 "messages":[{"role":"user","content":[{"type":"text","text":"hello"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}]}]}`

const answerOne = `{"type":"message","id":"msg_1","model":"claude-x","stop_reason":"tool_use","content":[{"type":"text","text":"I will."},
 {"type":"tool_use","id":"toolu_1","name":"mcp__files__read","input":{"path":"/etc/hosts"}}],"usage":{"input_tokens":10,"output_tokens":3,"cache_read_input_tokens":7}}`

func TestExchange(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	x := exchange(t, r, head("s1", "X-Client-Request-Id", "cr-1"), turnOne, answerOne)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	list := b.records()
	if diff := cmp.Diff([]string{"llm.request", "llm.context", "llm.context", "llm.prompt", "llm.tool_call", "llm.response", "llm.end"}, b.types()); diff != "" {
		t.Fatal(diff)
	}
	for _, rec := range list {
		if rec.Source != audit.SourceGatewayLLM || rec.Surface != audit.SurfaceClaudeCode || rec.Keys.Session != "s1" || rec.Keys.Body != x.ID() ||
			rec.Keys.ClientRequest != "cr-1" || rec.Container != "session/laptops/s1" || rec.Account.Asserted.Device != "d1" || rec.Account.Asserted.UUID != "u1" ||
			rec.Account.Proved.Credential != "laptops" || rec.IP != "10.0.0.7" || rec.Service.Name != "claude-cli" || rec.Service.Version != "2.1.330" {
			t.Errorf("%s: %+v", rec.Type, rec)
		}
	}
	f := func(kind, name, want string) {
		t.Helper()
		if got := attribute(one(t, list, kind), name); got != want {
			t.Errorf("%s: %s is %q, want %q", kind, name, got, want)
		}
	}
	f("llm.request", "betas", "claude-code-20250219 effort-2025-11-24")
	f("llm.request", "entrypoint", "cli")
	f("llm.request", "blocks", "6")
	f("llm.request", "mode", "observe")
	f("llm.prompt", "media", "image/png")
	f("llm.prompt", "media_bytes", "2")
	f("llm.response", "cache_read_tokens", "7")
	f("llm.end", "ended", "complete")
	f("llm.end", "status", "200")
	f("llm.end", "stop_reason", "tool_use")
	call := one(t, list, "llm.tool_call")
	if call.Tool != "read" || call.MCP != "files" || call.Keys.ToolUse != "toolu_1" || call.Outcome != audit.OutcomeSuccess || call.Keys.Request == "" || call.Keys.Message != "msg_1" {
		t.Errorf("tool call: %+v", call)
	}
	if c := call.Content; len(c) != 1 || c[0].Class != audit.ClassDetail || c[0].Name != "tool_input" || c[0].Address == "" {
		t.Errorf("content of the tool call: %+v", c)
	}
	if end := one(t, list, "llm.end"); end.Outcome != audit.OutcomeSuccess || end.Keys.Request == "" || end.Duration <= 0 {
		t.Errorf("end: %+v", end)
	}
}

// TestResentHistoryAddsNothing: not in the same run, not after a restart, and not when the client moved its breakpoint.
func TestResentHistoryAddsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	turnTwo := strings.Replace(turnOne, `"data":"aGk="}}]}`, `"data":"aGk="}}]},
	  {"role":"assistant","content":[{"type":"text","text":"I will."},{"type":"tool_use","id":"toolu_1","name":"mcp__files__read","input":{"path":"/etc/hosts"}}]},
	  {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"127.0.0.1","cache_control":{"type":"ephemeral"}}]}`, 1)
	turnTwo = strings.Replace(turnTwo, "cc_entrypoint=cli;", "cc_entrypoint=cli; cc_prev_req=req_1;", 1)
	done := `{"id":"msg_2","content":[{"type":"text","text":"Done."}],"stop_reason":"end_turn"}`
	r, stop := b.run(recorder.Config{})
	exchange(t, r, head("s1"), turnOne, answerOne)
	exchange(t, r, head("s1"), turnTwo, done)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	want := []string{"llm.request", "llm.context", "llm.context", "llm.prompt", "llm.tool_call", "llm.response", "llm.end", "llm.request", "llm.tool_result", "llm.response", "llm.end"}
	if diff := cmp.Diff(want, b.types()); diff != "" {
		t.Fatal(diff)
	}
	result := one(t, b.records(), "llm.tool_result")
	if result.Keys.ToolUse != "toolu_1" || result.Tool != "read" || result.MCP != "files" {
		t.Errorf("%+v", result)
	}
	r, stop = b.run(recorder.Config{})
	exchange(t, r, head("s1"), strings.Replace(turnTwo, `,"cache_control":{"type":"ephemeral"}`, "", 1), done)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	want = append(want, "llm.request", "llm.response", "llm.end")
	if diff := cmp.Diff(want, b.types()); diff != "" {
		t.Error(diff)
	}
}

// TestHistoryNeverSeen: a conversation that began elsewhere.
func TestHistoryNeverSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	exchange(t, r, head("s2"), `{"messages":[{"role":"user","content":"long ago"},{"role":"assistant","content":[{"type":"tool_use","id":"t9","name":"Bash","input":{"command":"ls"}}]},
	 {"role":"user","content":[{"type":"tool_result","tool_use_id":"t9","is_error":true,"content":"no"},{"type":"text","text":"now"}]}]}`, `{"content":[]}`)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rec := range b.records() {
		got = append(got, strings.TrimSpace(rec.Type+" "+string(rec.Outcome)+" "+strings.Join(rec.Flags, ",")))
	}
	want := []string{"llm.request unknown", "llm.prompt success from_history", "llm.tool_call success from_history", "llm.tool_result failure", "llm.prompt success", "llm.end success"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSaidTwice: the same words said twice in one conversation are two prompts; the same beginning of two conversations
// without a session are two as well.
func TestSaidTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	one := `{"messages":[{"role":"user","content":"yes"}]}`
	two := `{"messages":[{"role":"user","content":"yes"},{"role":"assistant","content":"ok"},{"role":"user","content":[{"type":"text","text":"yes"}]}]}`
	exchange(t, r, head("s"), one, `{"content":[]}`)
	exchange(t, r, head("s"), two, `{"content":[]}`)
	if n := prompts(t, b, stop); n != 2 {
		t.Errorf("%d prompts in the session", n)
	}
	r, stop = b.run(recorder.Config{})
	exchange(t, r, head(""), one, `{"content":[]}`)
	exchange(t, r, head(""), two, `{"content":[]}`)
	exchange(t, r, head(""), one, `{"content":[]}`) // another conversation
	if n := prompts(t, b, stop); n != 2+3 {
		t.Errorf("%d prompts with those of no session", n)
	}
}

func prompts(t *testing.T, b *bench, stop func() error) int {
	t.Helper()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	return count(b.types(), "llm.prompt")
}

func TestSurfaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, _ := b.run(recorder.Config{})
	f := func(want audit.Surface, agent, billing string, more ...string) {
		t.Helper()
		h := head("s", append([]string{"User-Agent", agent}, more...)...)
		x := r.Open(opening(h))
		x.Asked(readBody(t, `{"system":"x-anthropic-billing-header: `+billing+`"}`), 1, nil)
		if got := x.Record().Surface; got != want {
			t.Errorf("%s %s: %s, want %s", agent, billing, got, want)
		}
		x.End(recorder.Ending{How: "complete"})
	}
	f(audit.SurfaceClaudeCode, "claude-cli/2.1.330 (external, sdk-cli)", "cc_entrypoint=sdk-cli;")
	f(audit.SurfaceClaudeCode, "claude-cli/1.0.128 (external, cli)", "")
	f(audit.SurfaceClaudeCode, "x", "cc_entrypoint=claude-vscode;")
	f(audit.SurfaceDesktop, "x", "cc_entrypoint=claude-desktop-3p;")
	f(audit.SurfaceCowork, "x", "cc_entrypoint=local-agent;")
	f(audit.SurfaceAPI, "Anthropic/Python 0.80.0", "")
	f(audit.SurfaceAPI, "curl/8", "", "Anthropic-Version", "2023-06-01")
	f(audit.SurfaceUnknown, "curl/8", "")
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	body := `{"messages":[{"role":"user","content":"key AKIA"}]}`
	flagged := policy.Verdict{Effect: policy.Allow, RuleSet: "v1", Matches: []policy.Match{{Rule: "secrets", Effect: policy.Flag, Mode: policy.Observe, Severity: "high",
		Findings: []policy.Finding{{Detector: "credential", Kind: "aws_access_key", Start: 4, End: 8}, {Detector: "credential", Kind: "aws_access_key"}}}}}
	denied := policy.Verdict{Effect: policy.Deny, Rule: "no-rm", Message: "Ask the team first.", RuleSet: "v1",
		Matches: []policy.Match{{Rule: "no-rm", Effect: policy.Deny, Mode: policy.Enforce, Message: "Ask the team first."}}}
	for range 2 { // the history is judged again and reported once
		x := r.Open(opening(head("s")))
		x.Asked(readBody(t, body), int64(len(body)), []recorder.Judged{{Block: 0, Verdict: flagged}})
		answer := readReply(t, `{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{}}]}`)
		x.Block(answer.Blocks[0], []policy.Verdict{denied}, true)
		x.End(recorder.Ending{How: "complete", Reply: answer})
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rec := range b.records() {
		if rec.Type == "llm.verdict" || rec.Type == "llm.tool_call" {
			got = append(got, strings.Join([]string{rec.Type, rec.Rule, string(rec.Outcome), rec.Tool, string(rec.Activity), attribute(rec, "effect"), attribute(rec, "findings"), attribute(rec, "message_shown"), attribute(rec, "block")}, "|"))
		}
	}
	want := []string{
		"llm.verdict|secrets|success||prompt|flag|credential.aws_access_key 2||messages[0].content[0]",
		"llm.tool_call||denied|Bash|tool_call||||",
		"llm.verdict|no-rm|denied|Bash|tool_call|deny||Ask the team first.|answer[0]",
		"llm.verdict|no-rm|denied|Bash|tool_call|deny||Ask the team first.|answer[0]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOtherRoutes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	o := opening(head("s"))
	o.Method, o.Path, o.Route = "GET", "/v1/files/file_1", "other"
	x := r.Open(o)
	x.Answered(429, http.Header{"Retry-After": {"3"}, "Anthropic-Ratelimit-Requests-Remaining": {"0"}})
	x.End(recorder.Ending{How: "complete", Bytes: 9})
	x.End(recorder.Ending{How: "client_abort"})
	y := r.Open(opening(head("s")))
	y.Opaque("too_large", 99, [32]byte{1})
	y.End(recorder.Ending{How: "upstream_reset", Err: errors.New("canary: what the upstream said")})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"llm.other", "llm.request", "llm.end"}, b.types()); diff != "" {
		t.Fatal(diff)
	}
	list := b.records()
	other := list[0]
	if other.Outcome != audit.OutcomeFailure || attribute(other, "status") != "429" || attribute(other, "retry_after") != "3" || attribute(other, "ratelimit_requests_remaining") != "0" ||
		other.Content[0].Name != "path" || other.Content[0].Class != audit.ClassDetail {
		t.Errorf("%+v", other)
	}
	if attribute(list[1], "opaque") != "too_large" || list[2].Outcome != audit.OutcomeFailure || attribute(list[2], "failure") != "other" {
		t.Errorf("%+v\n%+v", list[1], list[2])
	}
}

// TestCapturePolicy: what is not kept is neither stored nor copied, and its length is told all the same.
func TestCapturePolicy(t *testing.T) {
	t.Parallel()
	b := newBench(t, captureDetail)
	r, stop := b.run(recorder.Config{})
	exchange(t, r, head("s1"), turnOne, answerOne)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	list := b.records()
	prompt := one(t, list, "llm.prompt").Content[0]
	if prompt.Withheld != audit.WithheldPolicy || prompt.Address != "" || prompt.Bytes != len("hello") {
		t.Errorf("%+v", prompt)
	}
	if call := one(t, list, "llm.tool_call").Content[0]; call.Address == "" {
		t.Errorf("%+v", call)
	}
}

func TestAttributesAreOnTheAllowList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	h := head("s1", "X-Stainless-Retry-Count", "1", "X-Claude-Code-Agent-Type", "general-purpose", "X-Claude-Code-Request-Class", "subagent")
	x := r.Open(opening(h))
	x.Asked(readBody(t, turnOne), 1, []recorder.Judged{{Block: 0, Verdict: policy.Verdict{Failed: policy.ErrIncomplete, Effect: policy.Deny, Message: "no"}}})
	x.Answered(529, http.Header{"Retry-After": {"1"}, "Anthropic-Organization-Id": {"org-1"}})
	x.End(recorder.Ending{How: "complete", Reply: &messages.Reply{Error: &messages.APIError{Type: "overloaded_error"}, Usage: messages.Usage{Told: true, Speed: "fast", ServiceTier: "x", InferenceGeo: "eu"}}})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, rec := range b.records() {
		for _, a := range rec.Attributes {
			if (a.Value.Kind == audit.KindString || a.Value.Kind == audit.KindArray) && audit.Dispose(a.Name) != audit.Keep {
				t.Errorf("%s: attribute %q is not on the allow list", rec.Type, a.Name)
			}
		}
	}
}

var captureDetail = capture.Rule{Keep: audit.ClassDetail}

// TestHugeRequest: no body that can be read makes a record or a delivery too large for the journal. What is too much for
// one request comes with the next.
func TestHugeRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	var texts, results strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&texts, `{"type":"text","text":"t%d"},`, i)
	}
	for i := range 6000 {
		fmt.Fprintf(&results, `{"type":"tool_result","tool_use_id":"u%d","content":"r"},`, i)
	}
	body := `{"messages":[{"role":"user","content":[` + strings.TrimSuffix(texts.String(), ",") + `]},{"role":"user","content":[` + strings.TrimSuffix(results.String(), ",") + `]}]}`
	exchange(t, r, head("s"), body, `{"content":[]}`)
	exchange(t, r, head("s"), body, `{"content":[]}`)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := count(b.types(), "llm.tool_result"); n != 6000 {
		t.Errorf("%d results", n)
	}
	prompt := one(t, b.records(), "llm.prompt")
	if last := prompt.Content[len(prompt.Content)-1]; len(prompt.Content) != 1001 || last.Name != "rest" || last.Bytes < 2000*5 || !prompt.HasFlag(audit.FlagTruncated) {
		t.Errorf("%d pieces, the last %+v", len(prompt.Content), last)
	}
	if first := b.records()[0]; attribute(first, "not_recorded") != "1001" {
		t.Errorf("%s not recorded", attribute(first, "not_recorded"))
	}
}

// TestSameWordsAgain: what a user says again is recorded again, though a summary stands for what was said before.
func TestSameWordsAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	const plan, thought = `{"role":"user","content":"plan"}`, `{"type":"thinking","thinking":"hm","signature":"x"},`
	first := func(thinking string) string {
		return plan + `,{"role":"assistant","content":[` + thinking + `{"type":"text","text":"shall I?"}]},{"role":"user","content":"yes"}`
	}
	summary := `{"role":"user","content":"a summary"},{"role":"assistant","content":"delete it?"},{"role":"user","content":"yes"}`
	for _, said := range []string{plan, first(thought), first("") + `,{"role":"assistant","content":"done"},{"role":"user","content":"more"}`, summary, summary} {
		exchange(t, r, head("s1"), `{"messages":[`+said+`]}`, `{"content":[]}`)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rec := range b.records() {
		if rec.Type == "llm.prompt" {
			got = append(got, attribute(rec, "message_index"))
		}
	}
	if want := []string{"0", "2", "4", "0", "2"}; !slices.Equal(got, want) {
		t.Errorf("prompts %v, want %v", got, want)
	}
}
