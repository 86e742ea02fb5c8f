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
	Type     string       `json:"type"` // event.name, name of the span, or "metrics"
	Keys     audit.Keys   `json:"keys"` // those that are told; trace and span of spans alone
	At       time.Time    `json:"at"`
	Sequence int64        `json:"sequence"`         // event.sequence, -1 where there is none or it is not known
	Missed   bool         `json:"missed,omitempty"` // it was made and never sent, because of the act's incident
}

// Expect says which records an act leaves by itself, those that are missed included, in the order in which they happen.
// Their sequences depend on what else its process did and are not told. An act of the control plane leaves none. A client
// tells an act's records when they happen: what History was not asked for, or a killed process did not live to see (the
// span of its last prompt), is expected all the same.
func Expect(a *world.Act, org *world.Org) []Expected {
	if a.Process == nil {
		return nil
	}
	pl := newPlayer(a.Process, org)
	if a.Kind != world.Prompt {
		// Whatever happens in a turn finds one; what it does to it is not this act's.
		pl.turn = turn{prompt: &world.Act{Prompt: &world.PromptAct{}}}
	}
	pl.play([]*world.Act{a})
	pl.close(a.At)
	events, spans := pl.take(a.At.Add(1000 * time.Hour))
	list := make([]Expected, 0, len(events)+len(spans))
	for _, i := range append(events, spans...) {
		e := i.expected()
		e.Sequence = -1
		list = append(list, e)
	}
	return list
}

func (i *item) expected() Expected {
	e := Expected{Act: i.act, Keys: i.keys, At: i.at, Sequence: -1, Missed: i.missed}
	if i.span != nil {
		e.Source, e.Type = audit.SourceOTelSpan, i.span.name
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
	e := Expected{Source: audit.SourceOTelMetric, Type: "metrics", At: c.at, Sequence: -1}
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
