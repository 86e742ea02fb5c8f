package normalise

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// mapping says what an event or span of a known name is.
type mapping struct {
	activity audit.Activity
	outcome  func(*maker) audit.Outcome
}

// events maps the log events of Claude Code and Cowork, whose names they share
// (https://code.claude.com/docs/en/monitoring-usage, https://claude.com/docs/cowork/monitoring).
var events = map[string]mapping{
	"user_prompt":               {audit.ActivityPrompt, succeeded},
	"assistant_response":        {audit.ActivityResponse, succeeded},
	"tool_decision":             {audit.ActivityToolDecision, byDecision},
	"tool_result":               {audit.ActivityToolResult, bySuccess},
	"api_request":               {audit.ActivityModelRequest, succeeded}, // sent only for those that did
	"api_error":                 {audit.ActivityModelRequest, failed},    // once, after the last retry
	"api_retries_exhausted":     {audit.ActivityModelRequest, failed},
	"api_refusal":               {audit.ActivityModelRequest, denied},
	"api_request_body":          {audit.ActivityModelRequest, unknown}, // sent before the answer is known
	"api_response_body":         {audit.ActivityResponse, succeeded},
	"system_prompt":             {audit.ActivityModelRequest, unknown},
	"permission_mode_changed":   {audit.ActivitySettingChange, succeeded},
	"managed_settings_resolved": {audit.ActivitySettingChange, byError},
	"hook_registered":           {audit.ActivitySettingChange, succeeded},
	"auth":                      {audit.ActivitySignIn, bySuccess}, // sign_out where action says logout
	"mcp_server_connection":     {audit.ActivityConnection, byStatus},
	"plugin_installed":          {audit.ActivityExtension, succeeded},
	"plugin_loaded":             {audit.ActivityExtension, succeeded},
	"skill_activated":           {audit.ActivityExtension, succeeded},
	"at_mention":                {audit.ActivityFileRead, bySuccess},
	"hook_execution_start":      {audit.ActivityHookRun, unknown},
	"hook_execution_complete":   {audit.ActivityHookRun, byHooks},
	"hook_plugin_metrics":       {audit.ActivityUsage, succeeded},
	"subagent_completed":        {audit.ActivityAgentRun, succeeded},
	"compaction":                {audit.ActivityUpdate, bySuccess}, // the client rewrites the conversation's history
	"retention_sweep":           {audit.ActivityDelete, byResult},  // the client deletes transcripts on the device
	"feedback_survey":           {audit.ActivityFeedback, succeeded},
	"internal_error":            {audit.ActivityError, failed},
}

// spans maps the spans of Claude Code and Cowork, by name and by span.type, which is the name without prefix.
var spans = map[string]mapping{
	"interaction":          {audit.ActivityPrompt, bySpan},
	"llm_request":          {audit.ActivityModelRequest, bySpan},
	"tool":                 {audit.ActivityToolCall, bySpan},
	"tool.blocked_on_user": {audit.ActivityToolDecision, byDecision},
	"tool.execution":       {audit.ActivityToolResult, bySpan},
	"hook":                 {audit.ActivityHookRun, bySpan},
}

// operations maps spans that follow the conventions for generative AI, as those of the Claude API and of its SDKs do
// (https://opentelemetry.io/docs/specs/semconv/gen-ai/).
var operations = map[string]audit.Activity{
	"chat":             audit.ActivityModelRequest,
	"generate_content": audit.ActivityModelRequest,
	"text_completion":  audit.ActivityModelRequest,
	"embeddings":       audit.ActivityModelRequest,
	"execute_tool":     audit.ActivityToolCall,
	"create_agent":     audit.ActivityCreate,
	"invoke_agent":     audit.ActivityAgentRun,
}

// methods maps spans of the Claude API by the beginning of their name, which is that of the API's method
// (https://platform.claude.com/docs/en/api/opentelemetry/spans).
var methods = []struct {
	prefix   string
	activity audit.Activity
}{
	{"anthropic.messages.", audit.ActivityModelRequest},
	{"anthropic.completions.", audit.ActivityModelRequest},
	{"anthropic.tool_use", audit.ActivityToolCall},
	{"anthropic.sessions.", audit.ActivityAgentRun},
}

