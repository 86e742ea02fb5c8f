package detect

import (
	"bytes"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/detect/sigma"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Stats are what a view counted, of the whole journal up to its position.
type Stats struct {
	Late       int64 `json:"late"`       // records of correlations that came later than the lateness
	Dropped    int64 `json:"dropped"`    // records that had to be let go while a window could still have used them
	Flooded    int64 `json:"flooded"`    // firings beyond the bound of an hour, not kept
	Unreadable int64 `json:"unreadable"` // records that could not be read
}

// engine evaluates rules and correlations over records in the order of the journal. It knows nothing of files.
type engine struct {
	set     *sigma.Set
	matcher *sigma.Matcher
	limits  Limits
	clock   int64 // the greatest time of recording so far, in Unix ms
	seq     uint64
	stats   Stats
	ofRule  [][]feed // of each rule the correlations it serves
	ofOther [][]feed // of each correlation those that rest on it
	windows []*window
	due     int64         // the earliest time of the clock at which some window is over; 0 for none
	hours   map[int]*hour // by rule; -1-i for correlation i
	fresh   []*Firing     // fired since the last flush, in order
	load    func(w *window, group string) (state []byte)
}

// feed is a correlation and the part of it that something serves.
type feed struct{ correlation, part int }

// hour counts the firings of a rule.
type hour struct {
	at    int64 // hours since 1970
	n     int
	dirty bool
}

func newEngine(set *sigma.Set, limits Limits, baselines map[sigma.CorrelationType]Baseline) (*engine, error) {
	e := &engine{
		set: set, matcher: set.NewMatcher(), limits: limits.orDefault(), hours: map[int]*hour{},
		ofRule: make([][]feed, len(set.Rules())), ofOther: make([][]feed, len(set.Correlations())),
	}
	for i, c := range set.Correlations() {
		w := newWindow(e, i, c)
		if c.Type == sigma.FirstSeen || c.Type == sigma.Deviation {
			if w.baseline = baselines[c.Type]; w.baseline == nil {
				return nil, fmt.Errorf("correlation %q is of type %s, and nothing here judges those", c.Ref(), c.Type)
			}
		}
		e.windows = append(e.windows, w)
		for p, of := range c.Of {
			if of.Rule >= 0 {
				e.ofRule[of.Rule] = append(e.ofRule[of.Rule], feed{i, p})
			} else {
				e.ofOther[of.Correlation] = append(e.ofOther[of.Correlation], feed{i, p})
			}
		}
	}
	return e, nil
}

// take takes in what stands at the next position. It returns the positions that the record orders to be erased.
func (e *engine) take(s *journal.Stored) (orders []uint64) {
	e.seq = s.Seq
	if s.Tombstone != nil {
		return nil
	}
	hits, err := e.matcher.Match(s.Bytes)
	if err != nil {
		e.stats.Unreadable++ // it is in the journal; verify says what is wrong with it
		return nil
	}
	e.clock = max(e.clock, e.matcher.Recorded())
	if e.due != 0 && e.clock >= e.due {
		e.closeDue()
	}
	for _, r := range hits {
		if e.set.Alone(r) {
			e.single(r)
		}
		for _, f := range e.ofRule[r] {
			e.windows[f.correlation].observe(f.part)
		}
	}
	if bytes.Contains(s.Bytes, orderType) {
		orders = e.orders(s)
	}
	return orders
}

// orders reads which records the record orders to be erased.
func (e *engine) orders(s *journal.Stored) (orders []uint64) {
	r, err := s.Record()
	if err != nil {
		return nil
	}
	for _, o := range audit.ErasureOrders(r) {
		orders = append(orders, o.Position)
		for _, w := range e.windows {
			w.forget(o.Position)
		}
	}
	return orders
}

// admit counts a firing of a rule, -1-i for correlation i, and reports whether it is within the bound of the hour.
func (e *engine) admit(rule int) bool {
	h := e.hours[rule]
	if h == nil {
		h = &hour{}
		e.hours[rule] = h
	}
	if at := e.clock / time.Hour.Milliseconds(); at != h.at {
		h.at, h.n = at, 0
	}
	h.n++
	h.dirty = true
	if h.n > e.limits.PerHour {
		e.stats.Flooded++
	}
	return h.n <= e.limits.PerHour
}

// single makes the firing of a rule on one record.
func (e *engine) single(r int) {
	if !e.admit(r) {
		return
	}
	rule, m := e.set.Rules()[r], e.matcher
	f := &Firing{
		ID: firingID(rule.Ref(), fmt.Sprint(e.seq)), Seq: e.seq, Rule: rule.Ref(), Title: rule.Title, Version: rule.Version, Severity: rule.Level,
		At: millis(m.Time()), Start: millis(m.Time()), Recorded: millis(m.Recorded()), Seqs: []uint64{e.seq}, Count: 1,
		Fields: texts(m, e.set.Named(r)), Group: texts(m, named(rule.GroupNames(), e.set.Group(r))),
	}
	f.Sentence = f.sentence(&rule.Head, rule.GroupNames())
	e.fresh = append(e.fresh, f)
}

func named(names []string, refs []sigma.Ref) []sigma.NamedRef {
	list := make([]sigma.NamedRef, len(refs))
	for i := range refs {
		list[i] = sigma.NamedRef{Name: names[i], Ref: refs[i]}
	}
	return list
}
