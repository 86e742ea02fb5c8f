package detect

import (
	"cmp"
	"slices"

	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

// Correlations that a further record can still make untrue (fewer than, exactly, an absence) are judged when their window is
// over: when the clock of the journal says that everything that came in time has come.

// pending sets when the window of the first event of a group is over.
func (w *window) pending(g *group, values []string) {
	w.dirty[g.key] = g
	if g.values == nil && values != nil {
		g.values, g.valuesOf = map[string]string{}, w.engine.seq
		for i, name := range w.rule.GroupBy {
			g.values[name] = values[i]
		}
	}
	if len(g.events) == 0 {
		g.due, g.values, g.valuesOf = 0, nil, 0
		return
	}
	first := &g.events[0]
	g.due = max(min(first.at, first.came+w.span)+w.span, first.came) + w.late
	if w.engine.due == 0 || g.due < w.engine.due {
		w.engine.due = g.due
	}
}

// closeDue judges all windows that are over, in the order of their ends.
func (e *engine) closeDue() {
	type over struct {
		w *window
		g *group
	}
	for {
		var list []over
		e.due = 0
		for _, w := range e.windows {
			if w.rule.Eager() || w.baseline != nil {
				continue
			}
			for _, g := range w.groups {
				switch {
				case g.due == 0:
				case g.due <= e.clock:
					list = append(list, over{w, g})
				case e.due == 0 || g.due < e.due:
					e.due = g.due
				}
			}
		}
		if len(list) == 0 {
			return
		}
		slices.SortFunc(list, func(a, b over) int {
			return cmp.Or(cmp.Compare(a.g.due, b.g.due), cmp.Compare(a.w.index, b.w.index), cmp.Compare(a.g.key, b.g.key))
		})
		for _, o := range list {
			o.w.close(o.g)
		}
	}
}

// close judges the window of the first event of a group and lets go of its events.
func (w *window) close(g *group) {
	end := g.after(g.events[0].at + w.span)
	events := slices.Clone(g.events[:end])
	values := make([]string, len(w.rule.GroupBy))
	for i, name := range w.rule.GroupBy {
		values[i] = g.values[name]
	}
	for _, ev := range events {
		w.removed = append(w.removed, held{g.key, ev})
	}
	g.events = slices.Delete(g.events, 0, end)
	w.live -= len(events)
	if v := w.value(events); w.rule.Condition.Holds(v) && (w.rule.Type != sigma.Absence || !w.rule.Tripod.Known || g.seen != 0) {
		w.fire(g, events, v, values)
	}
	w.pending(g, nil)
	w.tidy(g)
}

// await takes in an event of an absence: one that is seen waits for what should come with it; that ends the wait of all before
// it, and with it what was told of them.
func (w *window) await(g *group, ev event, values []string) {
	if ev.part == 0 {
		if ev.at > g.seen && w.counts(g, &ev) {
			w.hold(g, ev)
			w.pending(g, values)
		}
		return
	}
	if ev.at <= g.seen {
		return
	}
	if g.seen == 0 {
		w.known++
	}
	g.seen, g.seenCame = ev.at, w.engine.clock
	w.dirty[g.key] = g
	for len(g.events) > 0 && g.events[0].at <= g.seen {
		w.removed = append(w.removed, held{g.key, g.events[0]})
		g.events = slices.Delete(g.events, 0, 1)
		w.live--
	}
	g.end()
	w.pending(g, nil)
	w.bound()
}

// bound forgets the groups whose awaited part was seen the longest ago.
func (w *window) bound() {
	most := w.engine.limits.Groups
	if w.known <= most+most/8 {
		return
	}
	list := make([]*group, 0, w.known)
	for _, g := range w.groups {
		if g.seen != 0 && len(g.events) == 0 {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b *group) int { return cmp.Or(cmp.Compare(a.seenCame, b.seenCame), cmp.Compare(a.key, b.key)) })
	for _, g := range list[:min(len(list), w.known-most)] {
		w.engine.stats.Dropped++
		w.known--
		g.seen, g.seenCame = 0, 0
		g.end()
		w.dirty[g.key] = g
	}
}

// end ends the episodes of a group: what is missing next is another.
func (g *group) end() {
	for _, p := range g.episodes {
		p.came, p.dirty = 0, true
	}
}
