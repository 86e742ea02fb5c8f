package detect

import (
	"time"

	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

// Baseline tells what is unusual for a group from what it knows of it. internal/detect/baseline has those there are. It must be pure:
// what it answers rests on its arguments alone.
type Baseline interface {
	// Observe takes in one record of a group. state is what it returned for the group last, nil for the first; it is kept in the view's file and
	// must hold no value of a record, but digests. why explains what is unusual, in words that can be shown; "" where nothing is.
	Observe(state []byte, o Observation) (next []byte, why string, err error)
}

// Observation is one record as a baseline sees it.
type Observation struct {
	Correlation *sigma.Compiled
	At          time.Time // when it occurred
	Recorded    time.Time // the clock of the journal
	Values      []string  // of the condition's fields; of a deviation none
	Group       []string
}

// judge has the baseline look at an event.
func (w *window) judge(ev event, values []string) {
	e := w.engine
	if e.clock-ev.at > w.late {
		e.stats.Late++
	}
	o := Observation{Correlation: w.rule, At: millis(ev.at), Recorded: millis(e.clock), Group: values}
	for _, f := range w.rule.Of[ev.part].Values {
		v := e.matcher.Value(f)
		if v == "" {
			return
		}
		o.Values = append(o.Values, v)
	}
	g := w.group(groupKey(values))
	if !g.loaded && e.load != nil {
		g.state = e.load(w, g.key)
	}
	g.loaded = true
	next, why, err := w.baseline.Observe(g.state, o)
	if err != nil {
		e.stats.Unreadable++
		next = nil // begins to learn anew
	}
	g.state = next
	w.dirty[g.key] = g
	if why == "" {
		return
	}
	p := &episode{start: ev.at, end: ev.at}
	f := w.newFiring(g.key, p, 0, values)
	f.ID = firingID(f.Rule, g.key, groupKey(o.Values), f.At.Format(time.RFC3339Nano))
	f.Threshold, f.Count, f.Seqs = why, 1, []uint64{ev.seq}
	for i, name := range w.rule.Condition.Fields {
		if f.Fields == nil {
			f.Fields = map[string]string{}
		}
		f.Fields[name] = clip(o.Values[i])
	}
	f.Sentence = f.sentence(&w.rule.Head, w.rule.GroupBy)
	if w.rule.Alone && e.admit(-1-w.index) {
		e.fresh = append(e.fresh, f)
	}
	w.onward(values, ev.at, true)
}

// clip bounds a value.
func clip(s string) string {
	if len(s) <= mostText {
		return s
	}
	return s[:mostText] + "…"
}
