package normalise

import (
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Types of the records of a message. Blocks of tools go by the vendor's own names.
const (
	TypeUserMessage      = "user_message"
	TypeAssistantMessage = "assistant_message"
	typeToolUse          = "tool_use"
	typeToolResult       = "tool_result"
)

// Attached is a file or an artifact that a message names.
type Attached struct {
	Kind Kind
	ID   string // of an artifact, of its version
}

// Message makes the records of one message of a chat or a session: what was written is a prompt or a response, each use
// of a tool a call, each answer of one a result. They have the form in which clients tell of the same acts. position is
// the message's place in its transcript, since several may bear one time.
func (n *Normaliser) Message(raw []byte, s Subject, position int64, o Origin) (drafts []Draft, attached []Attached) {
	v, flags, err := parse(raw)
	if err != nil || v.kind != audit.KindMap {
		m := n.objects.begin(s.source(""), o)
		s.stand(m)
		d := m.unreadable(raw).Draft
		m.contained("")
		return []Draft{d}, nil
	}
	t := &message{n: n.objects, s: s, o: o, row: v, flags: flags, position: position, id: v.text("id"), role: v.text("role")}
	t.s.Message = t.id
	t.read()
	return t.drafts, t.attached()
}

// message makes the records of one.
type message struct {
	n        *Normaliser
	s        Subject
	o        Origin
	row      value
	flags    []string
	id, role string
	position int64
	drafts   []Draft
}

func (t *message) read() {
	content := t.row.get("content")
	written := -1 // block
	for i := range content.items {
		b := &content.items[i]
		switch kind := b.text("type"); {
		case b.kind == audit.KindMap && kind == "text":
			if written < 0 {
				written = i
				t.write(content.items)
			}
		case b.kind == audit.KindMap && kind == typeToolUse:
			t.use(i, b)
		case b.kind == audit.KindMap && kind == typeToolResult:
			t.result(i, b)
		default:
			t.unknown(i, b)
		}
	}
	if len(t.drafts) == 0 && !t.s.Deleted {
		t.write(nil)
	}
	if len(t.drafts) > 0 {
		t.rest()
	}
}

// start begins the record of a block; part tells it from others of the message, "" is what was written.
func (t *message) start(part string) *maker {
	m := t.n.begin(t.s.source(""), t.o)
	t.s.stand(m)
	r := m.rec
	m.row = t.row
	if r.ID = t.id; t.id == "" {
		r.ID = m.unidentified(t.row.appendForm(nil))
		r.Flag(audit.FlagMalformed)
	}
	if part != "" {
		r.ID += "/" + part
	}
	r.Sequence = &t.position
	at, ok := parseTime(t.row.text("created_at"))
	if !ok {
		at = t.o.Received.UTC()
		r.Flag(audit.FlagNoTime)
	}
	r.Occurred, r.Model = at, t.row.text("model")
	for _, f := range t.flags {
		r.Flag(f)
	}
	m.absurd()
	m.provenance()
	if sender := t.row.text("sent_by_user_id"); sender != "" && sender != r.Account.Proved.User {
		r.Account.Proved.User, r.Account.Proved.Email = sender, "" // the address is that of the session's own account
	}
	return m
}

// end takes a record as it is. Its form is what it says, with what the whole message says of it.
func (t *message) end(m *maker, block *value) {
	m.contained("")
	form := []byte(m.rec.Type + " " + t.role + " " + t.row.text("created_at") + " " + m.rec.Model + " ")
	whence := t.row.get("provenance")
	form = whence.appendForm(form)
	missing := t.row.get("content_unavailable")
	form = missing.appendForm(form)
	form = block.appendForm(form)
	t.drafts = append(t.drafts, Draft{Record: m.rec, Pieces: m.pieces, Form: form})
}

// provenance says how far the vendor vouches for a message, and why there is nothing of it.
func (m *maker) provenance() {
	p := m.row.get("provenance")
	if p.kind == audit.KindMap {
		for i := range p.fields {
			name := "provenance." + p.fields[i].name
			if p.fields[i].name == "type" {
				name = "provenance"
			}
			m.place(name, "provenance", &p.fields[i].value)
		}
	}
}

// isMissing reports whether the vendor says that it has not the content.
func (t *message) isMissing() bool {
	p, missing := t.row.get("provenance"), t.row.get("content_unavailable")
	return p.text("type") == "content_unavailable" || missing.truth
}

// write makes the record of all that was written in a message.
func (t *message) write(blocks []value) {
	m := t.start("")
	r, name := m.rec, "prompt"
	r.Type, r.Activity, r.Outcome = TypeUserMessage, audit.ActivityPrompt, audit.OutcomeSuccess
	if t.role != "user" {
		r.Type, r.Activity, name = TypeAssistantMessage, audit.ActivityResponse, "response"
		if t.role != "assistant" {
			r.Type, r.Activity = first(t.role, "message"), audit.ActivityUnclassified
			r.Flag(audit.FlagUnknownType)
		}
	}
	all := value{kind: audit.KindArray}
	for i := range blocks {
		if b := &blocks[i]; b.text("type") == "text" {
			m.long(numbered(name, len(all.items)), audit.ClassText, []byte(b.get("text").str))
			m.blockSays(b, "text")
			all.items = append(all.items, *b)
		}
	}
	if len(all.items) == 0 {
		m.pieces = append(m.pieces, Piece{Name: name, Class: audit.ClassText, Kind: audit.KindString, Withheld: audit.WithheldSource})
		if t.isMissing() {
			r.Outcome = audit.OutcomeUnknown
		}
	}
	t.end(m, &all)
}

func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return name + "." + strconv.Itoa(n)
}

