package timeline

import (
	"cmp"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Turn is a stretch of the session: one prompt and all it triggered, or what belongs to no prompt and happened between
// two, or a gap between turns.
type Turn struct {
	Number   int    // of prompts, from 1; 0 for what belongs to none
	Prompt   string // the client's id of the prompt, if it sent one
	Inferred string // why records count as this turn's where no prompt id says so: "" for those that one does
	Gap      bool   // holds nothing but a gap

	Start, End  time.Time
	First, Last int // its steps, Last excluded
	Records     int
	Counts      Counts
	Usage       Usage
	Content     Content
}

// Why records are grouped without a prompt id.
const (
	InferredByTime = "by time: this client sends no prompt ids"
	InferredBySpan = "by spans: the log records with the prompt's id did not come"
	// InferredByTranscript: the vendor's transcript alone tells of the prompt.
	InferredByTranscript = "by the vendor's transcript: no client told of this prompt"
	// InferredByGateway: the LLM gateway alone tells of the prompt.
	InferredByGateway = "by the gateway: no client told of this prompt"
)

const none = -1

// index joins records of different sources by their ids.
type index struct {
	prompt  map[string]int // → turn
	key     map[string]int // any other joining id → turn; see keys
	trace   map[string]int // → turn, none where several share it
	parent  map[string]string
	tool    map[string]string        // span → tool use
	body    map[string]string        // body, client request → request
	again   map[string]string        // request that a gateway saw → the last try of the same
	earlier map[string]bool          // exchanges after which the client tried again
	same    map[*audit.Record]string // client's event without ids → request or tool use
	reply   map[string]string        // request → message by which a client calls its reply
	calls   []answered               // model requests that clients told of, as they began
	said    map[int]string           // item of a transcript → request that it is the reply of
}

// newIndex reads what spans and bodies say of each other.
func newIndex(items []Item) *index {
	x := &index{prompt: map[string]int{}, key: map[string]int{}, trace: map[string]int{}, parent: map[string]string{},
		tool: map[string]string{}, body: map[string]string{}, again: map[string]string{}, earlier: map[string]bool{}, same: map[*audit.Record]string{}, reply: map[string]string{}, said: map[int]string{}}
	for i := range items {
		r := items[i].Record
		k := &r.Keys
		if r.Source == audit.SourceOTelSpan && k.Span != "" {
			x.parent[k.Trace+"/"+k.Span] = k.Trace + "/" + k.ParentSpan
			if k.ToolUse != "" {
				x.tool[k.Trace+"/"+k.Span] = k.ToolUse
			}
		}
		if r.Activity == audit.ActivityToolDecision && k.ToolUse != "" && k.Span != "" {
			x.tool[k.Trace+"/"+k.Span] = k.ToolUse // the span in which the decision was waited for
		}
		x.told(&items[i])
		if k.Request != "" {
			for _, id := range [...]string{prefixed("body ", k.Body), prefixed("client ", k.ClientRequest)} {
				if id != "" {
					x.body[id] = k.Request
				}
			}
		}
	}
	x.exchanges(items)
	x.alike(items)
	x.replies(items)
	return x
}

func prefixed(kind, id string) string {
	if id == "" {
		return ""
	}
	return kind + id
}

// toolUse is the tool use a record belongs to: its own, or for a span that of the span it is part of.
func (x *index) toolUse(r *audit.Record) string {
	k := &r.Keys
	if k.ToolUse == "" && r.Source == audit.SourceOTelLog && kindOf(r) == KindTool {
		return x.same[r]
	}
	if k.ToolUse != "" || r.Source != audit.SourceOTelSpan || k.Span == "" {
		return k.ToolUse
	}
	if r.Activity != audit.ActivityToolDecision && r.Activity != audit.ActivityToolResult && r.Activity != audit.ActivityHookRun {
		return ""
	}
	if id := x.tool[k.Trace+"/"+k.Span]; id != "" {
		return id
	}
	return x.tool[k.Trace+"/"+k.ParentSpan]
}

// request is the model request a record belongs to.
func (x *index) request(r *audit.Record) string {
	k := &r.Keys
	id := cmp.Or(k.Request, x.body[prefixed("body ", k.Body)], x.body[prefixed("client ", k.ClientRequest)], prefixed("body ", k.Body),
		prefixed("client ", k.ClientRequest))
	if id == "" && r.Source == audit.SourceOTelLog && kindOf(r) == KindRequest {
		id = x.same[r]
	}
	return cmp.Or(x.again[id], id)
}

// keys calls f with each id that ties a record to others, the closest first, until f returns false.
func (x *index) keys(r *audit.Record, f func(string) bool) {
	k := &r.Keys
	span := ""
	if k.Span != "" {
		span = "span " + k.Trace + "/" + k.Span
	}
	for _, id := range [...]string{prefixed("tool ", x.toolUse(r)), prefixed("request ", x.request(r)), prefixed("message ", k.Message), span} {
		if id != "" && !f(id) {
			return
		}
	}
}

// turns puts every item into a turn and returns the turns in order, those between prompts included; steps come later.
func (x *index) turns(items []Item) []Turn {
	g := &grouping{index: x, items: items}
	for i := range items {
		items[i].Turn = none
		if id := items[i].Record.Keys.Prompt; id != "" {
			g.put(i, g.byPrompt(id))
		}
	}
	g.attach()
	g.transcripts()
	g.withoutLogs()
	g.withoutIDs()
	g.gateways()
	return g.inOrder()
}

// grouping is the work of turns.
type grouping struct {
	*index
	items   []Item
	started []Turn
}

func (g *grouping) start(t Turn) int {
	g.started = append(g.started, t)
	return len(g.started) - 1
}

func (g *grouping) byPrompt(id string) int {
	turn, ok := g.prompt[id]
	if !ok {
		turn = g.start(Turn{Prompt: id})
		g.prompt[id] = turn
	}
	return turn
}

// put puts an item into a turn and remembers its ids, so that others follow.
func (g *grouping) put(i, turn int) {
	item := &g.items[i]
	item.Turn = turn
	t := &g.started[turn]
	if t.Start.IsZero() || item.Start.Before(t.Start) {
		t.Start = item.Start
	}
	if item.End.After(t.End) {
		t.End = item.End
	}
	r := item.Record
	g.keys(r, func(id string) bool {
		if _, ok := g.key[id]; !ok {
			g.key[id] = turn
		}
		return true
	})
	if trace := r.Keys.Trace; trace != "" {
		if other, ok := g.trace[trace]; ok && other != turn {
			g.trace[trace] = none
		} else if !ok {
			g.trace[trace] = turn
		}
	}
}

// attach puts items without a prompt id where their other ids say.
func (g *grouping) attach() {
	for i := range g.items {
		item := &g.items[i]
		if item.Turn != none || item.Record.Source == audit.SourceOTelMetric {
			continue
		}
		turn := none
		g.keys(item.Record, func(id string) bool {
			var ok bool
			if turn, ok = g.key[id]; !ok {
				turn = none
			}
			return turn == none
		})
		if turn == none {
			turn = g.bySpan(item.Record)
		}
		if turn != none {
			g.put(i, turn)
		}
	}
}

// bySpan climbs from a span to one that is known, else trusts the trace if it is of one turn only.
func (g *grouping) bySpan(r *audit.Record) int {
	k := &r.Keys
	if k.Trace == "" {
		return none
	}
	at := k.Trace + "/" + k.ParentSpan
	for range 64 {
		if turn, ok := g.key["span "+at]; ok {
			return turn
		}
		next, ok := g.parent[at]
		if !ok {
			break
		}
		at = next
	}
	if turn, ok := g.trace[k.Trace]; ok {
		return turn
	}
	return none
}

// withoutLogs starts a turn for each prompt that only a span tells of.
func (g *grouping) withoutLogs() {
	found := false
	for i := range g.items {
		item := &g.items[i]
		if item.Turn == none && item.Record.Source == audit.SourceOTelSpan && item.Record.Activity == audit.ActivityPrompt {
			g.put(i, g.start(Turn{Inferred: InferredBySpan}))
			found = true
		}
	}
	if found {
		g.attach()
	}
}

// withoutIDs starts a turn at each prompt of a client that sends no prompt ids; it lasts until the next prompt.
func (g *grouping) withoutIDs() {
	var starts []time.Time // of turns that have an id
	for i := range g.started {
		starts = append(starts, g.started[i].Start)
	}
	slices.SortFunc(starts, time.Time.Compare)
	turn := none
	for i := range g.items {
		item := &g.items[i]
		for len(starts) > 0 && !starts[0].After(item.At) {
			turn, starts = none, starts[1:]
		}
		switch r := item.Record; {
		case item.Turn != none || r.Source == audit.SourceOTelMetric || r.Source == audit.SourceTripod || byGateway(r):
		case kindOf(r) == KindPrompt:
			turn = g.start(Turn{Inferred: InferredByTime})
			g.put(i, turn)
		case turn != none:
			g.put(i, turn)
		}
	}
}

// inOrder sorts and numbers the turns and gathers what belongs to none into stretches between them.
func (g *grouping) inOrder() []Turn {
	order := make([]int, len(g.started))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return g.started[a].Start.Compare(g.started[b].Start) })
	between := make(map[int]int) // turns begun → stretch, counted down from -2
	var stretches []Turn
	begun := 0
	for i := range g.items {
		item := &g.items[i]
		for begun < len(order) && !g.started[order[begun]].Start.After(item.At) {
			begun++
		}
		if item.Turn != none {
			continue
		}
		s, ok := between[begun]
		if !ok {
			s = len(stretches)
			stretches, between[begun] = append(stretches, Turn{Start: item.Start, End: item.End}), s
		}
		t := &stretches[s]
		if item.Start.Before(t.Start) {
			t.Start = item.Start
		}
		if item.End.After(t.End) {
			t.End = item.End
		}
		item.Turn = -2 - s
	}
	return g.number(order, between, stretches)
}

// number lays turns and stretches out and tells each item its turn.
func (g *grouping) number(order []int, between map[int]int, stretches []Turn) []Turn {
	var turns []Turn
	place := make(map[int]int, len(order)+len(stretches))
	stretch := func(begun int) {
		if s, ok := between[begun]; ok {
			place[-2-s] = len(turns)
			turns = append(turns, stretches[s])
		}
	}
	stretch(0)
	for n, at := range order {
		place[at] = len(turns)
		t := g.started[at]
		t.Number = n + 1
		turns = append(turns, t)
		stretch(n + 1)
	}
	for i := range g.items {
		g.items[i].Turn = place[g.items[i].Turn]
	}
	return turns
}
