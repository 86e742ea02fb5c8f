package complianceapi

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// said is one message of a transcript.
type said struct {
	id, role   string
	at         time.Time
	model      string
	content    []any
	provenance any
	missing    bool // its content is unavailable
}

type sessionText struct {
	Type      string `json:"type"`
	Text      string `json:"text"`
	Truncated bool   `json:"truncated"`
}

type sessionUse struct {
	Type      string `json:"type"`
	ID        string `json:"id"`
	Name      string `json:"name"`
	Input     string `json:"input"`
	Truncated bool   `json:"truncated"`
}

type sessionResult struct {
	Type      string `json:"type"`
	ToolUse   string `json:"tool_use_id"`
	Name      string `json:"name"`
	IsError   bool   `json:"is_error"`
	Content   []part `json:"content"`
	Truncated bool   `json:"truncated"`
}

// limitsOf are the bounds of a transcript's blocks, in bytes.
type limitsOf struct{ input, result int }

const serverMost = 1 << 20

func (q *query) blocks() (limitsOf, *refusal) {
	read := func(name string) (int, *refusal) {
		switch n := q.whole[name]; {
		case n == 0 || n < -1:
			return 0, invalid("%s: Input should be -1 or greater than 0", name)
		case n == -1 || n > serverMost:
			return serverMost, nil
		default:
			return n, nil
		}
	}
	input, bad := read("tool_use_input_max_bytes")
	if bad != nil {
		return limitsOf{}, bad
	}
	result, bad := read("tool_result_max_bytes")
	return limitsOf{input, result}, bad
}

// conversation follows the acts of a session.
type conversation struct {
	dice   chance
	remote bool
	limits limitsOf
	tools  map[string]*world.Act // by tool use
	asked  map[string][]*world.Act
	open   map[string][]string // tool uses whose results were not sent yet, by agent
	list   []said
}

// transcript are the messages of a session that are shown by now, in the order they are kept.
func (a *API) transcript(s *session, now time.Time, delay time.Duration, l limitsOf) []said {
	c := &conversation{
		dice: a.dice, remote: !s.isLocal(), limits: l, tools: map[string]*world.Act{}, asked: map[string][]*world.Act{}, open: map[string][]string{},
	}
	acts := a.feed.sessionActs(s)
	for _, act := range acts {
		if act.Tool != nil {
			c.tools[act.Keys.ToolUse] = act
		}
	}
	for _, act := range acts {
		switch {
		case act.Kind == world.Prompt:
			c.asked[act.Keys.Agent] = append(c.asked[act.Keys.Agent], act)
		case act.Kind == world.Request && !called(act).Add(delay).After(now) && (c.remote || a.feed.enabled(called(act))):
			c.request(act)
		}
	}
	return c.list
}

// request adds what a call to the model carried that was new, and its answer. All of it has the time of the call.
func (c *conversation) request(act *world.Act) {
	who, at := act.Keys.Agent, called(act)
	var results []any
	for _, id := range c.open[who] {
		if t := c.tools[id]; t != nil {
			results = append(results, c.result(t))
		}
	}
	if len(results) > 0 {
		c.add(act, "user", at, results)
	}
	for _, p := range c.asked[who] {
		c.add(act, "user", at, []any{sessionText{Type: "text", Text: p.Prompt.Text}})
	}
	c.open[who], c.asked[who] = nil, nil
	if act.Request.Status != 0 {
		c.add(act, "assistant", at, nil)
		c.unavailable("client_aborted")
		return
	}
	var blocks []any
	if act.Request.Text != "" {
		blocks = append(blocks, sessionText{Type: "text", Text: act.Request.Text})
	}
	for _, id := range act.Request.ToolUses {
		u := sessionUse{Type: "tool_use", ID: id, Name: "unknown", Input: "{}"}
		if t := c.tools[id]; t != nil {
			u.Name = t.Tool.Name
			u.Input, u.Truncated = clip(t.Tool.Input, c.limits.input, "...[truncated; pass tool_use_input_max_bytes=-1 for the server max]")
		}
		blocks = append(blocks, u)
	}
	c.open[who] = act.Request.ToolUses
	c.add(act, "assistant", at, blocks)
	c.list[len(c.list)-1].model = act.Request.Model
	switch {
	case len(act.Request.ToolUses) > 0: // those join with other sources
	case c.dice.n(60, "captured", act.ID) == 0:
		c.unavailable([]string{"not_captured", "oversize", "retention_elapsed"}[c.dice.n(3, "why", act.ID)])
	case c.dice.n(70, "asserted", act.ID) == 0:
		c.list[len(c.list)-1].provenance = map[string]string{"type": "client_asserted"}
	}
}

