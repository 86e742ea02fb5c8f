package countdown

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Fact is what a page of the vendor says of where evidence ends.
type Fact struct {
	ID     string `json:"fact"`
	What   string `json:"what"`   // disappears
	Where  string `json:"where"`  // it does
	Says   string `json:"says"`   // what the page says of it
	Source string `json:"source"` // the page
	Read   string `json:"read"`   // the version of the page, by its month or day
	Do     string `json:"do"`     // what keeps it

	kind     audit.Source
	object   string          // type of the records of what disappears
	surfaces []audit.Surface // of them; none is all
	days     int             // for which it is kept there; 0: the organisation's own period
	data     []string        // names of the organisation's own periods, the shortest of which counts
	created  bool            // the period begins when it was made; else when it last changed
}

// The names of settings by which facts are the case.
const (
	settingHIPAA   = "hipaa_compliance_enabled"
	settingPeriods = "data_retention_periods"
)

// The ids of the facts.
const (
	FactHIPAA    = "hipaa.local_sessions"
	FactChats    = "period.chats"
	FactSessions = "period.sessions"
	FactDeleted  = "user.deleted_chats"
)

// Facts lists what is known of where evidence ends.
func Facts() []Fact {
	return []Fact{
		{
			ID: FactHIPAA, What: "transcripts of Cowork and Claude Code on devices", Where: "an organisation with HIPAA readiness",
			Says:   "local sessions of Cowork and Claude Code are returned and kept for 30 days; those of other products are not captured (before October 2026 the page said that none are)",
			Source: "https://platform.claude.com/docs/en/manage-claude/compliance-sessions", Read: "2026-10-08",
			Do:   "read sessions by the Compliance API and keep text of the source compliance.session; have clients report by OpenTelemetry as a second source",
			kind: audit.SourceComplianceSession, object: "session", surfaces: []audit.Surface{audit.SurfaceCowork, audit.SurfaceClaudeCode}, days: 30, created: true,
		},
		{
			ID: FactChats, What: "chats, with what is attached to them", Where: "an organisation with a finite period for chats",
			Says:   "chats, files and projects are kept as the organisation's policy says, for ever by default",
			Source: "https://platform.claude.com/docs/en/manage-claude/compliance-integration-patterns", Read: "2026-09",
			Do:   "read chats by the Compliance API and keep text of the source compliance.chat, or lengthen the period there",
			kind: audit.SourceComplianceChat, object: "chat", data: []string{"chat", "all"},
		},
		{
			ID: FactSessions, What: "transcripts of sessions on devices", Where: "an organisation with a finite period",
			Says:   "transcripts are kept for six years from capture, or for the organisation's finite period, the shortest where there are several",
			Source: "https://platform.claude.com/docs/en/manage-claude/compliance-sessions", Read: "2026-09",
			Do:   "read sessions by the Compliance API and keep text of the source compliance.session, or lengthen the period there",
			kind: audit.SourceComplianceSession, object: "session", created: true,
		},
		{
			ID: FactDeleted, What: "chats that their users deleted", Where: "everywhere",
			Says:   "a chat its user deleted is still listed, and its messages come back without content (before September 2026 the page said that they stay readable)",
			Source: "https://platform.claude.com/docs/en/manage-claude/compliance-content-data", Read: "2026-09",
			Do:   "what was not read before it was deleted is gone there: keep text of the source compliance.chat, and look whether another source saw it",
			kind: audit.SourceComplianceActivity, object: "claude_chat_deleted",
		},
	}
}

// fixed are the facts' own periods.
func (f *Fact) fixed() period { return period{days: f.days} }

// period is a length of time by the calendar; the zero period has no end.
type period struct{ months, days int }

func (p period) after(t time.Time) time.Time  { return t.AddDate(0, p.months, p.days) }
func (p period) before(t time.Time) time.Time { return t.AddDate(0, -p.months, -p.days) }
func (p period) none() bool                   { return p == period{} }
