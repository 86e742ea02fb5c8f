package complianceapi

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// estate is the content that there is: what the acts of the world have left, less what was deleted through the API. It is a
// list of what there is and where it comes from; transcripts and files are made when they are read.
type estate struct {
	a  *API
	mu sync.Mutex // guards all below

	next      time.Time // first day that is not listed yet
	chats     map[string]*chat
	files     map[string]*file
	artifacts map[string]*artifact // by the id of the version
	docs      map[string]*doc
	projects  map[string]*project
	local     map[string]*session
	remote    map[string]*session
	code      map[string]*published
	gone      map[string]time.Time // deleted through the API, and when it is out of reach
	ranks     map[string][]title   // changes of an account's role
}

// chat is a chat as the world tells it, from begin to end.
type chat struct {
	id, uuid string
	at       time.Time
	owner    *world.Account
	project  string
	said     []world.Message
	titles   []title
	removed  time.Time // by its user; zero: never
	files    []*file
	made     *file // that Claude generated; nil for none
	shown    []*artifact
	searches bool // it used a tool
}

type title struct {
	at   time.Time
	text string
}

// file is an uploaded or a generated file.
type file struct {
	id, name, mime string
	at             time.Time
	chat           *chat // nil for a project's
	project        string
	size           int
	variant        bool // what is served is not what was uploaded
}

// artifact is one version of an artifact in a chat.
type artifact struct {
	id, version, name string
	at                time.Time
	chat              *chat
}

// project is a project with what it holds.
type project struct {
	*world.Project
	at    time.Time
	owner *world.Account
	docs  []*doc
	files []*file
}

// doc is a text document of a project.
type doc struct {
	id, name string
	at       time.Time
	project  string
	owner    *world.Account
}

// contentBefore is how long before Since content begins: recording is of activities, chats are older.
const contentBefore = 7 * 24 * time.Hour

func newEstate(a *API) *estate {
	e := &estate{
		a: a, next: a.opts.Since.Add(-contentBefore).Truncate(24 * time.Hour), chats: map[string]*chat{}, files: map[string]*file{}, artifacts: map[string]*artifact{},
		docs: map[string]*doc{}, projects: map[string]*project{}, local: map[string]*session{}, remote: map[string]*session{}, code: map[string]*published{}, gone: map[string]time.Time{},
		ranks: map[string][]title{},
	}
	for _, p := range a.opts.World.Projects {
		if p.ID != "" {
			e.found(p)
		}
	}
	return e
}

// found sets up a project as it was when the world began.
func (e *estate) found(p *world.Project) {
	d := e.a.dice
	team := e.a.team(p.Team)
	n := &project{Project: p, at: e.next.AddDate(0, 0, -30-d.n(300, "founded", p.ID)), owner: team[d.n(len(team), "founder", p.ID)]}
	e.projects[p.ID] = n
	for _, name := range []string{p.Name + " Kontext.md", "Glossar.md"} {
		e.document(&doc{id: d.id("claude_proj_doc_01", p.ID, name), name: name, at: n.at.Add(time.Duration(len(n.docs)+1) * time.Hour), project: p.ID, owner: n.owner})
	}
	f := e.file(d.id("claude_file_01", p.ID), p.Name+" Vorlage.pdf", n.at.Add(3*time.Hour))
	f.project = p.ID
	n.files = append(n.files, f)
}

func (e *estate) document(d *doc) {
	e.docs[d.id] = d
	if p := e.projects[d.project]; p != nil {
		p.docs = append(p.docs, d)
	}
}

// team are the accounts of a team that stay; everybody's where nobody is in it.
func (a *API) team(name string) []*world.Account {
	var team []*world.Account
	for _, acc := range a.opts.World.Accounts {
		if acc.Team == name && acc.Joined.IsZero() {
			team = append(team, acc)
		}
	}
	if len(team) == 0 {
		return a.opts.World.Accounts[:1]
	}
	return team
}

// upto lists what there is by the end of a day. e.mu must be held.
func (e *estate) upto(now time.Time) {
	for ; !e.next.After(now); e.next = e.next.AddDate(0, 0, 1) {
		for _, act := range e.a.feed.actsAt(e.next) {
			e.take(&act)
		}
	}
}

// actsAt are the acts of the day that holds a time.
func (f *feed) actsAt(t time.Time) []world.Act {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.actsOf(t)
}

func (e *estate) take(act *world.Act) {
	if act.Control != nil {
		e.control(act)
		return
	}
	if slices.Contains(act.Seen, audit.SourceComplianceSession) {
		e.spoken(act)
	}
}

