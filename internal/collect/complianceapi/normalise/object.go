package normalise

import (
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// ObjectVersion names the normaliser of objects and messages in the records it makes.
const ObjectVersion = "compliance.content/1"

// Kind is a kind of object that holds or names content, and the type of its records.
type Kind string

// The kinds of objects.
const (
	KindSession      Kind = "session" // of a client on a device, or at the vendor
	KindChat         Kind = "chat"
	KindProject      Kind = "project"
	KindKnowledge    Kind = "project_knowledge"     // a project's description and instructions
	KindCollaborator Kind = "project_access"        // who may use a project
	KindDocument     Kind = "project_document"      // a text document of a project
	KindFile         Kind = "file"                  // uploaded to a chat or a project
	KindGenerated    Kind = "generated_file"        // made by Claude in a chat
	KindArtifact     Kind = "artifact"              // one version of an artifact of a chat
	KindCode         Kind = "code_artifact"         // published from a session, with its newest versions
	KindCodeVersion  Kind = "code_artifact_version" // one of them
)

// Subject is what an object or a message belongs to, as far as it does not say so itself.
type Subject struct {
	Session string        `json:"session,omitempty"`
	Chat    string        `json:"chat,omitempty"`
	Message string        `json:"message,omitempty"`
	Project string        `json:"project,omitempty"`
	User    string        `json:"user,omitempty"`
	Email   string        `json:"email,omitempty"`
	Org     string        `json:"org,omitempty"`
	Surface audit.Surface `json:"surface,omitempty"`
	// Agent owns it in place of an account.
	Agent string `json:"agent,omitempty"`
	// Text: the capture policy keeps text of it.
	Text bool `json:"text,omitempty"`
	// Deleted: its user has deleted it; what is empty in it says nothing.
	Deleted bool `json:"deleted,omitempty"`
}

// source tells which source an object's records have.
func (s Subject) source(k Kind) audit.Source {
	if k == KindSession || s.Session != "" {
		return audit.SourceComplianceSession
	}
	return audit.SourceComplianceChat
}

// Record is as much of the record of an object as the capture policy decides by.
func (s Subject) Record(k Kind, credential string) *audit.Record {
	m := &maker{o: Origin{Credential: credential}, rec: &audit.Record{Source: s.source(k)}}
	s.stand(m)
	return m.rec
}

// Object makes a draft of what a list or a metadata route says of an object, and tells what those that belong to it share.
// What it shows is a
// state, and nobody's act. The draft bears the vendor's id: the same object again is the same record, a changed one supersedes it.
func (n *Normaliser) Object(raw []byte, k Kind, s Subject, o Origin) (Draft, Subject) {
	m := n.objects.begin(s.source(k), o)
	m.rec.Type, m.rec.Outcome, m.rec.Activity = string(k), audit.OutcomeSuccess, audit.ActivityState
	v, flags, err := parse(raw)
	for _, f := range flags {
		m.rec.Flag(f)
	}
	if err != nil || v.kind != audit.KindMap {
		s.stand(m)
		return m.unreadable(raw).Draft, s
	}
	m.row = v
	form := append([]byte(k+" "), n.formOf(k, &v)...)
	m.belong(k, &s)
	m.identified(k, s, form)
	m.changed(&s)
	for i := range v.fields {
		if f := &v.fields[i]; f.name != "id" && !m.owner(f.name, &f.value) {
			m.place(f.name, f.name, &f.value)
		}
	}
	m.contained(k)
	return Draft{Record: m.rec, Pieces: m.pieces, Form: form}, s
}

// formOf is what makes an object another one when it changes. How many chats a project has by now does not change what is
// known in it.
func (n *Normaliser) formOf(k Kind, v *value) []byte {
	if k != KindKnowledge {
		return v.appendForm(nil)
	}
	var form []byte
	for _, name := range []string{"id", "name", "description", "instructions", "deleted_at"} {
		f := v.get(name)
		form = append(f.appendForm(form), '\n')
	}
	return form
}

// begin starts a record.
func (n *Normaliser) begin(src audit.Source, o Origin) *maker {
	return &maker{n: n, o: o, rec: &audit.Record{
		Normaliser: ObjectVersion, Source: src, Surface: audit.SurfaceUnknown, Activity: audit.ActivityUnclassified, Outcome: audit.OutcomeUnknown,
	}}
}

// belong reads whose an object is and what it belongs to.
func (m *maker) belong(k Kind, s *Subject) {
	row := &m.row
	id := row.text("id")
	switch k {
	case KindSession:
		s.Session, s.Project = id, first(row.text("claude_project_id"), s.Project)
		s.Surface = surfaceOf(row.text("product_surface"))
	case KindChat:
		s.Chat, s.Project, s.Surface = id, row.text("project_id"), audit.SurfaceChat
	case KindProject, KindKnowledge:
		s.Project, s.Surface = id, audit.SurfaceChat
	case KindCollaborator: // not the project's owner, who may not have let them in
		s.User, s.Email = row.text("user_id"), ""
	case KindCode:
		s.Surface = audit.SurfaceClaudeCode
		s.User = first(row.text("owner_user_id"), s.User)
	}
	if u := row.get("user"); u.kind == audit.KindMap {
		s.User, s.Email = first(u.text("id"), s.User), first(strings.ToLower(u.text("email_address")), s.Email)
	}
	s.Agent = first(row.text("agent_id"), s.Agent)
	s.Org = first(row.text("organization_uuid"), row.text("organization_id"), s.Org)
	s.stand(m)
}

// stand puts what a record belongs to into it.
func (s *Subject) stand(m *maker) {
	r := m.rec
	r.Keys.Session, r.Keys.Chat, r.Keys.Project, r.Keys.Message = s.Session, s.Chat, s.Project, s.Message
	r.Account.Proved = audit.Identity{User: s.User, Email: s.Email, Service: s.Agent, Org: s.Org, Credential: m.o.Credential}
	if s.Surface != "" {
		r.Surface = s.Surface
	}
}

// surfaceOf names the product of a session by the vendor's name of it. A name nobody knows passes through.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-sessions.
func surfaceOf(product string) audit.Surface {
	switch base, _, _ := strings.Cut(product, "/"); {
	case base == "office_agents":
		return audit.SurfaceOffice
	case base == "claude_in_chrome":
		return audit.SurfaceChrome
	case product == "" || !isWord(product):
		return audit.SurfaceUnknown
	}
	return audit.Surface(product)
}

// identified gives the record its id. A collaborator has none of its own: one is made of what it is.
func (m *maker) identified(k Kind, s Subject, form []byte) {
	id := m.row.text("id")
	switch {
	case k == KindArtifact:
		id = first(m.row.text("version_id"), id)
	case k == KindKnowledge && id != "":
		id += "/knowledge" // beside the project's own record
	case k == KindCollaborator && s.Project != "":
		row := &m.row
		id = s.Project + "/" + first(row.text("user_id"), row.text("group_id"), row.text("organization_uuid"), row.text("organization_role"), m.unidentified(form))
	}
	if m.rec.ID = id; id == "" {
		m.rec.ID = m.unidentified(form)
		m.rec.Flag(audit.FlagMalformed)
		m.keepOdd("id")
	}
}

// changed tells when what the record shows came about: when its user deleted the object, it changed last, or was made.
func (m *maker) changed(s *Subject) {
	r := m.rec
	deleted, hasDeleted := parseTime(m.row.text("deleted_at"))
	if s.Deleted = s.Deleted || hasDeleted; hasDeleted {
		r.Occurred = deleted
	} else if at, ok := parseTime(first(m.row.text("updated_at"), m.row.text("created_at"), m.row.text("granted_at"))); ok {
		r.Occurred = at
	} else {
		r.Occurred = m.o.Received.UTC()
		r.Flag(audit.FlagNoTime)
	}
	m.absurd()
}

func (m *maker) absurd() {
	if !m.o.Received.IsZero() && m.rec.Occurred.After(m.o.Received.Add(aheadOfUs)) {
		m.rec.Flag(audit.FlagClockAbsurd)
	}
}

// owner takes what the account of the record says already.
func (m *maker) owner(name string, v *value) bool {
	if name != "user" || v.kind != audit.KindMap {
		return false
	}
	for i := range v.fields {
		f := &v.fields[i]
		known := f.value.kind == audit.KindString && len(f.value.str) <= audit.MaxKeptString
		if known && (f.name == "id" || f.name == "email_address" && strings.ToLower(f.value.str) == f.value.str) {
			continue
		}
		m.place("user."+f.name, "user."+f.name, &f.value)
	}
	return true
}

// contained names the container of an object, which for files is the file's own: it may be attached in several places.
func (m *maker) contained(k Kind) {
	kind, id := "", ""
	switch s := &m.rec.Keys; {
	case k == KindFile, k == KindGenerated, k == KindArtifact, k == KindDocument, k == KindCode, k == KindCodeVersion:
		kind, id = "file", m.rec.ID
	case s.Session != "":
		kind, id = "session", s.Session
	case s.Chat != "":
		kind, id = "chat", s.Chat
	default:
		kind, id = "project", s.Project
	}
	m.rec.Container = Container(kind, m.o.Credential, id)
	m.restBeside()
}

// isChatAddress reports whether a text is the address of a chat and nothing else: its UUID is what the audit log export
// names the chat by.
func isChatAddress(s string) bool {
	id, ok := strings.CutPrefix(s, "https://claude.ai/chat/")
	return ok && len(id) == 36 && strings.Trim(id, "0123456789abcdef-") == ""
}

// Changed is when an object changed last, or was made; zero where it does not say.
func Changed(raw []byte) time.Time {
	v, _, err := parse(raw)
	if err != nil {
		return time.Time{}
	}
	for _, name := range []string{"deleted_at", "updated_at", "created_at"} {
		if t, ok := parseTime(v.text(name)); ok {
			return t
		}
	}
	return time.Time{}
}
