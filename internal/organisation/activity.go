package organisation

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// What the history of an account says.
const (
	WhatJoined    = "joined"
	WhatLeft      = "left"
	WhatInvited   = "invited"
	WhatRole      = "role"
	WhatSeat      = "seat"
	WhatGroup     = "group"
	WhatGroupLeft = "group_left"
	WhatInGroup   = "in_group" // found there by the first sweep, and perhaps long before
	WhatCustom    = "custom_role"
	WhatCustomEnd = "custom_role_taken"
	WhatEmail     = "email"
	WhatListed    = "listed"
	WhatGone      = "gone"
	WhatReturned  = "returned"
	WhatChanged   = "changed"
	WhatOwner     = "primary_owner"
)

// activityInto is what is done with a type of the activity feed; nil for most.
func activityInto(typ string) func(context.Context, *taking, *entry) error {
	switch typ {
	case "claude_organization_settings_updated":
		return settingsUpdated
	case "compliance_api_accessed":
		return accessed
	}
	if _, _, ok := switchOf(typ); ok {
		return toggled
	}
	if _, ok := keyTypes[typ]; ok {
		return keyActivity
	}
	if _, ok := accountTypes[typ]; ok {
		return accountActivity
	}
	return nil
}

// accountType says what an activity means for an account: which attributes name it, what it has now and what it had.
type accountType struct {
	what        string
	user, email string // attributes; without both it is who acted
	list        string // attribute that lists users, in place of these
	detail, was string
}

// accountTypes are the activities that say something of an account.
var accountTypes = map[string]accountType{
	"org_user_invite_sent":          {what: WhatInvited, email: "invited_email", detail: "invited_role"},
	"org_user_invite_re_sent":       {what: WhatInvited, email: "invited_email", detail: "invited_role"},
	"org_user_invite_accepted":      {what: WhatJoined},
	"scim_user_created":             {what: WhatJoined, user: "user_id", email: "user_email"},
	"scim_user_deleted":             {what: WhatLeft, user: "user_id", email: "user_email"},
	"org_user_deleted":              {what: WhatLeft, user: "deleted_user_id", email: "deleted_user_email"},
	"org_user_left":                 {what: WhatLeft, was: "previous_role"},
	"account_deleted":               {what: WhatLeft},
	"claude_user_role_updated":      {what: WhatRole, user: "user_id", email: "user_email", detail: "current_role", was: "previous_role"},
	"claude_user_seat_tier_updated": {what: WhatSeat, user: "user_id", email: "user_email", detail: "current_seat_tier", was: "previous_seat_tier"},
	"group_member_added":            {what: WhatGroup, list: "member_ids", detail: "group_id"},
	"group_member_removed":          {what: WhatGroupLeft, list: "member_ids", detail: "group_id"},
	"rbac_role_assigned":            {what: WhatCustom, user: "principal_id", detail: "role_id"},
	"rbac_role_unassigned":          {what: WhatCustomEnd, user: "principal_id", detail: "role_id"},
	"primary_owner_transferred":     {what: WhatOwner, user: "new_owner_id", was: "previous_owner_id"},
}

// accountActivity takes in an activity that says something of an account.
func accountActivity(ctx context.Context, t *taking, e *entry) error {
	kind := accountTypes[e.Type]
	if pt := e.value("principal_type"); kind.user == "principal_id" && pt != "" && pt != "user" && pt != "account" {
		return nil // a role given to a group is no account's
	}
	detail, was := e.value(kind.detail), e.value(kind.was)
	if kind.list != "" {
		members, _ := e.Attributes.Get(kind.list)
		for n, m := range members.Items() {
			if err := log(ctx, t, e, n, kindUser+":"+m.Text(), kind.what, detail, was); err != nil {
				return err
			}
		}
		return nil
	}
	user, email := e.value(kind.user), strings.ToLower(e.value(kind.email))
	if kind.user == "" && kind.email == "" {
		return log(ctx, t, e, 0, e.seen.subject, kind.what, detail, was)
	}
	who := audit.Identity{User: user, Email: email}
	if user != "" && email != "" { // one act names both: they are one account's
		if err := knownAs(ctx, t, e, kindUser+":"+user, kindEmail, email); err != nil {
			return err
		}
	}
	return log(ctx, t, e, 0, subjectOf(&who), kind.what, detail, was)
}