func (e *estate) control(act *world.Act) {
	c, d := act.Control, e.a.dice
	ch := e.chats[act.Keys.Chat]
	switch c.Type {
	case "claude_chat_created":
		ch = &chat{
			id: act.Keys.Chat, uuid: d.uuid("chat", act.Keys.Chat), at: act.At, owner: act.Account, project: act.Keys.Project, said: c.Messages,
			searches: d.n(6, "searches", act.Keys.Chat) == 0,
		}
		e.chats[ch.id] = ch
		if d.n(8, "generates", ch.id) == 0 {
			ch.made = e.file(d.id("claude_gen_file_01", ch.id), "Zusammenfassung.pdf", ch.said[1].At)
			ch.made.chat = ch
		}
	case "claude_user_role_updated":
		e.ranks[c.Object] = append(e.ranks[c.Object], title{act.At, c.New})
	case "claude_project_document_uploaded":
		e.document(&doc{id: c.Object, name: c.Text, at: act.At, project: act.Keys.Project, owner: act.Account})
	}
	if ch == nil {
		return
	}
	switch c.Type {
	case "claude_chat_updated":
		ch.titles = append(ch.titles, title{act.At, c.Text})
	case "claude_chat_deleted":
		ch.removed = act.At
	case "claude_file_uploaded":
		f := e.file(c.Object, c.Text, act.At)
		f.chat = ch
		ch.files = append(ch.files, f)
	case "claude_artifact_created":
		v := &artifact{id: c.Object, version: d.id("claude_artifact_version_01", c.Object), name: c.Text, at: act.At, chat: ch}
		ch.shown = append(ch.shown, v)
		e.artifacts[v.version] = v
	}
}

func (e *estate) file(id, name string, at time.Time) *file {
	d := e.a.dice
	f := &file{id: id, name: name, at: at, mime: mimeOf(name), size: 300 + d.n(60_000, "size", id), variant: d.n(3, "variant", id) == 0}
	e.files[id] = f
	return f
}

func mimeOf(name string) string {
	switch i := strings.LastIndexByte(name, '.'); name[max(i, 0):] {
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case ".pdf":
		return "application/pdf"
	case ".md", ".txt":
		return "text/plain"
	}
	return "application/octet-stream"
}

// is reports whether something is there: it exists by now and was not deleted through the API.
func (e *estate) is(id string, at, now time.Time) bool {
	return !at.After(now) && !e.deleted(id, now)
}

func (e *estate) deleted(id string, now time.Time) bool {
	t, ok := e.gone[id]
	return ok && !t.After(now)
}

// hasChat reports whether a chat is there. What a chat holds is there only with it.
func (e *estate) hasChat(ch *chat, now time.Time) bool {
	return ch != nil && e.is(ch.id, ch.at, now) && (e.a.opts.DeletedChats != Hidden || !ch.isRemoved(now))
}

func (e *estate) hasFile(f *file, now time.Time) bool {
	switch {
	case f == nil || !e.is(f.id, f.at, now):
		return false
	case f.chat != nil:
		return e.hasChat(f.chat, now) && e.readable(f.chat, now)
	}
	return !e.deleted(f.project, now)
}

// readable reports whether the content of a chat is: not once its user deleted it, as the vendor's newest page has it.
func (e *estate) readable(ch *chat, now time.Time) bool {
	return e.a.opts.DeletedChats == Readable || !ch.isRemoved(now)
}

func (c *chat) isRemoved(now time.Time) bool { return !c.removed.IsZero() && !c.removed.After(now) }

// updated is when a chat last changed.
func (c *chat) updated(now time.Time) time.Time {
	last := c.at
	for _, m := range c.said {
		if !m.At.After(now) && m.At.After(last) {
			last = m.At
		}
	}
	if c.isRemoved(now) {
		last = c.removed
	}
	return last
}

func (c *chat) title(now time.Time) string { return latest(c.titles, "Neuer Chat", now) }

// latest is what was so last by now, or what was so before.
func latest(list []title, before string, now time.Time) string {
	for _, t := range list {
		if !t.at.After(now) {
			before = t.text
		}
	}
	return before
}

// role is that of an account in the vendor's organisation.
func (e *estate) role(acc *world.Account, now time.Time) string {
	role := acc.Role
	if role == "owner" {
		role = "primary_owner"
	}
	return latest(e.ranks[acc.User], role, now)
}
