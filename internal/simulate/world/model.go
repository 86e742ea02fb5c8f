package world

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// price of a model, in hundredths of a millionth of a US dollar a token: input, output, read from cache, written to it.
type price struct{ in, out, read, write int64 }

const (
	opus   = "claude-opus-5-5"
	sonnet = "claude-sonnet-5"
	haiku  = "claude-haiku-4-5-20251001"

	olderOpus   = "claude-opus-4-8"
	olderSonnet = "claude-sonnet-4-5-20250929"
	oldSonnet   = "claude-sonnet-4-20250514"
)

var prices = map[string]price{
	opus: {500, 2500, 50, 625}, olderOpus: {500, 2500, 50, 625}, sonnet: {300, 1500, 30, 375}, olderSonnet: {300, 1500, 30, 375},
	oldSonnet: {300, 1500, 30, 375}, haiku: {100, 500, 10, 125},
}

// modelOf is the model a client of a version works with.
func modelOf(p *Process) string {
	v := p.Client.Version
	switch {
	case !since(v, "2.0.0"):
		return oldSonnet
	case !since(v, "2.1.0"):
		return olderSonnet
	case !since(v, "2.1.187"):
		return olderOpus
	case p.Account.Team == treasury || p.Client.Product == Cowork:
		return sonnet
	}
	return opus
}

// asking is what one request to the model is for.
type asking struct {
	who      actor
	model    string // "" for the process' own
	source   string // "" for the actor's
	text     string
	toolUses []string
	stop     string
	fails    int // HTTP status it ends with, 0 for success
	small    bool
	withheld *Withheld
}

// request sends one request to the model, from the actor's clock on. It returns the keys that its tool calls share.
func (s *scene) request(q asking) audit.Keys {
	r := &RequestAct{Model: q.model, Source: q.source, Attempt: 1, Text: q.text, ToolUses: q.toolUses, Stop: q.stop, Withheld: q.withheld}
	if r.Model == "" {
		r.Model = modelOf(s.p)
	}
	if r.Source == "" {
		r.Source = q.who.source
	}
	if r.Model == opus {
		r.Effort = "medium"
		if s.p.Account.Team == security || s.p.Account.Team == integration {
			r.Effort = "high"
		}
	}
	r.Duration = s.machine(900*time.Millisecond, 38*time.Second)
	r.FirstToken = min(s.d.span(350*time.Millisecond, 1900*time.Millisecond), r.Duration*2/3).Truncate(time.Millisecond)
	switch {
	case q.fails != 0:
		r.Status, r.Attempt, r.Duration, r.FirstToken = q.fails, 11, s.d.span(140*time.Second, 190*time.Second), 0
		r.Error = map[int]string{529: "Overloaded", 429: "This request would exceed your account's rate limit. Please try again later.", 400: "prompt is too long: 204311 tokens > 200000 maximum"}[q.fails]
		if q.fails == 400 {
			r.Attempt, r.Duration = 1, s.d.span(300*time.Millisecond, 900*time.Millisecond)
		}
	default:
		s.count(r, q)
		if s.d.chance(15) && !s.sure {
			r.Attempt = s.d.between(2, 4)
			r.Duration += time.Duration(r.Attempt) * 2 * time.Second
		}
	}
	keys := audit.Keys{ClientRequest: s.d.uuid(), Request: s.d.request(), Message: s.d.uuid(), Agent: q.who.agent, ParentAgent: q.who.parent, ParentSpan: q.who.span}
	if s.consumed != "" && q.who.agent == "" {
		r.Consumed, s.consumed = s.consumed, ""
	}
	s.now = s.now.Add(r.Duration)
	s.add(s.now, Act{Kind: Request, Request: r, Keys: keys})
	return audit.Keys{Request: keys.Request, Message: keys.Message, Agent: keys.Agent, ParentAgent: keys.ParentAgent, ParentSpan: keys.ParentSpan}
}

// count gives a request its tokens and what they cost.
func (s *scene) count(r *RequestAct, q asking) {
	r.Input = int64(s.d.between(3, 40))
	r.Output = int64(len(q.text)/4 + 40*len(q.toolUses) + s.d.between(30, 420))
	switch {
	case q.small:
		r.Input += int64(s.d.between(300, 1800))
		r.Output = int64(s.d.between(8, 40))
	case q.who.agent != "":
		r.CacheRead, r.CacheCreate = int64(s.d.between(6_000, 30_000)), int64(s.d.between(400, 4_000))
	default:
		r.CacheCreate = int64(s.d.between(300, 5_200))
		r.CacheRead = s.context
		s.context += r.CacheCreate + r.Output
	}
	p := prices[r.Model]
	r.CostMicros = (r.Input*p.in + r.Output*p.out + r.CacheRead*p.read + r.CacheCreate*p.write + 50) / 100
}

// compact makes the history shorter once it is long, or because one asks for it.
func (s *scene) compact(trigger string) {
	before := s.context
	s.request(asking{who: mainThread(s.p), source: "compact", text: "Summary of the conversation so far: goal, files touched, open points.", stop: "end_turn"})
	took := s.machine(8*time.Second, 50*time.Second)
	s.now = s.now.Add(took)
	s.context = int64(s.d.between(14_000, 32_000))
	s.add(s.now, Act{Kind: Compaction, Compaction: &CompactionAct{Trigger: trigger, Success: true, Before: before, After: s.context, Duration: took}})
}
