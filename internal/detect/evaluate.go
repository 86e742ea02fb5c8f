package detect

import (
	"fmt"
	"math"
	"slices"

	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

// evaluate holds the windows that a new event is part of against the condition: the one that ends with it, and, where it came
// late, those that end with a later one.
func (w *window) evaluate(g *group, at int, values []string) {
	newest := at == len(g.events)-1
	lo := g.from(g.events[at].at - w.span)
	if newest {
		w.weigh(g, lo, at, values)
		return
	}
	last := g.events[at].at + w.span
	for hi := at; hi < len(g.events) && g.events[hi].at <= last; hi++ {
		if hi+1 < len(g.events) && g.events[hi+1].at == g.events[hi].at {
			continue // the window has both
		}
		lo = g.from(g.events[hi].at - w.span)
		w.weigh(g, lo, hi, values)
	}
}

// weigh fires where the events lo to hi of a group meet the condition.
func (w *window) weigh(g *group, lo, hi int, values []string) {
	if v := w.value(g.events[lo : hi+1]); w.rule.Condition.Holds(v) {
		w.fire(g, g.events[lo:hi+1], v, values)
	}
}

// value is what the condition of the correlation is about.
func (w *window) value(events []event) float64 {
	switch w.rule.Type {
	case sigma.ValueCount:
		seen := make(map[uint64]struct{}, min(len(events), 256))
		for i := range events {
			seen[events[i].digest] = struct{}{}
		}
		return float64(len(seen))
	case sigma.Temporal:
		return float64(len(partsOf(events)))
	case sigma.TemporalOrdered:
		return float64(inOrder(events, len(w.rule.Of)))
	case sigma.ValueSum, sigma.ValueAvg:
		var sum float64
		for i := range events {
			sum += events[i].number
		}
		if w.rule.Type == sigma.ValueAvg {
			sum /= float64(len(events))
		}
		return sum
	case sigma.ValuePercentile, sigma.ValueMedian:
		return percentile(events, w.rule.Condition.Percentile)
	}
	return float64(len(events))
}

func partsOf(events []event) map[int]bool {
	parts := map[int]bool{}
	for i := range events {
		parts[events[i].part] = true
	}
	return parts
}

// inOrder counts how many of the rules, from the first on, the events meet one behind the other. Of events at one time the order
// is not known, so any will do.
func inOrder(events []event, parts int) (next int) {
	for i := 0; i < len(events); {
		end := i
		for end < len(events) && events[end].at == events[i].at {
			end++
		}
		for next < parts && slices.ContainsFunc(events[i:end], func(e event) bool { return e.part == next }) {
			next++
		}
		i = end
	}
	return next
}

// percentile is the smallest value that at least p of 100 events do not exceed.
func percentile(events []event, p float64) float64 {
	numbers := make([]float64, len(events))
	for i := range events {
		numbers[i] = events[i].number
	}
	slices.Sort(numbers)
	rank := int(math.Ceil(p / 100 * float64(len(numbers))))
	return numbers[max(rank, 1)-1]
}

// fire makes a firing of events that meet the condition, or has the one go on whose window they overlap.
func (w *window) fire(g *group, events []event, value float64, values []string) {
	first, last := &events[0], &events[len(events)-1]
	slack := int64(0)
	if !w.rule.Eager() { // its windows lie side by side
		slack = w.span
	}
	w.dirty[g.key] = g
	for _, p := range g.episodes {
		if w.goesOn(p) && (w.lasting() || first.at <= p.end+slack && last.at+slack >= p.start) {
			p.goOn(w, events)
			w.onward(values, last.at, false)
			return
		}
	}
	p := &episode{start: first.at, end: last.at, came: w.engine.clock}
	p.add(events)
	f := w.newFiring(g.key, p, value, values)
	f.Count, f.Seqs = p.count, p.more
	if n := len(f.Seqs); n == MaxSeqs && w.rule.Eager() && !slices.Contains(f.Seqs, f.Seq) {
		f.Seqs[n-1] = f.Seq // its values stand in the firing, so it must be found when it is erased
	}
	f.Sentence = f.sentence(&w.rule.Head, w.rule.GroupBy)
	p.id, p.more, p.dirty = f.ID, nil, true
	g.episodes = append(slices.DeleteFunc(g.episodes, func(p *episode) bool { return !w.goesOn(p) && !p.dirty }), p)
	if w.rule.Alone && w.engine.admit(-1-w.index) {
		w.engine.fresh = append(w.engine.fresh, f)
	}
	w.onward(values, last.at, true)
}

// goOn adds what the events have beyond what was counted.
func (p *episode) goOn(w *window, events []event) {
	p.add(events)
	p.start, p.end, p.came = min(p.start, events[0].at), max(p.end, events[len(events)-1].at), w.engine.clock
	p.dirty = true
}

// add counts the events that came since the last time.
func (p *episode) add(events []event) {
	newest := p.counted
	for i := range events {
		if seq := events[i].seq; seq > p.counted {
			newest = max(newest, seq)
			if i > 0 && events[i-1].seq == seq || slices.Contains(p.more, seq) { // two rules may match one record
				continue
			}
			if p.count++; p.kept < MaxSeqs {
				p.kept++
				p.more = append(p.more, seq)
			}
		}
	}
	p.counted = newest
}

// newFiring makes the firing of an episode.
func (w *window) newFiring(key string, p *episode, value float64, values []string) *Firing {
	f := &Firing{
		Seq: w.engine.seq, Rule: w.rule.Ref(), Title: w.rule.Title, Version: w.rule.Version, Severity: w.rule.Level,
		At: millis(p.end), Start: millis(p.start), Recorded: millis(w.engine.clock), Threshold: w.threshold(value),
	}
	f.ID = firingID(f.Rule, key, fmt.Sprint(p.start))
	for i, name := range w.rule.GroupBy {
		if f.Group == nil {
			f.Group = map[string]string{}
		}
		f.Group[name] = clip(values[i])
	}
	return f
}

// onward tells the correlations that rest on this one.
func (w *window) onward(values []string, at int64, first bool) {
	for _, to := range w.engine.ofOther[w.index] {
		next := w.engine.windows[to.correlation]
		if !first && next.rule.Type != sigma.Temporal && next.rule.Type != sigma.TemporalOrdered {
			continue // it counts firings, not records
		}
		if next.told[to.part] == w.engine.seq {
			continue // a late record can complete several windows: it is one event to others
		}
		if v, ok := next.groupOf(to.part, values); ok {
			next.told[to.part] = w.engine.seq
			next.take(event{at: at, came: w.engine.clock, seq: w.engine.seq, part: to.part}, v)
		}
	}
}
