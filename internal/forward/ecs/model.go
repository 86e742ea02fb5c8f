package ecs

import (
	"math"

	"github.com/tripod-audit/tripod/internal/audit"
)

// model writes what concerns a model or a tool. The schema's fields are those of OpenTelemetry.
func (d *document) model() {
	r := d.r
	in, hasIn := d.tokens("input_tokens")
	out, hasOut := d.tokens("output_tokens")
	if r.Model == "" && r.Tool == "" && r.Keys.Agent == "" && !hasIn && !hasOut {
		return
	}
	d.Open("gen_ai")
	d.operation()
	if r.Model != "" {
		d.Open("request")
		d.Str("model", r.Model)
		d.Close()
	}
	if r.Keys.Request != "" && r.Model != "" {
		d.Open("response")
		d.Str("id", r.Keys.Request)
		d.Close()
	}
	if r.Tool != "" || r.Keys.ToolUse != "" {
		d.Open("tool")
		d.Str("name", r.Tool)
		if r.Keys.ToolUse != "" {
			d.Open("call")
			d.Str("id", r.Keys.ToolUse)
			d.Close()
		}
		d.Close()
	}
	if r.Keys.Agent != "" {
		d.Open("agent")
		d.Str("id", r.Keys.Agent)
		d.Str("name", first(d.text("agent.name"), d.text("agent_type")))
		d.Close()
	}
	if hasIn || hasOut {
		d.Open("usage")
		if hasIn {
			d.Int("input_tokens", in)
		}
		if hasOut {
			d.Int("output_tokens", out)
		}
		d.Close()
	}
	d.Close()
}

// operation names what was done in OpenTelemetry's words.
func (d *document) operation() {
	name := d.text("gen_ai.operation.name")
	switch d.r.Activity {
	case audit.ActivityModelRequest, audit.ActivityPrompt, audit.ActivityResponse:
		name = first(name, "chat")
	case audit.ActivityToolCall, audit.ActivityToolResult, audit.ActivityToolDecision:
		name = first(name, "execute_tool")
	case audit.ActivityAgentRun:
		name = first(name, "invoke_agent")
	}
	if name != "" {
		d.Open("operation")
		d.Str("name", name)
		d.Close()
	}
	if p := first(d.text("gen_ai.provider.name"), d.text("gen_ai.system")); p != "" {
		d.Open("provider")
		d.Str("name", p)
		d.Close()
	}
}

// tokens is a count that fits the schema's integer.
func (d *document) tokens(name string) (int64, bool) {
	n, ok := d.number(name)
	return n, ok && n >= 0 && n <= math.MaxInt32
}
