package ecs_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward/ecs"
)

// records are those of every known type, as the neighbouring format's tests make them.
func records(t testing.TB) (list []*audit.Record) {
	t.Helper()
	f, err := os.Open("../ocsf/testdata/records.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		r, err := audit.Decode(s.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	if len(list) < 1000 || s.Err() != nil {
		t.Fatalf("%d records, %v", len(list), s.Err())
	}
	return list
}

type field struct {
	kind string
	list bool
}

func fields(t *testing.T) map[string]field {
	t.Helper()
	b, err := os.ReadFile("testdata/fields.tsv")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]field{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(f) == 3 && f[0][0] != '#' {
			m[f[0]] = field{f[1], f[2] == "array"}
		}
	}
	return m
}

// TestFieldsAreTheSchemas writes every known type: each field is one of the schema's, with a value of its type, and the
// record is there whole.
func TestFieldsAreTheSchemas(t *testing.T) {
	t.Parallel()
	known, seen := fields(t), map[string]bool{}
	for seq, r := range records(t) {
		b, err := ecs.Append(nil, uint64(seq), r)
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if err := d.Decode(&doc); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		var whole struct{ Tripod json.RawMessage }
		if err := json.Unmarshal(b, &whole); err != nil || !bytes.Equal(whole.Tripod, r.AppendCanonical(nil)) {
			t.Errorf("%s %s: the record is not there whole: %v", r.Source, r.Type, err)
		}
		delete(doc, "tripod")
		flat := map[string]any{}
		flatten("", doc, flat)
		for name, value := range flat {
			seen[name] = true
			if wrong := check(known[name], value); wrong != "" {
				t.Errorf("%s %s: %s is %v: %s", r.Source, r.Type, name, value, wrong)
			}
		}
		checkSorting(t, r, flat)
		if t.Failed() {
			t.FailNow()
		}
	}
	for name := range known {
		if !seen[name] {
			t.Errorf("no document has %s", name)
		}
	}
}

func flatten(path string, v map[string]any, to map[string]any) {
	for name, in := range v {
		if object, ok := in.(map[string]any); ok {
			if len(object) == 0 {
				to[path+name] = object
			}
			flatten(path+name+".", object, to)
			continue
		}
		to[path+name] = in
	}
}

// check tells what is wrong with a value of a field.
func check(f field, v any) string {
	if f.kind == "" {
		return "the schema has no such field"
	}
	if list, ok := v.([]any); ok {
		if !f.list {
			return "is no list in the schema"
		}
		for _, item := range list {
			if wrong := check(field{f.kind, false}, item); wrong != "" {
				return wrong
			}
		}
		return ""
	}
	if f.list {
		return "is a list in the schema"
	}
	s, text := v.(string)
	n, number := v.(json.Number)
	switch f.kind {
	case "date":
		if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
			return "is no time"
		}
	case "ip":
		if _, err := netip.ParseAddr(s); err != nil {
			return "is no address"
		}
	case "keyword":
		if !text || s == "" {
			return "is no text"
		}
	case "long", "integer":
		if _, err := n.Int64(); !number || err != nil {
			return "is no whole number"
		}
	default:
		return "is of type " + f.kind
	}
	return ""
}

// expected are the types the schema expects of each category.
var expected = map[string]string{
	"api":                 "access admin allowed change creation deletion denied end info start user",
	"authentication":      "start end info",
	"configuration":       "access change creation deletion info",
	"iam":                 "admin change creation deletion group info user",
	"intrusion_detection": "allowed denied info",
	"network":             "access allowed connection denied end info protocol start",
	"package":             "access change deletion info installation start",
	"process":             "access change end info start",
	"vulnerability":       "info",
	"web":                 "access error info",
}

func checkSorting(t *testing.T, r *audit.Record, flat map[string]any) {
	t.Helper()
	kind, _ := flat["event.kind"].(string)
	if !slices.Contains([]string{"alert", "event", "metric", "state"}, kind) {
		t.Errorf("%s %s: kind %q", r.Source, r.Type, kind)
	}
	category, _ := flat["event.category"].([]any)
	types, _ := flat["event.type"].([]any)
	if kind != "metric" && (len(category) == 0 || len(types) == 0) {
		t.Errorf("%s %s: category %v, type %v", r.Source, r.Type, category, types)
	}
	for _, c := range category {
		for _, typ := range types {
			if !slices.Contains(strings.Fields(expected[fmt.Sprint(c)]), fmt.Sprint(typ)) {
				t.Errorf("%s %s: the schema expects no type %v in %v", r.Source, r.Type, typ, c)
			}
		}
	}
}

// TestSorting holds a record of each kind of act.
func TestSorting(t *testing.T) {
	t.Parallel()
	test := func(source audit.Source, typ string, activity audit.Activity, want string) {
		t.Helper()
		b, err := ecs.Append(nil, 1, &audit.Record{Version: 1, Source: source, Type: typ, Activity: activity, Outcome: audit.OutcomeDenied})
		if err != nil {
			t.Fatal(err)
		}
		var doc struct{ Event map[string]any }
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(doc.Event, func(name string, _ any) bool { return name != "category" && name != "type" && name != "kind" })
		if got := fmt.Sprint(doc.Event); got != want {
			t.Errorf("%s: %s, want %s", typ, got, want)
		}
	}
	const feed = audit.SourceComplianceActivity
	test(feed, "sso_login_succeeded", audit.ActivitySignIn, "map[category:[authentication] kind:event type:[start]]")
	test(feed, "org_user_deleted", audit.ActivityAdminChange, "map[category:[iam] kind:event type:[user deletion]]")
	test(feed, "claude_chat_viewed", audit.ActivityView, "map[category:[web] kind:event type:[access]]")
	test(feed, "claude_chat_deleted", audit.ActivityDelete, "map[category:[api] kind:event type:[deletion denied]]")
	test(feed, "claude_plugin_created", audit.ActivityCreate, "map[category:[package] kind:event type:[installation]]")
	test(audit.SourceOTelLog, "tool_result", audit.ActivityToolResult, "map[category:[api] kind:event type:[info denied]]")
	test(audit.SourceOTelMetric, "metrics", audit.ActivityUsage, "map[kind:metric]")
	test(audit.SourceGatewayLLM, "llm.verdict", audit.ActivityPrompt, "map[category:[intrusion_detection] kind:alert type:[denied]]")
	test("from.the.future", "x", "from.the.future", "map[category:[web] kind:event type:[error]]")
}

func BenchmarkAppend(b *testing.B) {
	list := records(b)
	var dst []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dst, _ = ecs.Append(dst[:0], uint64(i), list[i%len(list)])
	}
}