// use makes the record of a tool being called. Its input is JSON as text, and where it was cut no JSON any more.
func (t *message) use(i int, b *value) {
	m := t.start(strconv.Itoa(i))
	r := m.rec
	r.Type, r.Activity, r.Keys.ToolUse = typeToolUse, audit.ActivityToolCall, b.text("id")
	m.tool(b)
	if in := b.get("input"); in.kind == audit.KindString {
		m.long("tool_input", audit.ClassDetail, []byte(in.str))
	} else if in.kind != audit.KindEmpty {
		m.long("tool_input", audit.ClassDetail, in.appendJSON(nil))
	}
	m.blockSays(b, "id", "name", "input", "integration_name")
	t.end(m, b)
}

// result makes the record of a tool's answer.
func (t *message) result(i int, b *value) {
	m := t.start(strconv.Itoa(i))
	r := m.rec
	r.Type, r.Activity, r.Outcome, r.Keys.ToolUse = typeToolResult, audit.ActivityToolResult, audit.OutcomeSuccess, b.text("tool_use_id")
	if failed := b.get("is_error"); failed.truth {
		r.Outcome = audit.OutcomeFailure
	}
	m.tool(b)
	parts := b.get("content")
	for n := range parts.items {
		name := numbered("tool.output", n)
		if p := &parts.items[n]; p.kind == audit.KindMap && p.text("type") == "text" {
			m.long(name, audit.ClassText, []byte(p.get("text").str))
		} else {
			m.long(name, audit.ClassText, p.appendJSON(nil))
		}
	}
	if parts.kind == audit.KindString {
		m.long("tool.output", audit.ClassText, []byte(parts.str))
	}
	m.blockSays(b, "tool_use_id", "name", "content", "integration_name")
	t.end(m, b)
}

// unknown keeps a block of a type nobody knows.
func (t *message) unknown(i int, b *value) {
	m := t.start(strconv.Itoa(i))
	m.rec.Type = first(b.text("type"), "block")
	m.rec.Flag(audit.FlagUnknownType)
	m.long("block", audit.ClassText, b.appendJSON(nil))
	t.end(m, b)
}

// tool fills in the tool and its server. Clients say mcp__SERVER__TOOL; records of every source say SERVER and TOOL.
func (m *maker) tool(b *value) {
	r := m.rec
	r.Tool, r.MCP = b.text("name"), b.text("integration_name")
	if server, tool, ok := splitMCP(r.Tool); ok {
		r.Tool, r.MCP = tool, server
	}
}

// blockSays keeps what else a block says: that it was cut, what was taken out of it.
func (m *maker) blockSays(b *value, said ...string) {
	for i := range b.fields {
		f := &b.fields[i]
		known := f.name == "type"
		for _, s := range said {
			known = known || s == f.name
		}
		switch {
		case known:
		case f.name == "truncated" || f.name == "thinking_redacted" || f.name == "is_error":
			if _, have := m.rec.Attributes.Get(f.name); f.value.truth && !have {
				m.attr(f.name, &f.value)
			}
			if f.name == "truncated" && f.value.truth {
				m.rec.Flag(audit.FlagTruncated)
			}
		case f.value.kind != audit.KindEmpty:
			m.place(f.name, "block."+f.name, &f.value)
		}
	}
}

// rest puts what the message itself says, and no record of it says yet, beside its first record.
func (t *message) rest() {
	d := &t.drafts[0]
	m := &maker{n: t.n, o: t.o, rec: d.Record, pieces: d.Pieces, row: t.row}
	for i := range t.row.fields {
		switch f := &t.row.fields[i]; f.name {
		case "id", "type", "role", "created_at", "model", "content", "provenance":
		case "content_unavailable":
			if f.value.truth {
				m.attr(f.name, &f.value)
			}
		default:
			if f.value.kind != audit.KindEmpty {
				m.place(f.name, f.name, &f.value)
				d.Form = f.value.appendForm(append(d.Form, f.name...))
			}
		}
	}
	m.restBeside()
	d.Pieces = m.pieces
}

// attached lists the files and artifacts of a message.
func (t *message) attached() (list []Attached) {
	for _, a := range []struct {
		field, id string
		kind      Kind
	}{{"files", "id", KindFile}, {"generated_files", "id", KindGenerated}, {"artifacts", "version_id", KindArtifact}} {
		files := t.row.get(a.field)
		for i := range files.items {
			if id := files.items[i].text(a.id); id != "" {
				list = append(list, Attached{a.kind, id})
			}
		}
	}
	return list
}
