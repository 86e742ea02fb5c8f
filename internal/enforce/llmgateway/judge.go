package llmgateway

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/policy"
)

// Engine judges; policy.Engine is one.
type Engine interface {
	Evaluate(ctx context.Context, ev policy.Event) policy.Verdict
	Stream(ev policy.Event) *policy.Stream
	Enforces(p policy.Point) bool
	Failures() policy.Failures
	Mode() policy.Mode
	Standing(ev *policy.Event) (version string, marks []string, is bool)
}

// event is what all events of an exchange share: what its records say of it.
func (x *exchange) event(req *messages.Request) policy.Event {
	rec := x.rec.Record()
	ev := policy.Event{Source: rec.Source, Surface: rec.Surface, Account: rec.Account, Keys: rec.Keys, At: x.began, Model: rec.Model}
	if req != nil {
		ev.Capabilities = req.Capabilities
	}
	return ev
}

// longestID bounds ids that are remembered; those of clients are UUIDs.
const longestID = 512

// conversation names what a body is read as the next of: a session, or a sub-agent of it, within a credential; "" where the
// client names none.
func (x *exchange) conversation() string {
	session, agent := x.header.Get("X-Claude-Code-Session-Id"), x.header.Get("X-Claude-Code-Agent-Id")
	if session == "" || len(session)+len(agent) > longestID {
		return ""
	}
	return x.who.Credential + "\x00" + x.credential + "\x00" + session + "\x00" + agent
}

// judge asks policy about the blocks of a request that was noted, and notes what it says. What a model said before was judged
// when it said so. With all, blocks that stood in the body before are judged again: what was denied stays denied.
func (x *exchange) judge(ctx context.Context, req *messages.Request, all bool) []recorder.Judged {
	var out []recorder.Judged
	x.base = x.event(req)
	base := x.base
	began := time.Now()
	version, marks, remembers := x.g.engine.Standing(&base)
	around := x.g.clean.around(version, marks, &base)
	asked := false
	var once onceARequest
	if len(req.Capabilities) > 0 {
		once = onceARequest{}
	}
	for i := range req.Blocks {
		b := &req.Blocks[i]
		if _, judges := pointOf(b); !judges || b.Known && !all {
			continue
		}
		key := cleanKeyOf(around, b)
		if remembers && x.g.clean.has(key) {
			asked = true
			continue
		}
		ev, _ := Ask(base, b)
		if ev.Text == "" && asked {
			continue // nothing in it to read; capabilities are the request's and were asked about with another
		}
		asked = true
		v := x.evaluate(ctx, ev)
		switch {
		case len(v.Matches) > 0: // a rule that matched may have noted something of the session
			version, marks, remembers = x.g.engine.Standing(&base)
			around = x.g.clean.around(version, marks, &base)
		case remembers && v.Failed == nil && v.Effect == policy.Allow && v.RuleSet == version:
			x.g.clean.add(key)
		}
		once.sift(&v)
		if len(v.Matches) > 0 || v.Failed != nil || v.Effect.Rank() > policy.Flag.Rank() {
			out = append(out, recorder.Judged{Block: i, Verdict: v})
			x.g.stats.judged(&v)
		}
	}
	x.g.stats.scanned("request", time.Since(began))
	x.rec.Judge(out)
	return out
}

// evaluate asks policy. Where the gateway does not enforce, what a rule would have stopped has only been seen.
func (x *exchange) evaluate(ctx context.Context, ev policy.Event) policy.Verdict {
	v := x.g.engine.Evaluate(ctx, ev)
	x.seen(&v)
	return v
}

func (x *exchange) seen(v *policy.Verdict) {
	if x.enforce || v.Effect.Rank() <= policy.Flag.Rank() {
		return
	}
	v.Effect, v.Message = policy.Flag, ""
	v.Matches = slices.Clone(v.Matches)
	for i := range v.Matches {
		v.Matches[i].Mode = policy.Observe
	}
}

// onceARequest keeps a rule that asks about the request, not about a block, from being told of every block: where a request
// has capabilities, a match that counts no findings is told of the first block alone.
type onceARequest map[string]bool

func (o onceARequest) sift(v *policy.Verdict) {
	if o == nil || len(v.Matches) == 0 {
		return
	}
	var fresh []policy.Match
	for _, m := range v.Matches {
		if len(m.Findings) > 0 || !o[m.Rule] {
			fresh = append(fresh, m)
		}
		o[m.Rule] = true
	}
	v.Matches = fresh
}

// Ask is what policy is asked about a block of a request, beside what base says of all of them; ok is false for what is not
// judged: what a model said, which was judged when it said so.
func Ask(base policy.Event, b *messages.Block) (ev policy.Event, ok bool) {
	ev = base
	ev.Point, ok = pointOf(b)
	ev.Kind, ev.Tool, ev.MCP, ev.Keys.ToolUse, ev.Text = kindOf(b), b.Tool, b.Server, b.ID, textOf(b)
	if !isField(b) {
		ev.Span = b.Hash
	}
	return ev, ok
}

// pointOf tells at which point a block of a request is judged.
func pointOf(b *messages.Block) (policy.Point, bool) {
	switch {
	case b.Part != messages.Message:
		return policy.PointPrompt, true
	case strings.HasSuffix(b.Type, "tool_result"):
		return policy.PointToolResult, true // of the vendor's own tools too, which stand in messages of the model
	case b.Role == "assistant":
		return "", false
	}
	return policy.PointPrompt, true
}

// kindOf names the kind of a block for rules.
func kindOf(b *messages.Block) string {
	switch b.Part {
	case messages.System:
		return "system"
	case messages.Tools:
		return "tools"
	}
	return b.Type
}

// textOf is what detectors read of a block: its strings, one a line.
func textOf(b *messages.Block) string {
	if len(b.Texts) == 1 {
		return b.Texts[0].Value
	}
	n := 0
	for i := range b.Texts {
		n += len(b.Texts[i].Value) + 1
	}
	var s strings.Builder
	s.Grow(n)
	for i := range b.Texts {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString(b.Texts[i].Value)
	}
	return s.String()
}

// answerEvent is what policy is asked about a block of an answer.
func answerEvent(base policy.Event, b *messages.ReplyBlock) policy.Event {
	ev := base
	ev.Kind, ev.Tool, ev.MCP, ev.Keys.ToolUse = b.Type, b.Tool, b.Server, b.ID
	switch {
	case callsTool(b):
		ev.Point, ev.Arguments = policy.PointToolCall, b.Input
	case strings.HasSuffix(b.Type, "tool_result"):
		ev.Point = policy.PointToolResult
	default:
		ev.Point = policy.PointResponse
	}
	return ev
}

// callsTool reports whether a block asks for a tool, whoever runs it.
func callsTool(b *messages.ReplyBlock) bool { return strings.HasSuffix(b.Type, "tool_use") }

// withholds reports whether a block is held until it has been judged: the client would run what it asks for. What the
// vendor's servers run has been run by the time it is told.
func withholds(b *messages.ReplyBlock) bool { return b.Type == "tool_use" }
