// Package timeline makes of the records of one session what a page, a terminal or a printed report shows of it: one time axis, lanes
// by source, turns from prompt to reply with what happened in them, gaps where records were expected, sums.
//
// It is pure: what it returns is a function of the records and discrepancies alone, in whatever order they come; it
// reads no clock and nothing else, so it promises nothing about durability. Its order is total: by time, then source,
// then the source's own counter, then position in the journal. Nothing here is shared, so calls may run concurrently; what
// is returned refers to the records given and must not be changed while somebody reads it.
//
// Every record given is in exactly one step, whatever it holds: ids that contradict each other, agents that start each
// other and clocks that make no sense cost the reader joins, never records.
package timeline

import (
	"cmp"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/search"
)

// Entry is one record at its position in the journal.
type Entry struct {
	Seq    uint64
	Record *audit.Record
}

// Timeline is one session. Indexes point into its own lists.
type Timeline struct {
	Start, End time.Time // of the first record and the last, or of what they say lasted
	Items      []Item    // every record, in order
	Steps      []Step    // what happened, in the order to show
	Turns      []Turn    // stretches of Steps
	Gaps       []Gap     // where records were expected and not received
	Sources    []Seen    // who reported, in the order of lanes
	Silent     []audit.Source
	Processes  []Process
	Accounts   Accounts
	Surfaces   []string // products used, versions and services, each once in order of appearance
	Versions   []string
	Services   []string
	Usage      Usage
	Content    Content
	Counts     Counts
}

// Item is one record in its place.
type Item struct {
	Seq        uint64
	Record     *audit.Record
	At         time.Time // when it occurred, or was recorded where that clock cannot be believed
	Start, End time.Time // what it speaks of: a span from its start, an event up to its end
	Turn, Step int
	Source     int // in Timeline.Sources
}

// Counts sum up what happened, each once, however many sources reported it.
type Counts struct {
	Prompts, Requests, Tools, Replies, Agents, Denied, Failed int
	// Verdicts are what policy answered where a rule matched, Stopped those of them because of which something was denied.
	Verdicts, Stopped int
}

func (c *Counts) add(s *Step) {
	c.Verdicts += len(s.Verdicts)
	for i := range s.Verdicts {
		if s.Verdicts[i].Stopped {
			c.Stopped++
		}
	}
	switch s.Kind {
	case KindPrompt:
		c.Prompts++
	case KindRequest:
		c.Requests++
	case KindTool:
		c.Tools++
	case KindReply:
		c.Replies++
	case KindAgent:
		c.Agents++
	}
	switch s.Bad() {
	case audit.OutcomeDenied:
		c.Denied++
	case audit.OutcomeFailure:
		c.Failed++
	}
}

// Build makes the timeline of the records of one session and the discrepancies found in it. It takes no longer than
// reading the records did: some ten milliseconds for ten thousand.
func Build(records []Entry, found []correlate.Discrepancy) *Timeline {
	t := &Timeline{Items: place(records)}
	t.addSources()
	x := newIndex(t.Items)
	turns := x.turns(t.Items)
	t.addSteps(x, turns)
	t.addGaps(found)
	t.addDiscrepancies(found)
	t.Processes = processes(t.Items)
	t.sum()
	return t
}

// place orders records and finds what stretch of time each speaks of.
func place(records []Entry) []Item {
	items := make([]Item, 0, len(records))
	for _, e := range records {
		if e.Record == nil {
			continue
		}
		i := Item{Seq: e.Seq, Record: e.Record, At: believed(e.Record)}
		i.Start, i.End = i.At, i.At
		if d := lasted(e.Record); reportedAtEnd(e.Record) {
			i.Start = i.At.Add(-d)
		} else {
			i.End = i.At.Add(d)
		}
		items = append(items, i)
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Record.Source, b.Record.Source),
			cmp.Compare(number(a.Record), number(b.Record)), cmp.Compare(a.Seq, b.Seq))
	})
	return items
}

// longest is how long a thing may last to be drawn as such; what claims more is drawn as a moment.
const longest = 31 * 24 * time.Hour

// reportedAtEnd: an event is written when a thing is over, a span bears the time of its start.
func reportedAtEnd(r *audit.Record) bool { return r.Source == audit.SourceOTelLog || byGateway(r) }

// lasted is how long the thing took that a record speaks of. Of some events the duration is that of something else: a
// disconnection says how long the connection stood.
func lasted(r *audit.Record) time.Duration {
	if r.Source == audit.SourceOTelLog && kindOf(r) == KindEvent {
		return 0
	}
	if d := time.Duration(r.Duration); d > 0 && d <= longest {
		return d
	}
	return 0
}

// believed is the record's time as search has it, in full resolution.
func believed(r *audit.Record) time.Time {
	if t := search.RowTime(r); !t.Equal(r.Occurred.Truncate(search.Resolution)) {
		return r.Recorded.UTC()
	}
	return r.Occurred.UTC()
}

func number(r *audit.Record) int64 {
	if r.Sequence == nil {
		return 0
	}
	return *r.Sequence
}

// sum adds up turns and the whole.
func (t *Timeline) sum() {
	var all tally
	for i := range t.Turns {
		turn := &t.Turns[i]
		var own tally
		for j := turn.First; j < turn.Last; j++ {
			s := &t.Steps[j]
			turn.Counts.add(s)
			turn.Usage.add(s.Usage)
			turn.Records += len(s.Items)
			t.Counts.add(s)
			for _, item := range s.Items {
				own.add(t.Items[item].Record)
				all.add(t.Items[item].Record)
			}
		}
		turn.Content = own.Content
		t.Usage.add(turn.Usage)
	}
	t.Content = all.Content
	for i := range t.Items {
		item := &t.Items[i]
		if t.Start.IsZero() || item.Start.Before(t.Start) {
			t.Start = item.Start
		}
		if item.End.After(t.End) {
			t.End = item.End
		}
	}
}
