package normalise

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
)

// parsed is a cell that should hold a dict.
type parsed struct {
	file.Value
	exact bool
}

// actor is who a row says acted.
type actor struct {
	value parsed
	id    string // UUID
	email string
}

// cells are what a row says, read.
type cells struct {
	at         time.Time // zero where the row gives none
	actor      actor
	info       parsed
	entity     parsed
	entityType string
	entityUUID string
	entityMeta file.Value
}

// Row makes the draft of one row.
func Row(r *file.Row, o Origin) Draft {
	m := &maker{rec: &audit.Record{
		Normaliser: Version, Source: audit.SourceAuditExport, Account: audit.Account{Asserted: audit.Identity{Org: o.Org}},
	}}
	c := m.read(r)
	d := Draft{Record: m.rec, Identity: identity(o, r, &c)}
	m.when(&c, o)
	m.what(r, &c)
	m.who(r, &c)
	m.details(r, &c)
	m.rec.Container = container(o, &c)
	d.Pieces = m.pieces
	return d
}

// read reads the cells that hold more than one value.
func (m *maker) read(r *file.Row) cells {
	c := cells{actor: actor{value: m.dict(r.Actor)}, info: m.dict(r.EventInfo), entity: m.dict(r.EntityInfo)}
	c.at, _ = file.ParseTime(r.CreatedAt)
	c.actor.id, c.actor.email = m.account(c.actor.value)
	c.entityType, c.entityUUID = m.short(c.entity, "type"), m.short(c.entity, "uuid")
	c.entityMeta, _ = c.entity.Get("metadata")
	if r.Repaired {
		m.rec.Flag(audit.FlagMalformed)
	}
	if r.InvalidText {
		m.rec.Flag(audit.FlagInvalidText)
	}
	return c
}

// dict reads a cell.
func (m *maker) dict(cell string) parsed {
	if file.Absent(cell) {
		return parsed{exact: true}
	}
	v, exact := file.Parse(cell)
	if !exact || v.Kind != file.Dict && v.Kind != file.None {
		m.rec.Flag(audit.FlagMalformed)
	}
	if v.Repeats() {
		m.rec.Flag(audit.FlagMalformed)
		m.rec.Flag(audit.FlagDuplicateAttribute)
		exact = false
	}
	return parsed{lift(v), exact}
}

// lift makes of a bare identifier the dict it should stand in.
func lift(v file.Value) file.Value {
	one := func(key string, v file.Value) file.Value {
		return file.Value{Kind: file.Dict, Keys: []string{key}, Items: []file.Value{v}}
	}
	switch {
	case v.Kind == file.String && isUUID(v.Str):
		return one("uuid", v)
	case v.Kind == file.String && isEmail(v.Str):
		return one("metadata", one("email_address", v))
	}
	return v
}

// account finds the identifiers of who acted. One that is told twice, differently, is not taken: a name that holds what
// looks like a key must not become somebody else's act.
func (m *maker) account(v parsed) (id, email string) {
	meta, twice := v.Get("metadata")
	_, twiceID := v.Get("uuid")
	address, twiceAddress := meta.Get("email_address")
	if twice || twiceID || twiceAddress {
		m.rec.Flag(audit.FlagIdentityConflict)
		return "", ""
	}
	if address.Kind == file.String && isEmail(address.Str) {
		email = strings.ToLower(address.Str)
	}
	return m.short(v, "uuid"), email
}

// short is a text of a dict that serves as an identifier; one that is too long or has spaces is none.
func (m *maker) short(v parsed, key string) string {
	found, _ := v.Get(key)
	if found.Kind != file.String || !file.IsName(found.Str) {
		return ""
	}
	if isUUID(found.Str) {
		return strings.ToLower(found.Str)
	}
	return found.Str
}

// when notes the time the row was written, which is all the export tells.
func (m *maker) when(c *cells, o Origin) {
	if c.at.IsZero() {
		m.rec.Occurred = o.Received.UTC()
		m.rec.Flag(audit.FlagNoTime)
		return
	}
	m.rec.Occurred, m.rec.Observed = c.at, c.at
	if c.at.After(o.Received.Add(24*time.Hour)) || c.at.Before(earliest()) {
		m.rec.Flag(audit.FlagClockAbsurd)
	}
}

