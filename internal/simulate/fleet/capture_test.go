package fleet_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/capture"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// What follows reads a capture of a real client back into the acts that must have happened, lets the fleet tell them, and
// compares what it tells with the capture, structure by structure.

// told is a capture or a fleet's exports, flattened.
type told struct {
	version string
	logs    []rec
	spans   []rec
	points  []rec
}

// rec is one record: its attributes in order and everything around them that has a structure.
type rec struct {
	name     string
	at, end  time.Time
	attrs    []any
	raw      map[string]any
	resource []any
	scope    string
	seq      int64
}

func (r *rec) str(name string) string {
	v := r.value(name)
	for _, x := range v {
		return fmt.Sprint(x)
	}
	return ""
}

func (r *rec) value(name string) map[string]any {
	for _, a := range r.attrs {
		m := a.(map[string]any)
		if m["key"] == name {
			v, _ := m["value"].(map[string]any)
			return v
		}
	}
	return nil
}

func (r *rec) has(name string) bool { return r.value(name) != nil }

func (r *rec) int(name string) int64 {
	n, _ := strconv.ParseInt(r.str(name), 10, 64)
	return n
}

func items(v any, name string) []any {
	m, _ := v.(map[string]any)
	l, _ := m[name].([]any)
	return l
}

func member(v any, name string) map[string]any {
	m, _ := v.(map[string]any)
	x, _ := m[name].(map[string]any)
	return x
}

func instant(v any) time.Time {
	n, _ := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	return time.Unix(0, n).UTC()
}

// flatten takes in one export's body.
func (d *told) flatten(body map[string]any) {
	for _, r := range items(body, "resourceLogs") {
		res := items(member(r, "resource"), "attributes")
		for _, s := range items(r, "scopeLogs") {
			sc := member(s, "scope")
			for _, l := range items(s, "logRecords") {
				m := l.(map[string]any)
				x := rec{at: instant(m["timeUnixNano"]), attrs: items(m, "attributes"), raw: m, resource: res, scope: fmt.Sprint(sc["name"], " ", sc["version"])}
				x.name, x.seq = fmt.Sprint(member(m, "body")["stringValue"]), x.int("event.sequence")
				d.logs = append(d.logs, x)
			}
		}
	}
	for _, r := range items(body, "resourceSpans") {
		res := items(member(r, "resource"), "attributes")
		for _, s := range items(r, "scopeSpans") {
			sc := member(s, "scope")
			for _, l := range items(s, "spans") {
				m := l.(map[string]any)
				d.spans = append(d.spans, rec{
					name: fmt.Sprint(m["name"]), at: instant(m["startTimeUnixNano"]), end: instant(m["endTimeUnixNano"]), attrs: items(m, "attributes"),
					raw: m, resource: res, scope: fmt.Sprint(sc["name"], " ", sc["version"]),
				})
			}
		}
	}
	for _, r := range items(body, "resourceMetrics") {
		res := items(member(r, "resource"), "attributes")
		for _, s := range items(r, "scopeMetrics") {
			sc := member(s, "scope")
			for _, mt := range items(s, "metrics") {
				m := mt.(map[string]any)
				for _, p := range items(member(m, "sum"), "dataPoints") {
					raw := maps.Clone(p.(map[string]any))
					raw["description"], raw["unit"] = m["description"], m["unit"]
					raw["isMonotonic"], raw["temporality"] = member(m, "sum")["isMonotonic"], member(m, "sum")["aggregationTemporality"]
					d.points = append(d.points, rec{
						name: fmt.Sprint(m["name"]), at: instant(raw["timeUnixNano"]), attrs: items(p, "attributes"), raw: raw,
						resource: res, scope: fmt.Sprint(sc["name"], " ", sc["version"]),
					})
				}
			}
		}
	}
}

func (d *told) order() {
	slices.SortStableFunc(d.logs, func(a, b rec) int { return cmp.Or(cmp.Compare(a.seq, b.seq), a.at.Compare(b.at)) })
	slices.SortStableFunc(d.spans, func(a, b rec) int { return a.end.Compare(b.end) })
}