// log puts something into the history of an account.
func log(ctx context.Context, t *taking, e *entry, n int, who subject, what, detail, was string) error {
	if who == "" || what == "" {
		return nil
	}
	by := e.seen.by
	if e.Source == audit.SourceComplianceDirectory {
		by = "" // its account is the one it is about
	}
	err := t.Exec(ctx, `INSERT INTO account_log VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`, int64(e.seq), n, who, e.at, what, e.Type, detail, was, by)
	if err != nil {
		return fmt.Errorf("history of accounts: %w", err)
	}
	return nil
}

// knownAs says that an account is known by an identifier, on the control plane's word.
func knownAs(ctx context.Context, t *taking, e *entry, who subject, kind, value string) error {
	id, err := t.sights.id(ctx, t.Tx, who)
	if err != nil {
		return err
	}
	err = t.Exec(ctx, `INSERT INTO aliases VALUES (?,?,?,1,?,?,?,?) ON CONFLICT DO UPDATE SET `+wider, id, kind, value, e.at, e.at, int64(e.seq), int64(e.seq))
	if err != nil {
		return fmt.Errorf("aliases: %w", err)
	}
	return nil
}

// directory takes in what a sweep of the directory found.
func directory(ctx context.Context, t *taking, e *entry) error {
	kind, ok := strings.CutPrefix(e.Type, "directory.")
	if !ok || e.value("id") == "" {
		return nil
	}
	if err := list(ctx, t, e, kind); err != nil {
		return err
	}
	return directoryLog(ctx, t, e, kind)
}

// list takes in how something stands that a sweep lists.
func list(ctx context.Context, t *taking, e *entry, kind string) error {
	present := e.value("change") != "removed"
	fields, err := fieldsOf(e)
	if err != nil {
		return err
	}
	// What is gone keeps what was last known of it.
	err = t.Exec(ctx, `INSERT INTO entities VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET present = excluded.present,
		changed_at = CASE WHEN present <> excluded.present THEN excluded.changed_at ELSE changed_at END,
		fields = CASE WHEN excluded.present THEN excluded.fields ELSE fields END, seq = excluded.seq`,
		kind, e.org(), e.value("id"), present, e.value("last_sweep") != "", e.at, e.at, fields, int64(e.seq))
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// directoryLog puts what the directory says of an account into its history.
func directoryLog(ctx context.Context, t *taking, e *entry, kind string) error {
	who := e.seen.subject
	switch change := e.value("change"); {
	case kind == "member" && change == "removed":
		return log(ctx, t, e, 0, who, WhatGroupLeft, e.value("group_id"), "")
	case kind == "member" && change == "first_seen" && e.value("last_sweep") == "":
		return log(ctx, t, e, 0, who, WhatInGroup, e.value("group_id"), "")
	case kind == "member" && change != "changed":
		return log(ctx, t, e, 0, who, WhatGroup, e.value("group_id"), "")
	case kind != "user":
		return nil
	case change == "removed":
		return log(ctx, t, e, 0, who, WhatGone, "", "")
	case change == "returned":
		return log(ctx, t, e, 0, who, WhatReturned, e.value("organization_role"), "")
	case change != "changed":
		return log(ctx, t, e, 0, who, WhatListed, e.value("organization_role"), "")
	}
	changed, _ := e.Attributes.Get("changed")
	for n, name := range changed.Items() {
		what := map[string]string{"email": WhatEmail, "organization_role": WhatRole}[name.Text()]
		detail, was := e.value(name.Text()), e.value("previous."+name.Text())
		if what == WhatEmail {
			detail = cmp.Or(detail, e.Account.Proved.Email)
		}
		if what == "" {
			what, detail, was = WhatChanged, name.Text(), ""
		}
		if err := log(ctx, t, e, n, who, what, detail, was); err != nil {
			return err
		}
	}
	return nil
}
