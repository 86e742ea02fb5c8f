package organisation

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// sameSettings are settings that the activity feed and the settings route name differently, by the feed's name, as far as
// the names tell: https://platform.claude.com/docs/en/api/compliance/organizations/settings.
var sameSettings = map[string]string{
	"redact_content": "content_redaction_enabled", "geolocation_enabled": "location_metadata_enabled", "enabled_saffron": "memory_enabled",
	"claude_ai_completion_feedback_enabled":  "claude_ai_feedback_collection_enabled",
	"workbench_completion_feedback_enabled":  "api_workbench_feedback_collection_enabled",
	"claude_api_in_artifacts_enabled":        "ai_powered_artifacts_enabled",
	"claude_ai_skill_sharing_enabled":        "skill_sharing_enabled",
	"claude_ai_skill_sharing_org_enabled":    "org_wide_skill_sharing_enabled",
	"claude_ai_skill_sharing_group_enabled":  "group_skill_sharing_enabled",
	"claude_ai_skill_creation_enabled":       "user_skill_creation_enabled",
	"claude_ai_design_enabled":               "claude_design_enabled",
	"frontier_services_data_use_enabled":     "frontier_data_use_enabled",
	"is_desktop_extension_allowlist_enabled": "desktop_extension_allowlist_enabled",
}

// switches are activities that say of one setting whether it is on: by an attribute, or by what they are.
var switches = map[string]struct{ name, by string }{
	"org_sso_toggled":                              {"sso_enabled", "enabled"},
	"org_magic_link_second_factor_toggled":         {"magic_link_second_factor_enabled", "enabled"},
	"org_sso_seat_tier_assignment_toggled":         {"sso_seat_tier_assignment_enabled", "enabled"},
	"org_connector_domain_guard_updated":           {"connector_domain_guard_enabled", "enforced"},
	"org_compliance_api_settings_updated":          {"compliance_api_enabled", "compliance_api_enabled"},
	"org_sso_provisioning_mode_changed":            {"sso_provisioning_mode", "new_mode"},
	"inference_hooks_config_updated":               {"inference_hooks_enabled", "enabled"},
	"inference_hooks_config_deleted":               {"inference_hooks_enabled", "'false"},
	"org_directory_sync_activated":                 {"directory_sync_enabled", "'true"},
	"org_directory_sync_deleted":                   {"directory_sync_enabled", "'false"},
	"org_hipaa_self_serve_enabled":                 {"hipaa_compliance_enabled", "'true"},
	"org_data_residency_updated":                   {"data_residency", ""},
	"org_cowork_otlp_settings_updated":             {"cowork_telemetry", ""},
	"org_ip_restriction_created":                   {"ip_allowlist_ip_ranges", ""},
	"org_ip_restriction_updated":                   {"ip_allowlist_ip_ranges", ""},
	"org_ip_restriction_deleted":                   {"ip_allowlist_ip_ranges", ""},
	"org_claude_code_data_sharing_enabled":         {"claude_code_data_sharing_enabled", "'true"},
	"org_claude_code_data_sharing_disabled":        {"claude_code_data_sharing_enabled", "'false"},
	"org_model_default_updated":                    {"default_model", "default_model"},
	"org_sso_group_role_mappings_updated":          {"sso_group_role_mappings", ""},
	"org_sso_seat_tier_mappings_updated":           {"sso_seat_tier_mappings", ""},
	"org_discoverability_settings_updated":         {"discoverability", ""},
	"prepaid_extra_usage_auto_reload_enabled":      {"extra_usage_auto_reload_enabled", "'true"},
	"prepaid_extra_usage_auto_reload_disabled":     {"extra_usage_auto_reload_enabled", "'false"},
	"org_claude_code_zero_data_retention_disabled": {"claude_enterprise_claude_code_zero_data_retention_enabled", "'false"},
}

// switchOf is the setting an activity tells of, and which attribute has its value. The names of most end with what was done.
func switchOf(typ string) (name, by string, ok bool) {
	if s, ok := switches[typ]; ok {
		return s.name, s.by, true
	}
	rest, ok := strings.CutPrefix(typ, "org_")
	if !ok {
		return "", "", false
	}
	if what, ok := strings.CutSuffix(rest, "_enabled"); ok {
		return what + "_enabled", "'true", true
	}
	if what, ok := strings.CutSuffix(rest, "_disabled"); ok {
		return what + "_enabled", "'false", true
	}
	return "", "", false
}