func captured(t *testing.T) map[string]*told {
	t.Helper()
	list, err := capture.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*told{}
	for _, s := range list {
		d := &told{}
		for _, e := range s.Exports {
			d.flatten(e.Body)
		}
		d.order()
		for _, a := range d.logs[0].resource {
			if m := a.(map[string]any); m["key"] == "service.version" {
				d.version = fmt.Sprint(member(m, "value")["stringValue"])
			}
		}
		all[s.Name] = d
	}
	return all
}

// gates are the switches each scenario was captured with.
var gates = map[string]world.Gates{
	"files-min": {}, "t1": {},
	"one-OTEL_LOG_TOOL_CONTENT": {ToolContent: true},
	"one-OTEL_LOG_USER_PROMPTS": {Prompts: true, Responses: true}, // the responses follow the prompts
	"rawbodies":                 {Prompts: true, Responses: true, ToolDetails: true, ToolContent: true, RawBodies: true},
}

// replayed is what the fleet tells of a capture's acts.
func replayed(t *testing.T, name string, d *told) *told {
	t.Helper()
	s := newSink(t, nil)
	p := process(name, d)
	list := d.acts(p)
	f := newFleet(t, fleet.Config{World: acts(list), HTTP: s.URL})
	report, err := f.History(t.Context(), list[0].At.Add(-time.Minute), list[len(list)-1].At.Add(time.Hour))
	if err != nil || len(report.Refused) > 0 {
		t.Fatalf("history: %v, refused %v", err, report.Refused)
	}
	got := &told{}
	for _, r := range s.taken() {
		var body map[string]any
		dec := json.NewDecoder(strings.NewReader(string(r.body)))
		dec.UseNumber()
		if err := dec.Decode(&body); err != nil {
			t.Fatal(err)
		}
		got.flatten(body)
	}
	got.order()
	return got
}

func process(name string, d *told) *world.Process {
	g, ok := gates[name]
	if !ok {
		g = world.Gates{Prompts: true, Responses: true, ToolDetails: true, ToolContent: true}
	}
	first := d.logs[0]
	dev := &world.Device{ID: first.str("user.id"), OSType: "linux", OS: "6.18.44-1-amd64", Arch: "amd64", Gateway: true}
	p := &world.Process{
		ID: "proc_" + name, Account: &world.Account{}, Claims: &world.Account{}, Device: dev, Start: first.at, Begin: "fresh", Key: "apikey_01",
		Client:  world.Client{Product: world.ClaudeCode, Version: d.version, Protocol: "http/json", Gates: g, Traces: len(d.spans) > 0, Terminal: first.str("terminal.type"), Interval: 5 * time.Second},
		Project: &world.Project{Branch: "master"}, Interactive: name == "tui",
	}
	for _, l := range d.logs {
		if l.name == "claude_code.plugin_loaded" {
			p.Plugins = append(p.Plugins, world.PluginAct{
				Name: l.str("plugin.name"), Marketplace: l.str("marketplace.name"), Scope: l.str("plugin.scope"), EnabledVia: l.str("enabled_via"), HasHooks: l.str("has_hooks") == "true",
			})
		}
	}
	return p
}

