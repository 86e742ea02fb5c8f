package normalise

import (
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// Status codes and the ordinary kind of a span (https://opentelemetry.io/docs/specs/otel/trace/api/).
const (
	statusOK     = 1
	statusError  = 2
	kindInternal = 1
)

func (m *maker) span(s *wire.Span) {
	m.forms = appendFormSpan(m.forms, s)
	m.odd = s.Odd
	m.place(&m.own, s.Attrs, "", nil)
	r := m.rec
	k := &r.Keys
	k.Trace, k.Span, k.ParentSpan = m.keep(s.Trace), m.keep(s.Span), m.keep(s.Parent)
	m.spanType(s)
	m.occurred(unixTime(s.Start))
	if s.End > s.Start && s.Start > 0 {
		r.Duration = int64(min(s.End-s.Start, 1<<62))
	}
	m.parts(s)
	if s.Kind != kindInternal {
		m.number("otlp.kind", int64(s.Kind))
	}
	m.number("otlp.dropped_attributes", int64(s.Dropped))
	m.number("otlp.dropped_events", int64(s.DroppedEvents))
	m.number("otlp.dropped_links", int64(s.DroppedLinks))
	if s.Message != "" {
		m.textPiece(&m.own, "status.message", audit.ClassDetail, s.Message)
	}
	if s.State != "" {
		m.textPiece(&m.own, "trace_state", audit.ClassDetail, s.State)
	}
}

// spanType finds the span's name and what it is.
func (m *maker) spanType(s *wire.Span) {
	r := m.rec
	found, ok := m.spanMapping(s.Name)
	switch {
	case plainName(s.Name), ok && operationName(s.Name):
		r.Type = m.keep(s.Name)
	default: // a route, a query, a sentence: nobody knows what stands in it
		r.Type = "span"
		if s.Name != "" {
			m.textPiece(&m.own, "name", audit.ClassDetail, s.Name)
		}
	}
	m.classify(found, ok)
	switch {
	case s.Status == statusError:
		r.Outcome = audit.OutcomeFailure
	case s.Status == statusOK && r.Outcome == audit.OutcomeUnknown:
		r.Outcome = audit.OutcomeSuccess
	}
}

// operationName reports whether a name is that of an operation with the name of its object, as in "chat MODEL" or
// "anthropic.tool_use TOOL".
func operationName(s string) bool {
	verb, object, ok := strings.Cut(s, " ")
	return ok && plainName(verb) && plainName(object)
}

// bySpan reads what the attributes say of the outcome; the status of the span is taken into account after.
func bySpan(m *maker) audit.Outcome {
	if m.str(stopReason) == "refusal" {
		return audit.OutcomeDenied
	}
	return bySuccess(m)
}

// parts puts the events and links of a span into the record; those that are too many stand beside it, as one piece.
func (m *maker) parts(s *wire.Span) {
	events, links := s.Events, s.Links
	if len(events)+len(links) == 0 {
		return
	}
	if len(events)+len(links) > mostParts {
		m.tooManyParts(s)
		events, links = events[:min(len(events), mostParts)], nil
	}
	m.rec.Parts = make([]audit.Part, 0, len(events)+len(links))
	for i := range events {
		e := &events[i]
		p := audit.Part{Kind: "event", Time: unixTime(e.Time)}
		m.part(p, e.Name, e.Attrs, e.Dropped, nil)
	}
	for i := range links {
		l := &links[i]
		p := audit.Part{Kind: "link", Trace: m.keep(l.Trace), Span: m.keep(l.Span)}
		at := len(m.rec.Parts)
		m.part(p, "", l.Attrs, l.Dropped, nil)
		if l.State != "" {
			m.textPiece(&m.own, partPrefix(at)+"trace_state", audit.ClassDetail, l.State)
		}
	}
}

func (m *maker) tooManyParts(s *wire.Span) {
	var rest []wire.Attr
	for i := min(len(s.Events), mostParts); i < len(s.Events); i++ {
		rest = append(rest, wire.Attr{Name: s.Events[i].Name, Value: wire.NewMap(s.Events[i].Attrs)})
	}
	for i := range s.Links {
		rest = append(rest, wire.Attr{Name: s.Links[i].Trace + "/" + s.Links[i].Span, Value: wire.NewMap(s.Links[i].Attrs)})
	}
	all := wire.NewMap(rest)
	m.piece(&m.own, "", "parts", &all, audit.Text)
	m.own.flag(audit.FlagTruncated)
}

func partPrefix(n int) string { return "parts[" + strconv.Itoa(n) + "]." }

// part adds a part with its attributes. Flags and pieces go to the record.
func (m *maker) part(p audit.Part, name string, attrs []wire.Attr, dropped uint32, skip func(*wire.Attr, *nameInfo) bool) {
	prefix := partPrefix(len(m.rec.Parts))
	l := list{attrs: m.room(len(attrs)), pieces: m.own.pieces, flags: m.own.flags}
	p.Name = m.name(&l, prefix+"name", name)
	m.place(&l, attrs, prefix, skip)
	if dropped > 0 {
		l.attrs = append(l.attrs, audit.Attr{Name: "otlp.dropped_attributes", Value: audit.Int(int64(dropped))})
	}
	p.Attributes = clip(l.attrs)
	m.own.pieces, m.own.flags = l.pieces, l.flags
	m.rec.Parts = append(m.rec.Parts, p)
}
