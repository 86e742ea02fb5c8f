package timeline

import (
	"cmp"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// An LLM gateway sees each exchange between a client and the model: the request, what is new in it, the answer, how it
// ended. All its records of one exchange share a body id of its own; with the client's they share the ids that travel in
// headers and bodies: session, prompt where the client sends it, request, tool use, agent
// (https://code.claude.com/docs/en/llm-gateway-protocol). A retry is an exchange of its own with the same body.

// byGateway reports whether the LLM gateway told of it.
func byGateway(r *audit.Record) bool { return r.Source == audit.SourceGatewayLLM }

// IsVerdict reports whether a record tells what policy answered.
func IsVerdict(r *audit.Record) bool { return strings.HasSuffix(r.Type, ".verdict") }

// Verdict is what policy answered about a step.
type Verdict struct {
	Item     int // in Timeline.Items
	Rule     string
	Effect   string // "flag", "redact", "deny"
	Mode     string // "observe": nothing was done; "enforce"
	Severity string
	Stopped  bool   // something was denied because of it
	Shown    string // what the user was shown, "" for nothing
}

func verdictOf(i int, r *audit.Record) Verdict {
	return Verdict{Item: i, Rule: r.Rule, Effect: text(r, "effect"), Mode: text(r, "mode"), Severity: text(r, "severity"),
		Stopped: r.Outcome == audit.OutcomeDenied, Shown: text(r, "message_shown")}
}

// outcomeOf is what a record says of how its step ended: a verdict that stopped nothing says nothing of that, nor does a try
// after which the client tried again, nor that the model asked for a tool.
func (x *index) outcomeOf(r *audit.Record) audit.Outcome {
	asked := byGateway(r) && r.Activity == audit.ActivityToolCall
	if (IsVerdict(r) || asked) && r.Outcome != audit.OutcomeDenied || byGateway(r) && x.earlier[r.Keys.Body] {
		return audit.OutcomeUnknown
	}
	return r.Outcome
}

// witnessed says of a step where one of two witnesses, client and gateway, is missing.
func (b *builder) witnessed(s *Step, logs bool) {
	client, gateway := false, false
	for _, i := range s.Items {
		r := b.Items[i].Record
		client = client || r.Source == audit.SourceOTelLog || r.Source == audit.SourceOTelSpan
		gateway = gateway || byGateway(r)
	}
	for i := range s.Verdicts {
		client = client || s.Verdicts[i].Stopped // what was stopped never reached one
	}
	s.GatewayOnly = logs && gateway && !client && (s.Kind == KindPrompt || s.Kind == KindRequest || s.Kind == KindTool)
	if s.Kind != KindRequest || gateway || !client {
		return
	}
	for i := range b.Sources {
		if g := &b.Sources[i]; g.Source == audit.SourceGatewayLLM {
			s.GatewayMissed = g.First.Before(s.Start) && s.End.Before(g.Last)
		}
	}
}

// holdsText reports whether a record of an answer brought text of the model's, which makes it a reply.
func holdsText(r *audit.Record) bool {
	for i := range r.Content {
		if strings.HasPrefix(r.Content[i].Name, "text") {
			return true
		}
	}
	return false
}

// exchange is one exchange that a gateway saw.
type exchange struct {
	request string // id in the answer, "" for none
	digest  string // of the body
	retry   int64  // how often the client had tried before
}

// exchanges reads which exchanges are retries of each other, so that they are one request: the last.
func (x *index) exchanges(items []Item) {
	seen := map[string]*exchange{}
	for i := range items {
		r := items[i].Record
		if !byGateway(r) || r.Keys.Body == "" {
			continue
		}
		e := seen[r.Keys.Body]
		if e == nil {
			e = &exchange{}
			seen[r.Keys.Body] = e
		}
		e.request, e.digest = cmp.Or(e.request, r.Keys.Request), cmp.Or(e.digest, text(r, "digest"))
		if v, ok := r.Attributes.Get("retry"); ok {
			e.retry, _ = v.Int64()
		}
	}
	last := map[string]*exchange{}
	for _, e := range seen {
		if l := last[e.digest]; e.digest != "" && e.request != "" && (l == nil || e.retry > l.retry || e.retry == l.retry && e.request < l.request) {
			last[e.digest] = e
		}
	}
	for body, e := range seen {
		l := last[e.digest]
		if l == nil || l == e || l.retry <= e.retry {
			continue
		}
		x.body["body "+body], x.earlier[body] = l.request, true
		if e.request != "" {
			x.again[e.request] = l.request
		}
	}
}

// gateways puts exchanges into the turn that their ids say; those that no id ties to one into the one that began last before,
// unless they bring a prompt and that turn has one: then no client told of it.
func (g *grouping) gateways() {
	loose := map[string][]int{} // by exchange
	var order []string
	prompted := map[int]bool{}
	for i := range g.items {
		r := g.items[i].Record
		switch {
		case !byGateway(r):
		case g.items[i].Turn != none:
			prompted[g.items[i].Turn] = prompted[g.items[i].Turn] || firstPrompt(r)
		case r.Keys.Body != "":
			id := g.request(r)
			if loose[id] == nil {
				order = append(order, id)
			}
			loose[id] = append(loose[id], i)
		}
	}
	for _, id := range order {
		list := loose[id]
		brings := false
		for _, i := range list {
			brings = brings || firstPrompt(g.items[i].Record)
		}
		turn, known := g.known(list)
		if !known {
			turn = g.lastBegun(g.items[list[0]].At)
		}
		switch {
		case known, turn != none && !(brings && prompted[turn]):
		case brings:
			turn = g.start(Turn{Inferred: InferredByGateway})
		default:
			continue
		}
		prompted[turn] = prompted[turn] || brings
		for _, i := range list {
			g.put(i, turn)
		}
	}
}

// known is the turn that the ids of an exchange's records say.
func (g *grouping) known(list []int) (turn int, ok bool) {
	for _, i := range list {
		g.keys(g.items[i].Record, func(id string) bool {
			turn, ok = g.key[id]
			return !ok
		})
		if ok {
			return turn, true
		}
	}
	return none, false
}

// lastBegun is the turn that began last before a time.
func (g *grouping) lastBegun(at time.Time) int {
	best := none
	for n := range g.started {
		if t := &g.started[n]; !t.Start.After(at.Add(callSlack)) && (best == none || t.Start.After(g.started[best].Start)) {
			best = n
		}
	}
	return best
}

// firstPrompt reports whether a gateway's record is of what somebody asked, and not of what a sub-agent was sent for.
func firstPrompt(r *audit.Record) bool {
	return r.Activity == audit.ActivityPrompt && r.Keys.Agent == "" && !IsVerdict(r)
}

// beside reports whether a prompt that the gateway saw is not the turn's own: a sub-agent's, or what the client sent besides.
func (b *builder) beside(r *audit.Record) bool {
	if !byGateway(r) || r.Activity != audit.ActivityPrompt {
		return false
	}
	if r.Keys.Agent != "" {
		return true
	}
	if IsVerdict(r) {
		return false
	}
	s := b.steps["prompt"]
	if s == nil {
		return false
	}
	for _, i := range s.Items {
		if o := b.Items[i].Record; byGateway(o) && !IsVerdict(o) {
			return true
		}
	}
	return false
}

// answerID is the message by which a step knows an answer that the gateway saw: that of the client's record of it.
func (x *index) answerID(r *audit.Record) string {
	request := x.request(r)
	return cmp.Or(x.reply[request], prefixed("answer ", request))
}
