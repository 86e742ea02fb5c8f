package wording

import "github.com/tripod-audit/tripod/internal/audit"

// client are the templates of what clients and gateways tell, by name of the event or span without the product's prefix,
// and by activity for names nobody knows; see activities. Names: https://code.claude.com/docs/en/monitoring-usage,
// https://claude.com/docs/cowork/monitoring.
var client = map[string]string{
	"user_prompt":                        "sent|a prompt",
	"interaction":                        "sent|a prompt",
	"assistant_response":                 "=Claude replied[ ({.model})]",
	"tool_decision":                      "?decision:=a use of {.use|'a tool} was decided on[ ({~source})]",
	"tool_decision:accept":               "!=a use of {.use|'a tool} was allowed[ ({~source})]",
	"tool_decision:reject":               "!=a use of {.use|'a tool} was denied[ ({~source})]",
	"tool.blocked_on_user":               "=a use of {.use|'a tool} waited for a decision",
	"tool_result":                        "used|{.use|'a tool}",
	"tool":                               "used|{.use|'a tool}",
	"tool.execution":                     "ran|{.use|'a tool}",
	"api_request":                        "called|the model[ {.model}]",
	"llm_request":                        "called|the model[ {.model}]",
	"api_error":                          "!=a call of the model[ {.model}] failed[ ({status_code|~error_type})]",
	"api_retries_exhausted":              "!=a call of the model[ {.model}] failed[ after {total_attempts} attempts]",
	"api_refusal":                        "!=the model[ {.model}] refused to answer",
	"api_request_body":                   "sent|the body of a request|to the model[ {.model}]",
	"api_response_body":                  "=the body of an answer came[ from {.model}]",
	"system_prompt":                      "used|a system prompt",
	"permission_mode_changed":            "changed|the permission mode|[from {from_mode} ][to {to_mode}]",
	"managed_settings_resolved":          "loaded|*the managed settings|[from {managed_settings.sources}]",
	"hook_registered":                    "registered|a hook[ for {hook_event}]",
	"hook_execution_start":               "started|*hooks[ for {hook_event}]",
	"hook_execution_complete":            "ran|*hooks[ for {hook_event}]",
	"hook_plugin_metrics":                "=metrics of a plugin's hooks were told",
	"hook":                               "ran|a hook[ for {hook_event}]",
	"auth":                               "?action:signed in[ by {~auth_method}]",
	"auth:logout":                        "signed out",
	"mcp_server_connection":              "?status:connected|the MCP server[ {.mcp}]",
	"mcp_server_connection:failed":       "!failed to connect|the MCP server[ {.mcp}]",
	"mcp_server_connection:disconnected": "disconnected|the MCP server[ {.mcp}]",
	"plugin_installed":                   "installed|the plugin[ {plugin.name}]",
	"plugin_loaded":                      "loaded|the plugin[ {plugin.name}]",
	"skill_activated":                    "used|the skill[ {skill.name}]",
	"at_mention":                         "mentioned|a {~mention_type|'file}|in a prompt",
	"subagent_completed":                 "!=the sub-agent[ {agent_type}] ended",
	"compaction":                         "=the conversation was compacted[ ({~trigger})]",
	"retention_sweep":                    "=old transcripts were deleted from the device",
	"feedback_survey":                    "gave|feedback",
	"internal_error":                     "!=the client had an internal error",

	"llm.request":     "asked|the model[ {.model}]",
	"llm.prompt":      "sent|a prompt",
	"llm.tool_result": "gave|the model|the result of {.use|'a tool}",
	"llm.context":     "gave|the model|instructions and tools",
	"llm.tool_call":   "=Claude asked for {.use|'a tool}",
	"llm.response":    "=Claude replied[ ({.model})]",
	"llm.end":         "?.outcome:=the model's answer[ ({.model})] ended[: {~ended}]",
	"llm.end:success": "=the model[ {.model}] answered",
	"llm.end:failure": "!=a call of the model[ {.model}] failed[ ({status|~ended})]",
	"llm.end:denied":  "!=a call of the model[ {.model}] was refused",
	"llm.other":       "called|the API[: {method} {~route}]",

	"metrics":                 "=usage was counted",
	"session.count":           "started|a session",
	"lines_of_code.count":     "=lines of code were counted",
	"pull_request.count":      "=pull requests were counted",
	"commit.count":            "=commits were counted",
	"cost.usage":              "=cost was counted",
	"token.usage":             "=tokens were counted",
	"code_edit_tool.decision": "=decisions on edits of code were counted",
	"active_time.total":       "=active time was counted",

	"activity sign_in":       "signed in",
	"activity sign_out":      "signed out",
	"activity prompt":        "sent|a prompt",
	"activity response":      "=Claude replied[ ({.model})]",
	"activity model_request": "called|the model[ {.model}]",
	"activity tool_decision": "=a use of {.use|'a tool} was decided on",
	"activity tool_call":     "used|{.use|'a tool}",
	"activity tool_result":   "used|{.use|'a tool}",
	"activity agent_run":     "ran|an agent",
	"activity hook_run":      "ran|*hooks",
	"activity file_read":     "read|a file",
	"activity file_write":    "wrote|a file",
	"activity egress":        "reached|an address on the network",
}

