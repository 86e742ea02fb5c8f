package timeline

import (
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// The vendor's transcript of a session and what its client told share the ids of tool uses and nothing else: a message
// bears the time of the call that carried it, and no id of a prompt or a request
// (https://platform.claude.com/docs/en/manage-claude/compliance-sessions). So what was written is held against the client's
// records by time: a prompt goes with the last one the client told of before the call, a reply with the request that
// began then. Each goes with one at most, and what goes with none stands for itself.

// callSlack is by how much the clocks of client and vendor may differ for a call to be one.
const callSlack = 2 * time.Second

// inTranscript reports whether a record is of a message in the vendor's transcript.
func inTranscript(r *audit.Record) bool {
	return r.Source == audit.SourceComplianceSession && r.Keys.Message != ""
}

// answered is a model request that a client told of.
type answered struct {
	start   time.Time
	request string
	taken   bool
}

// told notes a client's own record of a request or its reply.
func (x *index) told(i *Item) {
	r := i.Record
	if r.Source != audit.SourceOTelLog || r.Keys.Request == "" {
		return
	}
	switch kindOf(r) {
	case KindRequest:
		if r.Activity == audit.ActivityModelRequest {
			x.calls = append(x.calls, answered{start: i.Start, request: r.Keys.Request})
		}
	case KindReply:
		if r.Keys.Message != "" {
			x.reply[r.Keys.Request] = r.Keys.Message
		}
	}
}

// replies finds of each reply in the transcript the request that it answers.
func (x *index) replies(items []Item) {
	slices.SortStableFunc(x.calls, func(a, b answered) int { return a.start.Compare(b.start) })
	for i := range items {
		if r := items[i].Record; !inTranscript(r) || kindOf(r) != KindReply {
			continue
		}
		at := items[i].At
		n, _ := slices.BinarySearchFunc(x.calls, at.Add(-callSlack), func(c answered, t time.Time) int { return c.start.Compare(t) })
		best := none
		for ; n < len(x.calls) && !x.calls[n].start.After(at.Add(callSlack)); n++ {
			if !x.calls[n].taken && (best == none || x.calls[n].start.Sub(at).Abs() < x.calls[best].start.Sub(at).Abs()) {
				best = n
			}
		}
		if best != none {
			x.calls[best].taken = true
			x.said[i] = x.calls[best].request
		}
	}
}

// replyID is the message by which a step knows a reply: of a transcript's that of the client's record of it.
func (x *index) replyID(r *audit.Record, i int) string {
	if id := x.reply[x.said[i]]; id != "" && x.said[i] != "" {
		return id
	}
	return r.Keys.Message
}

// transcripts puts what a transcript tells into turns: a prompt with all up to the next one, as a round.
func (g *grouping) transcripts() {
	var round []int
	claimed := map[int]bool{} // turns whose prompt a transcript has told
	for i := range g.items {
		if r := g.items[i].Record; inTranscript(r) {
			if kindOf(r) == KindPrompt && len(round) > 0 {
				g.round(round, claimed)
				round = nil
			}
			round = append(round, i)
		}
	}
	if len(round) > 0 {
		g.round(round, claimed)
	}
}

// round puts one round where its tool uses or its requests say; else by time.
func (g *grouping) round(round []int, claimed map[int]bool) {
	turn := none
	for _, i := range round {
		if g.items[i].Turn != none {
			turn = g.items[i].Turn
			break
		}
	}
	for _, i := range round {
		if at, ok := g.key[prefixed("request ", g.said[i])]; ok && turn == none && g.said[i] != "" {
			turn = at
		}
	}
	first := &g.items[round[0]]
	prompted := kindOf(first.Record) == KindPrompt
	if turn == none {
		if turn = g.before(first.At); turn != none && prompted && claimed[turn] {
			turn = none
		}
	}
	if turn == none {
		if !prompted {
			return
		}
		turn = g.start(Turn{Inferred: InferredByTranscript})
	}
	if prompted {
		claimed[turn] = true
	}
	for _, i := range round {
		if g.items[i].Turn == none {
			g.put(i, turn)
		}
	}
}

// before finds the turn a client began last before a time.
func (g *grouping) before(at time.Time) int {
	best := none
	for n := range g.started {
		if t := &g.started[n]; t.Prompt != "" && !t.Start.After(at.Add(callSlack)) && (best == none || t.Start.After(g.started[best].Start)) {
			best = n
		}
	}
	return best
}

// clockedByClient gives a step the times that the client tells, where it tells any: a transcript's are those of the calls
// that carried its messages, which is before the model asked for a tool, and after the tool was done; a gateway sees a
// prompt and a tool's result with the request that carries them.
func (b *builder) clockedByClient(s *Step) {
	var start, end time.Time
	others := false
	for _, i := range s.Items {
		item := &b.Items[i]
		if inTranscript(item.Record) || byGateway(item.Record) {
			others = true
			continue
		}
		if start.IsZero() || item.Start.Before(start) {
			start = item.Start
		}
		end = latest(end, item.End)
	}
	if start.IsZero() || !others {
		return
	}
	if s.Start = start; s.Kind == KindPrompt {
		end = start
	}
	s.End = end
}
