package corpus

import (
	"maps"
	"slices"
)

// Tally counts for one kind: what was found and is there, what was found and is not, what is there and was not found.
type Tally struct{ Right, Wrong, Missed int }

// Recall is the share of what is there that was found; 1 when nothing is there.
func (t Tally) Recall() float64 { return share(t.Right, t.Missed) }

// Precision is the share of what was found that is there; 1 when nothing was found.
func (t Tally) Precision() float64 { return share(t.Right, t.Wrong) }

func share(a, b int) float64 {
	if a+b == 0 {
		return 1
	}
	return float64(a) / float64(a+b)
}

// Scores are tallies by kind.
type Scores map[string]Tally

// Add compares what was found in a sample with its labels. A finding is right if it has the kind of a label and nine tenths of
// what either covers are covered by both. It returns what was wrong and what was missed.
func (s Scores) Add(sample Sample, found []Label) (wrong, missed []Label) {
	taken := make([]bool, len(found))
	for _, want := range sample.Labels {
		i := slices.IndexFunc(found, func(f Label) bool { return f.Kind == want.Kind && same(f, want) })
		t := s[want.Kind]
		if i >= 0 {
			taken[i] = true
			t.Right++
		} else {
			missed = append(missed, want)
			t.Missed++
		}
		s[want.Kind] = t
	}
	for i, f := range found {
		if !taken[i] {
			wrong = append(wrong, f)
			t := s[f.Kind]
			t.Wrong++
			s[f.Kind] = t
		}
	}
	return wrong, missed
}

func same(a, b Label) bool {
	both := min(a.End, b.End) - max(a.Start, b.Start)
	either := max(a.End, b.End) - min(a.Start, b.Start)
	return 10*both >= 9*either
}

// Kinds lists the kinds in order.
func (s Scores) Kinds() []string { return slices.Sorted(maps.Keys(s)) }

// Sum adds up the tallies of the kinds that are asked for.
func (s Scores) Sum(of func(kind string) bool) Tally {
	var sum Tally
	for k, t := range s {
		if of(k) {
			sum.Right, sum.Wrong, sum.Missed = sum.Right+t.Right, sum.Wrong+t.Wrong, sum.Missed+t.Missed
		}
	}
	return sum
}
