package wording_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/wording"
)

// attrs makes attributes of names and texts; "true" and "false" are booleans.
func attrs(pairs ...string) audit.Attrs {
	var list audit.Attrs
	for i := 0; i < len(pairs); i += 2 {
		v := audit.String(pairs[i+1])
		if pairs[i+1] == "true" || pairs[i+1] == "false" {
			v = audit.Bool(pairs[i+1] == "true")
		}
		list = append(list, audit.Attr{Name: pairs[i], Value: v})
	}
	return list
}

// TestSentences holds what records carry against what is said of them.
func TestSentences(t *testing.T) {
	t.Parallel()
	const feed, settings, directory = audit.SourceComplianceActivity, audit.SourceComplianceSettings, audit.SourceComplianceDirectory
	f := func(want string, r audit.Record) {
		t.Helper()
		if r.Account.Proved.Email == "" && r.Account.Asserted.Email == "" {
			r.Account.Proved.Email = "dana@example.com"
		}
		if got := wording.Sentence(&r); got != want {
			t.Errorf("%s %s: got  %q\nwant %q", r.Source, r.Type, got, want)
		}
	}
	f("dana@example.com turned SSO off", audit.Record{Source: feed, Type: "org_sso_toggled", Attributes: attrs("enabled", "false")})
	f("dana@example.com turned SSO on", audit.Record{Source: feed, Type: "org_sso_toggled", Attributes: attrs("enabled", "true")})
	f("dana@example.com turned web search off for the organisation", audit.Record{Source: feed, Type: "claude_organization_settings_updated",
		Attributes: attrs("updates.0.type", "web_search_enabled", "updates.0.current_value", "false", "updates.0.previous_value", "true")})
	f("dana@example.com changed the setting “the most members” from 10 to 20 for the organisation", audit.Record{Source: feed,
		Type: "claude_organization_settings_updated", Attributes: audit.Attrs{{Name: "updates.0.type", Value: audit.String("members_limit")},
			{Name: "updates.0.previous_value", Value: audit.Int(10)}, {Name: "updates.0.current_value", Value: audit.Int(20)}}})
	f("dana@example.com changed 4 settings (web search, memory, chat …) for the organisation", audit.Record{Source: feed,
		Type: "claude_organization_settings_updated", Attributes: attrs("updates.0.type", "web_search_enabled", "updates.1.type", "enabled_saffron",
			"updates.2.type", "chat_enabled", "updates.3.type", "skills_enabled")})
	f("dana@example.com changed the role of eve@example.com from user to primary owner", audit.Record{Source: feed, Type: "claude_user_role_updated",
		Attributes: attrs("user_email", "eve@example.com", "previous_role", "user", "current_role", "primary_owner")})
	f("dana@example.com changed the role of eve@example.com to owner", audit.Record{Source: feed, Type: "claude_user_role_updated",
		Attributes: attrs("user_email", "eve@example.com", "current_role", "owner")})
	f("dana@example.com read the Compliance API: /v1/compliance/activities", audit.Record{Source: feed, Type: "compliance_api_accessed",
		Attributes: attrs("request_method", "GET", "url", "/v1/compliance/activities")})
	f("dana@example.com deleted content through the Compliance API, which was denied", audit.Record{Source: feed, Type: "compliance_api_accessed",
		Outcome: audit.OutcomeDenied, Attributes: attrs("request_method", "DELETE")})
	f("dana@example.com changed an MCP server (ledger)", audit.Record{Source: feed, Type: "mcp_server_updated", Attributes: attrs("mcp_server_name", "ledger")})
	f("dana@example.com (asserted) failed to sign in by SSO", audit.Record{Source: feed, Type: "sso_login_failed", Outcome: audit.OutcomeFailure,
		Account: audit.Account{Asserted: audit.Identity{Email: "dana@example.com"}}})
	f("dana@example.com (asserted) used Bash, which failed", audit.Record{Source: audit.SourceOTelLog, Type: "tool_result", Tool: "Bash", Outcome: audit.OutcomeFailure,
		Account: audit.Account{Asserted: audit.Identity{Email: "dana@example.com"}}})
	f("dana@example.com used ledger/search", audit.Record{Source: audit.SourceOTelLog, Type: "tool_result", Tool: "search", MCP: "ledger"})
	f("dana@example.com: a use of Bash was denied (user reject)", audit.Record{Source: audit.SourceOTelLog, Type: "tool_decision", Tool: "Bash",
		Outcome: audit.OutcomeDenied, Attributes: attrs("decision", "reject", "source", "user_reject")})
	f("dana@example.com turned SSO off", audit.Record{Source: audit.SourceAuditExport, Type: "org_sso_toggled", Attributes: attrs("event_info.enabled", "false")})
	f("dana@example.com: the setting “SSO” went from on to off, which the baseline does not expect (on)", audit.Record{Source: settings, Type: "settings.value",
		Attributes: attrs("setting", "sso_enabled", "value", "false", "previous", "true", "change", "changed", "expected", "true", "drift", "true")})
	f("dana@example.com is gone from the directory", audit.Record{Source: directory, Type: "directory.user", Attributes: attrs("change", "removed")})
	f("dana@example.com changed in the directory: organisation role, from user to primary owner", audit.Record{Source: directory, Type: "directory.user",
		Attributes: attrs("change", "changed", "changed", "organization_role", "previous.organization_role", "user", "organization_role", "primary_owner")})
	f("dana@example.com: a chat was changed", audit.Record{Source: audit.SourceComplianceChat, Type: "chat", Activity: audit.ActivityUpdate})
	f("dana@example.com sent a prompt", audit.Record{Source: audit.SourceComplianceSession, Type: "user_message", Activity: audit.ActivityPrompt})
	f("dana@example.com is in the directory, as Claude Code user", audit.Record{Source: directory, Type: "directory.user",
		Attributes: attrs("change", "first_seen", "organization_role", "claude_code_user")})
	f("dana@example.com opened the proof of record 12", audit.Record{Source: audit.SourceTripod, Type: "tripod.console.open",
		Attributes: attrs("tripod.page", "record.proof", "position", "12")})
	const gateway = audit.SourceGatewayLLM
	f("dana@example.com: a call of the model claude-opus-5-5 failed (529)", audit.Record{Source: gateway, Type: "llm.end", Model: "claude-opus-5-5",
		Outcome: audit.OutcomeFailure, Attributes: audit.Attrs{{Name: "status", Value: audit.Int(529)}}})
	f("dana@example.com: a call of the model was refused", audit.Record{Source: gateway, Type: "llm.end", Outcome: audit.OutcomeDenied})
	f("dana@example.com: Claude asked for ledger/search", audit.Record{Source: gateway, Type: "llm.tool_call", Tool: "search", MCP: "ledger", Outcome: audit.OutcomeUnknown})
	f("dana@example.com: policy would have denied it, by rule no-egress", audit.Record{Source: gateway, Type: "llm.verdict", Rule: "no-egress", Outcome: audit.OutcomeSuccess,
		Attributes: attrs("effect", "deny", "mode", "observe")})
	f("dana@example.com: policy denied it, by rule no-egress", audit.Record{Source: gateway, Type: "llm.verdict", Rule: "no-egress", Outcome: audit.OutcomeDenied,
		Attributes: attrs("effect", "deny", "mode", "enforce")})
	f("dana@example.com: Claude replied (claude-opus-4-6)", audit.Record{Source: "something.new", Type: "reply_given", Activity: audit.ActivityResponse, Model: "claude-opus-4-6"})
}

