package complianceapi

import (
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// who is an account as content names it.
type who struct {
	ID    string  `json:"id"`
	Email *string `json:"email_address"`
}

func whoIs(acc *world.Account) *who {
	if acc == nil {
		return nil
	}
	return &who{acc.User, &acc.Email}
}

type chatBody struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Created string  `json:"created_at"`
	Updated string  `json:"updated_at"`
	Deleted *string `json:"deleted_at"`
	Href    string  `json:"href"`
	Model   *string `json:"model"`
	OrgID   string  `json:"organization_id"`
	Org     string  `json:"organization_uuid"`
	Project *string `json:"project_id"`
	User    *who    `json:"user"`
}

func (e *estate) body(ch *chat, now time.Time) chatBody {
	org, model := e.a.org(claude), "claude-opus-5-5"
	b := chatBody{
		ID: ch.id, Name: ch.title(now), Created: micros(ch.at), Updated: micros(ch.updated(now)), Href: "https://claude.ai/chat/" + ch.uuid, Model: &model,
		OrgID: org.ID, Org: org.UUID, User: whoIs(ch.owner),
	}
	if ch.project != "" && !e.deleted(ch.project, now) {
		b.Project = &ch.project
	}
	if ch.isRemoved(now) {
		at := micros(ch.removed)
		b.Deleted = &at
		if e.a.opts.DeletedChats == Emptied {
			b.Name = ""
		}
	}
	return b
}

func chatRoutes() []route {
	truncation := map[string]int{"tool_result_max_chars": 10_000, "tool_use_input_max_chars": 10_000}
	return []route{
		{
			method: "GET", path: "/apps/chats", name: "chats", scope: scopeUserData, serve: (*API).listChats,
			params: params{
				cursor: true, limit: &limits{100, 1000}, words: map[string]string{"order_by": "created_at updated_at"},
				ranges: map[string]string{"created_at": allOps, "updated_at": allOps}, lists: map[string]int{"user_ids": 10, "organization_ids": 0, "project_ids": 0},
			},
		},
		{
			method: "GET", path: "/apps/chats/{id}/messages", name: "chat messages", scope: scopeUserData, serve: (*API).chatMessages,
			params: params{
				cursor: true, limit: &limits{0, 1000}, words: map[string]string{"order": "asc desc"}, whole: truncation,
				ranges: map[string]string{"created_at": allOps, "updated_at": allOps},
			},
		},
		{method: "DELETE", path: "/apps/chats/{id}", name: "delete a chat", scope: scopeDelete, serve: (*API).deleteChat},
	}
}

// checkChats refuses combinations that the list does not take.
func checkChats(q *query) *refusal {
	byUser, updated := len(q.lists["user_ids"]) > 0, q.words["order_by"] == "updated_at"
	switch {
	case len(q.lists["project_ids"]) > 0 && !byUser:
		return invalid("project_ids[] can only be used together with user_ids[].")
	case byUser && updated:
		return invalid("order_by=updated_at cannot be combined with user_ids[].")
	case byUser && !q.updated.empty():
		return invalid("updated_at filters cannot be combined with user_ids[].")
	case !byUser && q.before != "":
		return invalid("before_id can only be used together with user_ids[].")
	case !q.updated.empty() && !updated:
		return invalid("updated_at filters need order_by=updated_at.")
	case !q.created.empty() && updated:
		return invalid("created_at filters cannot be combined with order_by=updated_at.")
	}
	return nil
}

