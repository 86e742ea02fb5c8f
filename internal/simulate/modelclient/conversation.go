package modelclient

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// exchange is one try of one request, ready to be sent.
type exchange struct {
	act        *world.Act
	try        int // from 0
	last       bool
	status     int // that it is answered with; 0 for an answer of the model
	start, end time.Time
	first      time.Time    // of the answer's bytes
	calls      []*world.Act // what the model asks for
	said       conversation // as it stands when the request is sent
	changed    []string     // tools whose definitions changed
	servers    []*world.Server
	errand     string // instead of the conversation: a request of the client's own
}

// conversation is what one actor of a session said and was told so far: the main thread or a sub-agent.
type conversation struct {
	messages []message
	agent    string
	parent   string
}

// message is one message; its blocks are encoded when they are added, so that they stay the same.
type message struct {
	role   string
	blocks []json.RawMessage
}

// add appends blocks to the last message of a role, or begins one. What an exchange holds of the conversation stays as it is.
func (c *conversation) add(role string, blocks ...json.RawMessage) {
	if n := len(c.messages); n > 0 && c.messages[n-1].role == role {
		last := c.messages[n-1]
		last.blocks = append(slices.Clip(last.blocks), blocks...)
		c.messages = append(slices.Clip(c.messages[:n-1]), last)
		return
	}
	c.messages = append(slices.Clip(c.messages), message{role, blocks})
}

// player makes exchanges of acts.
type player struct {
	calls   map[string]*world.Act // tool calls by tool use
	errands map[string]*world.Act // tool calls by the sub-agent they sent
	said    map[string]*conversation
	servers map[string][]*world.Server // connected, by process
	changed map[string][]string        // by process
}

// newPlayer makes a player that knows what will come of what: all acts that happen, in order, beyond the last to be played.
func newPlayer(all []world.Act) *player {
	p := &player{
		calls: map[string]*world.Act{}, errands: map[string]*world.Act{}, said: map[string]*conversation{},
		servers: map[string][]*world.Server{}, changed: map[string][]string{},
	}
	for i := range all {
		if a := &all[i]; a.Kind == world.ToolCall && a.Keys.ToolUse != "" {
			p.calls[a.Keys.ToolUse] = a
		}
	}
	for i := range all {
		if a := &all[i]; a.Kind == world.Agent {
			p.errands[a.Keys.Agent] = p.calls[a.Keys.ToolUse]
		}
	}
	return p
}

// passes reports whether the gateway sees an act of a client.
func passes(a *world.Act) bool {
	return a.Device != nil && a.Device.Gateway && a.Surface != audit.SurfaceCoworkRemote
}

// play takes in an act and returns the exchanges it stands for. Acts come in the order in which they happened.
func (p *player) play(a *world.Act) []exchange {
	if !passes(a) {
		return nil
	}
	switch a.Kind {
	case world.Connection:
		p.connect(a)
	case world.Prompt:
		if a.Prompt.Command == "clear" {
			return nil
		}
		p.of(a).add("user", text(a.Prompt.Text))
	case world.ToolCall:
		p.of(a).add("user", result(a))
	case world.Compaction:
		c := p.of(a)
		c.messages = nil
		c.add("user", text("This session is being continued from a previous conversation that ran out of context. Goal, files touched, open points: see above."))
	case world.Request:
		if slices.Contains(a.Seen, audit.SourceGatewayLLM) {
			return p.request(a)
		}
	}
	return nil
}

func (p *player) connect(a *world.Act) {
	id, c := a.Process.ID, a.Connection
	list := slices.DeleteFunc(slices.Clone(p.servers[id]), func(s *world.Server) bool { return s == c.Server })
	if c.Status == "connected" {
		list = append(list, c.Server)
		p.changed[id] = append(p.changed[id], c.Changed...)
	}
	slices.SortFunc(list, func(a, b *world.Server) int { return cmpStrings(a.Name, b.Name) })
	p.servers[id] = list
}

// of is the conversation that an act belongs to. That of a sub-agent begins with what it was sent for.
func (p *player) of(a *world.Act) *conversation {
	key := a.Keys.Session + "/" + a.Keys.Agent
	c := p.said[key]
	if c != nil {
		return c
	}
	c = &conversation{agent: a.Keys.Agent, parent: a.Keys.ParentAgent}
	if c.agent != "" {
		sent := "Do what was asked and report."
		if call := p.errands[c.agent]; call != nil {
			if s, ok := object(call.Tool.Input)["prompt"].(string); ok {
				sent = s
			}
		}
		c.add("user", text(reminder), text(sent))
	} else {
		c.add("user", text(reminder))
	}
	p.said[key] = c
	return c
}

// request makes the tries of a request, and lets the conversation go on with what is answered.
func (p *player) request(a *world.Act) []exchange {
	r := a.Request
	e := exchange{act: a}
	if a.Process != nil {
		e.servers, e.changed = p.servers[a.Process.ID], p.changed[a.Process.ID]
		c := p.of(a)
		e.said = *c
		for _, use := range r.ToolUses {
			if call := p.calls[use]; call != nil {
				e.calls = append(e.calls, call)
			}
		}
		switch {
		case r.Source == "compact":
			e.said.add("user", text("Your task is to create a detailed summary of the conversation so far: goal, files touched, open points."))
		case r.Source != "" && a.Keys.Agent == "" && r.Source != "repl_main_thread" && r.Source != "sdk":
			e.errand = "Please write a 5-10 word title for the following conversation about " + a.Process.Project.Name + ". Answer in JSON."
		case r.Status == 0:
			p.answered(c, &e)
		}
	} else {
		e.errand = "Translate this configuration, and keep its comments. Reference " + digest(12, a.ID) + "."
	}
	return tries(e)
}

// answered adds what the model said to the conversation.
func (p *player) answered(c *conversation, e *exchange) {
	var blocks []json.RawMessage
	said, instead := e.act.Request.Text, ""
	if w := e.act.Request.Withheld; w != nil {
		said, instead = strings.TrimSuffix(said, "\n\n"+w.Says), w.Says
	}
	for _, s := range []string{said, instead} {
		if s != "" {
			blocks = append(blocks, text(s))
		}
	}
	for _, call := range e.calls {
		blocks = append(blocks, use(call))
	}
	if len(blocks) > 0 {
		c.add("assistant", blocks...)
	}
}

// tries spreads a request's tries over its time: all but the last are answered with an error that is worth another try.
func tries(e exchange) []exchange {
	r := e.act.Request
	n := max(1, r.Attempt)
	start := e.act.At.Add(-r.Duration)
	each := r.Duration / time.Duration(n)
	if r.Status == 0 && n > 1 {
		each = 2 * time.Second // that the world adds for each
	}
	list := make([]exchange, n)
	for i := range list {
		t := e
		t.try, t.last, t.status = i, i == n-1, r.Status
		t.start = start.Add(time.Duration(i) * each)
		t.end, t.first = t.start.Add(300*time.Millisecond), t.start.Add(300*time.Millisecond)
		if t.last && r.Status == 0 {
			t.end, t.first = e.act.At, t.start.Add(min(r.FirstToken, e.act.At.Sub(t.start)))
		} else if t.status == 0 {
			t.status = 529
		}
		if t.last && r.Status != 0 {
			t.end, t.first = e.act.At, e.act.At
		}
		list[i] = t
	}
	return list
}
