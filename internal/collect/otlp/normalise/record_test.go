package normalise_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

const now = `"timeUnixNano":"1795413600000000000"` // 2026-11-23T06:00:00Z, when the fixtures arrive

// kv writes attributes as JSON: pairs of name and value, the value as it stands where it is JSON already.
func kv(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		v := pairs[i+1]
		if !strings.HasPrefix(v, "{") {
			v = `{"stringValue":` + quote(v) + `}`
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"key":` + quote(pairs[i]) + `,"value":` + v + `}`)
	}
	return `"attributes":[` + b.String() + `]`
}

// oneLog normalises one log record of a resource and scope.
func oneLog(t *testing.T, resource, scope, record string, o normalise.Origin) normalise.Draft {
	t.Helper()
	body := `{"resourceLogs":[{"resource":{` + resource + `},"scopeLogs":[{"scope":{"name":"` + scope + `"},"logRecords":[{` + record + `}]}]}]}`
	d := drafts(t, export{"log", "logs", wire.JSON, body}, o)
	if len(d) != 1 {
		t.Fatalf("%d records", len(d))
	}
	return d[0]
}

func oneSpan(t *testing.T, resource, scope, span string) normalise.Draft {
	t.Helper()
	body := `{"resourceSpans":[{"resource":{` + resource + `},"scopeSpans":[{"scope":{"name":"` + scope + `"},"spans":[{` + span + `}]}]}]}`
	d := drafts(t, export{"span", "traces", wire.JSON, body}, origin)
	if len(d) != 1 {
		t.Fatalf("%d records", len(d))
	}
	return d[0]
}

const (
	codeScope = "com.anthropic.claude_code.events"
	spanScope = "com.anthropic.claude_code.tracing"
)

var code = kv("service.name", "claude-code", "service.version", "2.1.330")

func flags(d normalise.Draft) string { return strings.Join(d.Record.Flags, " ") }

func TestSurface(t *testing.T) {
	t.Parallel()
	f := func(want audit.Surface, service, scope string, attrs ...string) {
		t.Helper()
		resource := ""
		if service != "" {
			resource = kv("service.name", service)
		}
		if got := oneLog(t, resource, scope, now+","+kv(attrs...), origin).Record.Surface; got != want {
			t.Errorf("%s %s %q: surface %s, want %s", service, scope, attrs, got, want)
		}
	}
	f(audit.SurfaceClaudeCode, "claude-code", codeScope)
	f(audit.SurfaceClaudeCode, "claude-code-desktop", codeScope)
	f(audit.SurfaceClaudeCodeWeb, "claude-code", codeScope, "ccr.session.id", "x")
	f(audit.SurfaceCowork, "cowork", codeScope)
	f(audit.SurfaceClaudeCode, "payments-team", codeScope, "terminal.type", "non-interactive") // a renamed headless Claude Code
	f(audit.SurfaceCowork, "cowork", codeScope, "cowork.surface", "local")
	f(audit.SurfaceCoworkRemote, "cowork", codeScope, "cowork_surface", "remote")
	f(audit.SurfaceCoworkRemote, "cowork", codeScope, "ccr.session.id", "x")
	f(audit.SurfaceDesktop, "claude-desktop", "claude-desktop.events")
	f(audit.SurfaceAPI, "claude-platform", "com.anthropic.claude-platform")
	f(audit.SurfaceAPI, "shop", "com.anthropic.sdk.python")
	f(audit.SurfaceClaudeCode, "", codeScope)
	f(audit.SurfaceCowork, "", codeScope, "terminal.type", "non-interactive")
	f(audit.SurfaceCowork, "", codeScope, "workspace.host_paths", `{"arrayValue":{"values":[{"stringValue":"/home/dana"}]}}`)
	f(audit.SurfaceDesktop, "", "claude-desktop.events")
	f(audit.SurfaceUnknown, "", "")
	f(audit.SurfaceUnknown, "shop", "shop")
	o := origin
	o.Surface = audit.SurfaceAPI
	if got := oneLog(t, code, codeScope, now, o).Record.Surface; got != audit.SurfaceAPI {
		t.Errorf("a credential that stands for a product: surface %s", got)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := func(name string, activity audit.Activity, outcome audit.Outcome, attrs ...string) {
		t.Helper()
		for _, spelled := range []string{name, "claude_code." + name} {
			d := oneLog(t, code, codeScope, now+","+kv(append([]string{"event.name", spelled}, attrs...)...), origin)
			if r := d.Record; r.Type != spelled || r.Activity != activity || r.Outcome != outcome || r.HasFlag(audit.FlagUnknownType) {
				t.Errorf("%s %q: %s %s %s %q", spelled, attrs, r.Type, r.Activity, r.Outcome, r.Flags)
			}
		}
	}
	f("user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess)
	f("tool_decision", audit.ActivityToolDecision, audit.OutcomeSuccess, "decision", "accept")
	f("tool_decision", audit.ActivityToolDecision, audit.OutcomeDenied, "decision", "reject")
	f("tool_decision", audit.ActivityToolDecision, audit.OutcomeUnknown, "decision", "unknown")
	f("tool_result", audit.ActivityToolResult, audit.OutcomeSuccess, "success", "true")
	f("tool_result", audit.ActivityToolResult, audit.OutcomeFailure, "success", `{"boolValue":false}`)
	f("tool_result", audit.ActivityToolResult, audit.OutcomeUnknown)
	f("api_request", audit.ActivityModelRequest, audit.OutcomeSuccess)
	f("api_error", audit.ActivityModelRequest, audit.OutcomeFailure)
	f("api_refusal", audit.ActivityModelRequest, audit.OutcomeDenied)
	f("auth", audit.ActivitySignIn, audit.OutcomeSuccess, "action", "login", "success", "true")
	f("auth", audit.ActivitySignOut, audit.OutcomeFailure, "action", "logout", "success", "false")
	f("mcp_server_connection", audit.ActivityConnection, audit.OutcomeFailure, "status", "failed")
	f("mcp_server_connection", audit.ActivityConnection, audit.OutcomeSuccess, "status", "disconnected")
	f("hook_execution_complete", audit.ActivityHookRun, audit.OutcomeDenied, "num_blocking", "1")
	f("hook_execution_complete", audit.ActivityHookRun, audit.OutcomeFailure, "num_blocking", "0", "num_non_blocking_error", `{"intValue":2}`)
	f("hook_execution_complete", audit.ActivityHookRun, audit.OutcomeSuccess, "num_blocking", `{"doubleValue":0}`)
	f("managed_settings_resolved", audit.ActivitySettingChange, audit.OutcomeFailure, "error.type", "invalid")
	f("managed_settings_resolved", audit.ActivitySettingChange, audit.OutcomeSuccess)
	f("retention_sweep", audit.ActivityDelete, audit.OutcomeSuccess, "result", "complete")
	f("retention_sweep", audit.ActivityDelete, audit.OutcomeUnknown, "result", "skipped")
	f("compaction", audit.ActivityUpdate, audit.OutcomeSuccess, "success", "true")
}

// TestUnknown: what nobody knows is kept, and its text stays out of the record.
func TestUnknown(t *testing.T) {
	t.Parallel()
	d := oneLog(t, kv("service.name", "shop"), "shop", now+`,"severityNumber":9,"severityText":"INFO","body":{"stringValue":"dana paid"},`+
		kv("event.name", "paid", "amount", `{"doubleValue":2.5}`, "by", "dana", "list", `{"arrayValue":{"values":[{"intValue":1}]}}`), origin)
	r := d.Record
	if r.Type != "paid" || r.Activity != audit.ActivityUnclassified || !r.HasFlag(audit.FlagUnknownType) {
		t.Errorf("%s %s %q", r.Type, r.Activity, r.Flags)
	}
	if diff := cmp.Diff("by:text:string:4 list:text:array:3 body:text:string:9", pieces(d)); diff != "" {
		t.Errorf("pieces (-want +got):\n%s", diff)
	}
	if v, _ := r.Attributes.Get("amount"); v.Text() != "2.5" {
		t.Errorf("a number nobody knows is gone: %v", r.Attributes)
	}
	if v, _ := r.Attributes.Get("otlp.severity_number"); v.Text() != "9" {
		t.Error("the severity is gone")
	}

	// A body is a name only where it is that of an event; anybody else's body is what somebody wrote.
	if d := oneLog(t, code, codeScope, now+`,"body":{"stringValue":"claude_code.user_prompt"}`, origin); d.Record.Type != "claude_code.user_prompt" || len(d.Pieces) > 0 {
		t.Errorf("type %q with %s", d.Record.Type, pieces(d))
	}
	if d := oneLog(t, "", "", now+`,"body":{"stringValue":"hunter2"}`, origin); d.Record.Type != "log" || pieces(d) != "body:text:string:7" {
		t.Errorf("type %q with %s", d.Record.Type, pieces(d))
	}
	if d := oneLog(t, "", "", now+`,"eventName":"gen_ai.evaluation.result","body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":1}}]}}`, origin); d.Record.Type != "gen_ai.evaluation.result" || pieces(d) != "body:text:map:7" {
		t.Errorf("type %q with %s", d.Record.Type, pieces(d))
	}
	if d := oneLog(t, "", "", now+`,"eventName":"what dana wrote"`, origin); d.Record.Type != "log" || pieces(d) != "event_name:detail:string:15" {
		t.Errorf("type %q with %s", d.Record.Type, pieces(d))
	}
}

// pieces lists the pieces of a draft: name, class, kind and length, or why there is nothing.
func pieces(d normalise.Draft) string {
	var list []string
	for _, p := range d.Pieces {
		s := p.Name + ":" + string(p.Class) + ":" + p.Kind.String() + ":"
		if p.Withheld != "" {
			s += p.Withheld
		} else {
			s += strconv.Itoa(p.Bytes)
		}
		if p.Truncated {
			s += ":cut"
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

// TestDesktop: of the Desktop app's own events only the endings are known.
func TestDesktop(t *testing.T) {
	t.Parallel()
	f := func(name string, activity audit.Activity, outcome audit.Outcome) {
		t.Helper()
		r := oneLog(t, kv("service.name", "claude-desktop"), "claude-desktop.events", now+","+kv("event.name", name), origin).Record
		if r.Activity != activity || r.Outcome != outcome || r.Surface != audit.SurfaceDesktop {
			t.Errorf("%s: %s %s %s", name, r.Surface, r.Activity, r.Outcome)
		}
	}
	f("mcp_start_failed", audit.ActivityError, audit.OutcomeFailure)
	f("renderer_crash", audit.ActivityError, audit.OutcomeFailure)
	f("update_timeout", audit.ActivityError, audit.OutcomeFailure)
	f("config_error", audit.ActivityError, audit.OutcomeFailure)
	f("builtin_websearch_call", audit.ActivityToolCall, audit.OutcomeUnknown)
	f("window_opened", audit.ActivityUnclassified, audit.OutcomeUnknown)
	if r := oneLog(t, kv("service.name", "shop"), "shop", now+","+kv("event.name", "payment_failed"), origin).Record; r.Activity != audit.ActivityUnclassified {
		t.Errorf("somebody else's event is %s", r.Activity)
	}
}

// TestAPI: the traces of the Claude API and of its SDKs.
func TestAPI(t *testing.T) {
	t.Parallel()
	platform, scope := kv("service.name", "claude-platform"), "com.anthropic.claude-platform"
	d := oneSpan(t, platform, scope, `"traceId":"01020304050607080102030405060708","spanId":"0102030405060708","name":"anthropic.messages.create","kind":2,`+
		`"startTimeUnixNano":"1795413600000000000","endTimeUnixNano":"1795413601500000000","status":{"code":1},`+
		kv("gen_ai.operation.name", "chat", "gen_ai.request.model", "claude-opus-5-5", "gen_ai.response.id", "msg_01", "organization.id", "org",
			"gen_ai.usage.input_tokens", `{"intValue":"7"}`, "gen_ai.input.messages", `[{"role":"user"}]`, "gen_ai.response.finish_reasons", `{"arrayValue":{"values":[{"stringValue":"end_turn"}]}}`))
	r := d.Record
	if r.Surface != audit.SurfaceAPI || r.Source != audit.SourceOTelSpan || r.Activity != audit.ActivityModelRequest || r.Outcome != audit.OutcomeSuccess ||
		r.Type != "anthropic.messages.create" || r.Model != "claude-opus-5-5" || r.Keys.Message != "msg_01" || r.Duration != 1_500_000_000 ||
		r.Account.Asserted.Org != "org" || r.Container != "trace/fleet/01020304050607080102030405060708" {
		t.Errorf("%s", r.AppendCanonical(nil))
	}
	if pieces(d) != "gen_ai.input.messages:text:string:17" {
		t.Errorf("pieces %s", pieces(d))
	}
	if v, ok := r.Attributes.Get("gen_ai.response.finish_reasons"); !ok || v.Items()[0].Str() != "end_turn" {
		t.Errorf("finish reasons are %v", v)
	}

	r = oneSpan(t, platform, scope, `"name":"anthropic.tool_use bash","status":{"code":2,"message":"no such file"},`+kv("gen_ai.tool.name", "bash", "gen_ai.conversation.id", "sess")).Record
	if r.Activity != audit.ActivityToolCall || r.Tool != "bash" || r.Outcome != audit.OutcomeFailure || r.Keys.Session != "sess" || r.Type != "anthropic.tool_use bash" {
		t.Errorf("%s", r.AppendCanonical(nil))
	}
	r = oneSpan(t, platform, scope, `"name":"anthropic.dreams.create"`).Record
	if r.Activity != audit.ActivityUnclassified || r.Type != "anthropic.dreams.create" || r.Outcome != audit.OutcomeUnknown {
		t.Errorf("%s", r.AppendCanonical(nil))
	}
	// Span names of strangers may say anything.
	d = oneSpan(t, kv("service.name", "shop"), "shop", `"name":"GET /people/dana@example.com?q=secret word"`)
	if d.Record.Type != "span" || pieces(d) != "name:detail:string:42" {
		t.Errorf("type %q with %s", d.Record.Type, pieces(d))
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	f := func(span string, activity audit.Activity, outcome audit.Outcome) {
		t.Helper()
		r := oneSpan(t, code, spanScope, span).Record
		if r.Activity != activity || r.Outcome != outcome || r.HasFlag(audit.FlagUnknownType) {
			t.Errorf("%s: %s %s %q", span, r.Activity, r.Outcome, r.Flags)
		}
	}
	f(`"name":"claude_code.interaction"`, audit.ActivityPrompt, audit.OutcomeUnknown)
	f(`"name":"claude_code.llm_request",`+kv("success", `{"boolValue":true}`), audit.ActivityModelRequest, audit.OutcomeSuccess)
	f(`"name":"claude_code.llm_request",`+kv("success", `{"boolValue":true}`, "stop_reason", "refusal"), audit.ActivityModelRequest, audit.OutcomeDenied)
	f(`"name":"claude_code.llm_request","status":{"code":"STATUS_CODE_ERROR"}`, audit.ActivityModelRequest, audit.OutcomeFailure)
	f(`"name":"claude_code.tool"`, audit.ActivityToolCall, audit.OutcomeUnknown)
	f(`"name":"claude_code.tool.blocked_on_user",`+kv("decision", "reject"), audit.ActivityToolDecision, audit.OutcomeDenied)
	f(`"name":"claude_code.tool.execution",`+kv("success", `{"boolValue":false}`), audit.ActivityToolResult, audit.OutcomeFailure)
	f(`"name":"claude_code.hook"`, audit.ActivityHookRun, audit.OutcomeUnknown)
	f(`"name":"renamed",`+kv("span.type", "claude_code.tool"), audit.ActivityToolCall, audit.OutcomeUnknown)
	f(`"name":"renamed",`+kv("span.type", "tool"), audit.ActivityToolCall, audit.OutcomeUnknown)

	d := oneSpan(t, code, spanScope, `"name":"claude_code.tool","traceState":"a=b","events":[{"name":"tool.output","timeUnixNano":"1795413600000000000",`+
		kv("output", "secret", "output_truncated", `{"boolValue":true}`)+`},{"name":"free text here"}],"links":[{"traceId":"01","spanId":"02",`+kv("why", "x")+`}]`)
	r := d.Record
	if len(r.Parts) != 3 || r.Parts[0].Name != "tool.output" || r.Parts[0].Time.IsZero() || r.Parts[1].Name != "" || r.Parts[2].Kind != "link" || r.Parts[2].Trace != "01" {
		t.Errorf("parts %+v", r.Parts)
	}
	if want := "parts[0].output:text:string:6 parts[1].name:detail:string:14 parts[2].why:text:string:1 trace_state:detail:string:3"; pieces(d) != want {
		t.Errorf("pieces %s", pieces(d))
	}
}

func TestTools(t *testing.T) {
	t.Parallel()
	f := func(tool, mcp string, attrs ...string) {
		t.Helper()
		d := oneLog(t, code, codeScope, now+","+kv(append([]string{"event.name", "tool_result"}, attrs...)...), origin)
		if r := d.Record; r.Tool != tool || r.MCP != mcp {
			t.Errorf("%q: tool %q, mcp %q", attrs, r.Tool, r.MCP)
		}
		if line := string(d.Record.AppendCanonical(nil)); strings.Contains(line, "canary") {
			t.Errorf("%q: a command is in the record", attrs)
		}
	}
	f("Bash", "", "tool_name", "Bash", "tool_parameters", `{"bash_command":"canary","full_command":"canary x"}`+" ")
	f("mcp_tool", "", "tool_name", "mcp_tool")
	f("lookup", "lab", "tool_name", "mcp_tool", "tool_parameters", ` {"mcp_server_name":"lab","mcp_tool_name":"lookup"}`)
	f("lookup", "lab", "tool_name", "mcp_tool", "tool_parameters", ` {"mcp_server_name":"lab","mcp_tool_name":"lookup","note":"canary cut of`)
	f("lookup", "lab", "tool_name", "mcp__lab__lookup")
	f("mcp__lab", "", "tool_name", "mcp__lab")
	f("mcp_tool", "", "tool_name", "mcp_tool", "mcp_server.name", "custom")
	f("mcp_tool", "", "tool_name", "mcp_tool", "tool_parameters", "<REDACTED>")
	f("mcp_tool", "", "tool_name", "mcp_tool", "tool_parameters", ` {"mcp_server_name":5,"mcp_tool_name":{"x":"canary"}}`)
	d := oneLog(t, code, codeScope, now+","+kv("event.name", "tool_decision", "tool_name", "Task", "tool_parameters", ` {"subagent_type":"reviewer","skill_name":"pdf","prompt":"canary"}`), origin)
	agent, _ := d.Record.Attributes.Get("subagent_type")
	skill, _ := d.Record.Attributes.Get("skill.name")
	if agent.Str() != "reviewer" || skill.Str() != "pdf" || strings.Contains(string(d.Record.AppendCanonical(nil)), "canary") {
		t.Errorf("%s", d.Record.AppendCanonical(nil))
	}
}
