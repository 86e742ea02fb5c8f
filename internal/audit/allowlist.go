package audit

// Disposition says what becomes of an attribute: whether a record may hold its text, or of which class of content it is.
type Disposition uint8

// The dispositions.
const (
	Unlisted Disposition = iota // no string of it stays: Text
	Keep                        // metadata: stays in the record
	Detail                      // content of class detail
	Text                        // content of class text
)

// MaxKeptString bounds, in bytes, a string that stays in a record; a longer one goes to the content store. Names and
// enumerations are short; a long "model name" is something else wearing its name.
const MaxKeptString = 256

// MaxName bounds, in bytes, the name of an attribute; what is longer is cut and the record flagged.
const MaxName = 128

// Dispose tells what the allow list says of an attribute name.
func Dispose(name string) Disposition { return allowList[name] }

// Class is the class of content an attribute's value belongs to; ClassMetadata for what may stay in the record.
// Unlisted strings are of class text: nobody knows what tomorrow's attribute carries.
func (d Disposition) Class() Class {
	switch d {
	case Keep:
		return ClassMetadata
	case Detail:
		return ClassDetail
	}
	return ClassText
}

// allowList names every attribute of the sources whose text may stay in a record, and those whose class of content is
// known. Sources: https://code.claude.com/docs/en/monitoring-usage, https://claude.com/docs/cowork/monitoring,
// https://claude.com/docs/third-party/claude-desktop/telemetry,
// https://platform.claude.com/docs/en/manage-claude/opentelemetry/api, exports of Claude Code 1.0.128 to 2.1.330.
var allowList = func() map[string]Disposition {
	m := make(map[string]Disposition, len(keepNames)+len(detailNames)+len(textNames))
	for _, n := range keepNames {
		m[n] = Keep
	}
	for _, n := range detailNames {
		m[n] = Detail
	}
	for _, n := range textNames {
		m[n] = Text
	}
	return m
}()

