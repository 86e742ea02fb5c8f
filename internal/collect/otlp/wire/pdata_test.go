package wire_test

import (
	"encoding/hex"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// The functions below turn what the OpenTelemetry Collector's own decoder read into this package's form, so that the two
// can be compared.

func value(v pcommon.Value) wire.Value {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return wire.Value{Kind: audit.KindString, Str: v.Str()}
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return wire.Value{Kind: audit.KindBool, Num: 1}
		}
		return wire.Value{Kind: audit.KindBool}
	case pcommon.ValueTypeInt:
		return wire.Value{Kind: audit.KindInt, Num: uint64(v.Int())}
	case pcommon.ValueTypeDouble:
		return wire.Value{Kind: audit.KindDouble, Num: math.Float64bits(v.Double())}
	case pcommon.ValueTypeBytes:
		return wire.Value{Kind: audit.KindBytes, Str: string(v.Bytes().AsRaw())}
	case pcommon.ValueTypeSlice:
		var items []wire.Value
		for _, e := range v.Slice().All() {
			items = append(items, value(e))
		}
		return wire.ArrayOf(items)
	case pcommon.ValueTypeMap:
		return wire.NewMap(attrs(v.Map()))
	}
	return wire.Value{}
}

func attrs(m pcommon.Map) (list []wire.Attr) {
	for name, v := range m.All() {
		list = append(list, wire.Attr{Name: name, Value: value(v)})
	}
	return list
}

func id(b []byte) string {
	for _, c := range b {
		if c != 0 {
			return hex.EncodeToString(b)
		}
	}
	return ""
}

func trace(id16 pcommon.TraceID) string { return id(id16[:]) }
func span(id8 pcommon.SpanID) string    { return id(id8[:]) }

func fromLogs(in plog.Logs) (out []wire.Group[wire.Log]) {
	for _, rl := range in.ResourceLogs().All() {
		g := wire.Group[wire.Log]{Resource: attrs(rl.Resource().Attributes()), Dropped: rl.Resource().DroppedAttributesCount(), SchemaURL: rl.SchemaUrl()}
		for _, sl := range rl.ScopeLogs().All() {
			sc := scope[wire.Log](sl.Scope(), sl.SchemaUrl())
			for _, l := range sl.LogRecords().All() {
				sc.Items = append(sc.Items, wire.Log{
					Time: uint64(l.Timestamp()), Observed: uint64(l.ObservedTimestamp()), Severity: int32(l.SeverityNumber()),
					SeverityText: l.SeverityText(), EventName: l.EventName(), Body: value(l.Body()), Attrs: attrs(l.Attributes()),
					Dropped: l.DroppedAttributesCount(), Flags: uint32(l.Flags()), Trace: trace(l.TraceID()), Span: span(l.SpanID()),
				})
			}
			g.Scopes = append(g.Scopes, sc)
		}
		out = append(out, g)
	}
	return out
}

func scope[T any](s pcommon.InstrumentationScope, schema string) wire.Scope[T] {
	return wire.Scope[T]{Name: s.Name(), Version: s.Version(), Attrs: attrs(s.Attributes()), Dropped: s.DroppedAttributesCount(), SchemaURL: schema}
}

func fromTraces(in ptrace.Traces) (out []wire.Group[wire.Span]) {
	for _, rs := range in.ResourceSpans().All() {
		g := wire.Group[wire.Span]{Resource: attrs(rs.Resource().Attributes()), Dropped: rs.Resource().DroppedAttributesCount(), SchemaURL: rs.SchemaUrl()}
		for _, ss := range rs.ScopeSpans().All() {
			sc := scope[wire.Span](ss.Scope(), ss.SchemaUrl())
			for _, s := range ss.Spans().All() {
				sc.Items = append(sc.Items, fromSpan(s))
			}
			g.Scopes = append(g.Scopes, sc)
		}
		out = append(out, g)
	}
	return out
}

func fromSpan(s ptrace.Span) wire.Span {
	out := wire.Span{
		Trace: trace(s.TraceID()), Span: span(s.SpanID()), Parent: span(s.ParentSpanID()), State: s.TraceState().AsRaw(), Flags: s.Flags(),
		Name: s.Name(), Kind: int32(s.Kind()), Start: uint64(s.StartTimestamp()), End: uint64(s.EndTimestamp()), Attrs: attrs(s.Attributes()),
		Dropped: s.DroppedAttributesCount(), DroppedEvents: s.DroppedEventsCount(), DroppedLinks: s.DroppedLinksCount(),
		Status: int32(s.Status().Code()), Message: s.Status().Message(),
	}
	for _, e := range s.Events().All() {
		out.Events = append(out.Events, wire.Event{Time: uint64(e.Timestamp()), Name: e.Name(), Attrs: attrs(e.Attributes()), Dropped: e.DroppedAttributesCount()})
	}
	for _, l := range s.Links().All() {
		out.Links = append(out.Links, wire.Link{Trace: trace(l.TraceID()), Span: span(l.SpanID()), State: l.TraceState().AsRaw(),
			Attrs: attrs(l.Attributes()), Dropped: l.DroppedAttributesCount(), Flags: l.Flags()})
	}
	return out
}

