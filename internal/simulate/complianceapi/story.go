package complianceapi

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// told is what an act of the world tells of the fields of its activity, under all the names they can have.
func (f *feed) told(act *world.Act) map[string]any {
	c := act.Control
	known := map[string]any{
		"auth_method": method(c.Type), "mfa_method": "not_used", "enabled": c.New == "true", "is_enabled": true, "from_date": c.Old, "to_date": c.New,
		"current_seat_tier": orNull(c.New), "previous_seat_tier": orNull(c.Old), "current_role": orNull(c.New), "previous_role": orNull(c.Old), "amount": number(c.New),
		"user_email": c.Target, "deleted_user_email": c.Target, "invited_role": c.New, "invited_seat_tier": "standard", "group_id": f.a.groupID(c.Target),
		"role_id": f.a.roleID(c.New), "principal_type": "user", "integration_type": c.Target, "mcp_server_name": c.Target, "tool_name": c.Text, "max_permission": c.New,
		"skill_name": c.Text, "claude_project_id": orNull(act.Keys.Project), "claude_chat_id": orNull(act.Keys.Chat), "filename": orNull(c.Text), "title": orNull(c.Text),
		"resync_uuid": f.a.dice.uuid("resync", act.At.Format(time.DateOnly)), "sync_destinations": []string{"claude", "console"},
		"mcp_server_id": f.a.dice.id("mcpsrv_01", "server", c.Target), "export_type": exportType(c.New), "updates": f.updates(c), "preview_only": false,
		"audience": []map[string]string{{"type": "organization"}},
	}
	f.named(known, act)
	return known
}

// named adds the object of an act, under the name its prefix calls for, and the people concerned.
func (f *feed) named(known map[string]any, act *world.Act) {
	c := act.Control
	for prefix, name := range map[string]string{
		"claude_file_": "claude_file_id", "claude_artifact_": "claude_artifact_id", "claude_proj_doc_": "claude_project_document_id", "sess_": "cowork_session_id",
		"apikey_": "api_key_id", "mcpsrv_": "mcp_server_id", "skill_": "skill_id", "dxt_": "extension_id", "claude_chat_01": "claude_chat_id", "claude_proj_01": "claude_project_id",
	} {
		if strings.HasPrefix(c.Object, prefix) {
			known[name] = c.Object
		}
	}
	if strings.HasPrefix(c.Object, "user_") {
		known["user_id"], known["deleted_user_id"] = c.Object, c.Object
	}
	if acc := f.a.opts.World.Account(c.Target); acc != nil {
		known["principal_id"] = acc.User
	}
	if strings.HasPrefix(c.New, "claude_chat_snapshot_") {
		known["claude_chat_snapshot_id"] = c.New
	}
	if len(c.Names) > 0 {
		known["invited_email"] = c.Names[0]
		var ids []string
		for _, email := range c.Names {
			if acc := f.a.opts.World.Account(email); acc != nil {
				ids = append(ids, acc.User)
			}
		}
		known["member_ids"], known["invited_rbac_group_ids"] = ids, []string{}
	}
	if p := known["claude_project_id"]; p == nil && act.Keys.Project != "" {
		known["claude_project_id"] = act.Keys.Project
	}
}

func method(kind string) string {
	if strings.HasPrefix(kind, "magic_link") {
		return "magic_link"
	}
	return "sso"
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(s string) any {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil
	}
	return n
}

// exportType is the vendor's word for an export; "members" has none of its own.
func exportType(s string) any {
	if s == "full" {
		return "conversations"
	}
	return nil
}

// updates is the change of a setting. What the vendor has no variant for, it tells as changes of a kind nobody documented.
func (f *feed) updates(c *world.ControlAct) any {
	switch c.Type {
	case "claude_organization_settings_updated", "claude_user_settings_updated":
	default:
		return []json.RawMessage{}
	}
	var o object
	o.value("current_value", number(c.New))
	o.value("previous_value", number(c.Old))
	o.text("type", c.Text)
	return []json.RawMessage{json.RawMessage(o.end())}
}

func (a *API) groupID(name string) string { return a.dice.id("rbac_group_01", "group", name) }
func (a *API) roleID(name string) string  { return a.dice.id("rbac_role_01", "role", name) }

// blanked are the fields that rows no longer carry: since 2026-09-24 file names and titles, of older rows too.
// https://platform.claude.com/docs/en/manage-claude/compliance-activity-feed
func blanked(k *kind, now time.Time) map[string]bool {
	if now.Before(blankedSince()) {
		return nil
	}
	m := map[string]bool{}
	for _, name := range k.Blank {
		m[name] = true
	}
	return m
}

func blankedSince() time.Time { return time.Date(2026, 9, 24, 0, 0, 0, 0, time.UTC) }

// userIDs are those of the world's first accounts, for fields the world does not tell.
func userIDs(w *world.World) []string {
	var ids []string
	for _, acc := range w.Accounts[:min(40, len(w.Accounts))] {
		ids = append(ids, acc.User)
	}
	return slices.Clip(ids)
}
