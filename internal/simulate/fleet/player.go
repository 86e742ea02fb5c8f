package fleet

import (
	"cmp"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// item is one record that a process made, before it is sent.
type item struct {
	at     time.Time
	act    string
	keys   audit.Keys
	missed bool // made, and never sent: the act says so
	log    *logRecord
	span   *spanRecord
}

// player is one process of a client: it turns what happens in it into telemetry, in the client's own words. It has no
// clock and is not safe for concurrent use.
type player struct {
	p       *world.Process
	dialect dialect
	id      identity

	sequence int64 // of the next event
	mode     string
	model    string // of the last answer
	turn     turn
	turns    int64
	stopped  time.Time             // zero while it runs
	last     time.Time             // of the last act
	calls    map[string]*world.Act // tool calls by tool use
	made     []item                // not yet taken, in no order
	meter    meter
}

// turn is a prompt and what comes of it.
type turn struct {
	prompt *world.Act
	last   time.Time // when the last of it ended
	open   bool
}

func newPlayer(p *world.Process, org *world.Org) *player {
	d := dialectOf(p.Client.Version)
	return &player{
		p: p, dialect: d, id: identify(p, org, d), mode: "default", calls: map[string]*world.Act{}, last: p.Start,
		meter: meter{start: p.Start, on: p.Client.Product == world.ClaudeCode},
	}
}

// play takes in acts of the process. They come in the order in which they happened.
func (pl *player) play(acts []*world.Act) {
	for _, a := range acts {
		if a.Kind == world.ToolCall && a.Keys.ToolUse != "" {
			pl.calls[a.Keys.ToolUse] = a
		}
	}
	for _, a := range acts {
		pl.last = a.At
		pl.perform(a)
	}
}

func (pl *player) perform(a *world.Act) {
	switch a.Kind {
	case world.Start:
		pl.begin(a)
	case world.Stop:
		pl.close(a.At)
		pl.stopped = a.At
	case world.Connection:
		pl.connection(a)
	case world.Prompt:
		pl.prompt(a)
	case world.Request:
		pl.request(a)
	case world.ToolCall:
		pl.tool(a)
	case world.Agent:
		pl.agent(a)
	case world.Hook:
		pl.hook(a)
	case world.Mode:
		pl.changeMode(a)
	case world.Skill:
		pl.skill(a)
	case world.Compaction:
		pl.compaction(a)
	case world.Login:
		pl.login(a)
	case world.Plugin:
		pl.install(a)
	}
}

// take returns what was made before a time, in the order in which it happened, and numbers the events. What is missed is
// among it.
func (pl *player) take(until time.Time) (events, spans []item) {
	slices.SortStableFunc(pl.made, func(a, b item) int { return a.at.Compare(b.at) })
	n, _ := slices.BinarySearchFunc(pl.made, until, func(i item, t time.Time) int { return cmp.Or(i.at.Compare(t), 1) })
	for _, i := range pl.made[:n] {
		if i.span != nil {
			spans = append(spans, i)
			continue
		}
		if pl.dialect.sequence {
			setSequence(i.log.attrs, pl.sequence)
			pl.sequence++
		}
		events = append(events, i)
	}
	pl.made = slices.Delete(pl.made, 0, n)
	return events, spans
}

func setSequence(list attributes, n int64) {
	for i := range list {
		if list[i].key == "event.sequence" {
			list[i].int = n
			return
		}
	}
}

// tells reports whether the client tells an act by a source, and whether that arrives.
func tells(a *world.Act, s audit.Source) (told, missed bool) {
	missed = slices.Contains(a.Missed, s)
	return missed || slices.Contains(a.Seen, s), missed
}

// event makes an event of an act. Inside a span, where the client traces, span names it.
func (pl *player) event(a *world.Act, at time.Time, name, span string, fill func(*attributes)) {
	told, missed := tells(a, audit.SourceOTelLog)
	if !told {
		return
	}
	d := &pl.dialect
	at = at.Truncate(time.Millisecond)
	attrs := pl.id.standard(a.Keys.Session, 24)
	attrs.str("event.name", name)
	attrs.str("event.timestamp", at.UTC().Format("2006-01-02T15:04:05.000Z"))
	if d.sequence {
		attrs.int("event.sequence", 0)
	}
	keys := audit.Keys{Session: a.Keys.Session}
	if d.promptID && a.Keys.Prompt != "" {
		attrs.str("prompt.id", a.Keys.Prompt)
		keys.Prompt = a.Keys.Prompt
	}
	if pl.id.paths != nil {
		attrs.strs("workspace.host_paths", pl.id.paths)
	}
	own := len(attrs)
	fill(&attrs)
	keysOf(&keys, attrs[own:])
	l := &logRecord{at: at, body: "claude_code." + name, attrs: attrs}
	if span != "" && pl.p.Client.Traces {
		if l.trace = a.Keys.Trace; l.trace == "" && pl.turn.prompt != nil {
			l.trace = pl.turn.prompt.Keys.Trace
		}
		if l.trace != "" {
			l.span = span
			keys.Trace, keys.Span = l.trace, l.span
		}
	}
	pl.made = append(pl.made, item{at: at, act: a.ID, keys: keys, missed: missed, log: l})
}

// keysOf finds the keys that join a record among its attributes.
func keysOf(k *audit.Keys, list attributes) {
	for i := range list {
		a := &list[i]
		switch a.key {
		case "request_id":
			k.Request = a.text
		case "client_request_id":
			k.ClientRequest = a.text
		case "tool_use_id":
			k.ToolUse = a.text
		case "message.uuid":
			k.Message = a.text
		case "agent_id":
			k.Agent = a.text
		case "request_body_id":
			k.Body = a.text
		}
	}
}

// root is the span of the prompt that an act belongs to, or of the call that sent the sub-agent that did it.
func (pl *player) root(a *world.Act) string {
	switch {
	case a.Keys.Agent != "" && a.Keys.ParentSpan != "":
		return execution(a.Keys.ParentSpan)
	case a.Keys.ParentSpan != "":
		return a.Keys.ParentSpan
	case pl.turn.prompt != nil:
		return pl.turn.prompt.Keys.Span
	}
	return ""
}

// A tool call has three spans; the act names the outer one.

func execution(tool string) string { return digest(16, tool, "execution") }
func blocked(tool string) string   { return digest(16, tool, "blocked_on_user") }

// pending reports whether something was made and not taken.
func (pl *player) pending() bool { return len(pl.made) > 0 || len(pl.meter.counts) > 0 }
