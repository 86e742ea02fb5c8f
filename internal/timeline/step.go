package timeline

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Kind is what a step is.
type Kind string

// The kinds.
const (
	KindPrompt  Kind = "prompt"
	KindRequest Kind = "request" // one model request, its retries included
	KindTool    Kind = "tool"    // one tool use: decision, run, result
	KindReply   Kind = "reply"
	KindAgent   Kind = "agent" // a sub-agent; what it did follows, one deeper
	KindHook    Kind = "hook"  // hooks that ran at one point, from start to end
	KindEvent   Kind = "event" // anything else
	KindGap     Kind = "gap"   // expected, not received
)

// Step is one thing that happened, as told by one record or, joined by their ids, by several of several sources.
type Step struct {
	Kind       Kind
	Turn       int
	Depth      int // of nested sub-agents
	Group      int // steps with one number above 0 overlapped in time, in one turn and agent
	Start, End time.Time
	Items      []int // in order; empty for a gap, and for an agent of which only what it did is known
	Lead       int   // the item that says most, -1 for none
	Outcome    audit.Outcome
	Reason     string // of a denial or failure, as far as metadata tells
	Caveat     string // what else the reason may stand for, by the client's documentation
	Usage      Usage
	Content    Content

	Tool, MCP, Model string
	ToolUse, Request string
	Agent, AgentType string
	ParentAgent      string   // as records say
	Decision         string   // of a tool use: who decided, in words; "" where no record says
	NoDecision       bool     // of a tool use: it ended, and no record tells who allowed it
	NoResult         bool     // of a tool use that was allowed, or of hooks that started: no record tells how it ended
	SpansOnly        bool     // known from spans alone although the session's log records came
	GatewayOnly      bool     // the gateway saw it, and no client told of it although one told of the session
	GatewayMissed    bool     // of a model request: a client told of it, and the gateway did not see it although it saw others before and after
	Gap              int      // in Timeline.Gaps, -1 for none
	Discrepancies    []string // ids of open discrepancies about this tool use
	Verdicts         []Verdict

	Hook      HookRun // of hooks
	RefusedBy int     // of a tool use: the item of the hook run that refused it, -1 for none that is known
	Refused   int     // of hooks: the item of the tool use they refused, -1 for none that is known
}

// kindOf tells which step a record belongs to.
func kindOf(r *audit.Record) Kind {
	switch r.Activity {
	case audit.ActivityPrompt:
		return KindPrompt
	case audit.ActivityModelRequest:
		return KindRequest
	case audit.ActivityResponse:
		if r.Keys.Body != "" && !(byGateway(r) && holdsText(r)) {
			return KindRequest
		}
		return KindReply
	case audit.ActivityToolDecision, audit.ActivityToolCall, audit.ActivityToolResult:
		return KindTool
	case audit.ActivityAgentRun:
		if r.Keys.Agent != "" {
			return KindAgent
		}
	case audit.ActivityHookRun:
		return KindHook
	}
	return KindEvent
}

// kindIn is the kind of step that a record belongs to: hooks whose tool use is told are part of it.
func (x *index) kindIn(r *audit.Record) Kind {
	kind := kindOf(r)
	if kind == KindHook && x.toolUse(r) != "" {
		return KindTool
	}
	return kind
}

// stepKey names the step of a turn that a record belongs to; a record that joins nothing is a step of its own.
func (b *builder) stepKey(kind Kind, r *audit.Record, i int) string {
	id := ""
	switch kind {
	case KindPrompt:
		return "prompt"
	case KindRequest:
		id = b.request(r)
	case KindTool:
		id = b.toolUse(r)
	case KindReply:
		if id = b.replyID(r, i); byGateway(r) {
			id = b.answerID(r)
		}
	case KindAgent:
		id = r.Keys.Agent
	case KindHook:
		return b.hookKey(r, i)
	case KindEvent:
		if byGateway(r) && r.Activity == audit.ActivityState { // all that one request brought besides what was asked
			kind, id = "context", b.request(r)
		}
	}
	if id == "" {
		return "item " + strconv.Itoa(i)
	}
	return string(kind) + " " + id
}

// addSteps joins items to steps, turn by turn.
func (t *Timeline) addSteps(x *index, turns []Turn) {
	of := make([][]int, len(turns))
	for i := range t.Items {
		of[t.Items[i].Turn] = append(of[t.Items[i].Turn], i)
	}
	logs := slices.ContainsFunc(t.Sources, func(s Seen) bool { return s.Source == audit.SourceOTelLog })
	groups := 0
	for n := range turns {
		b := &builder{Timeline: t, index: x, turn: n, whole: turns[n].Number > 0, steps: make(map[string]*Step),
			running: make(map[string][]started)}
		for _, i := range of[n] {
			b.add(i)
		}
		for _, s := range b.order {
			b.finish(s, logs)
		}
		b.refusals()
		turns[n].First = len(t.Steps)
		t.Steps = append(t.Steps, b.flatten(&groups)...)
		turns[n].Last = len(t.Steps)
	}
	t.Turns = turns
	for s := range t.Steps {
		for _, i := range t.Steps[s].Items {
			t.Items[i].Step = s
		}
	}
}

