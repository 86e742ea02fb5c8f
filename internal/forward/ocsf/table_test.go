package ocsf

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward/ocsf/schema"
)

var update = flag.Bool("update", false, "rewrite what docs/ocsf.md says of the table")

const collected = "../../collect/"

// feedTypes are the activity types the vendor's list names, as the way in knows them.
func feedTypes(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(collected + "complianceapi/normalise/types.json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Types []struct{ Type string } }
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, typ := range list.Types {
		types = append(types, typ.Type)
	}
	return types
}

// exportTypes are the events of the audit log export.
func exportTypes(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(collected + "auditexport/normalise/events.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for line := range strings.Lines(string(b)) {
		if name, _, ok := strings.Cut(line, "\t"); ok && !strings.HasPrefix(line, "#") {
			types = append(types, name)
		}
	}
	return types
}

// TestEveryTypeHasALine: no type of the vendor's lists is left to what its activity says, and no line is of a type nobody
// has heard of.
func TestEveryTypeHasALine(t *testing.T) {
	t.Parallel()
	if _, err := parse(typesTSV); err != nil {
		t.Fatal(err)
	}
	for source, list := range map[audit.Source][]string{audit.SourceComplianceActivity: feedTypes(t), audit.SourceAuditExport: exportTypes(t)} {
		for _, typ := range list {
			if types.exact[key{source, typ}] == nil {
				t.Errorf("%s %s has no line", source, typ)
			}
		}
		for k := range types.exact {
			if k.source == source && !slices.Contains(list, k.typ) {
				t.Errorf("%s %s has a line and is not in the list", source, k.typ)
			}
		}
	}
	for _, activity := range audit.Activities() {
		if types.activities[activity] == nil {
			t.Errorf("the activity %s has no line", activity)
		}
	}
}

// TestEveryTelemetryEventIsKnown holds the list of known types against that of the vendor's telemetry.
func TestEveryTelemetryEventIsKnown(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(collected + "otlp/testdata/otel-events.json")
	if err != nil {
		t.Fatal(err)
	}
	type named []struct{ Name string }
	var list struct {
		Products map[string]struct {
			Events named
			Spans  json.RawMessage // of Cowork, a remark that there are none
		}
	}
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	known := func(source audit.Source, typ string) bool {
		return slices.ContainsFunc(KnownTypes, func(k KnownType) bool { return k.Source == source && k.Type == typ })
	}
	n := 0
	for product, p := range list.Products {
		for _, e := range p.Events {
			if n++; !known(audit.SourceOTelLog, e.Name) && !strings.Contains(e.Name, "*") && product != "claude_desktop_app" {
				t.Errorf("event %s of %s is not among the known types", e.Name, product)
			}
		}
		var spans named
		_ = json.Unmarshal(p.Spans, &spans)
		for _, e := range spans {
			if n++; !known(audit.SourceOTelSpan, e.Name) {
				t.Errorf("span %s of %s is not among the known types", e.Name, product)
			}
		}
	}
	if n < 40 {
		t.Errorf("%d events and spans", n)
	}
}

func TestWrongLines(t *testing.T) {
	t.Parallel()
	const source = "compliance.activity"
	for _, wrong := range []string{
		"a\tb\t6001\t1\tx", source + "\tb\t9999\t1\tx\t-", source + "\tb\t6001\t77\tx\t-", source + "\tb\t6001\tone\tx\t-", source + "\tb\tsame\tc\t-\t-",
		source + "\tb\t6001\t1\tx\tshape=y", source + "\tb\t6001\t1\tx\tuid", source + "\tb\t6001\t1\tx\t-\n" + source + "\tb\t6001\t1\tx\t-",
		"*\t@view\t6001\t2\tx\t-\n*\t@view\t6001\t2\tx\t-",
	} {
		if _, err := parse(wrong); err == nil {
			t.Errorf("%q passes", wrong)
		}
	}
}

// TestClassesAgree holds the classes in use against the schema of every version.
func TestClassesAgree(t *testing.T) {
	t.Parallel()
	for _, version := range Versions() {
		s, err := schema.Load(version)
		if err != nil {
			t.Fatal(err)
		}
		for uid, c := range classes {
			of := s.Classes[uid]
			if of == nil {
				t.Errorf("%s has no class %d", version, uid)
				continue
			}
			want := maps.Clone(of.Attributes["activity_id"].Enum)
			delete(want, "0")
			delete(want, "99")
			got := map[string]string{}
			for id, name := range c.activities {
				got[strconv.Itoa(id)] = name
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s %d: activities %v, want %v", version, uid, got, want)
			}
			plain := func(name string) bool { a := of.Attributes[name]; return a != nil && a.Profile == "" }
			required := func(name string) bool { return plain(name) && of.Attributes[name].Required }
			if c.name != of.Caption || uid != baseEvent && c.categoryName != of.Category || c.category != of.CategoryUID {
				t.Errorf("%s %d: %q in %d %q, want %q in %d %q", version, uid, c.name, c.category, c.categoryName, of.Caption, of.CategoryUID, of.Category)
			}
			if c.actor != plain("actor") || c.source != plain("src_endpoint") || c.needsActor != required("actor") {
				t.Errorf("%s %d: actor %t, src_endpoint %t, required %t", version, uid, plain("actor"), plain("src_endpoint"), required("actor"))
			}
			if c.http && !plain("http_request") || required("src_endpoint") && !c.needsSource {
				t.Errorf("%s %d: http_request %t, src_endpoint required %t", version, uid, plain("http_request"), required("src_endpoint"))
			}
		}
	}
}

// allowed are the lines that have the activity Other or the base event, each with why. No other may.
var allowed = map[string]string{
	"compliance.activity claude_project_reported": "to report a project is none of what the class has words for",
	"tripod tripod.heartbeat":                     "a sign of life starts and stops nothing",
	"tripod tripod.forward.*":                     "what Tripod does with a sink is no call to read or change anything",
	"* @tool_decision":                            "a call was allowed or refused; the class has create, read, update and delete",
	"* @tool_call":                                "a tool runs; what it does is told by its name alone",
	"* @tool_result":                              "what a tool gave back, likewise",
	"* @usage":                                    "OCSF has no class for measurements",
	"* @operation":                                "maintenance of Tripod that no other line names",
}

func TestOtherIsAllowed(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for line := range strings.Lines(typesTSV) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 6 || strings.HasPrefix(line, "#") || f[2] != "0" && f[3] != "99" {
			continue
		}
		name := f[0] + " " + f[1]
		if found[name] = true; allowed[name] == "" {
			t.Errorf("%s: falls to Other without a reason", name)
		}
	}
	for name := range allowed {
		if !found[name] {
			t.Errorf("%s: a reason for what does not fall to Other", name)
		}
	}
	for k, r := range types.exact {
		if r.class.uid == applicationError && r.activity == 2 {
			t.Errorf("%s %s: cannot be put into words, though it is known", k.source, k.typ)
		}
	}
}

