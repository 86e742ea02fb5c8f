package wire_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

var equal = cmp.Options{cmpopts.EquateEmpty(), cmp.Exporter(func(reflect.Type) bool { return true })}

// TestAgreesWithCollector holds this package against the OpenTelemetry Collector's own decoder.
func TestAgreesWithCollector(t *testing.T) {
	t.Parallel()
	check := func(name, signal, body string, enc wire.Encoding) {
		t.Helper()
		want, err := collectors(signal, body, enc)
		if err != nil {
			t.Fatalf("%s: the collector refuses it: %v", name, err)
		}
		got, err := decode(signal, body, enc, wire.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, equal); diff != "" {
			t.Errorf("%s (-collector +wire):\n%s", name, diff)
		}
	}
	for name, list := range exports(t) {
		for _, e := range list {
			check(name+" "+e.Signal, e.Signal, string(e.Decoded), wire.JSON)
		}
	}
	for name, signal := range map[string]string{
		"files-full-0001-logs.pb": "logs", "files-full-0002-logs.pb": "logs", "files-full-0003-traces.pb": "traces",
		"files-full-0004-metrics.pb": "metrics",
	} {
		check(name, signal, read(t, testdata+"otlp-raw/"+name), wire.Protobuf)
	}
	for name, signal := range map[string]string{
		"hj-full-0001-logs.raw.json": "logs", "hj-full-0002-traces.raw.json": "traces", "hj-full-0003-metrics.raw.json": "metrics",
	} {
		check(name, signal, read(t, testdata+"otlp-raw/"+name), wire.JSON)
	}
	for signal, bodies := range everything(t) {
		check("everything "+signal+" pb", signal, bodies[wire.Protobuf], wire.Protobuf)
		check("everything "+signal+" json", signal, bodies[wire.JSON], wire.JSON)
	}
}

func decode(signal, body string, enc wire.Encoding, lim wire.Limits) (any, error) {
	switch signal {
	case "logs":
		return wire.DecodeLogs(body, enc, lim)
	case "metrics":
		return wire.DecodeMetrics(body, enc, lim)
	}
	return wire.DecodeTraces(body, enc, lim)
}

func collectors(signal, body string, enc wire.Encoding) (any, error) {
	b := []byte(body)
	switch signal {
	case "logs":
		var u plog.Unmarshaler = &plog.ProtoUnmarshaler{}
		if enc == wire.JSON {
			u = &plog.JSONUnmarshaler{}
		}
		d, err := u.UnmarshalLogs(b)
		if err != nil {
			return nil, err
		}
		return fromLogs(d), nil
	case "metrics":
		var u pmetric.Unmarshaler = &pmetric.ProtoUnmarshaler{}
		if enc == wire.JSON {
			u = &pmetric.JSONUnmarshaler{}
		}
		d, err := u.UnmarshalMetrics(b)
		if err != nil {
			return nil, err
		}
		return fromMetrics(d), nil
	}
	var u ptrace.Unmarshaler = &ptrace.ProtoUnmarshaler{}
	if enc == wire.JSON {
		u = &ptrace.JSONUnmarshaler{}
	}
	d, err := u.UnmarshalTraces(b)
	if err != nil {
		return nil, err
	}
	return fromTraces(d), nil
}

// everything is one export of each signal with every field of the protocol set, in both encodings.
func everything(t testing.TB) map[string][2]string {
	t.Helper()
	lm, mm, tm := &plog.ProtoMarshaler{}, &pmetric.ProtoMarshaler{}, &ptrace.ProtoMarshaler{}
	lj, mj, tj := &plog.JSONMarshaler{}, &pmetric.JSONMarshaler{}, &ptrace.JSONMarshaler{}
	must := func(b []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	l, m, s := everyLog(), everyMetric(), everySpan()
	return map[string][2]string{
		"logs":    {must(lm.MarshalLogs(l)), must(lj.MarshalLogs(l))},
		"metrics": {must(mm.MarshalMetrics(m)), must(mj.MarshalMetrics(m))},
		"traces":  {must(tm.MarshalTraces(s)), must(tj.MarshalTraces(s))},
	}
}

func fill(m pcommon.Map) {
	m.PutStr("text", "a \"quoted\" \\ line\nwith ünïcode \U0001f642 and \x00")
	m.PutStr("", "")
	m.PutInt("int", -1<<63)
	m.PutDouble("double", 0.1)
	m.PutBool("bool", true)
	m.PutBool("no", false)
	m.PutEmpty("empty")
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 0xff, 1})
	list := m.PutEmptySlice("list")
	list.AppendEmpty().SetStr("x")
	list.AppendEmpty().SetInt(7)
	in := list.AppendEmpty().SetEmptyMap()
	in.PutEmptySlice("none")
	in.PutEmptyMap("nothing")
	in.PutStr("deep", "er")
}

func fillScope(s pcommon.InstrumentationScope) {
	s.SetName("scope")
	s.SetVersion("1")
	fill(s.Attributes())
	s.SetDroppedAttributesCount(3)
}

var (
	trace16 = pcommon.TraceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	span8   = pcommon.SpanID{1, 2, 3, 4, 5, 6, 7, 8}
)