// builder makes the steps of one turn.
type builder struct {
	*Timeline
	*index
	turn    int
	whole   bool // of a prompt: what names the same prompt is one step
	steps   map[string]*Step
	order   []*Step
	running map[string][]started // hooks that have not ended, by agent and names
}

func (b *builder) add(i int) {
	item := &b.Items[i]
	r := item.Record
	kind := b.kindIn(r)
	if b.whole && b.beside(r) {
		kind = KindEvent
	}
	key := b.stepKey(kind, r, i)
	if kind == KindPrompt && !b.whole {
		key = "item " + strconv.Itoa(i)
	}
	s, ok := b.steps[key]
	if !ok {
		s = newStep(kind, b.turn, item.Start, item.Start)
		b.steps[key], b.order = s, append(b.order, s)
	}
	s.Items = append(s.Items, i)
	if item.Start.Before(s.Start) {
		s.Start = item.Start
	}
	if kind == KindPrompt {
		s.End = s.Start // its span lasts as long as the turn
	} else {
		s.End = latest(s.End, item.End)
	}
	b.describe(s, r)
}

func newStep(kind Kind, turn int, start, end time.Time) *Step {
	return &Step{Kind: kind, Turn: turn, Start: start, End: end, Lead: none, Gap: none, RefusedBy: none, Refused: none,
		Outcome: audit.OutcomeUnknown}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// describe fills in what names the step; the first record that says something has the word.
func (b *builder) describe(s *Step, r *audit.Record) {
	s.Agent, s.ParentAgent = cmp.Or(s.Agent, r.Keys.Agent), cmp.Or(s.ParentAgent, r.Keys.ParentAgent)
	s.Model, s.Request = cmp.Or(s.Model, r.Model), cmp.Or(s.Request, r.Keys.Request)
	switch s.Kind {
	case KindTool:
		s.Tool, s.MCP, s.ToolUse = cmp.Or(s.Tool, r.Tool), cmp.Or(s.MCP, r.MCP), cmp.Or(s.ToolUse, b.toolUse(r))
		s.AgentType = cmp.Or(s.AgentType, text(r, "subagent_type"))
	case KindAgent:
		s.AgentType = cmp.Or(s.AgentType, text(r, "agent_type"), text(r, "agent.name"))
	case KindHook:
		s.describeHook(r)
	default:
		s.Tool, s.MCP = cmp.Or(s.Tool, r.Tool), cmp.Or(s.MCP, r.MCP)
	}
}

func text(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Text()
}

// finish judges a step that has all its items.
func (b *builder) finish(s *Step, logs bool) {
	var own tally
	spans := 0
	best := none
	for _, i := range s.Items {
		r := b.Items[i].Record
		own.add(r)
		if IsVerdict(r) {
			s.Verdicts = append(s.Verdicts, verdictOf(i, r))
		}
		if r.Source == audit.SourceOTelSpan {
			spans++
		}
		if best == none || says(r) > says(b.Items[best].Record) {
			best = i
		}
	}
	s.Lead, s.Content = best, own.Content
	b.clockedByClient(s)
	s.SpansOnly = logs && spans == len(s.Items) && (s.Kind == KindTool || s.Kind == KindRequest || s.Kind == KindPrompt)
	b.witnessed(s, logs)
	b.judge(s)
	if s.Kind == KindRequest {
		b.count(s)
	}
}

// says ranks what a record tells of its step.
func says(r *audit.Record) int {
	n := 0
	switch {
	case IsVerdict(r):
		return -1
	case r.Source == audit.SourceOTelLog:
		n = 10
	case r.Source == audit.SourceGatewayLLM || r.Source == audit.SourceGatewayMCP:
		n = 8
	}
	switch r.Activity {
	case audit.ActivityToolResult:
		return n + 5
	case audit.ActivityToolCall:
		return n + 4
	case audit.ActivityToolDecision, audit.ActivityPrompt, audit.ActivityModelRequest, audit.ActivityAgentRun:
		n += 3
	}
	if r.Type == "hook_execution_complete" || r.Type == "llm.end" {
		n++
	}
	if r.Type == "api_request_body" || r.Type == "api_response_body" {
		n -= 2
	}
	return n
}

// count reads the tokens of a request, once.
func (b *builder) count(s *Step) {
	for _, source := range []audit.Source{audit.SourceOTelLog, audit.SourceGatewayLLM} { // both tell of the same tokens
		for _, i := range s.Items {
			r := b.Items[i].Record
			if r.Source == source && r.Outcome == audit.OutcomeSuccess && hasUsage(r) {
				s.Usage = usageOf(r)
				return
			}
		}
	}
	if s.Outcome == audit.OutcomeSuccess {
		s.Usage.NotCounted = 1
	}
}

func hasUsage(r *audit.Record) bool {
	_, tokens := r.Attributes.Get("input_tokens")
	_, output := r.Attributes.Get("output_tokens")
	return tokens || output
}
