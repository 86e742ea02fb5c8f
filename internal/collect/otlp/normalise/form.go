package normalise

import (
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// The source form is its version, the SHA-256 of what the record shares with others (its resource and scope), then what is
// its own. Both are sequences of length-prefixed values in the order of the protocol's fields. No two different sources
// share a form, and it never changes for a formVersion: record ids rest on it.
const formVersion = 2

func appendFormHead(b []byte, source audit.Source, attrs []wire.Attr, dropped uint32, schema string) []byte {
	b = appendText(b, string(source))
	b = appendAttrs(b, attrs)
	b = binary.AppendUvarint(b, uint64(dropped))
	return appendText(b, schema)
}

func appendFormScope(b []byte, name, version string, attrs []wire.Attr, dropped uint32, schema string) []byte {
	b = appendText(b, name)
	b = appendText(b, version)
	b = appendAttrs(b, attrs)
	b = binary.AppendUvarint(b, uint64(dropped))
	return appendText(b, schema)
}

// appendFormStart begins the form of a record: however much its resource says, and however many records it has, what
// they hold of it has a fixed size.
func appendFormStart(b []byte, shared *[sha256.Size]byte) []byte {
	return append(append(b, formVersion), shared[:]...)
}

func appendFormLog(b []byte, l *wire.Log) []byte {
	b = appendNumbers(b, l.Time, l.Observed, uint64(uint32(l.Severity)), uint64(l.Flags), uint64(l.Dropped))
	b = appendText(b, l.SeverityText)
	b = appendText(b, l.EventName)
	b = appendText(b, l.Trace)
	b = appendText(b, l.Span)
	b = appendValue(b, &l.Body)
	return appendAttrs(b, l.Attrs)
}

func appendFormSpan(b []byte, s *wire.Span) []byte {
	for _, t := range [...]string{s.Trace, s.Span, s.Parent, s.State, s.Name, s.Message} {
		b = appendText(b, t)
	}
	b = appendNumbers(b, uint64(s.Flags), uint64(uint32(s.Kind)), s.Start, s.End, uint64(uint32(s.Status)),
		uint64(s.Dropped), uint64(s.DroppedEvents), uint64(s.DroppedLinks), uint64(len(s.Events)), uint64(len(s.Links)))
	b = appendAttrs(b, s.Attrs)
	for i := range s.Events {
		e := &s.Events[i]
		b = appendNumbers(b, e.Time, uint64(e.Dropped))
		b = appendText(b, e.Name)
		b = appendAttrs(b, e.Attrs)
	}
	for i := range s.Links {
		l := &s.Links[i]
		b = appendNumbers(b, uint64(l.Flags), uint64(l.Dropped))
		b = appendText(b, l.Trace)
		b = appendText(b, l.Span)
		b = appendText(b, l.State)
		b = appendAttrs(b, l.Attrs)
	}
	return b
}

func appendFormMetric(b []byte, m *wire.Metric) []byte {
	b = appendText(b, m.Name)
	b = appendText(b, m.Description)
	b = appendText(b, m.Unit)
	monotonic := uint64(0)
	if m.Monotonic {
		monotonic = 1
	}
	b = appendNumbers(b, uint64(m.Kind), uint64(uint32(m.Temporality)), monotonic, uint64(len(m.Points)))
	for i := range m.Points {
		b = appendFormPoint(b, &m.Points[i])
	}
	return b
}

func appendFormPoint(b []byte, p *wire.Point) []byte {
	b = appendNumbers(b, p.Start, p.Time, uint64(p.Flags), uint64(len(p.Exemplars)))
	b = appendValue(b, &p.Value)
	b = appendAttrs(b, p.Attrs)
	for i := range p.Exemplars {
		e := &p.Exemplars[i]
		b = appendNumbers(b, e.Time)
		b = appendValue(b, &e.Value)
		b = appendText(b, e.Trace)
		b = appendText(b, e.Span)
		b = appendAttrs(b, e.Attrs)
	}
	d := p.Dist
	if d == nil {
		return append(b, 0)
	}
	b = appendNumbers(append(b, 1), d.Count, uint64(uint32(d.Scale)), d.ZeroCount, math.Float64bits(d.ZeroThreshold),
		uint64(uint32(d.Positive.Offset)), uint64(uint32(d.Negative.Offset)), uint64(len(d.Bounds)), uint64(len(d.Quantiles)))
	b = appendValue(b, &d.Min)
	b = appendValue(b, &d.Max)
	for _, f := range d.Bounds {
		b = appendNumbers(b, math.Float64bits(f))
	}
	for _, counts := range [...][]uint64{d.Buckets, d.Positive.Counts, d.Negative.Counts} {
		b = binary.AppendUvarint(b, uint64(len(counts)))
		b = appendNumbers(b, counts...)
	}
	for _, q := range d.Quantiles {
		b = appendNumbers(b, math.Float64bits(q.Quantile), math.Float64bits(q.Value))
	}
	return b
}

func appendNumbers(b []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendAttrs(b []byte, attrs []wire.Attr) []byte {
	b = binary.AppendUvarint(b, uint64(len(attrs)))
	for i := range attrs {
		b = appendText(b, attrs[i].Name)
		b = appendValue(b, &attrs[i].Value)
	}
	return b
}

func appendValue(b []byte, v *wire.Value) []byte {
	b = append(b, byte(v.Kind))
	switch v.Kind {
	case audit.KindString, audit.KindBytes:
		return appendText(b, v.Str)
	case audit.KindBool, audit.KindInt, audit.KindDouble:
		return binary.AppendUvarint(b, v.Num)
	case audit.KindArray:
		b = binary.AppendUvarint(b, uint64(len(v.Items())))
		for i := range v.Items() {
			b = appendValue(b, &v.Items()[i])
		}
	case audit.KindMap:
		b = appendAttrs(b, v.Fields())
	}
	return b
}
