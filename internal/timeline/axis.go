package timeline

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// Axis maps time to a place between 0 and 1. Time runs evenly but for its breaks, long stretches without any record,
// which take a fixed narrow width each.
type Axis struct {
	Start, End time.Time
	Breaks     []Break
	knots      []knot // ascending in both; the first is at 0, the last at 1
}

// Break is a stretch that is not to scale. That no record came says nothing of what happened.
type Break struct {
	Start, End time.Time
	From, To   float64
}

// Tick is a mark on an axis.
type Tick struct {
	Time time.Time
	At   float64
}

type knot struct {
	t  time.Time
	at float64
}

// What is compressed, and to what.
const (
	mostBreaks   = 12
	breakWidth   = 0.03
	leastBreak   = 2 * time.Minute
	breakPortion = 0.2 // of what is not yet compressed
)

// NewAxis makes an axis on which all the instants lie. Stretches between two of them are compressed, the longest first,
// as long as one would take a fifth of the rest or more.
func NewAxis(instants []time.Time) *Axis {
	all := slices.Clone(instants)
	slices.SortFunc(all, time.Time.Compare)
	all = slices.CompactFunc(all, time.Time.Equal)
	if len(all) == 0 {
		return &Axis{}
	}
	a := &Axis{Start: all[0], End: all[len(all)-1]}
	type stretch struct {
		i int // from all[i] to all[i+1]
		d time.Duration
	}
	stretches := make([]stretch, 0, len(all))
	for i := range len(all) - 1 {
		stretches = append(stretches, stretch{i, all[i+1].Sub(all[i])})
	}
	slices.SortStableFunc(stretches, func(a, b stretch) int { return cmp.Compare(b.d, a.d) })
	rest := 0.0 // seconds to scale
	for _, s := range stretches {
		rest += s.d.Seconds()
	}
	compressed := make(map[int]bool)
	for _, s := range stretches[:min(mostBreaks, len(stretches))] {
		if len(stretches) < 2 || s.d < leastBreak || s.d.Seconds() < breakPortion*rest {
			break
		}
		compressed[s.i] = true
		rest -= s.d.Seconds()
	}
	a.lay(all, compressed, max(rest, 1e-9))
	return a
}

// lay places the instants.
func (a *Axis) lay(all []time.Time, compressed map[int]bool, seconds float64) {
	scale := (1 - breakWidth*float64(len(compressed))) / seconds
	at := 0.0
	a.knots = append(a.knots, knot{all[0], 0})
	from := 0 // of the run to scale
	for i := range len(all) - 1 {
		if !compressed[i] {
			continue
		}
		at += all[i].Sub(all[from]).Seconds() * scale
		a.knots = append(a.knots, knot{all[i], at}, knot{all[i+1], at + breakWidth})
		a.Breaks = append(a.Breaks, Break{all[i], all[i+1], at, at + breakWidth})
		at, from = at+breakWidth, i+1
	}
	if last := all[len(all)-1]; last.After(all[from]) {
		at += last.Sub(all[from]).Seconds() * scale
		a.knots = append(a.knots, knot{last, at})
	}
	if at > 0 { // what rounding left over, and a last run without breadth
		for i := range a.knots {
			a.knots[i].at /= at
		}
		for i := range a.Breaks {
			a.Breaks[i].From, a.Breaks[i].To = a.Breaks[i].From/at, a.Breaks[i].To/at
		}
	}
}

// At is the place of a time; what lies outside is at the nearer end. Where the axis has no length all is at 0.
func (a *Axis) At(t time.Time) float64 {
	i := sort.Search(len(a.knots), func(i int) bool { return a.knots[i].t.After(t) })
	switch {
	case i == 0:
		return 0
	case i == len(a.knots):
		return a.knots[i-1].at
	}
	from, to := a.knots[i-1], a.knots[i]
	return from.at + (to.at-from.at)*(t.Sub(from.t).Seconds()/to.t.Sub(from.t).Seconds())
}

// Ticks chooses at most n round times, none within a break.
func (a *Axis) Ticks(n int) []Tick {
	var shown time.Duration
	for i := 1; i < len(a.knots); i++ {
		shown += a.knots[i].t.Sub(a.knots[i-1].t)
	}
	for _, b := range a.Breaks {
		shown -= b.End.Sub(b.Start)
	}
	if n < 1 || shown <= 0 {
		return nil
	}
	step := roundStep(shown / time.Duration(n))
	var ticks []Tick
	for i := 1; i < len(a.knots); i++ {
		from, to := a.knots[i-1].t, a.knots[i].t
		if a.broken(from) {
			continue
		}
		t := from.Truncate(step)
		if t.Before(from) {
			t = t.Add(step)
		}
		for ; !t.After(to) && len(ticks) < 4*n; t = t.Add(step) {
			ticks = append(ticks, Tick{t, a.At(t)})
		}
	}
	return apart(ticks, 0.5/float64(n))
}

// broken reports whether a break starts at t.
func (a *Axis) broken(t time.Time) bool {
	return slices.ContainsFunc(a.Breaks, func(b Break) bool { return b.Start.Equal(t) })
}

// apart drops ticks that would stand too close to the one before.
func apart(ticks []Tick, least float64) []Tick {
	kept := ticks[:0]
	for _, t := range ticks {
		if len(kept) == 0 || t.At-kept[len(kept)-1].At >= least {
			kept = append(kept, t)
		}
	}
	return kept
}

// roundStep is the next round length that is no shorter.
func roundStep(d time.Duration) time.Duration {
	for _, s := range [...]time.Duration{
		time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
		10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
		15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
		day, 2 * day, 7 * day, 28 * day, 91 * day, 364 * day,
	} {
		if s >= d {
			return s
		}
	}
	return d
}

const day = 24 * time.Hour