// TestDocument holds docs/ocsf.md against the table.
func TestDocument(t *testing.T) {
	t.Parallel()
	const path = "../../../docs/ocsf.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := string(b)
	for name, text := range map[string]string{"classes": classesTable(), "other": otherTable()} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(got, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no %s", path, begin)
		}
		got = before + begin + text + end + after
	}
	if got == string(b) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the table says: go test ./internal/forward/ocsf -run TestDocument -update", path)
	}
	if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// columns are the sources of the table in docs/ocsf.md.
var columns = []struct {
	name string
	of   func(audit.Source) bool
}{
	{"Compliance API feed", func(s audit.Source) bool { return s == audit.SourceComplianceActivity }},
	{"audit log export", func(s audit.Source) bool { return s == audit.SourceAuditExport }},
	{"chats, sessions, directory, settings", func(s audit.Source) bool {
		return s.Plane() == audit.PlaneControl && s != audit.SourceComplianceActivity && s != audit.SourceAuditExport
	}},
	{"telemetry, gateway", func(s audit.Source) bool { return s.Plane() == audit.PlaneAgent || s.Plane() == audit.PlaneNetwork }},
	{"Tripod", func(s audit.Source) bool { return s == audit.SourceTripod }},
}

func classesTable() string {
	count := map[int]map[string]int{}
	add := func(uid int, column string) {
		if count[uid] == nil {
			count[uid] = map[string]int{}
		}
		count[uid][column]++
	}
	place := func(source audit.Source, uid int) {
		for _, c := range columns {
			if c.of(source) {
				add(uid, c.name)
			}
		}
	}
	for k, r := range types.exact {
		if k.source == audit.SourceComplianceActivity || k.source == audit.SourceAuditExport {
			place(k.source, r.class.uid)
		}
	}
	for _, k := range KnownTypes {
		place(k.Source, types.find(&audit.Record{Source: k.Source, Type: k.Type, Activity: k.Activity}).class.uid)
	}
	for _, r := range types.activities {
		add(r.class.uid, "activities")
	}
	var b strings.Builder
	b.WriteString("| class |")
	for _, c := range columns {
		b.WriteString(" " + c.name + " |")
	}
	b.WriteString(" by activity |\n|---|" + strings.Repeat("---:|", len(columns)+1) + "\n")
	for _, uid := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(&b, "| %s %d |", classes[uid].name, uid)
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", number(count[uid][c.name]))
		}
		fmt.Fprintf(&b, " %s |\n", number(count[uid]["activities"]))
	}
	return b.String()
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func otherTable() string {
	var b strings.Builder
	b.WriteString("| source and type (`@` an activity) | why no other |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(allowed)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, allowed[name])
	}
	return b.String()
}