// listChats serves GET /apps/chats.
func (a *API) listChats(c *call) (*answer, *refusal) {
	q, e := c.query, a.estate
	if bad := checkChats(q); bad != nil {
		return nil, bad
	}
	users, projects, orgs := set(q.lists["user_ids"]), set(q.lists["project_ids"]), a.match(q.lists["organization_ids"])
	by := "created_at"
	if q.words["order_by"] != "" {
		by = q.words["order_by"]
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	var items []item
	for _, ch := range e.chats {
		updated := ch.updated(c.At)
		if !e.hasChat(ch, c.At) || users != nil && !users[ch.owner.User] || projects != nil && !projects[ch.project] || len(q.lists["organization_ids"]) > 0 && !orgs[claude] ||
			!q.created.holds(ch.at) || !q.updated.holds(updated) {
			continue
		}
		key := ch.at.UnixNano()
		if by == "updated_at" {
			key = updated.UnixNano()
		}
		items = append(items, item{key, ch.id, func() any { return e.body(ch, c.At) }})
	}
	sortItems(items, false)
	p, bad := a.cursored(c, "chats/"+by, items, false)
	if bad != nil {
		return nil, bad
	}
	return jsonAnswer(struct {
		Data  []any   `json:"data"`
		More  bool    `json:"has_more"`
		First *string `json:"first_id"`
		Last  *string `json:"last_id"`
	}{show(p.list), p.more, p.first, p.last})
}

type chatMessage struct {
	ID        string         `json:"id"`
	Role      string         `json:"role"`
	Created   string         `json:"created_at"`
	Content   []any          `json:"content"`
	Files     []messageFile  `json:"files"`
	Generated []messageFile  `json:"generated_files"`
	Artifacts []chatArtifact `json:"artifacts"`
}

type messageFile struct {
	ID      string  `json:"id"`
	Name    string  `json:"filename"`
	Created *string `json:"created_at,omitempty"`
	MD5     *string `json:"md5"`
	MIME    *string `json:"mime_type"`
	Size    *int    `json:"size_bytes"`
}

type chatArtifact struct {
	ID      string  `json:"id"`
	Version string  `json:"version_id"`
	Title   *string `json:"title"`
	Type    *string `json:"artifact_type"`
}

type textBlock struct {
	Type      string `json:"type"`
	Text      string `json:"text"`
	Redacted  bool   `json:"thinking_redacted"`
	Truncated bool   `json:"truncated"`
}

type useBlock struct {
	Type        string  `json:"type"`
	ID          *string `json:"id"`
	Name        string  `json:"name"`
	Input       string  `json:"input"`
	Integration *string `json:"integration_name"`
	Server      *string `json:"mcp_server_url"`
	Truncated   bool    `json:"truncated"`
}

type resultBlock struct {
	Type        string  `json:"type"`
	ToolUse     *string `json:"tool_use_id"`
	Name        string  `json:"name"`
	IsError     bool    `json:"is_error"`
	Content     []part  `json:"content"`
	Integration *string `json:"integration_name"`
	Server      *string `json:"mcp_server_url"`
	Truncated   bool    `json:"truncated"`
}

type part struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// chatMessages serves GET /apps/chats/{id}/messages.
func (a *API) chatMessages(c *call) (*answer, *refusal) {
	e, q := a.estate, c.query
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	ch := e.chats[c.vars["id"]]
	if !e.hasChat(ch, c.At) {
		return nil, missing("Chat conversation not found: '%s'", c.vars["id"])
	}
	var items []item
	for i, m := range ch.said {
		if !m.At.After(c.At) && q.created.holds(m.At) && q.updated.holds(m.At) {
			items = append(items, item{m.At.UnixNano(), m.ID, func() any { return e.message(ch, i, q, c.At) }})
		}
	}
	desc := q.desc(false)
	sortItems(items, desc)
	p, bad := a.cursored(c, "messages/"+ch.id, items, desc)
	if bad != nil {
		return nil, bad
	}
	return jsonAnswer(struct {
		chatBody
		Messages []any   `json:"chat_messages"`
		More     bool    `json:"has_more"`
		First    *string `json:"first_id"`
		Last     *string `json:"last_id"`
	}{e.body(ch, c.At), show(p.list), p.more, p.first, p.last})
}

// message is the nth message of a chat.
func (e *estate) message(ch *chat, n int, q *query, now time.Time) chatMessage {
	said := ch.said[n]
	m := chatMessage{ID: said.ID, Role: said.Role, Created: micros(said.At), Content: []any{}}
	if !e.readable(ch, now) {
		return m
	}
	if n == 0 {
		for _, f := range ch.files {
			if e.hasFile(f, now) {
				m.Files = append(m.Files, e.attached(f, true))
			}
		}
	}
	if n == 1 {
		if ch.searches {
			m.Content = e.search(ch, q)
		}
		if ch.made != nil && e.hasFile(ch.made, now) {
			m.Generated = append(m.Generated, e.attached(ch.made, false))
		}
		for _, v := range ch.shown {
			if !v.at.After(now) {
				kind := "text/markdown"
				m.Artifacts = append(m.Artifacts, chatArtifact{v.id, v.version, &v.name, &kind})
			}
		}
	}
	m.Content = append(m.Content, textBlock{Type: "text", Text: said.Text, Redacted: said.Role == "assistant" && e.a.dice.n(20, "thought", said.ID) == 0})
	return m
}

func (e *estate) attached(f *file, uploaded bool) messageFile {
	sum, size := e.md5(f), f.size
	m := messageFile{ID: f.id, Name: f.name, MD5: &sum, MIME: &f.mime, Size: &size}
	if uploaded {
		at := micros(f.at)
		m.Created = &at
	}
	return m
}

// search is a tool's use and its long result.
func (e *estate) search(ch *chat, q *query) []any {
	id, connector, server := e.a.dice.id("toolu_01", ch.id), "SharePoint", "https://mcp.sharepoint.nordwald.example/sse"
	input, cut := clip(`{"query":`+strconv.Quote(ch.title(ch.at))+`,"limit":20}`, q.whole["tool_use_input_max_chars"], "")
	use := useBlock{Type: "tool_use", ID: &id, Name: "search_documents", Input: input, Integration: &connector, Server: &server, Truncated: cut}
	found := filler{dice: e.a.dice, seed: ch.id}
	var text []byte
	for i := range 5 + found.n(400, "found") {
		text = append(text, "Treffer "+strconv.Itoa(i+1)+": Ablage/Dokument "+strconv.Itoa(found.n(9000, strconv.Itoa(i)))+".docx\n"...)
	}
	out, cut := clip(string(text), q.whole["tool_result_max_chars"], "")
	return []any{use, resultBlock{
		Type: "tool_result", ToolUse: &id, Name: use.Name, Content: []part{{"text", out}}, Integration: &connector, Server: &server, Truncated: cut,
	}}
}

// clip cuts a text to so many bytes, whole characters only; a negative number is no limit.
func clip(s string, most int, suffix string) (string, bool) {
	if most < 0 || len(s) <= most {
		return s, false
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most] + suffix, true
}

// deleteChat serves DELETE /apps/chats/{id}: the chat, its messages and files, at once.
func (a *API) deleteChat(c *call) (*answer, *refusal) {
	e := a.estate
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	ch := e.chats[c.vars["id"]]
	if !e.hasChat(ch, c.At) {
		return nil, missing("Chat conversation not found: '%s'", c.vars["id"])
	}
	e.gone[ch.id] = c.At
	for _, f := range ch.files {
		e.gone[f.id] = c.At
	}
	return confirm(ch.id, "claude_chat_deleted")
}

// confirm is the answer to a deletion.
func confirm(id, kind string) (*answer, *refusal) {
	return jsonAnswer(struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}{id, kind})
}