// acts reads what happened out of what was told.
func (d *told) acts(p *world.Process) []world.Act {
	var list []world.Act
	add := func(l *rec, a world.Act) {
		a.ID, a.Process, a.Account, a.Device, a.Surface = fmt.Sprint("act_", len(list)), p, p.Account, p.Device, audit.SurfaceClaudeCode
		if a.At.IsZero() {
			a.At = l.at
		}
		k := &a.Keys
		k.Session, k.Prompt, k.Request, k.ToolUse, k.Agent = l.str("session.id"), l.str("prompt.id"), l.str("request_id"), l.str("tool_use_id"), l.str("agent_id")
		k.Message = cmp.Or(k.Message, l.str("message.uuid"))
		if a.Seen == nil {
			a.Seen = []audit.Source{audit.SourceOTelLog, audit.SourceOTelSpan}
		}
		if k.Trace == "" {
			k.Trace, _ = l.raw["traceId"].(string)
		}
		list = append(list, a)
	}
	first := d.logs[0]
	begin := world.Act{Kind: world.Start}
	if d.spanless("claude_code.managed_settings_resolved") && d.spanless("claude_code.plugin_loaded") {
		begin.Seen = []audit.Source{} // the version says nothing of a start
	}
	add(&first, begin)
	mode := "default"
	for i := range d.logs {
		l := &d.logs[i]
		root, _ := l.raw["spanId"].(string)
		switch short(l.name) {
		case "user_prompt":
			add(l, world.Act{Kind: world.Prompt, Keys: audit.Keys{Span: root}, Prompt: &world.PromptAct{
				Text: whole(l.str("prompt"), l.int("prompt_length")), Command: l.str("command_name"), CommandSource: l.str("command_source"),
			}})
		case "api_request", "api_error":
			add(l, world.Act{Kind: world.Request, Keys: audit.Keys{Span: d.llm(l.str("request_id")), ParentSpan: root, Message: d.message(l.str("request_id"))}, Request: d.request(l, i)})
		case "tool_decision":
			if m := l.str("permission_mode"); m != "" && m != mode {
				mode = m
				add(l, world.Act{Kind: world.Mode, Seen: []audit.Source{}, Mode: &world.ModeAct{To: m}, At: l.at.Add(-time.Nanosecond)})
			}
			add(l, world.Act{Kind: world.ToolCall, Keys: d.toolKeys(l.str("tool_use_id")), Tool: d.tool(l)})
		case "tool_result":
			if !d.decided() {
				add(l, world.Act{Kind: world.ToolCall, Tool: d.tool(l), At: l.at.Add(-d.tool(l).Duration)})
			}
		case "mcp_server_connection":
			add(l, world.Act{Kind: world.Connection, Connection: &world.ConnectionAct{
				Server: &world.Server{Name: l.str("server_name"), Transport: l.str("transport_type"), Scope: l.str("server_scope")},
				Status: l.str("status"), Duration: time.Duration(l.int("duration_ms")) * time.Millisecond,
			}})
		case "subagent_completed":
			add(l, world.Act{Kind: world.Agent, Keys: audit.Keys{ParentSpan: root}, Agent: &world.AgentAct{
				Type: l.str("agent_type"), BuiltIn: true, Async: true, Tokens: l.int("total_tokens"), ToolUses: int(l.int("total_tool_uses")),
				Model: l.str("model"), Duration: time.Duration(l.int("duration_ms")) * time.Millisecond,
			}})
		}
	}
	slices.SortStableFunc(list, func(a, b world.Act) int { return a.At.Compare(b.At) })
	last := list[len(list)-1]
	add(&first, world.Act{Kind: world.Stop, At: last.At.Add(time.Second), Seen: []audit.Source{}})
	return list
}

func (d *told) spanless(name string) bool {
	return !slices.ContainsFunc(d.logs, func(l rec) bool { return l.name == name })
}

// decided reports whether the version tells decisions.
func (d *told) decided() bool { return !d.spanless("claude_code.tool_decision") }

func (d *told) span(name, key, value string) *rec {
	for i := range d.spans {
		if d.spans[i].name == "claude_code."+name && d.spans[i].str(key) == value {
			return &d.spans[i]
		}
	}
	return nil
}

func (d *told) llm(request string) string {
	if s := d.span("llm_request", "request_id", request); s != nil {
		return s.raw["spanId"].(string)
	}
	return ""
}

func (d *told) toolKeys(use string) audit.Keys {
	s := d.span("tool", "tool_use_id", use)
	if s == nil {
		return audit.Keys{}
	}
	parent, _ := s.raw["parentSpanId"].(string)
	return audit.Keys{Span: s.raw["spanId"].(string), ParentSpan: parent}
}

// message is the id of a request's answer.
func (d *told) message(request string) string {
	for i := range d.logs {
		if l := &d.logs[i]; l.str("request_id") == request && l.has("message.uuid") {
			return l.str("message.uuid")
		}
	}
	return ""
}

