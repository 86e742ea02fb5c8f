package normalise

import "github.com/tripod-audit/tripod/internal/audit"

// allowList says of every text the export is known to carry whether it may stay in the record. A text under a name that
// is not here is content of class text: nobody knows what tomorrow's key carries. Names of people, titles and file names
// are content of class detail.
//
// Source: https://support.claude.com/en/articles/9970975-access-audit-logs.
var allowList = map[string]audit.Disposition{
	"client_platform": audit.Keep,
	"user_agent":      audit.Keep,

	"actor_info.name": audit.Detail,

	"entity_info.type":                     audit.Keep,
	"entity_info.uuid":                     audit.Keep,
	"entity_info.name":                     audit.Detail,
	"entity_info.metadata.email_address":   audit.Keep,
	"entity_info.metadata.role":            audit.Keep,
	"entity_info.metadata.is_private":      audit.Keep,
	"entity_info.metadata.project_uuid":    audit.Keep,
	"entity_info.metadata.connection_type": audit.Keep,
	"entity_info.metadata.state":           audit.Keep,
	"entity_info.metadata.domains":         audit.Keep,

	"event_info.email_address":            audit.Keep,
	"event_info.is_successful":            audit.Keep,
	"event_info.channel":                  audit.Keep,
	"event_info.domain":                   audit.Keep,
	"event_info.invited_email_address":    audit.Keep,
	"event_info.invited_role":             audit.Keep,
	"event_info.invite_uuid":              audit.Keep,
	"event_info.sso_enforced":             audit.Keep,
	"event_info.enabled":                  audit.Keep,
	"event_info.is_enabled":               audit.Keep,
	"event_info.jit_provisioning_enabled": audit.Keep,
	"event_info.updated_privacy":          audit.Keep,
	"event_info.export_type":              audit.Keep,
	"event_info.initiated_by_anthropic":   audit.Keep,
	"event_info.phone_number":             audit.Detail,
	"event_info.old_name":                 audit.Detail,
	"event_info.new_name":                 audit.Detail,
	"event_info.filename":                 audit.Detail,
}
