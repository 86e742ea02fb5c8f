package complianceapi

import (
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/health"
)

// mostSwitches bounds how many switches of recording are remembered.
const mostSwitches = 64

// switched notes that recording was switched on or off. Rows come in any order and more than once.
func (s *state) switched(w *normalise.Switch) {
	if w == nil || slices.Contains(s.Switches, *w) {
		return
	}
	s.Switches = append(s.Switches, *w)
	slices.SortStableFunc(s.Switches, func(a, b normalise.Switch) int { return a.At.Compare(b.At) })
	if len(s.Switches) > mostSwitches {
		s.Switches = s.Switches[len(s.Switches)-mostSwitches:]
	}
}

// off is for how long recording was off within a stretch, of the organisation where that was longest.
func (s *state) off(from, to time.Time) (longest time.Duration) {
	since, sum := map[string]time.Time{}, map[string]time.Duration{}
	add := func(org string, until time.Time) {
		begin, ok := since[org]
		if !ok {
			return
		}
		if begin.Before(from) {
			begin = from
		}
		if until.After(to) {
			until = to
		}
		sum[org] += max(until.Sub(begin), 0)
		delete(since, org)
	}
	for _, w := range s.Switches {
		if add(w.Org, w.At); !w.On {
			since[w.Org] = w.At
		}
	}
	for org := range since {
		add(org, to)
	}
	for _, d := range sum {
		longest = max(longest, d)
	}
	return longest
}

const conditionRecording = "compliance.recording_off"

// recording raises or clears the condition that recording is off somewhere now.
func (c *Collector) recording() {
	last := map[string]normalise.Switch{}
	for _, w := range c.st.Switches {
		last[w.Org] = w
	}
	var off []string
	for org, w := range last {
		if !w.On {
			if org == "" {
				org = "the whole tenant"
			}
			off = append(off, org+" since "+stamp(w.At))
		}
	}
	if len(off) == 0 {
		c.health.Clear(conditionRecording)
		return
	}
	slices.Sort(off)
	c.health.Raise(conditionRecording, health.Critical, "the Compliance API was switched off for "+strings.Join(off, ", ")+
		": nothing that happens meanwhile can be recovered; the primary owner switches it on in claude.ai, Organization settings, API")
}
