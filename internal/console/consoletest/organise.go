package consoletest

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Tell submits one record of the control plane with attributes by name and text; "true" and "false" are booleans. What is
// told under the same form is told once.
func (b *Bench) Tell(at time.Time, form string, source audit.Source, typ string, who audit.Identity, pairs ...string) {
	b.T.Helper()
	r := &audit.Record{
		Normaliser: "test/1", Source: source, Surface: audit.SurfaceUnknown, Activity: audit.ActivityAdminChange, Type: typ,
		Outcome: audit.OutcomeSuccess, Occurred: at, Observed: at, Container: "organization/compliance/org",
	}
	r.Account.Proved = who
	for i := 0; i+1 < len(pairs); i += 2 {
		v := audit.String(pairs[i+1])
		switch pairs[i] {
		case "request_id":
			r.Keys.Request = pairs[i+1]
		case "ip":
			r.IP = pairs[i+1]
			continue
		case "changed", "request_ids":
			v = audit.Array(v)
		}
		if pairs[i+1] == "true" || pairs[i+1] == "false" {
			v = audit.Bool(pairs[i+1] == "true")
		}
		r.Attributes = append(r.Attributes, audit.Attr{Name: pairs[i], Value: v})
	}
	b.Submit("compliance", intake.Draft{Record: r, Form: []byte(form)})
}

// Organise submits some weeks of an organisation that end at a time: settings of which one drifts, keys, who calls the
// Compliance API, members, a leaver and somebody only a client names. The views have caught up.
func (b *Bench) Organise(end time.Time) {
	b.T.Helper()
	at := end.Add(-21 * 24 * time.Hour)
	n := 0
	next := func() (time.Time, string) {
		at, n = at.Add(7*time.Hour), n+1
		return at, at.String()
	}
	const org = "0f000000-0000-4000-8000-0000000000c1"
	dana := audit.Identity{User: "user_dana", Email: "dana@example.com", Org: org}
	kofi := audit.Identity{User: "user_kofi", Email: "kofi@example.com", Org: org}
	tell := func(source audit.Source, typ string, who audit.Identity, pairs ...string) {
		t, form := next()
		b.Tell(t, form, source, typ, who, append([]string{"organization_uuid", org}, pairs...)...)
	}
	feed := func(typ string, pairs ...string) { tell(audit.SourceComplianceActivity, typ, dana, pairs...) }
	listed := func(who audit.Identity, change, role string, pairs ...string) {
		tell(audit.SourceComplianceDirectory, "directory.user", who, append([]string{"change", change, "id", who.User, "email", who.Email, "organization_role", role}, pairs...)...)
	}
	value := func(name, change, value string, pairs ...string) {
		tell(audit.SourceComplianceSettings, "settings.value", audit.Identity{Org: org}, append([]string{"setting", name, "change", change, "value", value}, pairs...)...)
	}
	call := func(key, method, url, id, ip string) {
		tell(audit.SourceComplianceActivity, "compliance_api_accessed", audit.Identity{Key: key, Org: org}, "request_method", method, "url", url, "request_id", id, "status_code", "200", "ip", ip)
	}
	listed(dana, "first_seen", "owner")
	listed(kofi, "first_seen", "user")
	value("sso_enabled", "first_seen", "true", "expected", "true")
	value("web_search_enabled", "first_seen", "false")
	value("claude_code_desktop_bypass_permissions_enabled", "first_seen", "false", "expected", "false")
	value("data_retention_periods", "first_seen", `{"chat":{"type":"fixed","timescale":"month","duration":24}}`)
	feed("api_key_created", "api_key_id", "apikey_tripod", "scopes", "read:compliance_activities")
	feed("scoped_api_key_updated", "api_key_id", "apikey_other", "updates.0.type", "name")
	call("apikey_tripod", "GET", "/v1/compliance/activities", "req_1", "192.0.2.1")
	t, form := next()
	b.Tell(t, form, audit.SourceTripod, "tripod.compliance.requests", audit.Identity{}, "request_ids", "req_1")
	call("apikey_other", "GET", "/v1/compliance/apps/chats/claude_chat_01abc/messages", "req_2", "203.0.113.9")
	call("apikey_other", "DELETE", "/v1/compliance/apps/chats/claude_chat_01abc", "req_3", "203.0.113.9")
	feed("claude_user_role_updated", "user_id", kofi.User, "user_email", kofi.Email, "previous_role", "user", "current_role", "admin")
	listed(kofi, "changed", "admin", "changed", "organization_role", "previous.organization_role", "user")
	feed("org_user_invite_sent", "invited_email", "mireille@example.com", "invited_role", "user")
	feed("org_sso_toggled", "enabled", "false")
	value("sso_enabled", "changed", "false", "previous", "true", "expected", "true", "drift", "true", "baseline", "sso-on")
	feed("org_user_deleted", "deleted_user_id", kofi.User, "deleted_user_email", kofi.Email)
	listed(kofi, "removed", "admin")
	b.CatchUp()
}
