package normalise

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// The allow list of objects and messages, like that of the feed. A name that is on no list is of class text.
//
// Sources: https://platform.claude.com/docs/en/api/compliance/apps/chats/list and its neighbours,
// https://platform.claude.com/docs/en/manage-claude/compliance-sessions, November 2026.

func objectDispositions() map[string]audit.Disposition {
	m := make(map[string]audit.Disposition)
	for _, l := range []struct {
		names string
		d     audit.Disposition
	}{{objectKept, audit.Keep}, {objectNamed, audit.Detail}, {objectWritten, audit.Text}} {
		for _, n := range strings.Fields(l.names) {
			m[n] = l.d
		}
	}
	return m
}

// objectKept are identifiers, enumerations, times, sums and e-mail addresses of accounts.
const objectKept = `
type created_at updated_at deleted_at granted_at organization_id organization_uuid product_surface workspace_id agent_id claude_project_id claude_chat_id
claude_chat_ids message_ids project_id status model started_by_user.id started_by_user.email_address user.id user.email_address mime_type md5
artifact_type version_id read_mode owner_user_id published_version_id versions.id versions.created_at role user_id group_id organization_role
sent_by_user_id provenance files.id files.created_at files.md5 files.mime_type generated_files.id generated_files.created_at generated_files.md5
generated_files.mime_type artifacts.id artifacts.version_id artifacts.artifact_type content_unavailable content.md5`

// objectNamed are what people named.
const objectNamed = `
name title filename href versions.name files.filename generated_files.filename artifacts.title block.mcp_server_url`

// objectWritten are what people wrote.
const objectWritten = `description instructions content`