func everyLog() plog.Logs {
	d := plog.NewLogs()
	rl := d.ResourceLogs().AppendEmpty()
	fill(rl.Resource().Attributes())
	rl.Resource().SetDroppedAttributesCount(1)
	rl.SetSchemaUrl("schema")
	sl := rl.ScopeLogs().AppendEmpty()
	fillScope(sl.Scope())
	sl.SetSchemaUrl("schema2")
	for range 3 {
		l := sl.LogRecords().AppendEmpty()
		l.SetTimestamp(1)
		l.SetObservedTimestamp(1 << 63)
		l.SetSeverityNumber(plog.SeverityNumberWarn3)
		l.SetSeverityText("warn")
		l.SetEventName("event")
		fill(l.Body().SetEmptyMap())
		fill(l.Attributes())
		l.SetDroppedAttributesCount(1 << 31)
		l.SetFlags(1)
		l.SetTraceID(trace16)
		l.SetSpanID(span8)
	}
	return d
}

func everySpan() ptrace.Traces {
	d := ptrace.NewTraces()
	rs := d.ResourceSpans().AppendEmpty()
	fill(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	fillScope(ss.Scope())
	s := ss.Spans().AppendEmpty()
	s.SetTraceID(trace16)
	s.SetSpanID(span8)
	s.SetParentSpanID(pcommon.SpanID{9})
	s.TraceState().FromRaw("a=b")
	s.SetFlags(769)
	s.SetName("name")
	s.SetKind(ptrace.SpanKindServer)
	s.SetStartTimestamp(1)
	s.SetEndTimestamp(2)
	fill(s.Attributes())
	s.SetDroppedAttributesCount(1)
	s.SetDroppedEventsCount(2)
	s.SetDroppedLinksCount(3)
	s.Status().SetCode(ptrace.StatusCodeError)
	s.Status().SetMessage("failed")
	for range 2 {
		e := s.Events().AppendEmpty()
		e.SetTimestamp(5)
		e.SetName("event")
		fill(e.Attributes())
		e.SetDroppedAttributesCount(4)
		l := s.Links().AppendEmpty()
		l.SetTraceID(trace16)
		l.SetSpanID(span8)
		l.TraceState().FromRaw("c=d")
		fill(l.Attributes())
		l.SetDroppedAttributesCount(5)
		l.SetFlags(257)
	}
	return d
}

func everyMetric() pmetric.Metrics {
	d := pmetric.NewMetrics()
	rm := d.ResourceMetrics().AppendEmpty()
	fill(rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	fillScope(sm.Scope())
	add := func(name string) pmetric.Metric {
		m := sm.Metrics().AppendEmpty()
		m.SetName(name)
		m.SetDescription("what it counts")
		m.SetUnit("USD")
		return m
	}
	sum := add("sum").SetEmptySum()
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	sum.SetIsMonotonic(true)
	everyNumber(sum.DataPoints())
	everyNumber(add("gauge").SetEmptyGauge().DataPoints())
	add("nothing")

	h := add("histogram").SetEmptyHistogram()
	h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	hp := h.DataPoints().AppendEmpty()
	fill(hp.Attributes())
	hp.SetStartTimestamp(1)
	hp.SetTimestamp(2)
	hp.SetCount(3)
	hp.SetSum(4.5)
	hp.SetMin(-1)
	hp.SetMax(9)
	hp.ExplicitBounds().FromRaw([]float64{1, 2.5})
	hp.BucketCounts().FromRaw([]uint64{1, 0, 2})
	hp.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	everyExemplar(hp.Exemplars())

	x := add("exponential").SetEmptyExponentialHistogram()
	x.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	xp := x.DataPoints().AppendEmpty()
	fill(xp.Attributes())
	xp.SetCount(3)
	xp.SetSum(1)
	xp.SetMin(1)
	xp.SetMax(1)
	xp.SetScale(-2)
	xp.SetZeroCount(1)
	xp.SetZeroThreshold(0.5)
	xp.Positive().SetOffset(-7)
	xp.Positive().BucketCounts().FromRaw([]uint64{1, 1 << 40})
	xp.Negative().SetOffset(7)
	xp.Negative().BucketCounts().FromRaw([]uint64{2})
	everyExemplar(xp.Exemplars())

	sp := add("summary").SetEmptySummary().DataPoints().AppendEmpty()
	fill(sp.Attributes())
	sp.SetCount(8)
	sp.SetSum(2)
	q := sp.QuantileValues().AppendEmpty()
	q.SetQuantile(0.99)
	q.SetValue(12)
	return d
}

func everyNumber(points pmetric.NumberDataPointSlice) {
	p := points.AppendEmpty()
	fill(p.Attributes())
	p.SetStartTimestamp(1)
	p.SetTimestamp(2)
	p.SetDoubleValue(0.25)
	everyExemplar(p.Exemplars())
	points.AppendEmpty().SetIntValue(-5)
	points.AppendEmpty().SetDoubleValue(0)
	points.AppendEmpty()
}

func everyExemplar(list pmetric.ExemplarSlice) {
	e := list.AppendEmpty()
	fill(e.FilteredAttributes())
	e.SetTimestamp(3)
	e.SetDoubleValue(1)
	e.SetTraceID(trace16)
	e.SetSpanID(span8)
	list.AppendEmpty().SetIntValue(1)
}
