package fleet

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Report says what a fleet sent and what became of it.
type Report struct {
	Exports int           `json:"exports"` // accepted, each once
	Records int           `json:"records"` // within them: events, spans, and one for each collection of metrics
	Events  int           `json:"events"`
	Spans   int           `json:"spans"`
	Metrics int           `json:"metrics"`
	Bytes   int64         `json:"bytes"` // of accepted exports, before compression
	Retries int           `json:"retries"`
	Missed  int           `json:"missed"` // records made and never sent, because of the world's incidents
	Elapsed time.Duration `json:"elapsed_ns"`

	// What was injected, and what the receiver did not take: exactly these are missing, twice, late or odd. Each list of Live
	// ends at 1,000, so that it does not grow for ever; Unlisted counts the exports beyond, by the list's name.
	Duplicated []Export `json:"duplicated"`
	Reordered  []Export `json:"reordered"`
	Lost       []Export `json:"lost"`
	Odd        []Export `json:"odd"`
	Refused    []Export `json:"refused"`

	Unlisted map[string]int `json:"unlisted,omitempty"`
}

// mostListed is how many exports each list of a report of Live names.
const mostListed = 1000

// listing is one of the lists of a report.
type listing string

const (
	duplicated listing = "duplicated"
	reordered  listing = "reordered"
	lost       listing = "lost"
	odd        listing = "odd"
	refused    listing = "refused"
)

func (r *Report) list(l listing) *[]Export {
	switch l {
	case duplicated:
		return &r.Duplicated
	case reordered:
		return &r.Reordered
	case lost:
		return &r.Lost
	case odd:
		return &r.Odd
	}
	return &r.Refused
}

// Export names one export and what is in it.
type Export struct {
	Process string     `json:"process"`
	Signal  string     `json:"signal"`           // "logs", "traces", "metrics"
	Number  int        `json:"number"`           // of the process and signal, from 0
	Reason  string     `json:"reason,omitempty"` // why the receiver did not take it; how it is odd
	Records []Expected `json:"records"`
}

func (e *export) named(reason string) Export {
	return Export{Process: e.from.p.ID, Signal: e.signal.String(), Number: e.number, Reason: reason, Records: e.expected()}
}

// tally keeps the report while many send.
type tally struct {
	most int // exports that each list names; 0 for all

	mu     sync.Mutex
	report Report // guarded by mu
}

func (t *tally) update(f func(*Report)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.report)
}

// note puts an export on a list.
func (t *tally) note(l listing, e *export, reason string) {
	t.update(func(r *Report) {
		named := r.list(l)
		if t.most > 0 && len(*named) >= t.most {
			if r.Unlisted == nil {
				r.Unlisted = map[string]int{}
			}
			r.Unlisted[string(l)]++
			return
		}
		*named = append(*named, e.named(reason))
	})
}

// accepted counts an export that arrived for the first time.
func (t *tally) accepted(e *export, bytes int) {
	t.update(func(r *Report) {
		r.Exports++
		r.Records += e.records()
		r.Bytes += int64(bytes)
		switch e.signal {
		case logs:
			r.Events += e.records()
		case traces:
			r.Spans += e.records()
		default:
			r.Metrics += e.records()
		}
	})
}

// take returns the report as it stands, its lists in an order that does not depend on who was faster.
func (t *tally) take(since time.Time) Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.report
	r.Elapsed = time.Since(since)
	r.Unlisted = maps.Clone(r.Unlisted)
	for _, name := range []listing{duplicated, reordered, lost, odd, refused} {
		l := r.list(name)
		*l = slices.Clone(*l)
		slices.SortFunc(*l, func(a, b Export) int {
			return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Signal, b.Signal), cmp.Compare(a.Number, b.Number))
		})
		if *l == nil {
			*l = []Export{}
		}
	}
	return r
}
