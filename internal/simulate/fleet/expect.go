package fleet

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// Expected is a record that a receiver should have.
type Expected struct {
	Act      string       `json:"act,omitempty"` // id of the act that left it; "" for metrics, which many acts leave together
	Source   audit.Source `json:"source"`
	Type     string       `json:"type"`             // event.name, name of the span, or "metrics"
	Keys     audit.Keys   `json:"keys"`             // those that are told
	At       time.Time    `json:"at"`               // when it happened, by the client's clock: of a span, its start
	Told     time.Time    `json:"told"`             // when the client had it to tell: of a span, its end
	Sequence int64        `json:"sequence"`         // event.sequence, -1 where there is none or it is not known
	Missed   bool         `json:"missed,omitempty"` // it was made and never sent, because of the act's incident
}

// Told says which events and spans the clients tell in [from, to), as History sends them: those that are missed included,
// processes that began before from left out. They come process by process and day by day, each in the order in which they are
// told.
func Told(w World, org *world.Org, from, to time.Time) []Expected {
	h := history{world: w, org: org, from: from, to: to, runs: map[string]*run{}}
	var list []Expected
	for p := range h.parts() {
		for _, r := range h.sort(p.acts) {
			r.pl.play(r.acts)
			events, spans := r.pl.take(h.told(p))
			r.pl.meter.counts = nil
			for _, i := range append(events, spans...) {
				list = append(list, i.expected())
			}
		}
		h.forget()
	}
	return list
}

// Expect says which events and spans an act leaves by itself, those that are missed included. What depends on the rest of its
// process is not told: sequences, when a prompt's span ends (Told is zero), and in which span an event of an act without a trace
// of its own stands.
// An act of the control plane leaves none.
func Expect(a *world.Act, org *world.Org) []Expected {
	if a.Process == nil {
		return nil
	}
	pl := newPlayer(a.Process, org)
	pl.play([]*world.Act{a})
	pl.close(a.At)
	events, spans := pl.take(a.At.Add(1000 * time.Hour))
	list := make([]Expected, 0, len(events)+len(spans))
	for _, i := range append(events, spans...) {
		e := i.expected()
		e.Sequence = -1
		if i.span != nil && a.Kind == world.Prompt {
			e.Told = time.Time{}
		}
		list = append(list, e)
	}
	return list
}

func (i *item) expected() Expected {
	e := Expected{Act: i.act, Keys: i.keys, At: i.at, Told: i.at, Sequence: -1, Missed: i.missed}
	if i.span != nil {
		e.Source, e.Type, e.At = audit.SourceOTelSpan, i.span.name, i.span.start
		return e
	}
	e.Source, e.Type = audit.SourceOTelLog, i.log.body[len("claude_code."):]
	for k := range i.log.attrs {
		if i.log.attrs[k].key == "event.sequence" {
			e.Sequence = i.log.attrs[k].int
			break
		}
	}
	return e
}

func (c *collection) expected() Expected {
	e := Expected{Source: audit.SourceOTelMetric, Type: "metrics", At: c.at, Told: c.at, Sequence: -1}
	for i := range c.metrics {
		for k := range c.metrics[i].points {
			for _, a := range c.metrics[i].points[k].attrs {
				if a.key == "session.id" {
					e.Keys.Session = a.text
				}
			}
		}
	}
	return e
}
