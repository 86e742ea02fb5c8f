package normalise_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// TestBounds: what is too much for one record stands beside it, or in the next one; none of it is lost.
func TestBounds(t *testing.T) {
	t.Parallel()
	repeat := func(n int, one string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = strings.ReplaceAll(one, "N", fmt.Sprint(i))
		}
		return strings.Join(list, ",")
	}
	d := oneLog(t, code, codeScope, now+`,"eventName":"user_prompt","attributes":[`+repeat(600, `{"key":"aN","value":{"intValue":N}}`)+`]`, origin)
	if len(d.Record.Attributes) != 512 || len(d.Pieces) != 1 || d.Pieces[0].Name != "attributes" || !strings.HasPrefix(string(d.Pieces[0].Value), `{"a512":512,`) ||
		!strings.HasSuffix(string(d.Pieces[0].Value), `"a599":599}`) || flags(d) != "truncated" {
		t.Errorf("%d attributes, pieces %s, flags %s", len(d.Record.Attributes), pieces(d), flags(d))
	}
	event := `{"name":"eN","attributes":[{"key":"k","value":{"stringValue":"vN"}}]}`
	d = oneSpan(t, code, spanScope, `"name":"claude_code.tool","startTimeUnixNano":"1795413600000000000","events":[`+repeat(1002, event)+`],"links":[{"traceId":"01","spanId":"02"}]`)
	if len(d.Record.Parts) != 1000 || !strings.HasPrefix(pieces(d), "parts:text:map:") || len(d.Pieces) != 1001 || flags(d) != "truncated" {
		t.Errorf("%d parts, %d pieces, flags %s", len(d.Record.Parts), len(d.Pieces), flags(d))
	}
	for _, p := range d.Pieces {
		if p.Name == "parts" && string(p.Value) != `{"e1000":{"k":"v1000"},"e1001":{"k":"v1001"},"01/02":{}}` {
			t.Errorf("the rest is %s", p.Value)
		}
	}
	point := `{"asInt":N,` + now + `,` + kv("session.id", "s", "type", "input") + `}`
	list := drafts(t, export{"metrics", "metrics", wire.JSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","sum":{"dataPoints":[` + repeat(900, point) +
		`]}},{"name":"b","sum":{"dataPoints":[` + repeat(1200, point) + `]}}]}]}]}`}, origin)
	if len(list) != 3 || len(list[0].Record.Parts) != 1000 || len(list[1].Record.Parts) != 1000 || len(list[2].Record.Parts) != 100 {
		t.Fatalf("%d records", len(list))
	}
	for _, d := range list {
		checkDraft(t, d)
		if d.Record.Keys.Session != "s" || !d.Record.Occurred.Equal(received) {
			t.Errorf("%.300s", d.Record.AppendCanonical(nil))
		}
	}
	if first := list[2].Record.Parts[0]; first.Name != "b" || first.Value.Text() != "1100" {
		t.Errorf("the third record begins with %s %s", first.Name, first.Value.Text())
	}
	exemplars := `{"asInt":N,"filteredAttributes":[{"key":"k","value":{"intValue":N}}]}`
	list = drafts(t, export{"metrics", "metrics", wire.JSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","sum":{"dataPoints":[{"asInt":1,"exemplars":[` +
		repeat(2001, exemplars) + `]}]}}]}]}]}`}, origin)
	if len(list[0].Record.Parts) != 2000 || len(list[0].Pieces) != 1 || string(list[0].Pieces[0].Value) != `{"a":{"value":1999,"k":1999},"a":{"value":2000,"k":2000}}` {
		t.Errorf("%d parts, pieces %s", len(list[0].Record.Parts), pieces(list[0]))
	}
}

// TestBoundOfARecord: however much many lists of one record hold together, whoever shows it need not decode more than a
// megabyte or two; the rest stands beside it.
func TestBoundOfARecord(t *testing.T) {
	t.Parallel()
	repeat := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	attributes := func(n int, value string) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"key":"count.%d","value":{"intValue":%s}}`, i, value))
		}
		return strings.Join(list, ",")
	}
	f := func(what string, d normalise.Draft, least int, piece string) {
		t.Helper()
		size := len(d.Record.AppendCanonical(nil)) + 160*len(d.Pieces) // which the record will name
		if size > 3<<20/2 || size < least || !strings.Contains(flags(d), "truncated") {
			t.Errorf("%s: %d bytes, flags %s", what, size, flags(d))
		}
		for _, p := range d.Pieces {
			if p.Name == piece && len(p.Value) > 0 {
				return
			}
		}
		t.Errorf("%s: no piece %s", what, piece)
	}
	event := `{"name":"e","timeUnixNano":"1795413600000000000","attributes":[` + attributes(80, "1234567890") + `]}`
	d := oneSpan(t, code, spanScope, `"name":"claude_code.tool","startTimeUnixNano":"1795413600000000000","events":[`+repeat(500, event)+`]`)
	f("events", d, 1<<19, "parts[499].attributes")
	if n := len(d.Record.Parts[0].Attributes); n != 80 || len(d.Record.Parts) != 500 {
		t.Errorf("%d parts, the first has %d attributes", len(d.Record.Parts), n)
	}
	one := func(metrics string) normalise.Draft {
		t.Helper()
		list := drafts(t, export{"metrics", "metrics", wire.JSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[` + metrics + `]}]}]}`}, origin)
		if len(list) != 1 {
			t.Fatalf("%d records", len(list))
		}
		return list[0]
	}
	f("buckets", one(`{"name":"a","histogram":{"dataPoints":[`+
		repeat(200, `{`+now+`,"count":"3","sum":1,"bucketCounts":[`+repeat(1000, `"123456"`)+`]}`)+`]}}`), 1<<18, "parts[199].distribution")
	text := `{"key":"kN","value":{"stringValue":"v"}}`
	var texts []string
	for i := range 500 {
		texts = append(texts, strings.ReplaceAll(text, "N", fmt.Sprint(i)))
	}
	f("pieces", oneSpan(t, code, spanScope, `"name":"x","events":[`+repeat(100, `{"name":"e","attributes":[`+strings.Join(texts, ",")+`]}`)+`]`), 0, "parts[99].attributes")
}

// extremeTimes can be parsed and lie outside the years a record can show, once in UTC.
var extremeTimes = []string{"9999-12-31T23:59:59-12:00", "0000-01-01T00:00:00+12:00", "0000-06-01T00:00:00Z", "0001-01-01T00:00:00+01:00"}

// TestExtremeTimes: a time that no record can show is no time.
func TestExtremeTimes(t *testing.T) {
	t.Parallel()
	for _, at := range extremeTimes {
		d := oneLog(t, code, codeScope, now+","+kv("event.name", "user_prompt", "event.timestamp", at), origin)
		checkDraft(t, d)
		if flags(d) != "no_time" || !d.Record.Occurred.Equal(received) {
			t.Errorf("%s: occurred %s, flags %s", at, d.Record.Occurred, flags(d))
		}
	}
}
