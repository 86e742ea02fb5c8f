package detect

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

// window is the state of one correlation: what it holds of records, by group.
type window struct {
	engine   *engine
	index    int
	rule     *sigma.Compiled
	span     int64 // ms
	late     int64 // ms
	groups   map[string]*group
	order    []held // all events, in the order they came; those of closed windows are no longer in their groups
	live     int    // events that are in their groups
	known    int    // groups of an absence of which what it awaits was seen
	baseline Baseline
	told     []uint64 // of each part that is a correlation, the position at which it was last told

	// What has changed since the last flush.
	added   []held
	removed []held
	dirty   map[string]*group
	swept   int64 // the hour of the clock in which unload last looked at all groups
}

// held is an event and its group.
type held struct {
	group string
	event event
}

// event is what is held of a record.
type event struct {
	at     int64 // when it occurred, in Unix ms
	came   int64 // the clock of the journal when it came
	seq    uint64
	part   int
	digest uint64  // of the value that is counted
	number float64 // the value that is summed
}

// group is what a correlation holds of records with the same values of group-by.
type group struct {
	key      string
	events   []event // by time, those of one time in the order they came
	episodes []*episode
	values   map[string]string // of group-by, of the record valuesOf
	valuesOf uint64
	due      int64 // when the clock gets there, the window of the first event is over; 0 for none
	seen     int64 // of an absence: when what it awaits was last seen
	seenCame int64
	state    []byte // of a baseline
	loaded   bool   // state was looked for
}

// episode is a firing that may go on.
type episode struct {
	id         string
	start, end int64 // of the records it rests on
	came       int64 // the clock when it last grew
	counted    uint64
	count      int64
	kept       int      // positions the firing names
	more       []uint64 // positions to add to the firing
	dirty      bool
}

func newWindow(e *engine, index int, c *sigma.Compiled) *window {
	return &window{
		engine: e, index: index, rule: c, span: c.Timespan.Milliseconds(), late: e.limits.Lateness.Milliseconds(),
		groups: map[string]*group{}, dirty: map[string]*group{}, told: make([]uint64, len(c.Of)),
	}
}

// observe takes in the record that the matcher holds, as a part of the correlation.
func (w *window) observe(part int) {
	m := w.engine.matcher
	values, ok := w.groupOf(part, nil)
	if !ok {
		return
	}
	ev := event{at: m.Time(), came: w.engine.clock, seq: w.engine.seq, part: part}
	if w.baseline != nil {
		w.judge(ev, values)
		return
	}
	if !w.measured(&ev) {
		return
	}
	w.take(ev, values)
}

// take takes in an event of a group.
func (w *window) take(ev event, values []string) {
	if m := w.engine.clock - ev.at; m > w.late {
		w.engine.stats.Late++
	}
	g := w.group(groupKey(values))
	if w.rule.Type == sigma.Absence {
		w.await(g, ev, values)
		return
	}
	if !w.counts(g, &ev) {
		return
	}
	i := w.hold(g, ev)
	if w.rule.Eager() {
		w.evaluate(g, i, values)
		return
	}
	w.pending(g, values)
}

// groupOf reads the values of group-by: of the record, or of the firing of a correlation this one rests on. A record without
// one of them is of no group.
func (w *window) groupOf(part int, inner []string) ([]string, bool) {
	p := &w.rule.Of[part]
	values := make([]string, len(p.Group))
	for i, r := range p.Group {
		if p.Inner[i] >= 0 {
			values[i] = inner[p.Inner[i]]
		} else {
			values[i] = w.engine.matcher.Value(r)
		}
		if values[i] == "" {
			return nil, false
		}
	}
	return values, true
}