func (d *told) request(l *rec, at int) *world.RequestAct {
	r := &world.RequestAct{
		Model: l.str("model"), Source: l.str("query_source"), Effort: l.str("effort"), Input: l.int("input_tokens"), Output: l.int("output_tokens"),
		CacheRead: l.int("cache_read_tokens"), CacheCreate: l.int("cache_creation_tokens"), CostMicros: l.int("cost_usd_micros"),
		Duration: time.Duration(l.int("duration_ms")) * time.Millisecond, FirstToken: time.Duration(l.int("ttft_ms")) * time.Millisecond,
		Attempt: 1, Status: int(l.int("status_code")), Error: l.str("error"), Stop: "end_turn",
	}
	if r.CostMicros == 0 {
		r.CostMicros = 184
	}
	if s := d.span("llm_request", "request_id", l.str("request_id")); s != nil {
		if r.Status == 0 { // a failed one says 1 where the span tells of more
			r.Attempt = int(s.int("attempt"))
		}
		r.Stop = s.str("stop_reason")
	}
	for i := range d.logs {
		x := &d.logs[i]
		if x.name == "claude_code.assistant_response" && x.str("request_id") == l.str("request_id") {
			r.Text = whole(x.str("response"), x.int("response_length"))
		}
		if x.name == "claude_code.tool_decision" && x.has("request_id") && x.str("request_id") == l.str("request_id") {
			r.ToolUses = append(r.ToolUses, x.str("tool_use_id"))
			r.Stop = "tool_use"
		}
	}
	if l.has("mcp_tool.name") { // whose result it was the first to carry
		for i := range at {
			if x := &d.logs[i]; x.name == "claude_code.tool_decision" && strings.Contains(x.str("tool_parameters"), `"`+l.str("mcp_tool.name")+`"`) {
				r.Consumed = x.str("tool_use_id")
			}
		}
	}
	return r
}

// whole is a text of the length it had before it was redacted or cut.
func whole(text string, length int64) string {
	if int64(len(text)) == length {
		return text
	}
	return strings.Repeat("x", int(length))
}

func (d *told) tool(l *rec) *world.ToolAct {
	t := &world.ToolAct{Name: l.str("tool_name"), Accepted: l.str("decision") != "reject", By: l.str("source")}
	use := l.str("tool_use_id")
	for i := range d.logs {
		x := &d.logs[i]
		if x.name != "claude_code.tool_result" || x.str("tool_use_id") != use || l.name == x.name && x.at != l.at {
			continue
		}
		t.Success, t.ErrType, t.Error = x.str("success") == "true", x.str("error_type"), x.str("error")
		t.Duration = time.Duration(x.int("duration_ms")) * time.Millisecond
		if l.name != x.name {
			t.Duration = x.at.Sub(l.at) // the capture's order, to the millisecond
		}
		t.Input, t.Output = x.str("tool_input"), strings.Repeat("x", int(x.int("tool_result_size_bytes")))
	}
	if s := d.span("tool", "tool_use_id", use); s != nil {
		t.Name, t.Agent = s.str("tool_name"), s.str("subagent_type")
		if b := d.span("tool.blocked_on_user", "conversation", ""); b == nil {
			t.Waited = l.at.Sub(s.at)
		}
	}
	var parameters map[string]string
	if json.Unmarshal([]byte(l.str("tool_parameters")), &parameters) == nil {
		if parameters["mcp_server_name"] != "" {
			t.Server, t.MCPTool = &world.Server{Name: parameters["mcp_server_name"], Scope: "dynamic", Transport: "stdio"}, parameters["mcp_tool_name"]
		}
	}
	if t.Server != nil {
		t.Output = strings.Repeat("x", max(len(t.Output)-len(`[{"type":"text","text":""}]`), 0))
	}
	t.Input = d.input(t, use, parameters)
	return t
}

// input is a tool's input as far as anything tells of it.
func (d *told) input(t *world.ToolAct, use string, parameters map[string]string) string {
	if t.Input != "" && json.Valid([]byte(t.Input)) {
		return t.Input
	}
	m := map[string]string{}
	if parameters["full_command"] != "" {
		m["command"] = parameters["full_command"]
		if parameters["description"] != "" {
			m["description"] = parameters["description"]
		}
	}
	if s := d.span("tool", "tool_use_id", use); s != nil {
		if m["file_path"] = s.str("file_path"); m["file_path"] == "" {
			delete(m, "file_path")
		}
		if s.has("bash_argv0") && m["command"] == "" {
			m["command"] = s.str("bash_argv0")
		}
	}
	if t.Name == "Write" || t.Name == "Edit" {
		m["content"] = "line"
		if t.Name == "Edit" {
			m["old_string"], m["new_string"] = "a", "b"
			delete(m, "content")
		}
		if m["file_path"] == "" {
			m["file_path"] = "/w/x.txt"
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}