// TestUnknownTypes are worded by what their names say.
func TestUnknownTypes(t *testing.T) {
	t.Parallel()
	f := func(source audit.Source, typ, want string) {
		t.Helper()
		r := &audit.Record{Source: source, Type: typ}
		if got := wording.Deed(r); got != want {
			t.Errorf("%s: got %q, want %q", typ, got, want)
		}
		checkSentence(t, r, wording.Sentence(r))
	}
	f(audit.SourceComplianceActivity, "frobnicator_archived", "Archived a frobnicator")
	f(audit.SourceComplianceActivity, "claude_code_oauth_app_created", "Created a Claude Code OAuth app")
	f(audit.SourceComplianceActivity, "platform_usage_quotas_updated", "Changed usage quotas on the Claude Platform")
	f(audit.SourceComplianceActivity, "org_scim_bridge_sync_failed", "A SCIM bridge sync failed")
	f(audit.SourceComplianceActivity, "frobnicator_frobbed", "Frobnicator frobbed")
	f(audit.SourceComplianceActivity, "updated", "Updated")
	f(audit.SourceComplianceActivity, "", "Something without a type")
	f(audit.SourceOTelLog, "brand_new_event", "Brand new event")
	f(audit.SourceOTelMetric, "claude_code.brand_new.count", "Usage was reported: brand new count")
	f(audit.SourceTripod, "tripod.sealed.letter", "Sealed letter")
	f(audit.SourceAuditExport, "org_frobnicator_created", "Created a frobnicator")
}

// FuzzSentence: whatever a record holds, there is one sentence that fits a line, and a name in it is not taken for a template.
func FuzzSentence(f *testing.F) {
	f.Add("compliance.activity", "claude_user_role_updated", "user_email", "{user_email}|[x]", "Bash")
	f.Add("compliance.activity", "claude_organization_settings_updated", "updates.0.type", "a_b", "")
	f.Add("compliance.settings", "settings.value", "setting", "", "")
	f.Add("otel.log", "tool_decision", "decision", "accept", "]{")
	f.Add("tripod", "tripod.console.open", "tripod.page", "record", "")
	f.Add("audit_export", "_created", "", "\xff", "_")
	f.Add("otel.log", strings.Repeat("\x80", 300), "a", "b", "c")
	f.Fuzz(func(t *testing.T, source, typ, name, value, tool string) {
		r := &audit.Record{Source: audit.Source(source), Type: typ, Tool: tool, Attributes: attrs(name, value)}
		r.Account.Asserted.Email = value
		for _, s := range []string{wording.Sentence(r), wording.Deed(r)} {
			if s == "" || len(s) > 1000 {
				t.Fatalf("%d bytes: %q", len(s), s)
			}
			if utf8.ValidString(typ) && utf8.ValidString(value) && utf8.ValidString(tool) && !utf8.ValidString(s) {
				t.Fatalf("%q is no UTF-8", s)
			}
		}
	})
}

func TestLongNamesAreCut(t *testing.T) {
	t.Parallel()
	r := &audit.Record{Source: audit.SourceOTelLog, Type: "tool_result", Tool: strings.Repeat("ü", 4000)}
	if s := wording.Sentence(r); len(s) > 200 || !utf8.ValidString(s) {
		t.Errorf("%d bytes: %q", len(s), s)
	}
}

func BenchmarkSentence(b *testing.B) {
	r := &audit.Record{Source: audit.SourceComplianceActivity, Type: "claude_user_role_updated",
		Attributes: attrs("user_email", "eve@example.com", "previous_role", "user", "current_role", "owner")}
	for b.Loop() {
		wording.Sentence(r)
	}
}
