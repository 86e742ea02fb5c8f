package normalise_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// TestNothingIsLost: every attribute of every fixture is in the record it came with, or beside it as content.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, e := range fixtures(t) {
		got := drafts(t, e, origin)
		want := sent(t, e)
		if len(got) != len(want) {
			t.Errorf("%s %s: %d records of %d", e.name, e.signal, len(got), len(want))
			continue
		}
		for i := range got {
			have := held(got[i])
			for name, n := range want[i] {
				if have[name] < n {
					t.Errorf("%s %s record %d (%s): %d of %d %q are held", e.name, e.signal, i, got[i].Record.Type, have[name], n, name)
				}
			}
		}
	}
}

// sent counts the attribute names of each record of an export, parts and resource included. Of a metric's points it
// counts a name once, for what all of them share stands once.
func sent(t *testing.T, e export) (list []map[string]int) {
	t.Helper()
	count := func(m map[string]int, attrs []wire.Attr) {
		for _, a := range attrs {
			m[a.Name]++
		}
	}
	switch e.signal {
	case "logs":
		groups, err := wire.DecodeLogs(e.body, e.encoding, wire.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			for _, l := range g.Scopes[0].Items {
				m := map[string]int{}
				count(m, g.Resource)
				count(m, l.Attrs)
				list = append(list, m)
			}
		}
	case "traces":
		groups, err := wire.DecodeTraces(e.body, e.encoding, wire.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			for _, s := range g.Scopes[0].Items {
				m := map[string]int{}
				count(m, g.Resource)
				count(m, s.Attrs)
				for _, ev := range s.Events {
					count(m, ev.Attrs)
				}
				list = append(list, m)
			}
		}
	default:
		groups, err := wire.DecodeMetrics(e.body, e.encoding, wire.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			m := map[string]int{}
			for _, mt := range g.Scopes[0].Items {
				for _, p := range mt.Points {
					for _, a := range p.Attrs {
						m[a.Name] = 1
					}
				}
			}
			count(m, g.Resource)
			list = append(list, m)
		}
	}
	return list
}

// held counts the names a draft holds, in the record and beside it.
func held(d normalise.Draft) map[string]int {
	have := map[string]int{}
	for _, a := range slices.Concat(d.Record.Resource, d.Record.Attributes) {
		have[a.Name]++
	}
	for _, p := range d.Record.Parts {
		for _, a := range p.Attributes {
			have[a.Name]++
		}
	}
	for _, p := range d.Pieces {
		name := strings.TrimPrefix(p.Name, "resource.")
		if _, rest, ok := strings.Cut(name, "]."); ok {
			name = rest
		}
		have[name]++
	}
	return have
}

// TestSameDataSameDraft: the same data gives the same drafts, forms included, as protobuf and as JSON.
func TestSameDataSameDraft(t *testing.T) {
	t.Parallel()
	for _, e := range fixtures(t) {
		if e.encoding != wire.Protobuf {
			continue
		}
		other := e
		other.encoding = wire.JSON
		other.body = asJSON(t, e)
		want, got := drafts(t, e, origin), drafts(t, other, origin)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(audit.Value{})); diff != "" {
			t.Errorf("%s (-protobuf +json):\n%s", e.name, diff)
		}
		if len(want) == 0 || len(want[0].Form) == 0 {
			t.Errorf("%s: no form", e.name)
		}
		forms := map[string]bool{}
		for _, d := range want {
			forms[string(d.Form)] = true
		}
		if len(forms) != len(want) {
			t.Errorf("%s: %d records share %d forms", e.name, len(want), len(forms))
		}
	}
}

func asJSON(t testing.TB, e export) string {
	t.Helper()
	var b []byte
	var err, marshal error
	switch e.signal {
	case "logs":
		var d plog.Logs
		d, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs([]byte(e.body))
		b, marshal = (&plog.JSONMarshaler{}).MarshalLogs(d)
	case "metrics":
		var d pmetric.Metrics
		d, err = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics([]byte(e.body))
		b, marshal = (&pmetric.JSONMarshaler{}).MarshalMetrics(d)
	default:
		var d ptrace.Traces
		d, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces([]byte(e.body))
		b, marshal = (&ptrace.JSONMarshaler{}).MarshalTraces(d)
	}
	if err != nil || marshal != nil {
		t.Fatal(err, marshal)
	}
	return string(b)
}

