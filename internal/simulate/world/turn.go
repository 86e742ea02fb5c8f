package world

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// turn is a prompt and what comes of it until the model has answered.
type turn struct {
	ask     string
	command string
	do      [][]call
	say     string
}

// play lets a turn happen.
func (s *scene) play(t turn) {
	p := &PromptAct{Text: s.fill(t.ask), Command: t.command}
	if t.command != "" {
		p.CommandSource = "custom"
	}
	s.ask("", p)
	s.now = s.now.Add(s.d.span(20*time.Millisecond, 300*time.Millisecond))
	s.rounds(mainThread(s.p), t.do, t.say)
}

// rounds sends a request for each round of tool calls and one for the answer. Calls of a round are decided one after the
// other and run side by side. It reports whether the turn came to its end: somebody who says no ends it there.
func (s *scene) rounds(who actor, do [][]call, say string) bool {
	away := len(s.away)
	for _, calls := range do {
		can := s.possible(calls)
		if len(can) == 0 {
			continue
		}
		uses := make([]string, len(can))
		for i := range uses {
			uses[i] = s.d.vendor("toolu_01")
		}
		keys := s.request(asking{who: who, toolUses: uses, stop: "tool_use"})
		done := s.now
		for i, c := range can {
			s.now = s.now.Add(time.Millisecond)
			end, by := s.call(c, uses[i], keys, who)
			if by == "user_reject" || by == "user_abort" {
				return false
			}
			if end.After(done) {
				done = end
			}
		}
		if done.After(s.now) {
			s.now = done
		}
		s.now = s.now.Add(s.d.span(6*time.Millisecond, 60*time.Millisecond))
	}
	if len(s.away) > away {
		return s.await(who, away, say)
	}
	s.request(asking{who: who, text: s.fill(say), stop: "end_turn"})
	return true
}

// possible are the calls whose server is there.
func (s *scene) possible(calls []call) []call {
	var can []call
	for _, c := range calls {
		if c.tool != "mcp" || s.connected(c.server) != nil {
			can = append(can, c)
		}
	}
	return can
}

// absent is a sub-agent that runs beside the main thread.
type absent struct {
	id, use string
	back    time.Time
}

// await says that sub-agents are under way, and goes on once the client is told that they are back.
func (s *scene) await(who actor, first int, say string) bool {
	s.request(asking{who: who, text: map[string]string{"de": "Läuft im Hintergrund; ich melde mich.", "fr": "C'est lancé en arrière-plan."}[s.lang], stop: "end_turn"})
	out := s.away[first:]
	s.away = s.away[:first:first]
	for i, o := range out {
		if s.now.Before(o.back) {
			s.now = o.back
		}
		s.now = s.now.Add(s.d.span(5*time.Millisecond, 40*time.Millisecond))
		if who.agent == "" {
			s.ask(who.agent, &PromptAct{
				Automatic: true,
				Text:      "<task-notification>\n<task-id>" + o.id + "</task-id>\n<tool-use-id>" + o.use + "</tool-use-id>\n<status>completed</status>\n</task-notification>",
			})
		}
		text := s.fill(say)
		if i < len(out)-1 {
			text = "Noted."
		}
		s.request(asking{who: who, text: text, stop: "end_turn"})
	}
	return true
}

// send lets a sub-agent run. Newer clients call it beside the main thread and are told when it is back; older ones wait.
// It returns when the call was done.
func (s *scene) send(e *errand, t *ToolAct, keys audit.Keys, caller actor) time.Time {
	called := s.now
	tool := s.add(called, Act{Kind: ToolCall, Tool: t, Keys: keys})
	who := actor{agent: "a" + s.d.hex(16), parent: caller.agent, span: tool.Keys.Span, source: "agent:builtin:" + e.kind}
	first := len(s.acts)
	s.now = s.now.Add(s.d.span(15*time.Millisecond, 60*time.Millisecond))
	s.rounds(who, e.do, e.say)
	s.now = s.now.Add(s.d.span(3*time.Millisecond, 30*time.Millisecond))
	back := &AgentAct{Type: e.kind, BuiltIn: true, Async: since(s.p.Client.Version, firstAsync), Model: modelOf(s.p), Duration: s.now.Sub(called)}
	for _, a := range s.acts[first:] {
		if a.Keys.Agent != who.agent {
			continue
		}
		switch a.Kind {
		case Request:
			back.Tokens = a.Request.Input + a.Request.Output + a.Request.CacheRead + a.Request.CacheCreate
		case ToolCall:
			back.ToolUses++
		}
	}
	s.add(s.now, Act{Kind: Agent, Agent: back, Keys: audit.Keys{Agent: who.agent, ParentAgent: who.parent, ToolUse: keys.ToolUse}})
	ended := s.now
	s.now = called
	if back.Async {
		t.Duration, t.Output = s.d.span(9*time.Millisecond, 28*time.Millisecond), "Async agent launched successfully. agentId: "+who.agent
		s.away = append(s.away, absent{who.agent, keys.ToolUse, ended})
	} else {
		t.Duration, t.Output = ended.Sub(called)+s.d.span(2*time.Millisecond, 8*time.Millisecond), s.fill(e.say)
	}
	return called.Add(t.Duration)
}

// fill puts the scene's words into a text. They hold nothing that JSON would have to escape.
func (s *scene) fill(text string) string { return fill(s.d, s.words, text) }
