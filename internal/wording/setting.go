package wording

import (
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// settingNames are settings that their own names word badly.
var settingNames = map[string]string{
	"account_session_duration_seconds":             "the length of a sign-in, in seconds",
	"allowed_invite_domains":                       "the domains that may be invited",
	"artifact_external_sharing_enabled":            "sharing artifacts outside",
	"chat_enabled":                                 "chat",
	"claude_ai_ccr_sharing_enabled":                "sharing Claude Code cloud sessions",
	"claude_ai_ccr_support_sharing_enabled":        "sharing Claude Code cloud sessions with support",
	"claude_ai_completion_feedback_enabled":        "feedback on replies",
	"claude_api_in_artifacts_enabled":              "the Claude API in artifacts",
	"claude_code_disable_anthropic_compute":        "keeping Claude Code off Anthropic's machines",
	"claude_code_hide_managed_environments":        "hiding managed environments of Claude Code",
	"claude_code_allow_session_pool_moves":         "moving Claude Code sessions between pools",
	"code_execution_domain_allowlist_changed":      "the domains that code execution may reach",
	"code_execution_network_egress_enabled":        "network access of code execution",
	"connector_tools_default_always_allow":         "allowing tools of connectors without asking",
	"data_retention_periods":                       "how long data is kept",
	"disabled_admin_request_types":                 "what members may not ask administrators for",
	"enabled_saffron":                              "memory",
	"frontier_data_use_enabled":                    "use of data by frontier services",
	"frontier_services_data_use_enabled":           "use of data by frontier services",
	"geolocation_enabled":                          "use of the location",
	"ip_allowlist_enabled":                         "the IP allowlist",
	"ip_allowlist_ip_ranges":                       "the ranges of the IP allowlist",
	"location_metadata_enabled":                    "use of the location",
	"mcp_tools_enabled":                            "which MCP tools are on",
	"cli_op_permissions_enabled":                   "which operations of command lines are allowed",
	"members_limit":                                "the most members",
	"redact_content":                               "redaction of content",
	"content_redaction_enabled":                    "redaction of content",
	"sso_claude_ai_enforced":                       "requiring SSO for claude.ai",
	"sso_console_enforced":                         "requiring SSO for the Console",
	"sso_provisioning_mode":                        "how SSO admits members",
	"support_contact_always_include_admins_owners": "administrators and owners as contacts for support",
	"support_contact_designated_groups":            "the groups that are contacts for support",
	"support_contact_mode":                         "who is a contact for support",
}

// SettingName is a setting by its vendor's name, in words: "sso_enabled" as "SSO".
func SettingName(name string) string {
	if s, ok := settingNames[name]; ok {
		return s
	}
	s := strings.TrimSuffix(strings.TrimPrefix(name, "is_"), "_enabled")
	s = strings.TrimPrefix(s, "claude_ai_")
	if required, ok := strings.CutSuffix(s, "_required"); ok {
		return cut("requiring " + words(required))
	}
	return cut(words(s))
}

// SettingValue is a setting's value, as told in text, in words: a switch is on or off.
func SettingValue(s string) string {
	switch s {
	case "true":
		return "on"
	case "false":
		return "off"
	case "", "null":
		return "not set"
	}
	return cut(s)
}

// settingsUpdated words the feed's own records of settings: one or more of them changed, each with its values where they
// are numbers or switches.
func settingsUpdated(r *audit.Record, v values) phrase {
	whose := " for the organisation"
	if r.Type == "claude_user_settings_updated" {
		whose = " for the account"
	}
	var names []string
	for i := 0; ; i++ {
		name := v.get("updates." + strconv.Itoa(i) + ".type")
		if name == "" {
			break
		}
		names = append(names, SettingName(name))
	}
	switch len(names) {
	case 0:
		return phrase{verb: "changed", object: "settings", plural: true, rest: strings.TrimSpace(whose)}
	case 1:
		return changed(r, names[0], whose)
	}
	const most = 3
	more := ""
	if len(names) > most {
		more = " …"
	}
	return phrase{verb: "changed", plural: true, rest: strings.TrimSpace(whose),
		object: strconv.Itoa(len(names)) + " settings (" + strings.Join(names[:min(most, len(names))], ", ") + more + ")"}
}

// changed words one setting that was changed.
func changed(r *audit.Record, name, whose string) phrase {
	now, isNow := r.Attributes.Get("updates.0.current_value")
	old, isOld := r.Attributes.Get("updates.0.previous_value")
	if on, ok := now.IsTrue(); ok {
		return phrase{verb: "turned", object: name, rest: SettingValue(strconv.FormatBool(on)) + whose}
	}
	rest := ""
	if isOld && old.Text() != "" {
		rest = "from " + cut(old.Text()) + " "
	}
	if isNow && now.Text() != "" {
		rest += "to " + cut(now.Text())
	}
	return phrase{verb: "changed", object: "the setting “" + name + "”", rest: strings.TrimSpace(rest + whose)}
}

// setting words what a snapshot of the settings found.
func setting(r *audit.Record, v values) phrase {
	if r.Type == "settings.api_key" {
		return accessKey(v)
	}
	if r.Type != "settings.value" {
		return bare(r.Type)
	}
	name, value := "a setting without a name", SettingValue(v.get("value"))
	if s := v.get("setting"); s != "" {
		name = "the setting “" + SettingName(s) + "”"
	}
	text := ""
	switch v.get("change") {
	case "changed":
		text = name + " went from " + SettingValue(v.get("previous")) + " to " + value
	case "removed":
		text = name + " is no longer told"
	case "returned":
		text = name + " is told again: " + value
	default:
		text = name + " is " + value
	}
	if drift, _ := r.Attributes.Get("drift"); drift.Text() == "true" {
		text += ", which the baseline does not expect"
		if want := v.get("expected"); want != "" {
			text += " (" + SettingValue(want) + ")"
		}
	}
	return phrase{clause: text, ends: true}
}

// accessKey words what a snapshot found of a Compliance Access Key.
func accessKey(v values) phrase {
	key := "a Compliance Access Key"
	if id := v.get("id"); id != "" {
		key = "the Compliance Access Key " + cut(id)
	}
	switch v.get("change") {
	case "changed":
		key += " changed"
	case "removed":
		key += " is gone"
	case "returned":
		key += " is there again"
	default:
		key += " is there"
	}
	if v.get("is_active") == "false" && v.get("change") != "removed" {
		key += ", and is disabled"
	}
	return phrase{clause: key, ends: true}
}

// metric is the name of a metric in words.
func metric(name string) string {
	if name = words(name); name == "" {
		return "a metric without a name"
	}
	return cut(name)
}
