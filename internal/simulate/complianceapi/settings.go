package complianceapi

import (
	"strings"
	"time"
)

// switches are the settings that are on or off, in the order of the rows:
// https://platform.claude.com/docs/en/api/compliance/organizations/settings
const switchNames = `
access_transparency_enabled ai_powered_artifacts_enabled api_workbench_feedback_collection_enabled api_zero_data_retention_enabled
artifact_connectors_enabled ask_your_org_enabled chat_enabled claude_academy_inference_enabled claude_ai_chat_sharing_enabled
claude_ai_feedback_collection_enabled claude_ai_integration_sharing_enabled claude_ai_skill_plugins_scanning_enabled
claude_code_desktop_bypass_permissions_enabled claude_code_desktop_enabled claude_code_fast_mode_enabled claude_code_metrics_logging_enabled
claude_code_remote_control_enabled claude_code_review_enabled claude_code_routines_enabled claude_code_security_enabled
claude_code_trusted_devices_required claude_code_web_enabled claude_code_workflows_enabled claude_design_enabled
claude_enterprise_claude_code_zero_data_retention_enabled claude_in_slack_enabled claude_science_custom_connectors_enabled
claude_science_custom_skills_enabled claude_science_enabled claude_science_managed_network_allowlist_enabled claude_science_memory_enabled
claude_science_modal_enabled claude_science_scientific_model_endpoints_enabled claude_science_ssh_hosts_enabled cmek_enabled code_execution_enabled
code_execution_network_egress_enabled connector_tools_default_always_allow content_redaction_enabled cowork_trusted_devices_required
desktop_extension_allowlist_enabled directory_sync_enabled frontier_data_use_enabled group_skill_sharing_enabled hipaa_compliance_enabled
inline_visualizations_enabled ip_allowlist_enabled location_metadata_enabled member_usage_dashboard_visible memory_enabled
org_wide_skill_sharing_enabled project_sharing_enabled public_projects_enabled skill_sharing_enabled skills_enabled sso_claude_ai_enforced
sso_console_enforced sso_enabled third_party_interactive_content_enabled user_skill_creation_enabled web_search_enabled work_across_apps_enabled
`

type setting struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// settings serves GET /organizations/{org}/settings: the state in force. The parent is no valid target.
func (a *API) settings(c *call) (*answer, *refusal) {
	o, bad := a.named(c)
	if bad != nil || a.opts.NoSettings {
		return nil, missing("organization `%s` not found in this organization's hierarchy", c.vars["org"])
	}
	return jsonAnswer(struct {
		Type     string    `json:"type"`
		Org      string    `json:"organization_id"`
		Settings []setting `json:"settings"`
		Keys     []listed  `json:"api_keys"`
	}{"effective_organization_settings", a.org(o).UUID, a.rows(o, c.At), a.listKeys()})
}

func (a *API) rows(o org, now time.Time) []setting {
	var list []setting
	for _, name := range strings.Fields(switchNames) {
		if on, there := a.isOn(name, o, now); there {
			list = append(list, setting{name, "boolean", on})
		}
	}
	if o != claude {
		return list
	}
	return append(list,
		setting{"account_session_duration_seconds", "integer", 8 * 3600},
		setting{"claude_code_default_worker_environment_id", "string", nil},
		setting{"allowed_invite_domains", "string_list", []string{a.opts.Org.Domain}},
		setting{"disabled_admin_request_types", "string_list", []string{}},
		setting{"ip_allowlist_ip_ranges", "string_list", []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}},
		setting{"sso_provisioning_mode", "provisioning_mode", "scim_advanced"},
		setting{"data_retention_periods", "data_retention", map[string]any{"chat": map[string]any{"type": "fixed", "timescale": "month", "duration": 24}}},
	)
}

// isOn is the value of a switch, and whether an organisation has a row for it: what administrators cannot control has none.
func (a *API) isOn(name string, o org, now time.Time) (on, there bool) {
	switch name {
	case "sso_enabled", "sso_claude_ai_enforced", "sso_console_enforced":
		return a.ssoOn(now), true
	case "hipaa_compliance_enabled", "access_transparency_enabled", "cmek_enabled", "claude_enterprise_claude_code_zero_data_retention_enabled",
		"claude_code_desktop_bypass_permissions_enabled", "frontier_data_use_enabled":
		return false, true
	case "directory_sync_enabled", "ip_allowlist_enabled", "claude_code_metrics_logging_enabled", "chat_enabled", "skills_enabled":
		return true, true
	// A hospital is careful: its administrators have set what lets data out or code in.
	case "connector_tools_default_always_allow", "code_execution_network_egress_enabled", "claude_science_ssh_hosts_enabled",
		"third_party_interactive_content_enabled", "claude_ai_feedback_collection_enabled", "api_workbench_feedback_collection_enabled", "location_metadata_enabled":
		return false, o == claude
	case "desktop_extension_allowlist_enabled", "claude_ai_skill_plugins_scanning_enabled", "claude_science_managed_network_allowlist_enabled",
		"claude_code_trusted_devices_required", "cowork_trusted_devices_required":
		return true, o == claude
	case "api_zero_data_retention_enabled":
		return false, o == console
	}
	return a.dice.n(3, "setting", name) > 0, o == claude && a.dice.n(9, "row", name) > 0
}

// ssoOn is whether single sign-on is on: the world turns it off and on again.
func (a *API) ssoOn(now time.Time) bool {
	on, now := true, earlier(now, a.opts.Until)
	for _, day := range []time.Time{now.AddDate(0, 0, -1), now} {
		for _, act := range a.feed.actsAt(day) {
			if act.Control != nil && act.Control.Type == "org_sso_toggled" && !act.At.After(now) {
				on = act.Control.New == "true"
			}
		}
	}
	return on
}
