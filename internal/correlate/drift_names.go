package correlate

import (
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
)

// changed is a setting that an act changed.
type changed struct {
	name  string // as a snapshot calls it
	value string // the new one as text, "" where the feed does not say
}

// mostUpdates bounds the settings of one act that are looked at; the vendor knows 73.
const mostUpdates = 128

// settingsChanged lists the settings that an act of the feed changed.
func settingsChanged(r *audit.Record) (list []changed) {
	if r.Type != "claude_organization_settings_updated" {
		enabled := told(r, "enabled")
		for _, name := range settingsOfTypes()[r.Type] {
			list = append(list, changed{name, enabled})
		}
		return list
	}
	names := settingsOfUpdates()
	for i := range mostUpdates {
		prefix := "updates." + strconv.Itoa(i) + "."
		name := told(r, prefix+"type")
		if name == "" {
			break
		}
		if other, ok := names[name]; ok {
			name = other
		}
		list = append(list, changed{name, told(r, prefix+"current_value")})
	}
	return list
}

// settingsOfUpdates are the updates of claude_organization_settings_updated that name a setting otherwise than a snapshot does.
// The vendor's pages list both and not which is which: these are matched by what their names say.
//
// Sources: https://platform.claude.com/docs/en/api/compliance/activities/list,
// https://platform.claude.com/docs/en/api/compliance/organizations/settings.
func settingsOfUpdates() map[string]string {
	return map[string]string{
		"redact_content":                         "content_redaction_enabled",
		"geolocation_enabled":                    "location_metadata_enabled",
		"enabled_saffron":                        "memory_enabled",
		"workbench_completion_feedback_enabled":  "api_workbench_feedback_collection_enabled",
		"claude_ai_completion_feedback_enabled":  "claude_ai_feedback_collection_enabled",
		"claude_api_in_artifacts_enabled":        "ai_powered_artifacts_enabled",
		"is_desktop_extension_allowlist_enabled": "desktop_extension_allowlist_enabled",
		"claude_ai_design_enabled":               "claude_design_enabled",
		"claude_ai_skill_sharing_enabled":        "skill_sharing_enabled",
		"claude_ai_skill_sharing_org_enabled":    "org_wide_skill_sharing_enabled",
		"claude_ai_skill_sharing_group_enabled":  "group_skill_sharing_enabled",
		"claude_ai_skill_creation_enabled":       "user_skill_creation_enabled",
		"frontier_services_data_use_enabled":     "frontier_data_use_enabled",
		"claude_in_slack_settings":               "claude_in_slack_enabled",
	}
}

// settingsOfTypes are the activities of a type of their own that change settings, likewise.
func settingsOfTypes() map[string][]string {
	sso := []string{"sso_enabled", "sso_claude_ai_enforced", "sso_console_enforced"}
	ip := []string{"ip_allowlist_enabled", "ip_allowlist_ip_ranges"}
	return map[string][]string{
		"org_sso_toggled":                              sso,
		"org_sso_connection_activated":                 sso,
		"org_sso_connection_deactivated":               sso,
		"org_sso_connection_deleted":                   sso,
		"org_sso_provisioning_mode_changed":            {"sso_provisioning_mode"},
		"org_directory_sync_activated":                 {"directory_sync_enabled"},
		"org_directory_sync_deleted":                   {"directory_sync_enabled"},
		"org_ip_restriction_created":                   ip,
		"org_ip_restriction_updated":                   ip,
		"org_ip_restriction_deleted":                   ip,
		"org_work_across_apps_enabled":                 {"work_across_apps_enabled"},
		"org_work_across_apps_disabled":                {"work_across_apps_enabled"},
		"org_claude_code_desktop_enabled":              {"claude_code_desktop_enabled"},
		"org_claude_code_desktop_disabled":             {"claude_code_desktop_enabled"},
		"org_claude_code_zero_data_retention_disabled": {"claude_enterprise_claude_code_zero_data_retention_enabled"},
		"org_hipaa_self_serve_enabled":                 {"hipaa_compliance_enabled"},
	}
}