func fromMetrics(in pmetric.Metrics) (out []wire.Group[wire.Metric]) {
	for _, rm := range in.ResourceMetrics().All() {
		g := wire.Group[wire.Metric]{Resource: attrs(rm.Resource().Attributes()), Dropped: rm.Resource().DroppedAttributesCount(), SchemaURL: rm.SchemaUrl()}
		for _, sm := range rm.ScopeMetrics().All() {
			sc := scope[wire.Metric](sm.Scope(), sm.SchemaUrl())
			for _, m := range sm.Metrics().All() {
				sc.Items = append(sc.Items, fromMetric(m))
			}
			g.Scopes = append(g.Scopes, sc)
		}
		out = append(out, g)
	}
	return out
}

func fromMetric(m pmetric.Metric) wire.Metric {
	out := wire.Metric{Name: m.Name(), Description: m.Description(), Unit: m.Unit()}
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		out.Kind = wire.Gauge
		out.Points = numbers(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		out.Kind, out.Temporality, out.Monotonic = wire.Sum, int32(m.Sum().AggregationTemporality()), m.Sum().IsMonotonic()
		out.Points = numbers(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		out.Kind, out.Temporality = wire.Histogram, int32(m.Histogram().AggregationTemporality())
		for _, p := range m.Histogram().DataPoints().All() {
			out.Points = append(out.Points, wire.Point{
				Attrs: attrs(p.Attributes()), Start: uint64(p.StartTimestamp()), Time: uint64(p.Timestamp()), Flags: uint32(p.Flags()),
				Value: optional(p.HasSum(), p.Sum()), Exemplars: exemplars(p.Exemplars()),
				Dist: &wire.Distribution{Count: p.Count(), Min: optional(p.HasMin(), p.Min()), Max: optional(p.HasMax(), p.Max()),
					Bounds: p.ExplicitBounds().AsRaw(), Buckets: p.BucketCounts().AsRaw()},
			})
		}
	case pmetric.MetricTypeExponentialHistogram:
		out.Kind, out.Temporality = wire.ExpHistogram, int32(m.ExponentialHistogram().AggregationTemporality())
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			out.Points = append(out.Points, wire.Point{
				Attrs: attrs(p.Attributes()), Start: uint64(p.StartTimestamp()), Time: uint64(p.Timestamp()), Flags: uint32(p.Flags()),
				Value: optional(p.HasSum(), p.Sum()), Exemplars: exemplars(p.Exemplars()),
				Dist: &wire.Distribution{Count: p.Count(), Min: optional(p.HasMin(), p.Min()), Max: optional(p.HasMax(), p.Max()),
					Scale: p.Scale(), ZeroCount: p.ZeroCount(), ZeroThreshold: p.ZeroThreshold(),
					Positive: wire.Buckets{Offset: p.Positive().Offset(), Counts: p.Positive().BucketCounts().AsRaw()},
					Negative: wire.Buckets{Offset: p.Negative().Offset(), Counts: p.Negative().BucketCounts().AsRaw()}},
			})
		}
	case pmetric.MetricTypeSummary:
		out.Kind = wire.Summary
		for _, p := range m.Summary().DataPoints().All() {
			d := &wire.Distribution{Count: p.Count()}
			for _, q := range p.QuantileValues().All() {
				d.Quantiles = append(d.Quantiles, wire.Quantile{Quantile: q.Quantile(), Value: q.Value()})
			}
			out.Points = append(out.Points, wire.Point{Attrs: attrs(p.Attributes()), Start: uint64(p.StartTimestamp()), Time: uint64(p.Timestamp()),
				Flags: uint32(p.Flags()), Value: optional(p.Sum() != 0, p.Sum()), Dist: d})
		}
	}
	return out
}

func numbers(points pmetric.NumberDataPointSlice) (out []wire.Point) {
	for _, p := range points.All() {
		q := wire.Point{Attrs: attrs(p.Attributes()), Start: uint64(p.StartTimestamp()), Time: uint64(p.Timestamp()), Flags: uint32(p.Flags()), Exemplars: exemplars(p.Exemplars())}
		switch p.ValueType() {
		case pmetric.NumberDataPointValueTypeInt:
			q.Value = wire.Value{Kind: audit.KindInt, Num: uint64(p.IntValue())}
		case pmetric.NumberDataPointValueTypeDouble:
			q.Value = optional(true, p.DoubleValue())
		}
		out = append(out, q)
	}
	return out
}

func exemplars(list pmetric.ExemplarSlice) (out []wire.Exemplar) {
	for _, e := range list.All() {
		x := wire.Exemplar{Attrs: attrs(e.FilteredAttributes()), Time: uint64(e.Timestamp()), Trace: trace(e.TraceID()), Span: span(e.SpanID())}
		switch e.ValueType() {
		case pmetric.ExemplarValueTypeInt:
			x.Value = wire.Value{Kind: audit.KindInt, Num: uint64(e.IntValue())}
		case pmetric.ExemplarValueTypeDouble:
			x.Value = optional(true, e.DoubleValue())
		}
		out = append(out, x)
	}
	return out
}

func optional(has bool, f float64) wire.Value {
	if !has {
		return wire.Value{}
	}
	return wire.Value{Kind: audit.KindDouble, Num: math.Float64bits(f)}
}