func groupKey(values []string) string {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintf(h, "%d:%s", len(v), strings.ToLower(v))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (w *window) group(key string) *group {
	g := w.groups[key]
	if g == nil {
		g = &group{key: key}
		w.groups[key] = g
	}
	return g
}

// measured reads what the condition counts or sums; a record that lacks it does not count.
func (w *window) measured(ev *event) bool {
	fields := w.rule.Of[ev.part].Values
	switch w.rule.Type {
	case sigma.ValueCount:
		values := make([]string, len(fields))
		for i, f := range fields {
			if values[i] = w.engine.matcher.Value(f); values[i] == "" {
				return false
			}
		}
		ev.digest = digest(values)
	case sigma.ValueSum, sigma.ValueAvg, sigma.ValuePercentile, sigma.ValueMedian:
		var ok bool
		ev.number, ok = w.engine.matcher.Number(fields[0])
		return ok
	}
	return true
}

func digest(values []string) uint64 {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintf(h, "%d:%s", len(v), strings.ToLower(v))
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// counts reports whether an event adds anything: a record counts once, though several rules match it, unless the rules are what is
// counted.
func (w *window) counts(g *group, ev *event) bool {
	if w.rule.Type == sigma.Temporal || w.rule.Type == sigma.TemporalOrdered {
		return true
	}
	i := g.after(ev.at)
	return i == 0 || g.events[i-1].seq != ev.seq
}

// after is the place behind all events up to a time.
func (g *group) after(at int64) int {
	return sort.Search(len(g.events), func(i int) bool { return g.events[i].at > at })
}

// from is the place of the first event at a time or after it.
func (g *group) from(at int64) int {
	return sort.Search(len(g.events), func(i int) bool { return g.events[i].at >= at })
}

// hold puts an event into its group and lets go of what is too old or too much.
func (w *window) hold(g *group, ev event) (at int) {
	w.expire()
	w.groups[g.key] = g // it may have been tidied away
	at = g.after(ev.at)
	g.events = slices.Insert(g.events, at, ev)
	h := held{g.key, ev}
	w.order, w.added = append(w.order, h), append(w.added, h)
	for w.live++; w.live > w.engine.limits.Events; {
		old := w.order[0]
		if w.letGo() && old.event.at+w.span > ev.at {
			w.engine.stats.Dropped++
		}
	}
	at = max(g.after(ev.at)-1, 0)
	return at
}

// expire lets go of events that nothing can join any more: what comes now in time occurred too long after them.
func (w *window) expire() {
	for len(w.order) > 0 && w.base(&w.order[0].event)+w.span+w.late < w.engine.clock {
		w.letGo()
	}
}

// base is when an event's time begins to run: when it came, or, within bounds, when it says that it will occur.
func (w *window) base(ev *event) int64 { return max(ev.came, min(ev.at, ev.came+w.span)) }

// letGo drops the event that came first, and reports whether it was still in its group.
func (w *window) letGo() bool {
	h := w.order[0]
	w.order = w.order[1:]
	g := w.groups[h.group]
	if g == nil || !g.remove(h.event.seq, h.event.part) {
		return false
	}
	w.live--
	w.removed = append(w.removed, h)
	if !w.rule.Eager() {
		w.pending(g, nil)
	}
	w.tidy(g)
	return true
}

func (g *group) remove(seq uint64, part int) bool {
	i := slices.IndexFunc(g.events, func(e event) bool { return e.seq == seq && e.part == part })
	if i < 0 {
		return false
	}
	g.events = slices.Delete(g.events, i, i+1)
	return true
}

// tidy forgets a group of which nothing is held.
func (w *window) tidy(g *group) {
	if len(g.events) > 0 || g.seen != 0 || w.dirty[g.key] != nil || w.baseline != nil || slices.ContainsFunc(g.episodes, w.goesOn) {
		return
	}
	delete(w.groups, g.key)
}

// goesOn reports whether what comes now can still belong to an episode.
func (w *window) goesOn(p *episode) bool {
	if w.lasting() {
		return p.came != 0
	}
	return p.came+w.span+w.late >= w.engine.clock
}

// lasting reports whether an episode goes on until what is missing is seen again.
func (w *window) lasting() bool { return w.rule.Type == sigma.Absence && w.rule.Tripod.Known }

// forget drops what is held of an erased record.
func (w *window) forget(seq uint64) {
	first := sort.Search(len(w.order), func(i int) bool { return w.order[i].event.seq >= seq })
	for _, h := range w.order[first:] {
		if h.event.seq != seq {
			return
		}
		g := w.groups[h.group]
		if g == nil {
			continue
		}
		if g.remove(seq, h.event.part) {
			w.live--
			w.removed = append(w.removed, h)
			if !w.rule.Eager() {
				w.pending(g, nil)
			}
		}
		if g.valuesOf == seq {
			g.values = nil
			w.dirty[g.key] = g
		}
		w.tidy(g)
	}
}

// threshold says what made the correlation fire.
func (w *window) threshold(value float64) string {
	var b strings.Builder
	words := map[string]string{"gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "eq": "=", "neq": "≠"}
	what := map[sigma.CorrelationType]string{
		sigma.EventCount: "records", sigma.ValueCount: "different values of " + strings.Join(w.rule.Condition.Fields, ", "), sigma.Temporal: "rules",
		sigma.TemporalOrdered: "rules in order", sigma.Absence: "records, and nothing of what should come with them,",
	}[w.rule.Type]
	if what == "" {
		what = strings.TrimPrefix(string(w.rule.Type), "value_") + " of " + strings.Join(w.rule.Condition.Fields, ", ")
	}
	fmt.Fprintf(&b, "%s within %s: %s", what, w.rule.Timespan.Round(time.Second), format(value))
	for _, c := range w.rule.Condition.Bounds {
		fmt.Fprintf(&b, " %s %s", words[c.Op], format(c.Value))
	}
	return b.String()
}

func format(f float64) string { return fmt.Sprintf("%.6g", f) }
