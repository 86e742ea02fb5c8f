package timeline

import (
	"cmp"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/correlate"
)

// Gap is a stretch in which records were expected and not received: a client's own numbers leave some out.
type Gap struct {
	ID            string // of the discrepancy
	Count         int64
	Ranges        []correlate.Range // numbers that did not come; none where several gaps are summed up
	Start, End    time.Time         // bounds, by the source's clock; Start is zero where nothing came before
	Before, After uint64            // positions of the records around it, 0 where there is none
	Provisional   bool              // they may still be on their way
	Summed        int64             // how many gaps are summed up here, 0 for one; such a one is not between its neighbours alone
	Statement     string
	Step          int
}

// insertion is where a gap's step belongs.
type insertion struct {
	turn, step int
	apart      bool // between turns, in front of the turn
	gap        int
}

// addGaps places what was expected and not received between its neighbours.
func (t *Timeline) addGaps(found []correlate.Discrepancy) {
	at := make(map[uint64]int) // position → item, of neighbours only
	for i := range found {
		if d := &found[i]; isGap(d) {
			at[d.FirstSeq], at[d.LastSeq] = none, none
		}
	}
	if len(at) == 0 {
		return
	}
	for i := range t.Items {
		if _, ok := at[t.Items[i].Seq]; ok {
			at[t.Items[i].Seq] = i
		}
	}
	var where []insertion
	for i := range found {
		d := &found[i]
		if !isGap(d) {
			continue
		}
		t.Gaps = append(t.Gaps, Gap{ID: d.ID, Count: d.Count, Ranges: d.Details.Missing, Start: d.From, End: d.To, Before: d.FirstSeq,
			After: d.LastSeq, Provisional: d.Provisional, Summed: d.Details.Gaps, Statement: d.Statement})
	}
	slices.SortStableFunc(t.Gaps, func(a, b Gap) int { return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.ID, b.ID)) })
	for i := range t.Gaps {
		in := t.between(at, &t.Gaps[i])
		in.gap = i
		where = append(where, in)
	}
	t.insert(where)
}

func isGap(d *correlate.Discrepancy) bool {
	return d.Kind == correlate.KindSequenceGap && d.State == correlate.StateOpen
}

// between finds where a gap belongs: in front of what came after it, inside a turn only where its other neighbour is of
// the same turn.
func (t *Timeline) between(at map[uint64]int, g *Gap) insertion {
	before, after := none, none
	if i, ok := at[g.Before]; ok && g.Before > 0 {
		before = i
	}
	if i, ok := at[g.After]; ok && g.After > 0 {
		after = i
	}
	if after == none || g.Summed > 0 {
		n, _ := slices.BinarySearchFunc(t.Turns, g.End, func(turn Turn, end time.Time) int {
			if turn.Start.Before(end) {
				return -1
			}
			return 1
		})
		return insertion{turn: n, apart: true}
	}
	item := &t.Items[after]
	turn := &t.Turns[item.Turn]
	s := item.Step
	for s > turn.First && t.Steps[s].Group > 0 && t.Steps[s-1].Group == t.Steps[s].Group {
		s--
	}
	if before != none && t.Items[before].Turn != item.Turn || before == none && s == turn.First {
		return insertion{turn: item.Turn, apart: true}
	}
	return insertion{turn: item.Turn, step: s}
}

// insert rebuilds steps and turns with the gaps among them.
func (t *Timeline) insert(where []insertion) {
	slices.SortStableFunc(where, func(a, b insertion) int {
		if a.turn != b.turn || a.apart != b.apart {
			return cmp.Or(cmp.Compare(a.turn, b.turn), boolCompare(b.apart, a.apart))
		}
		return cmp.Compare(a.step, b.step)
	})
	turns, steps := make([]Turn, 0, len(t.Turns)+len(where)), make([]Step, 0, len(t.Steps)+len(where))
	take := func(depth int) {
		steps = append(steps, t.gapStep(where[0].gap, depth))
		where = where[1:]
	}
	for n := 0; n <= len(t.Turns); n++ {
		for len(where) > 0 && where[0].turn == n && where[0].apart {
			g := &t.Gaps[where[0].gap]
			turns = append(turns, Turn{Gap: true, Start: cmp.Or(g.Start, g.End), End: g.End, First: len(steps), Last: len(steps) + 1})
			take(0)
		}
		if n == len(t.Turns) {
			break
		}
		turn := t.Turns[n]
		first := len(steps)
		for s := turn.First; s < turn.Last; s++ {
			for len(where) > 0 && where[0].turn == n && where[0].step == s {
				take(t.Steps[s].Depth)
			}
			steps = append(steps, t.Steps[s])
		}
		turn.First, turn.Last = first, len(steps)
		turns = append(turns, turn)
	}
	t.Turns, t.Steps = turns, steps
	t.renumber()
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (t *Timeline) gapStep(n, depth int) Step {
	g := &t.Gaps[n]
	s := newStep(KindGap, 0, cmp.Or(g.Start, g.End), g.End)
	s.Depth, s.Gap, s.Reason = depth, n, g.Statement
	return *s
}

// renumber tells steps, items and gaps where they are now.
func (t *Timeline) renumber() {
	for n := range t.Turns {
		for s := t.Turns[n].First; s < t.Turns[n].Last; s++ {
			step := &t.Steps[s]
			step.Turn = n
			if step.Gap != none {
				t.Gaps[step.Gap].Step = s
			}
			for _, i := range step.Items {
				t.Items[i].Turn, t.Items[i].Step = n, s
			}
		}
	}
}

// addDiscrepancies puts what disagrees about a tool use on its step.
func (t *Timeline) addDiscrepancies(found []correlate.Discrepancy) {
	about := make(map[string][]string)
	for i := range found {
		d := &found[i]
		if d.State != correlate.StateOpen || d.Kind == correlate.KindSequenceGap {
			continue
		}
		for _, id := range d.Details.ToolUses {
			about[id] = append(about[id], d.ID)
		}
	}
	if len(about) == 0 {
		return
	}
	for s := range t.Steps {
		if id := t.Steps[s].ToolUse; id != "" {
			t.Steps[s].Discrepancies = about[id]
		}
	}
}