// endings maps the Desktop app's own events, of which only the endings are documented
// (https://claude.com/docs/third-party/claude-desktop/telemetry).
var endings = []struct {
	suffix   string
	activity audit.Activity
	outcome  func(*maker) audit.Outcome
}{
	{"_failed", audit.ActivityError, failed},
	{"_error", audit.ActivityError, failed},
	{"_crash", audit.ActivityError, failed},
	{"_timeout", audit.ActivityError, failed},
	{"_call", audit.ActivityToolCall, bySuccess},
}

// event finds the mapping of a log event by its own name, with or without the product's prefix.
func (m *maker) event(name string) (mapping, bool) {
	name = strings.TrimPrefix(name, claudeCodePrefix)
	if found, ok := events[name]; ok {
		if name == "auth" && m.str(action) == "logout" {
			found.activity = audit.ActivitySignOut
		}
		return found, true
	}
	if m.service.Name == "claude-desktop" || strings.HasPrefix(m.service.Scope, "claude-desktop") {
		for _, e := range endings {
			if strings.HasSuffix(name, e.suffix) {
				return mapping{e.activity, e.outcome}, true
			}
		}
	}
	return mapping{}, false
}

const claudeCodePrefix = "claude_code."

// spanMapping finds the mapping of a span.
func (m *maker) spanMapping(name string) (mapping, bool) {
	own := strings.HasPrefix(m.service.Scope, "com.anthropic.claude_code")
	if rest, ok := strings.CutPrefix(name, claudeCodePrefix); ok || own {
		if found, ok := spans[rest]; ok {
			return found, true
		}
		if found, ok := spans[strings.TrimPrefix(m.str(spanType), claudeCodePrefix)]; ok {
			return found, true
		}
	}
	if activity, ok := operations[m.str(operation)]; ok {
		return mapping{activity, bySpan}, true
	}
	for _, x := range methods {
		if strings.HasPrefix(name, x.prefix) {
			return mapping{x.activity, bySpan}, true
		}
	}
	return mapping{}, false
}

func succeeded(*maker) audit.Outcome { return audit.OutcomeSuccess }
func failed(*maker) audit.Outcome    { return audit.OutcomeFailure }
func denied(*maker) audit.Outcome    { return audit.OutcomeDenied }
func unknown(*maker) audit.Outcome   { return audit.OutcomeUnknown }

func bySuccess(m *maker) audit.Outcome {
	if v, ok := m.get(success); ok {
		if yes, ok := v.IsTrue(); ok {
			return either(yes)
		}
	}
	return audit.OutcomeUnknown
}

func either(ok bool) audit.Outcome {
	if ok {
		return audit.OutcomeSuccess
	}
	return audit.OutcomeFailure
}

func byDecision(m *maker) audit.Outcome {
	switch m.str(decision) {
	case "accept":
		return audit.OutcomeSuccess
	case "reject":
		return audit.OutcomeDenied
	}
	return audit.OutcomeUnknown // "unknown" in runs of the SDK
}

func byStatus(m *maker) audit.Outcome {
	switch m.str(status) {
	case "connected", "disconnected":
		return audit.OutcomeSuccess
	case "failed":
		return audit.OutcomeFailure
	}
	return audit.OutcomeUnknown
}

// byHooks: a hook that blocks denies what it was asked about.
func byHooks(m *maker) audit.Outcome {
	switch {
	case m.positive(numBlocking):
		return audit.OutcomeDenied
	case m.positive(numFailed):
		return audit.OutcomeFailure
	}
	return audit.OutcomeSuccess
}

func (m *maker) positive(r role) bool {
	v, _ := m.get(r)
	n, ok := v.Float64()
	return ok && n > 0
}

func byError(m *maker) audit.Outcome {
	return either(!m.has(errorType))
}

func byResult(m *maker) audit.Outcome {
	switch m.str(result) {
	case "complete":
		return audit.OutcomeSuccess
	case "failed", "error":
		return audit.OutcomeFailure
	}
	return audit.OutcomeUnknown
}
