package wire_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

var signals = []string{"logs", "metrics", "traces"}

// FuzzProtobuf: nothing panics, a refusal is one of the two errors, what comes out is valid UTF-8, and whatever the
// collector reads is read the same, once it is free of what is no OTLP.
func FuzzProtobuf(f *testing.F) {
	paths, _ := filepath.Glob(testdata + "otlp-raw/*.pb")
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, bodies := range everything(f) {
		f.Add([]byte(bodies[wire.Protobuf]))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		lim := wire.Limits{MaxNodes: 1 << 20, MaxRecords: 1 << 20, MaxDepth: 1 << 10}
		for _, signal := range signals {
			got, err := decode(signal, string(body), wire.Protobuf, lim)
			check(t, got, err)
			canonical, ok := rewrite(t, signal, string(body))
			if !ok {
				continue
			}
			want, _ := collectors(signal, canonical, wire.Protobuf)
			if got, err = decode(signal, canonical, wire.Protobuf, lim); err != nil {
				t.Fatalf("%s: the collector reads it, but: %v", signal, err)
			}
			if diff := cmp.Diff(want, got, equal); diff != "" && !odd(got) {
				t.Fatalf("%s (-collector +wire):\n%s", signal, diff)
			}
		}
	})
}

// rewrite reads a body with the collector and writes it again, which leaves nothing in it but what OTLP knows.
func rewrite(t *testing.T, signal, body string) (string, bool) {
	t.Helper()
	var out []byte
	var bad, err error
	switch signal {
	case "logs":
		var d plog.Logs
		if d, bad = (&plog.ProtoUnmarshaler{}).UnmarshalLogs([]byte(body)); bad == nil {
			out, err = (&plog.ProtoMarshaler{}).MarshalLogs(d)
		}
	case "metrics":
		var d pmetric.Metrics
		if d, bad = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics([]byte(body)); bad == nil {
			out, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(d)
		}
	default:
		var d ptrace.Traces
		if d, bad = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces([]byte(body)); bad == nil {
			out, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(d)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), bad == nil
}

// FuzzJSON: nothing panics, a refusal is one of the two errors, what comes out is valid UTF-8, and only JSON is read.
func FuzzJSON(f *testing.F) {
	for _, signal := range []string{"Logs", "Metrics", "Spans"} { // small ones: the fuzzer is slow on large seeds
		f.Add([]byte(`{"resource` + signal + `":[{"resource":{"attributes":[{"key":"a","value":{"intValue":1}}]},"scope` + signal +
			`":[{"scope":{"name":"s"},"` + strings.ToLower(signal) + `":[{"name":"n","sum":{"dataPoints":[{"asDouble":1}]}}]}]}]}`))
	}
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01","kind":"SPAN_KIND_CLIENT","events":[{"name":"e"}],"links":[{}]}]}]}]}`))
	for _, value := range []string{`{"doubleValue":{}}`, `{"doubleValue":null}`, `{"stringValue":"\ud800"}`, `{"intValue":"x"}`, `7`, `{"arrayValue":[1]}`} {
		f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + value + `}]}]}]}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, signal := range signals {
			got, err := decode(signal, string(body), wire.JSON, wire.Limits{})
			check(t, got, err)
			if err == nil && !json.Valid(plainText(body)) {
				t.Fatalf("%s: read what is no JSON", signal)
			}
		}
		wire.Members(string(body), func(name, value string) {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				t.Fatal("a member is not valid UTF-8")
			}
		})
	})
}

// plainText replaces what JSON forbids in strings and this package lets pass.
func plainText(body []byte) []byte {
	out := make([]byte, len(body))
	for i, c := range body {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			c = '_'
		}
		out[i] = c
	}
	inString := false
	for i := 0; i < len(out); i++ {
		switch {
		case out[i] == '"':
			inString = !inString
		case inString && out[i] == '\\':
			if i++; i < len(out) && (out[i] == '\t' || out[i] == '\n' || out[i] == '\r') {
				out[i] = 'x'
			}
		case inString && out[i] < ' ':
			out[i] = '_'
		case !inString && out[i] == '_':
			out[i] = body[i]
		}
	}
	return out
}

func check(t *testing.T, got any, err error) {
	t.Helper()
	if err != nil {
		if !errors.Is(err, wire.ErrNotOTLP) && !errors.Is(err, wire.ErrTooMany) {
			t.Fatalf("error is %v", err)
		}
		return
	}
	walk(got, func(s string) {
		if !utf8.ValidString(s) {
			t.Fatalf("%q is not valid UTF-8", s)
		}
	})
}

// walk visits every text.
func walk(got any, text func(string)) {
	var one func(v wire.Value)
	list := func(attrs []wire.Attr) {
		for _, a := range attrs {
			text(a.Name)
			one(a.Value)
		}
	}
	one = func(v wire.Value) {
		if v.Kind == audit.KindString {
			text(v.Str)
		}
		for _, i := range v.Items() {
			one(i)
		}
		list(v.Fields())
	}
	switch groups := got.(type) {
	case []wire.Group[wire.Log]:
		for _, g := range groups {
			list(g.Resource)
			for _, sc := range g.Scopes {
				list(sc.Attrs)
				text(sc.Name + sc.Version + sc.SchemaURL + g.SchemaURL)
				for _, l := range sc.Items {
					one(l.Body)
					list(l.Attrs)
					text(l.EventName + l.SeverityText + l.Trace + l.Span)
				}
			}
		}
	case []wire.Group[wire.Span]:
		for _, g := range groups {
			list(g.Resource)
			for _, sc := range g.Scopes {
				list(sc.Attrs)
				for _, s := range sc.Items {
					list(s.Attrs)
					text(s.Name + s.Message + s.State + s.Trace)
					for _, e := range s.Events {
						text(e.Name)
						list(e.Attrs)
					}
					for _, l := range s.Links {
						text(l.State)
						list(l.Attrs)
					}
				}
			}
		}
	case []wire.Group[wire.Metric]:
		for _, g := range groups {
			list(g.Resource)
			for _, sc := range g.Scopes {
				list(sc.Attrs)
				for _, m := range sc.Items {
					text(m.Name + m.Description + m.Unit)
					for _, p := range m.Points {
						list(p.Attrs)
						one(p.Value)
						for _, e := range p.Exemplars {
							list(e.Attrs)
						}
					}
				}
			}
		}
	}
}

// odd reports whether anything odd was noted.
func odd(got any) bool {
	is := wire.Odd(0)
	switch groups := got.(type) {
	case []wire.Group[wire.Log]:
		is = oddities(groups, func(l wire.Log) wire.Odd { return l.Odd })
	case []wire.Group[wire.Span]:
		is = oddities(groups, func(s wire.Span) wire.Odd { return s.Odd })
	case []wire.Group[wire.Metric]:
		is = oddities(groups, func(m wire.Metric) wire.Odd { return m.Odd })
	}
	return is != 0
}

func oddities[T any](groups []wire.Group[T], of func(T) wire.Odd) (is wire.Odd) {
	for _, g := range groups {
		is |= g.Odd
		for _, sc := range g.Scopes {
			is |= sc.Odd
			for _, item := range sc.Items {
				is |= of(item)
			}
		}
	}
	return is
}