func (c *conversation) unavailable(reason string) {
	m := &c.list[len(c.list)-1]
	m.provenance, m.missing, m.content = map[string]string{"type": "content_unavailable", "reason": reason}, true, []any{}
}

func (c *conversation) result(t *world.Act) sessionResult {
	text := t.Tool.Output
	if text == "" {
		text = t.Tool.Error
	}
	if !t.Tool.Accepted && text == "" {
		text = "The user doesn't want to proceed with this tool use."
	}
	out, cut := clip(text, c.limits.result, "...[truncated; pass tool_result_max_bytes=-1 for the server max]")
	return sessionResult{
		Type: "tool_result", ToolUse: t.Keys.ToolUse, Name: t.Tool.Name, IsError: !t.Tool.Accepted || !t.Tool.Success, Content: []part{{"text", out}}, Truncated: cut,
	}
}

func (c *conversation) add(act *world.Act, role string, at time.Time, content []any) {
	prefix := "clsm_01"
	if c.remote {
		prefix = "csev_01"
	}
	c.list = append(c.list, said{id: c.dice.id(prefix, act.ID, strconv.Itoa(len(c.list))), role: role, at: at, content: content})
}

type localMessage struct {
	Type       string  `json:"type"`
	ID         string  `json:"id"`
	Role       string  `json:"role"`
	Created    string  `json:"created_at"`
	Model      *string `json:"model"`
	Content    []any   `json:"content"`
	Provenance any     `json:"provenance"`
}

type remoteMessage struct {
	ID      string  `json:"id"`
	Role    string  `json:"role"`
	Created string  `json:"created_at"`
	Content []any   `json:"content"`
	Sender  *string `json:"sent_by_user_id"`
	Missing bool    `json:"content_unavailable"`
}

func (m *said) show(s *session) any {
	if m.content == nil {
		m.content = []any{}
	}
	if s.isLocal() {
		b := localMessage{"compliance_local_session_message", m.id, m.role, micros(m.at), nil, m.content, m.provenance}
		if m.model != "" {
			b.Model = &m.model
		}
		return b
	}
	b := remoteMessage{m.id, m.role, micros(m.at), m.content, nil, m.missing}
	if m.role == "user" && s.agent == "" {
		b.Sender = &s.account.User
	}
	return b
}

// pageBytes is the size a page of messages does not exceed unless one message does: pages end early.
const pageBytes = 8 << 10

// sessionPage serves a page of a transcript. Its order is the transcript's own: times tie.
func (a *API) sessionPage(c *call, s *session, head any, delay time.Duration) (*answer, *refusal) {
	l, bad := c.query.blocks()
	if bad != nil {
		return nil, bad
	}
	list, desc := a.transcript(s, c.At, delay, l), c.query.desc(false)
	items := make([]item, len(list))
	for i := range list {
		items[i] = item{int64(i), list[i].id, func() any { return list[i].show(s) }}
	}
	sortItems(items, desc)
	name := "session/" + s.id + "/asc"
	if desc {
		name = "session/" + s.id + "/desc"
	}
	t, bad := a.paged(c, name, items, desc, true)
	if bad != nil {
		return nil, bad
	}
	data, size := t.data(), 0
	for i, v := range data {
		b, err := json.Marshal(v)
		if size += len(b); err == nil && size > pageBytes && i > 0 {
			a.cut(t, i)
			data = data[:i]
			break
		}
	}
	return jsonAnswer(struct {
		Session any     `json:"session"`
		Data    []any   `json:"data"`
		Next    *string `json:"next_page"`
	}{head, data, t.next})
}
