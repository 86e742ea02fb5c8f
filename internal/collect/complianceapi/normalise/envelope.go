package normalise

import (
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// inEnvelope reports whether a field is read here and stands in the record's own fields.
func inEnvelope(name string) bool {
	return name == "id" || name == "type" || name == "created_at" || name == "actor"
}

// envelope fills what every record has.
func (m *maker) envelope(form []byte) {
	r := m.rec
	if r.ID = m.row.text("id"); r.ID == "" {
		r.ID = m.unidentified(form)
		r.Flag(audit.FlagMalformed)
		m.keepOdd("id")
	}
	if r.Type = m.row.text("type"); r.Type == "" {
		m.keepOdd("type")
	}
	m.times()
	m.classify()
	m.keys()
}

// keepOdd keeps an envelope field that is not what it should be.
func (m *maker) keepOdd(name string) {
	for i := range m.row.fields {
		if f := &m.row.fields[i]; f.name == name {
			m.place(name, "envelope."+name, &f.value)
		}
	}
}

// times reads when it occurred. Of Anthropic's own access to content the feed says when it became visible, which may be
// days after: https://platform.claude.com/docs/en/manage-claude/access-transparency.
func (m *maker) times() {
	r := m.rec
	created, ok := parseTime(m.row.text("created_at"))
	if !ok {
		m.keepOdd("created_at")
		r.Flag(audit.FlagNoTime)
		created = m.o.Received.UTC()
	}
	r.Occurred = created
	if at, known := parseTime(m.row.text("accessed_at")); known && (r.Type == "anthropic_access" || r.Type == "cmek_preserve") {
		r.Occurred, r.Observed = at, created
	}
	if !m.o.Received.IsZero() && r.Occurred.After(m.o.Received.Add(aheadOfUs)) {
		r.Flag(audit.FlagClockAbsurd)
	}
}

// parseTime reads a time as the API writes them: RFC 3339, on some routes without a zone, which is UTC then.
func parseTime(s string) (time.Time, bool) {
	if s == "" { // most often: what fails to parse costs
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 0 && t.Year() <= 9999 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// ParseTime reads a time of the Compliance API, in UTC: a missing zone is UTC.
func ParseTime(s string) (time.Time, bool) { return parseTime(s) }

// keys fills what joins this record with those of other sources.
func (m *maker) keys() {
	k, row := &m.rec.Keys, &m.row
	k.Chat = row.text("claude_chat_id")
	k.Project = first(row.text("claude_project_id"), row.text("design_project_id"))
	k.Session = first(row.text("session_id"), row.text("cowork_session_id"))
	k.Request = row.text("request_id")
	m.rec.MCP = row.text("mcp_server_name")
	m.rec.Tool = row.text("tool_name")
}

// finish names the container, and keeps what was too much for the record together.
func (m *maker) finish() {
	kind, id := "organization", m.rec.Account.Proved.Org
	switch k := &m.rec.Keys; {
	case k.Session != "":
		kind, id = "session", k.Session
	case k.Chat != "":
		kind, id = "chat", k.Chat
	case m.row.text("claude_file_id") != "":
		kind, id = "file", m.row.text("claude_file_id")
	case k.Project != "":
		kind, id = "project", k.Project
	}
	m.rec.Container = Container(kind, m.o.Credential, id)
	m.restBeside()
}

// restBeside keeps what was too much for the record together.
func (m *maker) restBeside() {
	if len(m.rest) == 0 {
		return
	}
	m.rec.Flag(audit.FlagTruncated)
	rest := value{kind: audit.KindMap, fields: m.rest}
	m.rest = nil
	m.piece("attributes", audit.ClassText, audit.KindMap, rest.appendJSON(nil))
}

// splitMCP takes apart what clients call a tool of an MCP server: mcp__SERVER__TOOL.
func splitMCP(name string) (server, tool string, ok bool) {
	rest, is := strings.CutPrefix(name, "mcp__")
	if !is {
		return "", "", false
	}
	server, tool, ok = strings.Cut(rest, "__")
	return server, tool, ok && server != "" && tool != ""
}

// Container names what content belongs to, within the credential that delivered it.
func Container(kind, credential, id string) string {
	return kind + "/" + segment(credential) + "/" + segment(id)
}

// segment keeps a name from reaching beyond its place between slashes.
func segment(s string) string {
	switch {
	case s == "":
		return "-"
	case s == "-":
		return "%2D" // "-" stands for none
	case strings.ContainsAny(s, "/%"):
		return url.PathEscape(s)
	}
	return s
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// switched reads whether recording was switched on or off.
func (m *maker) switched() *Switch {
	if m.rec.Type != "org_compliance_api_settings_updated" || m.rec.HasFlag(audit.FlagNoTime) {
		return nil
	}
	api, logging := m.row.get("compliance_api_enabled"), m.row.get("compliance_api_logging_enabled")
	if api.kind != audit.KindBool && logging.kind != audit.KindBool {
		return nil
	}
	off := api.kind == audit.KindBool && !api.truth || logging.kind == audit.KindBool && !logging.truth
	return &Switch{Org: m.rec.Account.Proved.Org, At: m.rec.Occurred, On: !off}
}
