package timeline

import (
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Drawing is what to draw of some of a session's steps: an axis, a lane for each source, gaps and turns on it. Its size is
// bounded: a lane with too many records is drawn as sums.
type Drawing struct {
	Axis  *Axis
	Lanes []Lane
	Gaps  []GapMark
	Turns []Band
}

// Lane is what one source reported.
type Lane struct {
	Source  int  // in Timeline.Sources
	Rows    int  // rows of marks, at least 1
	Summed  bool // marks are sums of what lies close together
	Highest int  // most records in one mark
	Marks   []Mark
}

// Mark is one record, or a sum of several.
type Mark struct {
	From, To float64
	Row      int
	Item     int // the record, or the worst of a sum
	Count    int
	Outcome  audit.Outcome
}

// GapMark is a gap between two places.
type GapMark struct {
	Gap      int
	From, To float64
}

// Band is the stretch of a turn.
type Band struct {
	Turn     int
	From, To float64
}

// Bounds of a drawing.
const (
	mostMarks = 400
	bins      = 200
	mostRows  = 5
	mostBands = 400
)

// Draw lays out the steps from first to last, last excluded.
func (t *Timeline) Draw(first, last int) *Drawing {
	first, last = max(first, 0), min(last, len(t.Steps))
	var instants []time.Time
	lanes := make([][]int, len(t.Sources))
	var gaps []int
	for s := first; s < last; s++ {
		if g := t.Steps[s].Gap; g != none && t.Gaps[g].Summed == 0 {
			gaps = append(gaps, g)
			instants = append(instants, t.Gaps[g].End)
			if !t.Gaps[g].Start.IsZero() {
				instants = append(instants, t.Gaps[g].Start)
			}
		}
		for _, i := range t.Steps[s].Items {
			item := &t.Items[i]
			instants = append(instants, item.Start, item.End)
			lanes[item.Source] = append(lanes[item.Source], i)
		}
	}
	d := &Drawing{Axis: NewAxis(instants)}
	for s, items := range lanes {
		d.Lanes = append(d.Lanes, t.lane(d.Axis, s, items))
	}
	for _, g := range gaps {
		m := GapMark{Gap: g, To: d.Axis.At(t.Gaps[g].End)}
		if !t.Gaps[g].Start.IsZero() {
			m.From = d.Axis.At(t.Gaps[g].Start)
		}
		d.Gaps = append(d.Gaps, m)
	}
	d.bands(t, first, last)
	return d
}

// bands marks the turns of prompts.
func (d *Drawing) bands(t *Timeline, first, last int) {
	for n := range t.Turns {
		turn := &t.Turns[n]
		if turn.Number == 0 || turn.Last <= first || turn.First >= last || len(d.Turns) == mostBands {
			continue
		}
		d.Turns = append(d.Turns, Band{n, d.Axis.At(turn.Start), d.Axis.At(turn.End)})
	}
}

// lane lays out the records of one source.
func (t *Timeline) lane(axis *Axis, source int, items []int) Lane {
	l := Lane{Source: source, Rows: 1, Summed: len(items) > mostMarks}
	if l.Summed {
		l.sum(t, axis, items)
		return l
	}
	slices.SortStableFunc(items, func(a, b int) int { return t.Items[a].Start.Compare(t.Items[b].Start) })
	const apart = 0.002
	var free []float64 // where each row is free from
	for _, i := range items {
		item := &t.Items[i]
		m := Mark{From: axis.At(item.Start), To: axis.At(item.End), Item: i, Count: 1, Outcome: item.Record.Outcome}
		m.Row = slices.IndexFunc(free, func(f float64) bool { return f <= m.From })
		switch {
		case m.Row >= 0:
			free[m.Row] = m.To + apart
		case len(free) < mostRows:
			m.Row, free = len(free), append(free, m.To+apart)
		default:
			m.Row = mostRows - 1
			free[m.Row] = max(free[m.Row], m.To+apart)
		}
		l.Marks = append(l.Marks, m)
	}
	l.Rows, l.Highest = max(1, len(free)), 1
	return l
}

// sum counts records by the place where they occurred.
func (l *Lane) sum(t *Timeline, axis *Axis, items []int) {
	marks := make([]Mark, bins)
	for _, i := range items {
		m := &marks[min(bins-1, int(axis.At(t.Items[i].At)*bins))]
		if m.Count++; m.Count == 1 || worse(t.Items[i].Record.Outcome, m.Outcome) {
			m.Item, m.Outcome = i, t.Items[i].Record.Outcome
		}
		l.Highest = max(l.Highest, m.Count)
	}
	for n := range marks {
		if marks[n].Count > 0 {
			marks[n].From, marks[n].To = float64(n)/bins, float64(n+1)/bins
			l.Marks = append(l.Marks, marks[n])
		}
	}
}