// toggled takes in an activity that switches one setting.
func toggled(ctx context.Context, t *taking, e *entry) error {
	name, by, _ := switchOf(e.Type)
	c := settingChange{org: e.org(), name: name, change: "changed", previous: e.value("previous_value"), by: e.seen.by}
	if fixed, ok := strings.CutPrefix(by, "'"); ok {
		c.value, c.told = fixed, true
	} else if by != "" {
		if c.value, c.told = e.told(by); !c.told {
			c.value, c.told = e.told("event_info." + by)
		}
	}
	if c.previous == "" {
		c.previous = e.value("previous_" + strings.TrimPrefix(by, "new_"))
	}
	return c.write(ctx, t, e, 0)
}

// settingsUpdated takes in an activity that changed one or more settings.
func settingsUpdated(ctx context.Context, t *taking, e *entry) error {
	for n := 0; ; n++ {
		at := "updates." + strconv.Itoa(n) + "."
		name := e.value(at + "type")
		if name == "" {
			return nil
		}
		if same, ok := sameSettings[name]; ok {
			name = same
		}
		c := settingChange{org: e.org(), name: name, change: "changed", previous: e.value(at + "previous_value"), by: e.seen.by}
		c.value, c.told = e.told(at + "current_value")
		if err := c.write(ctx, t, e, n); err != nil {
			return err
		}
	}
}

// snapshot takes in what a sweep of the settings found.
func snapshot(ctx context.Context, t *taking, e *entry) error {
	if e.Type == "settings.api_key" && e.value("id") != "" {
		return list(ctx, t, e, kindKey)
	}
	if e.Type != "settings.value" || e.value("setting") == "" {
		return nil
	}
	c := settingChange{
		org: e.org(), name: e.value("setting"), snapshot: true, change: e.value("change"), previous: e.value("previous"),
		expected: e.value("expected"), drift: e.value("drift") == "true", baseline: e.value("baseline"), severity: e.value("severity"), reason: e.value("reason"),
	}
	_, c.judged = e.told("drift")
	c.value, c.told = e.told("value")
	return c.write(ctx, t, e, 0)
}

// settingChange is one setting as one record tells it.
type settingChange struct {
	org, name       string
	snapshot        bool // the value in force, as a sweep found it; else what the activity feed says somebody did
	change          string
	previous, value string
	told            bool // the record has the value: longer ones are content
	judged          bool // the baseline speaks of it
	expected        string
	drift           bool
	baseline, by    string
	severity        string
	reason          string
}

// write puts the change into the history, and in the place of what the same source said before. A verdict of the baseline
// alone leaves the time since when the value stands, and a setting that is no longer shown what was last known of it.
func (c *settingChange) write(ctx context.Context, t *taking, e *entry, n int) error {
	err := t.Exec(ctx, `INSERT INTO setting_log VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
		int64(e.seq), n, c.org, c.name, c.snapshot, e.at, c.change, c.previous, c.value, c.told, c.drift, e.Type, c.by)
	if err != nil {
		return fmt.Errorf("history of settings: %w", err)
	}
	if c.change == "removed" {
		return c.hide(ctx, t, e)
	}
	err = t.Exec(ctx, `INSERT INTO settings VALUES (?1,?2,?3,?4,?5,0,?6,?7,?6,?8,?9,?10,?11,?12,?13,?14,?15,0) ON CONFLICT DO UPDATE SET value = excluded.value, told = excluded.told,
		gone = 0, since = iif(?16, since, excluded.since), found = iif(?16, found, excluded.found), at = excluded.at, judged = excluded.judged, expected = excluded.expected,
		drift = excluded.drift, baseline = excluded.baseline, severity = excluded.severity, reason = excluded.reason, by = excluded.by, seq = excluded.seq, gone_seq = 0
		WHERE excluded.at >= max(at, gone)`,
		c.org, c.name, c.snapshot, c.value, c.told, e.at, c.snapshot && c.change != "changed", c.judged, c.expected, c.drift, c.baseline, c.severity, c.reason, c.by, int64(e.seq),
		c.change == "judged")
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// hide notes that a setting is no longer shown: nobody can tell what it is now, so it is not said to be otherwise.
func (c *settingChange) hide(ctx context.Context, t *taking, e *entry) error {
	err := t.Exec(ctx, `UPDATE settings SET gone = ?, gone_seq = ? WHERE org = ? AND name = ? AND snapshot = ? AND at <= ?`, e.at, int64(e.seq), c.org, c.name, c.snapshot, e.at)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}