// objects are what holds content, by the types of the records that tell how it stands.
var objects = map[string]string{
	"session": "a session", "chat": "a chat", "project": "a project", "project_knowledge": "a project's description or instructions",
	"project_access": "who may use a project", "project_document": "a document of a project", "file": "a file",
	"generated_file": "a file made by Claude", "artifact": "a version of an artifact", "code_artifact": "a published artifact",
	"code_artifact_version": "a version of a published artifact",
}

// own are the templates of Tripod's own acts, and of what it finds in the directory; see activities.
var own = map[string]string{
	"tripod.serve.start":                "started|Tripod[ {version}]",
	"tripod.serve.stop":                 "stopped|Tripod",
	"tripod.serve.reload":               "reloaded|Tripod's configuration",
	"tripod.console.enter":              "entered|the console",
	"tripod.console.leave":              "left|the console",
	"tripod.console.revoke":             "ended|*all sign-ins to the console",
	"tripod.console.open":               "?tripod.page:opened|a page of the console[: {~tripod.page}]",
	"tripod.console.open:overview":      "opened|the overview",
	"tripod.console.open:activity":      "opened|the list of records",
	"tripod.console.open:health":        "opened|the page of health",
	"tripod.console.open:organisation":  "opened|the page of the organisation",
	"tripod.console.open:record":        "opened|record {position}",
	"tripod.console.open:record.source": "opened|the source form of record {position}",
	"tripod.console.open:record.proof":  "opened|the proof of record {position}",
	"tripod.console.open:session":       "opened|session {session.id}",
	"tripod.console.open:account":       "opened|an account",
	"tripod.console.search":             "searched the records",
	"tripod.console.export":             "exported|*records",
	"tripod.gateway.lost":               "!=exchanges passed the LLM gateway unrecorded[: {exchanges}]",
	"tripod.content.swept":              "removed|*pieces of content|that no record refers to",
	"tripod.erase.record":               "ordered|the erasure of a record[: {position}]",
	"tripod.erase.records":              "ordered|the erasure of records",
	"tripod.erase.content":              "ordered|the erasure of content of records",
	"tripod.erase.container":            "ordered|the erasure of {container|'a container}",
	"tripod.erase.completed":            "completed|an erasure[, ordered by record {position}]",
	"tripod.import.start":               "began to import an audit log export",
	"tripod.import":                     "imported|an audit log export",
	"tripod.recover":                    "recovered|the ledger|[: records {first} to {last} are lost]",
	"tripod.recover.signed":             "signed|the recovered ledger",
	"tripod.compliance.key":             "took|a key|into use for the Compliance API[ ({~kind})]",
	"tripod.compliance.requests":        "made|*[{requests} ]requests|to the Compliance API",
	"tripod.compliance.run":             "?state:=a run of the collectors of the Compliance API[: {state}]",
	"tripod.compliance.run:began":       "=a run of the collectors of the Compliance API began",
	"tripod.compliance.run:ended":       "!=a run of the collectors of the Compliance API ended[ after {calls} calls]",
	"tripod.compliance.examined":        "asked the Compliance API what the keys may do",
	"tripod.compliance.unread":          "!=content could not be read through the Compliance API",
	"tripod.feed.interrupted":           "!=the {feed|'activity feed} cannot be read[ from {from} to {to}][: {~reason}]",
	"tripod.feed.resumed":               "!=the {feed|'activity feed} is read again[, after: {~reason}]",
	"tripod.feed.statement":             "!=what the {feed|'activity feed} holds is stated[ from {from} to {to}][: {rows} rows][, {finding}][ ({status})]",

	"tripod.reviews.open":                              "?tripod.page:looked at who looked",
	"tripod.reviews.open:reviews.export":               "exported|who looked at what",
	"tripod.reviews.open:reviews.digest":               "opened|the digest of {week|'a week}",
	"tripod.reviews.open:reviews.consultations":        "looked up|*looks at one account",
	"tripod.reviews.open:reviews.consultations.export": "exported|*looks at one account",
	"tripod.reviews.digest":                            "!=the digest of {week|'a week} was made",
	"tripod.reviews.read":                              "read|the digest of {week|'a week}|as privacy officer",
	"tripod.capture.change":                            "changed|the capture policy",

	"directory.organization":          "?change:=the organisation[ {name}] is in the directory",
	"directory.organization:changed":  "=the organisation[ {name}] changed in the directory[: {~changed}]",
	"directory.organization:removed":  "=the organisation[ {name}] is gone from the directory",
	"directory.organization:returned": "=the organisation[ {name}] is in the directory again",
	"directory.user":                  "?change:is in the directory[, as {~organization_role}]",
	"directory.user:changed":          "changed in the directory[: {~changed}][, from {~previous.organization_role}][ to {~organization_role}]",
	"directory.user:removed":          "is gone from the directory",
	"directory.user:returned":         "is in the directory again[, as {~organization_role}]",
	"directory.role":                  "?change:=the role {name|id|'without a name} is in the directory",
	"directory.role:changed":          "=the role {name|id|'without a name} changed[: {~changed}]",
	"directory.role:removed":          "=the role {name|id|'without a name} is gone",
	"directory.role:returned":         "=the role {name|id|'without a name} is in the directory again",
	"directory.permission":            "?change:=a role has a permission[: {~action} {~resource_type}]",
	"directory.permission:removed":    "=a role has lost a permission[: {~action} {~resource_type}]",
	"directory.permission:returned":   "=a role has a permission again[: {~action} {~resource_type}]",
	"directory.group":                 "?change:=the group {name|id|'without a name} is in the directory",
	"directory.group:changed":         "=the group {name|id|'without a name} changed[: {~changed}]",
	"directory.group:removed":         "=the group {name|id|'without a name} is gone",
	"directory.group:returned":        "=the group {name|id|'without a name} is in the directory again",
	"directory.member":                "?change:is a member of the group {group_id|'without an id}",
	"directory.member:removed":        "is no longer a member of the group {group_id|'without an id}",
	"directory.member:returned":       "is a member of the group {group_id|'without an id} again",
}

// verdict words what policy answered. Observing rules say what they would have done.
func verdict(r *audit.Record, v values) phrase {
	rule := fill("[, by rule {.rule}]", v)
	effect := map[string]string{"deny": "denied", "redact": "redacted", "flag": "flagged", "allow": "allowed"}[v.get("effect")]
	switch {
	case r.Outcome == audit.OutcomeDenied:
		return phrase{clause: "policy denied it" + rule, ends: true}
	case v.get("failed") != "":
		return phrase{clause: "policy could not judge it" + fill("[: {~failed}]", v), ends: true}
	case effect == "":
		return phrase{clause: "a rule of policy matched" + rule, ends: true}
	case v.get("mode") == "observe":
		return phrase{clause: "policy would have " + effect + " it" + rule, ends: true}
	}
	return phrase{clause: "policy " + effect + " it" + rule, ends: true}
}
