package content

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
)

// uploads are found in the activity feed, which names files by their ids alone since September 2026: what they are called
// is asked for where the policy keeps names. The activities themselves are on record already.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-activity-feed.
func uploads(cfg Config) part {
	return part{
		name: "uploads", says: "uploaded files", feed: "compliance.upload", kind: normalise.KindFile, every: cfg.Interval, limit: api.MaxPage, finds: true,
		since: func(st *state, _ time.Time, _ bool) time.Time { return overlapped(st, cfg) },
		list: func(ctx context.Context, c *api.Client, since time.Time, limit int, page string) (api.Listing, error) {
			p, err := c.Activities(ctx, api.Query{Types: []string{"claude_file_uploaded"}, From: since, After: page, Limit: limit}, api.Content)
			return api.Listing{Rows: p.Rows, Next: p.Next, RequestID: p.RequestID, Date: p.Date}, err
		},
		inside: func(o object) []item {
			var row struct {
				File string `json:"claude_file_id"`
			}
			if err := json.Unmarshal(o.raw, &row); err != nil || row.File == "" || !o.level.Allows(audit.ClassDetail) {
				return nil
			}
			if o.subject.Chat == "" && o.subject.Project != "" {
				return nil // a project's attachments have their names
			}
			of := o.subject
			of.Text = o.level.Allows(audit.ClassText)
			return []item{{Kind: string(normalise.KindFile), ID: row.File, Subject: of}}
		},
	}
}

// uploaded reads of an activity what a file belongs to.
func uploaded(raw json.RawMessage) normalise.Subject {
	var row struct {
		Chat    string `json:"claude_chat_id"`
		Project string `json:"claude_project_id"`
		Org     string `json:"organization_uuid"`
		Actor   struct {
			User  string `json:"user_id"`
			Email string `json:"email_address"`
		} `json:"actor"`
	}
	if err := json.Unmarshal(raw, &row); err != nil {
		return normalise.Subject{Surface: audit.SurfaceChat} // without an id it is not asked for
	}
	return normalise.Subject{Chat: row.Chat, Project: row.Project, Org: row.Org, User: row.Actor.User, Email: strings.ToLower(row.Actor.Email), Surface: audit.SurfaceChat}
}