var keepNames = []string{
	// resource and standard attributes
	"service.name", "service.version", "service.namespace", "os.type", "os.version", "host.arch", "wsl.version", "telemetry.sdk.name",
	"telemetry.sdk.language", "telemetry.sdk.version", "claude.deployment_mode", "session.id", "user.id", "user.email", "user.account_uuid",
	"user.account_id", "user.groups", "organization.id", "identity.source", "enduser.id", "enduser.sub", "process.owner", "terminal.type",
	"app.version", "app.entrypoint", "anthropic.provider", "ccr.session.id", "cowork.surface", "cowork_surface", "event.name", "event.timestamp", "event.sequence", "prompt.id",
	"workflow.run_id", "vcs.provider.name", "permission_mode", "delivery.mode",
	// what the vendor's page suggests administrators put into OTEL_RESOURCE_ATTRIBUTES
	"department", "team.id", "cost_center",
	// events
	"prompt_length", "message.uuid", "message.id", "command_source", "response_length", "model", "request_id", "client_request_id",
	"request_body_id", "query_source", "query_source_safe", "tool_name", "tool_name_safe", "tool_use_id", "decision", "source", "tool_source",
	"success", "duration_ms", "error_type", "error.type", "error_code", "error_name", "error_category", "error_class", "decision_type",
	"decision_source", "tool_input_size_bytes", "tool_result_size_bytes", "mcp_server_scope", "vcs.ref.head.revision", "vcs.ref.head.type",
	"cost_usd", "cost_usd_micros", "ttft_ms", "first_content_ms", "input_tokens", "output_tokens", "cache_read_tokens",
	"cache_creation_tokens", "cache_creation_5m_tokens", "cache_creation_1h_tokens", "speed", "effort", "status_code", "attempt",
	"server_fallback_hop", "has_category", "has_explanation", "category", "total_attempts", "total_retry_duration_ms", "body_length",
	"body_truncated", "from_mode", "to_mode", "trigger", "action", "auth_method", "status", "transport_type", "server_scope", "is_plugin",
	"plugin_id_hash", "plugin_id", "marketplace.is_official", "install.trigger", "plugin.scope", "enabled_via", "has_hooks", "has_mcp",
	"host_owned_mcp", "skill_path_count", "command_path_count", "agent_path_count", "safe_mode", "invocation_trigger", "skill.source",
	"skill.kind", "mention_type", "hook_event", "hook_name", "hook_type", "hook_source", "num_hooks", "managed_only", "num_success", "num_blocking",
	"num_non_blocking_error", "num_cancelled", "total_duration_ms", "stdout_chars", "additional_context_chars", "system_message_chars",
	"initial_user_message_chars", "num_outputs_persisted", "pre_tokens", "post_tokens", "precompute_reuse", "agent.source", "is_built_in",
	"is_async", "total_tokens", "total_tool_uses", "final_model", "model_swapped", "event_type", "appearance_id", "survey_type",
	"enabled_via_override", "result", "period_days", "used_default", "skip_reason", "transcripts_deleted", "session_files_deleted",
	"artifacts_deleted", "files_retained_fresh", "files_past_cutoff", "error_count", "transcripts_exempted_desktop",
	"managed_settings.trigger", "managed_settings.sources", "managed_settings.source_behavior", "managed_settings.helper.state",
	"managed_settings.helper.applied", "managed_settings.resolved_sha256", "managed_settings.settings_truncated",
	// names of extensions: what was used, not what was said with it; needed to search and to detect by
	"agent.name", "agent_type", "subagent_type", "skill.name", "plugin.name", "plugin.version", "marketplace.name", "mcp_server.name",
	"mcp_tool.name", "server_name", "anthropic.mcp.server.name", "agent_id", "parent_agent_id",
	// metrics
	"start_type", "type", "language",
	// spans
	"span.type", "user_prompt_length", "interaction.sequence", "interaction.duration_ms", "parent.source", "gen_ai.system",
	"gen_ai.provider.name", "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id",
	"gen_ai.response.finish_reasons", "gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.tool.call.id", "gen_ai.usage.input_tokens",
	"gen_ai.usage.output_tokens", "gen_ai.conversation.id", "gen_ai.output.type", "gen_ai.token.type", "gen_ai.agent.id", "gen_ai.agent.name", "llm_request.context",
	"response.has_tool_call", "stop_reason", "result_tokens", "bash_command_class", "http.response.status_code", "http.status_code",
	// the LLM gateway
	"route", "mode", "upstream", "upstream_credential", "digest", "opaque", "betas", "request_class", "entrypoint", "client_version",
	"previous_request", "capabilities", "role", "block_type", "part", "tools", "media", "media_bytes", "media_sha256", "service_tier", "inference_geo", "ended", "opened",
	"failure", "retry_after", "method", "effect", "severity", "findings", "exception", "controls", "techniques", "message_shown", "failed", "point",
	"rule_set", "block",
	// Tripod's own acts
	"position", "commitment", "order", "blocks", "container", "listeners", "version", "first", "last", "records", "config_digest", "tripod.page", "tripod.route", "week",
	"import.source", "import.org", "import.sha256", "import.first", "import.last", "rule_set", "mode",
	"sign_in.id", "sign_in.subject", "sign_in.reason", "sign_in.via", "sign_in.roles", "sign_in.from", "access.what", "access.reason", "access.untold",
	"token.id", "token.name", "token.digest", "token.owner", "token.owner_email", "token.roles", "token.rights", "token.cases", "token.maker_roles", "token.until",
}

var detailNames = []string{
	"workspace.host_paths", "command_name", "tool_parameters", "tool_input", "error", "body_ref", "hook_matcher",
	"hook_definitions", "managed_settings.settings", "managed_settings.helper.path", "managed_settings.helper.entry",
	"vcs.ref.head.name", "vcs.repository.url.full", "vcs.owner.name", "vcs.repository.name", "workflow.name", "file_path", "full_command",
	"bash_command", "bash_argv0", "skill_name", "url.full", "http.url", "url.path",
}

var textNames = []string{
	"prompt", "prompt_text", "response", "body", "system_prompt", "user_prompt", "tool.output", "content", "output", "diff",
	"new_context", "system_reminders", "system_prompt_preview", "user_system_prompt", "response.model_output",
	"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
	"gen_ai.tool.definitions", "gen_ai.prompt", "gen_ai.completion",
}
