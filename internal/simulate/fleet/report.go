package fleet

import (
	"cmp"
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

	// What was injected, and what the receiver did not take: exactly these are missing, twice, late or odd.
	Duplicated []Export `json:"duplicated"`
	Reordered  []Export `json:"reordered"`
	Lost       []Export `json:"lost"`
	Odd        []Export `json:"odd"`
	Refused    []Export `json:"refused"`
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
	mu     sync.Mutex
	report Report // guarded by mu
}

func (t *tally) update(f func(*Report)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.report)
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
	for _, l := range []*[]Export{&r.Duplicated, &r.Reordered, &r.Lost, &r.Odd, &r.Refused} {
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