// earliest is before the vendor had any of this: a file may be imported years after it was exported, so that a year
// behind is nothing odd here.
func earliest() time.Time { return time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC) }

// unnamed is the type of a row whose event has no name that could be one.
const unnamed = "unnamed"

// what notes the event and what it is taken for.
func (m *maker) what(r *file.Row, c *cells) {
	m.rec.Type = r.Event
	if !file.IsName(r.Event) {
		m.rec.Type = unnamed
		m.text("event", r.Event)
	}
	found, ok := events[m.rec.Type]
	if !ok {
		m.rec.Activity, m.rec.Outcome, m.rec.Surface = audit.ActivityUnclassified, audit.OutcomeUnknown, audit.SurfaceUnknown
		m.rec.Flag(audit.FlagUnknownType)
		return
	}
	m.rec.Activity, m.rec.Outcome, m.rec.Surface = found.activity, found.outcome, found.surface
	if found.outcome == toldByField {
		m.rec.Outcome = told(c.info)
	}
	if len(found.api.Items()) > 0 {
		m.attr("api_activity", found.api)
	}
}

func told(info parsed) audit.Outcome {
	switch v, _ := info.Get("is_successful"); {
	case v.Kind != file.Bool:
		return audit.OutcomeUnknown
	case v.True:
		return audit.OutcomeSuccess
	}
	return audit.OutcomeFailure
}

// who notes who acted, from where, and on what.
func (m *maker) who(r *file.Row, c *cells) {
	a := &m.rec.Account.Asserted
	a.UUID, a.Email = c.actor.id, c.actor.email
	if m.rec.Activity == audit.ActivitySignIn && c.actor.value.Absent() { // nobody is signed in yet; the row says as whom
		if v, _ := c.info.Get("email_address"); v.Kind == file.String && isEmail(v.Str) {
			a.Email = strings.ToLower(v.Str)
		}
	}
	switch device := known(r.Device); {
	case file.IsName(device):
		a.Device = device
	case device != "":
		m.text("device_id", device)
	}
	switch ip := known(r.IP); {
	case ip == "":
	case isAddress(ip):
		m.rec.IP = ip
	default:
		m.rec.Flag(audit.FlagMalformed)
		m.text("ip_address", ip)
	}
	k := &m.rec.Keys
	switch c.entityType {
	case "chat_conversation":
		k.Chat = c.entityUUID
	case "chat_project":
		k.Project = c.entityUUID
	}
	if project, _ := c.entityMeta.Get("project_uuid"); project.Kind == file.String && file.IsName(project.Str) && k.Project == "" {
		k.Project = project.Str
	}
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil && len(s) <= 64
}

// container names what the row's content belongs to: the chat, project or file it is about, else the account that
// acted. Source and organisation stand where another source's credential does, so that none writes into another's.
func container(o Origin, c *cells) string {
	kind, id := c.entityType, c.entityUUID
	switch kind {
	case "chat_conversation":
		kind = "chat"
	case "chat_project":
		kind = "project"
	case "file", "chat_project_document", "account":
	default:
		kind, id = "account", c.actor.id
	}
	if id == "" {
		kind, id = "account", c.actor.id
	}
	if id == "" { // names of containers are kept for ever: no address becomes one
		kind, id = "log", "-"
	}
	log := "audit_export"
	if o.Org != "" {
		log += ":" + o.Org
	}
	return kind + "/" + url.PathEscape(log) + "/" + url.PathEscape(id)
}

// isUUID reports whether s is written as a UUID is.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch dash := i == 8 || i == 13 || i == 18 || i == 23; {
		case dash && c == '-':
		case !dash && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'):
		default:
			return false
		}
	}
	return true
}

// isEmail reports whether s may be an e-mail address: without spaces, with one @ inside.
func isEmail(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && len(s) <= audit.MaxKeptString && name != "" && domain != "" && !strings.ContainsAny(s, " \t\r\n,;<>\"'(){}[]") && !strings.Contains(domain, "@")
}
