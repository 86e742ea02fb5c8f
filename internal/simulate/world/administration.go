package world

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// administration is what is done to the vendor's organisation on a day: by the directory, by administrators, by finance.
func (w *World) administration(date time.Time) []Act {
	k := w.desk("administration/"+date.Format(time.DateOnly), date.Add(3*time.Hour))
	k.surface = audit.SurfaceConsole
	sync := w.Account(syncLogin + "@" + w.Org.Domain)
	by := func(login string) *Account { return w.Account(login + "@" + w.Org.Domain) }
	// at does something at an hour of the day, some minutes past.
	at := func(hour int, who *Account, c ControlAct) {
		k.now = date.Add(time.Duration(hour)*time.Hour + k.d.span(time.Minute, 55*time.Minute))
		k.add(who, c)
	}
	at(2, sync, ControlAct{Type: "org_directory_resync_started"})
	k.pause(20*time.Second, 2*time.Minute)
	k.add(sync, ControlAct{Type: "org_directory_resync_completed"})
	if !isWeekend(date) {
		at(9, by("leonie"), ControlAct{Type: "org_users_listed"})
		at(13, by(pick(k.d, []string{"tobias", "aaron", "marit"})), ControlAct{Type: "group_list_viewed"})
		at(10, w.Account(pick(k.d, w.present(date)).Email), ControlAct{Type: "integration_user_connected", Target: pick(k.d, []string{"github", "sharepoint", "jira"}), Object: k.d.vendor("mcpsrv_01")})
	}
	switch date.Weekday() {
	case time.Monday:
		w.joins(k, date, sync)
		at(8, by("marit"), ControlAct{Type: "audit_log_export_started", Old: date.AddDate(0, 0, -7).Format(time.DateOnly), New: date.Format(time.DateOnly)})
		at(14, by("martina"), ControlAct{Type: "platform_cost_report_viewed"})
	case time.Tuesday:
		at(11, by("leonie"), ControlAct{Type: "mcp_tool_policy_updated", Target: "slack", Text: "post_message", Old: "always_allow", New: "ask"})
		at(12, by("svenja"), ControlAct{Type: "claude_skill_created", Text: "hospital-sql " + digits(k.d.between(2, 9)), Object: k.d.vendor("skill_01")})
	case time.Wednesday:
		at(9, by("marit"), ControlAct{Type: "org_data_export_started", New: "members"})
		k.pause(4*time.Minute, 9*time.Minute)
		k.add(by("marit"), ControlAct{Type: "org_data_export_completed", New: "members"})
		at(13, by("tobias"), ControlAct{Type: "claude_organization_settings_updated", Text: "web_search_domain_allowlist", Old: digits(k.d.between(20, 30)), New: digits(k.d.between(31, 40))})
	case time.Thursday:
		at(10, by("birte"), ControlAct{Type: "platform_api_key_created", Object: k.d.vendor("apikey_01"), Text: "router-test-" + digits(k.d.between(10, 99))})
		at(11, by("tobias"), ControlAct{Type: "desktop_extension_allowlisted", Object: k.d.vendor("dxt_01"), Text: "dicom-viewer"})
		at(15, by("leonie"), ControlAct{Type: "claude_user_seat_tier_updated", Target: "deepa@" + w.Org.Domain, Object: by("deepa").User, Old: "standard", New: "premium"})
	case time.Friday:
		at(9, by("martina"), ControlAct{Type: "extra_usage_spend_limit_updated", Old: "2500", New: "3000"})
		at(10, by("aaron"), ControlAct{Type: "platform_usage_report_claude_code_viewed"})
		w.leaves(k, date, sync)
	}
	return k.acts
}

// present are the human beings' accounts of a day.
func (w *World) present(date time.Time) []*Account {
	var list []*Account
	for _, a := range w.Members(date.Add(12 * time.Hour)) {
		if !a.Service {
			list = append(list, a)
		}
	}
	return list
}

func (w *World) joins(k *desk, date time.Time, sync *Account) {
	a := w.joiner(date)
	if a == nil {
		return
	}
	k.now = date.Add(5*time.Hour + 30*time.Minute)
	k.add(sync, ControlAct{Type: "scim_user_created", Target: a.Email, Object: a.User})
	for _, g := range a.Groups {
		k.pause(time.Second, 5*time.Second)
		k.add(sync, ControlAct{Type: "group_member_added", Target: g, Names: []string{a.Email}, Object: k.d.vendor("group_01")})
	}
	k.pause(time.Second, 20*time.Second)
	k.add(sync, ControlAct{Type: "claude_user_seat_tier_updated", Target: a.Email, Object: a.User, New: "premium"})
}

func (w *World) leaves(k *desk, date time.Time, sync *Account) {
	a := w.leaver(monday(date))
	if a == nil {
		return
	}
	k.now = a.Left
	for _, g := range a.Groups {
		k.pause(time.Second, 5*time.Second)
		k.add(sync, ControlAct{Type: "group_member_removed", Target: g, Names: []string{a.Email}, Object: k.d.vendor("group_01")})
	}
	k.pause(time.Second, 20*time.Second)
	k.add(sync, ControlAct{Type: "scim_user_deleted", Target: a.Email, Object: a.User})
	k.pause(time.Second, 20*time.Second)
	k.add(sync, ControlAct{Type: "org_user_deleted", Target: a.Email, Object: a.User})
}