// TestFormsTellApart: a change anywhere in what was sent changes the form.
func TestFormsTellApart(t *testing.T) {
	t.Parallel()
	const logHead = `{"resourceLogs":[{"resource":{"attributes":[{"key":"r","value":{"intValue":1}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[`
	variants := []string{
		`{}`, `{"timeUnixNano":1}`, `{"observedTimeUnixNano":1}`, `{"severityNumber":1}`, `{"severityText":"a"}`, `{"eventName":"a"}`,
		`{"traceId":"01"}`, `{"spanId":"01"}`, `{"flags":1}`, `{"droppedAttributesCount":1}`, `{"body":{"stringValue":"a"}}`,
		`{"body":{"bytesValue":"YQ=="}}`, `{"body":{"intValue":1}}`, `{"body":{"boolValue":true}}`, `{"body":{"doubleValue":1}}`,
		`{"body":{"arrayValue":{}}}`, `{"body":{"kvlistValue":{}}}`, `{"body":{"arrayValue":{"values":[{},{}]}}}`,
		`{"attributes":[{"key":"a","value":{"stringValue":"b"}}]}`, `{"attributes":[{"key":"ab","value":{"stringValue":""}}]}`,
		`{"attributes":[{"key":"a"},{"key":"b"}]}`, `{"attributes":[{"key":"b"},{"key":"a"}]}`, `{"attributes":[{"key":"a"}]}`,
	}
	forms := map[string]string{}
	for _, v := range variants {
		d := drafts(t, export{"form", "logs", wire.JSON, logHead + v + `]}]}]}`}, origin)
		if other, ok := forms[string(d[0].Form)]; ok {
			t.Errorf("%s and %s have one form", v, other)
		}
		forms[string(d[0].Form)] = v
	}
	if len(slices.Collect(maps.Keys(forms))) != len(variants) {
		t.Error("forms are missing")
	}
	for i, head := range []string{
		`{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[`,
		`{"resourceLogs":[{"resource":{"attributes":[{"key":"r","value":{"intValue":2}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[`,
		`{"resourceLogs":[{"resource":{"attributes":[{"key":"r","value":{"intValue":1}}]},"scopeLogs":[{"scope":{"name":"t"},"logRecords":[`,
		`{"resourceLogs":[{"schemaUrl":"u","resource":{"attributes":[{"key":"r","value":{"intValue":1}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[`,
	} {
		d := drafts(t, export{"form", "logs", wire.JSON, head + `{}]}]}]}`}, origin)
		if _, ok := forms[string(d[0].Form)]; ok {
			t.Errorf("another resource or scope (%d) has the same form", i)
		}
	}
	span := func(s string) string {
		d := drafts(t, export{"form", "traces", wire.JSON, `{"resourceSpans":[{"scopeSpans":[{"spans":[` + s + `]}]}]}`}, origin)
		return string(d[0].Form)
	}
	if span(`{"events":[{"name":"a"}]}`) == span(`{"events":[{"name":"b"}]}`) || span(`{"links":[{"traceId":"01"}]}`) == span(`{"links":[{"spanId":"01"}]}`) {
		t.Error("events or links do not tell spans apart")
	}
	metric := func(s string) string {
		d := drafts(t, export{"form", "metrics", wire.JSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[` + s + `]}]}]}`}, origin)
		return string(d[0].Form)
	}
	seen := map[string]string{}
	for _, m := range []string{
		`{"sum":{"dataPoints":[{"asInt":1}]}}`, `{"sum":{"dataPoints":[{"asInt":2}]}}`, `{"sum":{"dataPoints":[{"asDouble":1}]}}`,
		`{"gauge":{"dataPoints":[{"asInt":1}]}}`, `{"sum":{"isMonotonic":true,"dataPoints":[{"asInt":1}]}}`,
		`{"unit":"s","sum":{"dataPoints":[{"asInt":1}]}}`, `{"sum":{"aggregationTemporality":1,"dataPoints":[{"asInt":1}]}}`,
		`{"histogram":{"dataPoints":[{"count":1}]}}`, `{"histogram":{"dataPoints":[{"bucketCounts":[1]}]}}`,
		`{"histogram":{"dataPoints":[{"explicitBounds":[1]}]}}`, `{"summary":{"dataPoints":[{"quantileValues":[{"value":1}]}]}}`,
	} {
		f := metric(m)
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s have one form", m, other)
		}
		seen[f] = m
	}
}
