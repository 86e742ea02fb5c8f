package ocsf

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// aboutModel reports whether the event says something of a model in places of its own.
func (e *event) aboutModel() bool {
	return e.ai && e.class.uid == apiActivity && (e.provider() != "" || e.role() != 0)
}

// model writes the profile ai_operation.
func (e *event) model() {
	if !e.aboutModel() {
		return
	}
	if p := e.provider(); p != "" {
		e.Open("ai_model")
		e.Str("ai_provider", p)
		e.Str("name", e.r.Model)
		e.Close()
	}
	e.Open("message_context")
	e.Str("uid", first(e.r.Keys.Session, e.r.Keys.Chat))
	e.Int("ai_role_id", e.role())
	e.Open("service")
	_, name, version := product(e.r)
	e.Str("name", name)
	e.Str("version", version)
	e.Close()
	e.tokens()
	e.Close()
}

// tokens writes the counts there are. A total is not made up of them: what is in each differs by source.
func (e *event) tokens() {
	for _, t := range []struct{ name, attribute string }{{"prompt_tokens", "input_tokens"}, {"completion_tokens", "output_tokens"}, {"total_tokens", "total_tokens"}} {
		if v, ok := e.r.Attributes.Get(t.attribute); ok {
			if n, ok := v.Int64(); ok && n >= 0 {
				e.Int(t.name, n)
			}
		}
	}
}

// provider is who offers the model. Who made it is told by its name where nothing else says it.
func (e *event) provider() string {
	if e.r.Model == "" {
		return ""
	}
	if p := first(e.text("gen_ai.provider.name"), e.text("gen_ai.system")); p != "" {
		return p
	}
	if strings.Contains(e.r.Model, "claude") || e.r.Source.Plane() == audit.PlaneControl {
		return "Anthropic"
	}
	return unknownWord
}

// role is the part the act plays in a conversation.
func (e *event) role() int64 {
	switch e.r.Activity {
	case audit.ActivityPrompt:
		return 1
	case audit.ActivityResponse, audit.ActivityModelRequest:
		return 2
	case audit.ActivityToolCall, audit.ActivityToolResult, audit.ActivityToolDecision:
		return 3
	case audit.ActivityAgentRun:
		return 4
	}
	return 0
}
