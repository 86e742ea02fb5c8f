package normalise_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
	"github.com/tripod-audit/tripod/internal/search"
)

// FuzzNormalise: nothing panics; every record has what a record must have, holds no long text and can be read back; and
// the same export gives the same drafts again.
func FuzzNormalise(f *testing.F) {
	paths, _ := filepath.Glob(testdata + "otlp-raw/*.pb")
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false)
	}
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"auth",`+kv("action", "logout", "tool_parameters", ` {"mcp_tool_name":"x`)+`}]}]}]}`), true)
	f.Add([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","sum":{"dataPoints":[{"asInt":1,`+kv("user.id", "d")+`}]}}]}]}]}`), true)
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"claude_code.tool","events":[{"name":"e",`+kv("output", "x")+`}]}]}]}]}`), true)
	for _, at := range extremeTimes {
		f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{`+kv("event.timestamp", at)+`}]}]}]}`), true)
	}
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"18446744073709551615","endTimeUnixNano":"1","events":[{"timeUnixNano":"9223372036854775807"}]}]}]}]}`), true)
	f.Fuzz(func(t *testing.T, body []byte, json bool) {
		n := normalise.New(100)
		for _, signal := range []string{"logs", "metrics", "traces"} {
			e := export{"fuzz", signal, wire.Protobuf, string(body)}
			if json {
				e.encoding = wire.JSON
			}
			first, err := decode(n, e, origin)
			if err != nil {
				continue
			}
			second, _ := decode(n, e, origin)
			if diff := cmp.Diff(first, second, cmp.AllowUnexported(audit.Value{}), cmp.Comparer(bytes.Equal)); diff != "" {
				t.Fatalf("%s differs from itself:\n%s", signal, diff)
			}
			for _, d := range first {
				checkDraft(t, d)
			}
		}
	})
}

func checkDraft(t *testing.T, d normalise.Draft) {
	t.Helper()
	r := d.Record
	if r.Normaliser == "" || r.Source == "" || r.Surface == "" || r.Activity == "" || r.Type == "" || r.Outcome == "" ||
		r.Occurred.IsZero() || r.Container == "" || len(d.Form) == 0 {
		t.Fatalf("something is missing: %s", r.AppendCanonical(nil))
	}
	lists := []audit.Attrs{r.Resource, r.Attributes}
	for _, p := range r.Parts {
		lists = append(lists, p.Attributes)
	}
	for _, l := range lists {
		for _, a := range l {
			if len(a.Name) > audit.MaxName+20 || len(a.Value.Str()) > audit.MaxKeptString {
				t.Fatalf("%d bytes of text under a name of %d", len(a.Value.Str()), len(a.Name))
			}
		}
	}
	for _, s := range []string{r.Type, r.Tool, r.MCP, r.Model, r.Keys.Session, r.Service.Scope, r.Account.Asserted.Email} {
		if len(s) > audit.MaxKeptString || !utf8.ValidString(s) {
			t.Fatalf("%q stands in the record", s)
		}
	}
	for _, p := range d.Pieces {
		if p.Name == "" && len(p.Value) > 100 || p.Class != audit.ClassDetail && p.Class != audit.ClassText || p.Withheld != "" && p.Value != nil ||
			len(p.Value) > 100 || p.Truncated != (p.Bytes > len(p.Value)) && p.Withheld == "" {
			t.Fatalf("piece %q of class %s with %d of %d bytes", p.Name, p.Class, len(p.Value), p.Bytes)
		}
	}
	c := *r
	c.Version = audit.SchemaVersion
	line := c.AppendCanonical(nil)
	back, err := audit.Decode(line)
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if err := new(search.Facts).Read(line); err != nil {
		t.Fatalf("cannot be indexed: %v: %s", err, line)
	}
	if again := back.AppendCanonical(nil); !bytes.Equal(line, again) {
		t.Fatalf("reads back as another record:\n%s\n%s", line, again)
	}
}
