package page

import (
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/timeline"
)

// spansIn says what spans tell of the time in which log records were expected and not received: steps known from their spans
// alone, which is how much of the gap is known all the same.
func (s *Session) spansIn(g *timeline.Gap) string {
	if s.bySpans == nil {
		s.bySpans = stepsBySpans(s.T.Steps)
	}
	from, _ := slices.BinarySearchFunc(s.bySpans, g.Start, func(st *timeline.Step, at time.Time) int { return st.Start.Compare(at) })
	var prompts, requests, tools int64
	for _, st := range s.bySpans[from:] {
		if st.Start.After(g.End) {
			break
		}
		switch st.Kind {
		case timeline.KindPrompt:
			prompts++
		case timeline.KindRequest:
			requests++
		default:
			tools++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int64
		noun string
	}{{prompts, "prompt"}, {requests, "request"}, {tools, "tool use"}} {
		if p.n > 0 {
			parts = append(parts, plural(p.n, p.noun))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "spans tell of " + strings.Join(parts, ", ") + " in it"
}

// stepsBySpans are the steps known from spans alone, by when they began.
func stepsBySpans(steps []timeline.Step) []*timeline.Step {
	list := []*timeline.Step{}
	for i := range steps {
		if steps[i].SpansOnly {
			list = append(list, &steps[i])
		}
	}
	slices.SortStableFunc(list, func(a, b *timeline.Step) int { return a.Start.Compare(b.Start) })
	return list
}
