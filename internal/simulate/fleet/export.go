package fleet

import (
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// most is how many records an export holds at the most, and how many collections of metrics a back-fill puts into one.
const (
	most            = 512
	mostCollections = 32
)

// export is one request of a client: records of one signal of one process.
type export struct {
	from        *player
	signal      signal
	number      int       // of the process and signal, from 0
	due         time.Time // when the client sends it
	items       []item
	collections []collection
}

func (e *export) records() int { return len(e.items) + len(e.collections) }

// expected are the records a receiver makes of the export.
func (e *export) expected() []Expected {
	list := make([]Expected, 0, e.records())
	for i := range e.items {
		list = append(list, e.items[i].expected())
	}
	for i := range e.collections {
		list = append(list, e.collections[i].expected())
	}
	return list
}

// packer makes exports of what a player made.
type packer struct {
	exact  bool // at the client's own intervals
	number [3]int
}

// pack empties the player of what happened before a time. The exports come in the order in which they are due. missed
// counts the records that are never sent.
func (p *packer) pack(pl *player, until time.Time) (list []*export, missed int) {
	events, spans := pl.take(until)
	last := pl.last.Add(time.Nanosecond)
	if !pl.stopped.IsZero() || last.After(until) {
		last = until
	}
	found := pl.meter.collect(last, pl.stopped)
	for _, i := range slices.Concat(events, spans) {
		if i.missed {
			missed++
		}
	}
	events, spans = sent(events), sent(spans)
	list = append(p.batch(pl, logs, events), p.batch(pl, traces, spans)...)
	each := mostCollections
	if p.exact {
		each = 1
	}
	for c := range slices.Chunk(found, each) {
		list = append(list, p.next(&export{from: pl, signal: metrics, due: c[len(c)-1].at, collections: c}))
	}
	slices.SortStableFunc(list, func(a, b *export) int { return a.due.Compare(b.due) })
	return list, missed
}

func sent(items []item) []item {
	return slices.DeleteFunc(items, func(i item) bool { return i.missed })
}

func (p *packer) next(e *export) *export {
	e.number = p.number[e.signal]
	p.number[e.signal]++
	return e
}

// batch cuts a signal's records into exports: the client waits its interval from the first on, or until an export is full.
func (p *packer) batch(pl *player, s signal, items []item) []*export {
	var list []*export
	for len(items) > 0 {
		n := min(len(items), most)
		due := items[n-1].at
		if p.exact {
			due = items[0].at.Add(interval(pl.p, s))
			if !pl.stopped.IsZero() && due.After(pl.stopped) && !items[0].at.After(pl.stopped) {
				due = pl.stopped // it sends what it has as it ends
			}
			k, _ := slices.BinarySearchFunc(items, due, func(i item, t time.Time) int { return i.at.Compare(t) })
			for k < len(items) && items[k].at.Equal(due) {
				k++
			}
			if n = min(n, max(k, 1)); n == most {
				due = items[n-1].at
			}
		}
		list = append(list, p.next(&export{from: pl, signal: s, due: due, items: items[:n:n]}))
		items = items[n:]
	}
	return list
}

// interval is how long a client gathers before it exports.
func interval(p *world.Process, s signal) time.Duration {
	if s == logs && p.Client.Interval > 0 {
		return p.Client.Interval
	}
	return 5 * time.Second
}

// body appends the export as the client encodes it.
func (e *export) body(b []byte, protocol string) []byte {
	id := &e.from.id
	version := e.from.p.Client.Version
	js := protocol == "http/json"
	switch e.signal {
	case logs:
		list := make([]*logRecord, len(e.items))
		for i := range e.items {
			list[i] = e.items[i].log
		}
		if js {
			return jsonLogs(b, &id.resource, scope{logScope, version}, list)
		}
		return protoLogs(b, &id.resource, scope{logScope, version}, list)
	case traces:
		list := make([]*spanRecord, len(e.items))
		for i := range e.items {
			list[i] = e.items[i].span
		}
		if js {
			return jsonSpans(b, &id.resource, scope{traceScope, "1.0.0"}, list)
		}
		return protoSpans(b, &id.resource, scope{traceScope, "1.0.0"}, list)
	}
	list := make([][]metric, len(e.collections))
	for i := range e.collections {
		list[i] = e.collections[i].metrics
	}
	if js {
		return jsonMetrics(b, &id.resource, scope{meterScope, version}, list)
	}
	return protoMetrics(b, &id.resource, scope{meterScope, version}, list)
}
