package fleet

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

func (pl *player) prompt(a *world.Act) {
	pl.close(a.At)
	pl.turns++
	pl.turn = turn{prompt: a, last: a.At, open: true}
	p, g := a.Prompt, pl.p.Client.Gates
	if pl.p.Interactive && !p.Automatic {
		typed := min(time.Duration(units(p.Text))*200*time.Millisecond, time.Minute)
		pl.meter.active(pl.points(a), a.At, "user", typed)
	}
	pl.event(a, a.At, "user_prompt", a.Keys.Span, func(l *attributes) {
		l.digits("prompt_length", units(p.Text))
		l.str("prompt", shown(g.Prompts, p.Text))
		if pl.dialect.promptText {
			l.str("prompt_text", shown(g.Prompts, p.Text))
		}
		if pl.dialect.ids && p.CommandSource != "builtin" { // a built-in command never becomes a message
			l.some("message.uuid", a.Keys.Message)
		}
		if pl.dialect.ids && p.Command != "" {
			l.str("command_name", commandName(p, g.ToolDetails))
			l.str("command_source", p.CommandSource)
		}
	})
}

// commandName is a slash command as it may be told.
func commandName(p *world.PromptAct, open bool) string {
	if open || p.CommandSource == "builtin" {
		return p.Command
	}
	return p.CommandSource // "custom", "mcp"
}

// reach notes that something of the turn ended at a time.
func (pl *player) reach(a *world.Act, t time.Time) {
	if a.Keys.Agent == "" && t.After(pl.turn.last) {
		pl.turn.last = t
	}
}

// close ends the turn, if one is open: with its last act, and not after what comes next.
func (pl *player) close(next time.Time) {
	if !pl.turn.open {
		return
	}
	pl.turn.open = false
	a := pl.turn.prompt
	end := pl.turn.last.Add(8 * time.Millisecond)
	if end.After(next) {
		end = next
	}
	if pl.dialect.active || pl.p.Interactive {
		pl.meter.active(pl.points(a), end, "cli", end.Sub(a.At))
	}
	pl.interaction(a, end)
}

// interaction is the span of a turn.
func (pl *player) interaction(a *world.Act, end time.Time) {
	p, d := a.Prompt, &pl.dialect
	pl.span(a, "interaction", a.Keys.Span, "", a.At, end, func(s *spanRecord) {
		l := &s.attrs
		if d.latest {
			l.str("gen_ai.operation.name", "invoke_agent")
			l.str("gen_ai.conversation.id", a.Keys.Session)
		}
		l.str("user_prompt", shown(pl.p.Client.Gates.Prompts, p.Text))
		l.int("user_prompt_length", units(p.Text))
		l.int("interaction.sequence", pl.turns)
		if d.times {
			l.str("parent.source", "none")
			l.int("queued_sends", 0)
		}
		l.int("interaction.duration_ms", end.Sub(a.At).Milliseconds())
	})
}

// span makes a span of an act.
func (pl *player) span(a *world.Act, kind, id, parent string, start, end time.Time, fill func(*spanRecord)) {
	told, missed := tells(a, audit.SourceOTelSpan)
	if !told || a.Keys.Trace == "" {
		return
	}
	s := &spanRecord{trace: a.Keys.Trace, id: id, parent: parent, name: "claude_code." + kind, start: start, end: end}
	s.attrs = pl.id.standard(a.Keys.Session, 28)
	if pl.dialect.latest {
		s.attrs.str("gen_ai.provider.name", "anthropic")
	}
	s.attrs.str("span.type", kind)
	own := len(s.attrs)
	fill(s)
	keys := audit.Keys{Session: a.Keys.Session, Trace: s.trace, Span: id, ParentSpan: parent}
	keysOf(&keys, s.attrs[own:])
	pl.made = append(pl.made, item{at: end, act: a.ID, keys: keys, missed: missed, span: s})
}

// conversation is the session, or the sub-agent where one acts.
func conversation(a *world.Act) string {
	if a.Keys.Agent != "" {
		return a.Keys.Agent
	}
	return a.Keys.Session
}
