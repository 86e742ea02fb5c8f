package wire_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

func str(s string) wire.Value { return wire.Value{Kind: audit.KindString, Str: s} }
func num(i int64) wire.Value  { return wire.Value{Kind: audit.KindInt, Num: uint64(i)} }
func dbl(f float64) wire.Value {
	return wire.Value{Kind: audit.KindDouble, Num: math.Float64bits(f)}
}
func yes(b bool) wire.Value {
	if b {
		return wire.Value{Kind: audit.KindBool, Num: 1}
	}
	return wire.Value{Kind: audit.KindBool}
}

// TestOddValues: whatever stands in the place of a value, it is read as what it most nearly is, and what stands around it
// is read in full.
func TestOddValues(t *testing.T) {
	t.Parallel()
	f := func(value string, want wire.Value, odd wire.Odd) {
		t.Helper()
		body := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"before","value":{"intValue":1}},` +
			`{"key":"x","value":` + value + `},{"key":"after","value":{"intValue":"2"}}]},{"eventName":"next"}]}]}]}`
		groups, err := wire.DecodeLogs(body, wire.JSON, wire.Limits{MaxDepth: 4})
		if err != nil {
			t.Errorf("%s: %v", value, err)
			return
		}
		items := groups[0].Scopes[0].Items
		want2 := []wire.Attr{{Name: "before", Value: num(1)}, {Name: "x", Value: want}, {Name: "after", Value: num(2)}}
		if diff := cmp.Diff(want2, items[0].Attrs, equal); diff != "" || len(items) != 2 || items[1].EventName != "next" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
		if items[0].Odd != odd || items[1].Odd != 0 {
			t.Errorf("%s: odd is %b and %b of the next, want %b and 0", value, items[0].Odd, items[1].Odd, odd)
		}
	}
	var empty wire.Value
	// what opentelemetry-js and the Desktop app send
	f(`{"intValue":15}`, num(15), 0)
	f(`{"intValue":"15"}`, num(15), 0)
	f(`{}`, empty, 0)
	f(`null`, empty, 0)
	f(`{"doubleValue":null}`, empty, 0)
	f(`{"doubleValue":{}}`, empty, 0)
	f(`{"intValue":{}}`, empty, 0)
	f(`{"stringValue":null}`, empty, 0)
	f(`{"doubleValue":1}`, dbl(1), 0)
	f(`{"doubleValue":"NaN"}`, dbl(math.NaN()), 0)
	f(`{"doubleValue":"-Infinity"}`, dbl(math.Inf(-1)), 0)
	f(`{"doubleValue":"1e3"}`, dbl(1000), 0)
	f(`{"boolValue":false}`, yes(false), 0)
	f(`{"boolValue":"true"}`, yes(true), 0)
	f(`{"arrayValue":{}}`, wire.ArrayOf(nil), 0)
	f(`{"arrayValue":{"values":[]}}`, wire.ArrayOf(nil), 0)
	f(`{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}`, wire.NewMap([]wire.Attr{{Name: "k", Value: str("v")}}), 0)
	f(`{"bytesValue":"AP8="}`, wire.Value{Kind: audit.KindBytes, Str: "\x00\xff"}, 0)
	f(`{"string_value":"snake"}`, str("snake"), 0)
	// half a surrogate pair, whole ones, bytes that are no UTF-8
	f(`{"stringValue":"cut \ud83d"}`, str("cut \ufffd"), wire.OddText)
	f(`{"stringValue":"\ude42 cut \ud83dx"}`, str("\ufffd cut \ufffdx"), wire.OddText)
	f(`{"stringValue":"\ud83d\ude42 \u00fc\/\b\f"}`, str("\U0001f642 ü/\b\f"), 0)
	f("{\"stringValue\":\"a\xffb\"}", str("a\ufffdb"), wire.OddText)
	f("{\"stringValue\":\"raw\ttab\"}", str("raw\ttab"), 0)
	// values of another kind than their name says
	f(`{"stringValue":5}`, num(5), wire.OddValue)
	f(`{"stringValue":{"a":[1,"b"]}}`, wire.NewMap([]wire.Attr{{Name: "a", Value: wire.ArrayOf([]wire.Value{num(1), str("b")})}}), wire.OddValue)
	f(`{"intValue":1.5}`, dbl(1.5), wire.OddValue)
	f(`{"intValue":"many"}`, str("many"), wire.OddValue)
	f(`{"intValue":99999999999999999999}`, dbl(1e20), wire.OddValue)
	f(`{"intValue":{"low":1}}`, wire.NewMap([]wire.Attr{{Name: "low", Value: num(1)}}), wire.OddValue)
	f(`{"doubleValue":"much"}`, str("much"), wire.OddValue)
	f(`{"boolValue":"perhaps"}`, str("perhaps"), wire.OddValue)
	f(`{"boolValue":1}`, num(1), wire.OddValue)
	f(`{"bytesValue":"!"}`, str("!"), wire.OddValue)
	f(`{"arrayValue":[1,{"x":2}]}`, wire.ArrayOf([]wire.Value{num(1), wire.NewMap([]wire.Attr{{Name: "x", Value: num(2)}})}), wire.OddValue)
	f(`{"newValue":"of tomorrow"}`, wire.NewMap([]wire.Attr{{Name: "newValue", Value: str("of tomorrow")}}), wire.OddValue)
	f(`{"newValue":"of tomorrow","intValue":3}`, num(3), wire.OddValue)
	f(`"bare"`, str("bare"), wire.OddValue)
	f(`7`, num(7), wire.OddValue)
	f(`true`, yes(true), wire.OddValue)
	f(`[null]`, wire.ArrayOf([]wire.Value{empty}), wire.OddValue)
	// deeper than the bound
	f(`{"arrayValue":{"values":[{"arrayValue":{"values":[{"arrayValue":{"values":[{"arrayValue":{"values":[{"intValue":1}]}}]}}]}}]}}`,
		wire.ArrayOf([]wire.Value{wire.ArrayOf([]wire.Value{wire.ArrayOf([]wire.Value{wire.ArrayOf(nil)})})}), wire.OddDepth)
}

// TestOddFields: fields of other kinds and spellings, unknown ones, and records that are none.
func TestOddFields(t *testing.T) {
	t.Parallel()
	f := func(record string, want wire.Log) {
		t.Helper()
		groups, err := wire.DecodeLogs(`{"resource_logs":{"scope_logs":[{"log_records":[`+record+`]}],"later":[{}]}}`, wire.JSON, wire.Limits{})
		if err != nil {
			t.Errorf("%s: %v", record, err)
			return
		}
		if diff := cmp.Diff([]wire.Log{want}, groups[0].Scopes[0].Items, equal); diff != "" {
			t.Errorf("%s (-want +got):\n%s", record, diff)
		}
	}
	f(`{"time_unix_nano":"5","observedTimeUnixNano":6}`, wire.Log{Time: 5, Observed: 6})
	f(`{"timeUnixNano":1.7e18}`, wire.Log{Time: 1.7e18})
	f(`{"timeUnixNano":"yesterday"}`, wire.Log{Odd: wire.OddValue})
	f(`{"timeUnixNano":-1}`, wire.Log{Odd: wire.OddValue})
	f(`{"timeUnixNano":null,"traceId":"","spanId":null}`, wire.Log{})
	f(`{"severityNumber":"SEVERITY_NUMBER_ERROR2"}`, wire.Log{Severity: 18})
	f(`{"severityNumber":"LOUD"}`, wire.Log{Odd: wire.OddValue})
	f(`{"traceId":"0102030405060708090A0B0C0D0E0F10"}`, wire.Log{Trace: "0102030405060708090a0b0c0d0e0f10"})
	f(`{"traceId":"AQIDBAUGBwgJCgsMDQ4PEA=="}`, wire.Log{Trace: "0102030405060708090a0b0c0d0e0f10", Odd: wire.OddValue})
	f(`{"traceId":"no id"}`, wire.Log{Odd: wire.OddValue})
	f(`{"traceId":"00000000000000000000000000000000"}`, wire.Log{})
	f(`{"eventName":7}`, wire.Log{EventName: "7", Odd: wire.OddValue})
	f(`{"unknown":{"a":[1,2,{"b":"}"}]},"eventName":"e"}`, wire.Log{EventName: "e"})
	f(`{"attributes":{"key":"lone","value":{"intValue":1}}}`, wire.Log{Attrs: []wire.Attr{{Name: "lone", Value: num(1)}}, Odd: wire.OddValue})
	f(`{"attributes":"none","eventName":"e"}`, wire.Log{EventName: "e", Odd: wire.OddValue})
	f(`{"attributes":[{"key":"a"}],"attributes":[{"key":"b"}]}`, wire.Log{Attrs: []wire.Attr{{Name: "a"}, {Name: "b"}}})
	f(`{"attributes":[{"key":5,"value":{"intValue":1}}]}`, wire.Log{Attrs: []wire.Attr{{Name: "5", Value: num(1)}}, Odd: wire.OddValue})
	f(`{"":1,"eventName":"e"}`, wire.Log{EventName: "e"})
	f(`"not a record"`, wire.Log{Body: str("not a record"), Odd: wire.OddValue})
}

// TestNotOTLP: only what is no OTLP at all is refused, and the error repeats none of it.
func TestNotOTLP(t *testing.T) {
	t.Parallel()
	f := func(enc wire.Encoding, bodies ...string) {
		t.Helper()
		for _, body := range bodies {
			for _, signal := range []string{"logs", "metrics", "traces"} {
				if _, err := decode(signal, body, enc, wire.Limits{}); !errors.Is(err, wire.ErrNotOTLP) || strings.Contains(err.Error(), "canary") {
					t.Errorf("%q as %s: error is %v", body, signal, err)
				}
			}
		}
	}
	f(wire.JSON, ``, `canary`, `"canary"`, `[]`, `1`, `null`, `{`, `{"canary"`, `{"canary":}`, `{"canary":1,}`, `{"canary":1 "x":2}`,
		`{"canary":[1,]}`, `{"canary":{"x"}}`, `{} canary`, `{"canary":"`, `{"canary":"\x"}`+`{`, `{"canary":tru}`, `{"canary":01}`,
		`{"canary":1.}`, `{"canary":-}`, `{"canary":1e}`, "{}\x00", `{"canary":[}`, `{"canary":`+strings.Repeat("[", 20_000),
		`{"resourceLogs":"canary","resourceMetrics":1,"resourceSpans":true}`,
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"canary\q"}}]}]}],`,
	)
	f(wire.Protobuf, "canary", "\x0a\x05abc", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x0a", "\x00\x00", "\x0b\x0c",
		"\x0a\x02\x12\x7f")
}

// TestDamagedItem: damage within one record costs the rest of that record only.
func TestDamagedItem(t *testing.T) {
	t.Parallel()
	field := func(n int, b string) string { return string([]byte{byte(n<<3 | 2), byte(len(b))}) + b }
	good := field(3, "info")
	body := field(1, field(2, field(2, good)+field(2, good+"\x32\x7fcut")+field(2, field(2, "text for a number")+good)+field(2, good)))
	groups, err := wire.DecodeLogs(body, wire.Protobuf, wire.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []wire.Log{{SeverityText: "info"}, {SeverityText: "info", Odd: wire.OddValue}, {SeverityText: "info", Odd: wire.OddValue}, {SeverityText: "info"}}
	if diff := cmp.Diff(want, groups[0].Scopes[0].Items, equal); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	groups, err = wire.DecodeLogs(field(1, field(2, field(2, field(3, "a\xffb")))), wire.Protobuf, wire.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if l := groups[0].Scopes[0].Items[0]; l.SeverityText != "a\ufffdb" || l.Odd != wire.OddText {
		t.Errorf("invalid UTF-8 became %q with odd %b", l.SeverityText, l.Odd)
	}
}

// TestLimits: more than the bounds allow is refused before it is made.
func TestLimits(t *testing.T) {
	t.Parallel()
	field := func(n int, b string) string {
		length := []byte{byte(n<<3 | 2)}
		for v := len(b); ; v >>= 7 {
			if v < 0x80 {
				return string(append(length, byte(v))) + b
			}
			length = append(length, byte(v)|0x80)
		}
	}
	tooMany := func(name, signal string, enc wire.Encoding, body string, lim wire.Limits) {
		t.Helper()
		if _, err := decode(signal, body, enc, lim); !errors.Is(err, wire.ErrTooMany) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	empty := "\x12\x00"
	records := field(1, field(2, strings.Repeat(empty, 11)))
	tooMany("log records", "logs", wire.Protobuf, records, wire.Limits{MaxRecords: 10})
	tooMany("spans", "traces", wire.Protobuf, records, wire.Limits{MaxRecords: 10})
	tooMany("resource metrics", "metrics", wire.Protobuf, strings.Repeat("\x0a\x00", 11), wire.Limits{MaxRecords: 10})
	tooMany("groups", "logs", wire.Protobuf, strings.Repeat("\x0a\x00", 101), wire.Limits{MaxNodes: 100})
	tooMany("attributes", "logs", wire.Protobuf, field(1, field(2, field(2, strings.Repeat("\x32\x00", 101)))), wire.Limits{MaxNodes: 100})
	tooMany("metrics", "metrics", wire.Protobuf, field(1, field(2, strings.Repeat(empty, 101))), wire.Limits{MaxNodes: 100})
	array := "\x0a\x00"
	tooMany("items", "logs", wire.Protobuf, field(1, field(2, field(2, field(5, field(5, strings.Repeat(array, 101)))))), wire.Limits{MaxNodes: 100})
	packed := field(1, field(2, field(2, field(9, field(1, field(6, strings.Repeat("12345678", 101)))))))
	tooMany("buckets", "metrics", wire.Protobuf, packed, wire.Limits{MaxNodes: 100})
	list := func(one string, n int) string { return strings.Repeat(one+",", n) + one }
	tooMany("json records", "logs", wire.JSON, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[`+list(`{}`, 10)+`]}]}]}`, wire.Limits{MaxRecords: 10})
	tooMany("json metrics", "metrics", wire.JSON, `{"resourceMetrics":[`+list(`{}`, 10)+`]}`, wire.Limits{MaxRecords: 10})
	tooMany("json attributes", "traces", wire.JSON, `{"resourceSpans":[{"resource":{"attributes":[`+list(`{}`, 100)+`]}}]}`, wire.Limits{MaxNodes: 100})
	tooMany("json values", "logs", wire.JSON, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"x":[`+list(`1`, 100)+`]}}]}]}]}`, wire.Limits{MaxNodes: 100})

	// Nesting as deep as a body can be must not exhaust the stack.
	deep := ""
	for range 200_000 {
		deep = "\x2a" + string(uvarint(len(deep))) + deep
		deep = "\x0a" + string(uvarint(len(deep))) + deep
		if len(deep) > 1<<16 {
			break
		}
	}
	if g, err := wire.DecodeLogs(field(1, field(2, field(2, field(5, field(5, deep))))), wire.Protobuf, wire.Limits{}); err != nil || g[0].Scopes[0].Items[0].Odd&wire.OddDepth == 0 {
		t.Errorf("deep protobuf: %v", err)
	}
	brackets := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"a":[`, 4000) + strings.Repeat(`]}`, 4000) + `}]}]}]}`
	if g, err := wire.DecodeLogs(brackets, wire.JSON, wire.Limits{}); err != nil || g[0].Scopes[0].Items[0].Odd&wire.OddDepth == 0 {
		t.Errorf("deep JSON: %v", err)
	}
}

func uvarint(n int) []byte {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func TestMembers(t *testing.T) {
	t.Parallel()
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		wire.Members(text, func(name, value string) { got = append(got, name+"="+value) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	f(`{"a":"1","b":2,"c":{"d":"no"},"e":"\u0032"}`, "a=1", "e=2")
	f(`{"a":"1","b":"cut of`, "a=1")
	f(`{"a":"1","b":{"c":[1,2,`, "a=1")
	f(`{"a":"1"…[TRUNCATED]`, "a=1")
	f(`[{"a":"1"}]`)
	f(``)
}
