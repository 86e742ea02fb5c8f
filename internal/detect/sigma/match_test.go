package sigma

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// ruleOf makes a rule of a detection, which is indented by two.
func ruleOf(detection string) string {
	return "title: Test\nid: test\nlogsource: {product: claude}\ndetection:\n" + detection
}

func compiled(t *testing.T, text string, o Options) *Set {
	t.Helper()
	docs, err := Parse("test.yml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s, err := Compile(docs, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

func sample() *audit.Record {
	seq := int64(7)
	return &audit.Record{
		Version: 1, ID: "act_1", Normaliser: "test/1", Source: audit.SourceComplianceActivity, Surface: audit.SurfaceChat, Activity: audit.ActivitySettingChange,
		Type: "claude_organization_settings_updated", Outcome: audit.OutcomeSuccess, IP: "203.0.113.77", Tool: "Bash", Sequence: &seq,
		Occurred: time.Date(2026, 11, 22, 23, 5, 0, 0, time.UTC), Recorded: time.Date(2026, 11, 22, 23, 6, 0, 0, time.UTC),
		Account: audit.Account{
			Asserted: audit.Identity{Email: "eve@example.com", Device: "laptop-1"},
			Proved:   audit.Identity{User: "user_1", Email: "Dana@Example.com", Credential: "feed", Groups: []string{"Staff", "admins"}},
		},
		Keys: audit.Keys{Session: "s-1"},
		Attributes: audit.Attrs{
			{Name: "updates.0.type", Value: audit.String("sso_enabled")}, {Name: "updates.0.current_value", Value: audit.Bool(false)},
			{Name: "updates.1.type", Value: audit.String("invites")}, {Name: "updates.1.current_value", Value: audit.Bool(true)},
			{Name: "tool_name", Value: audit.String(`mcp__files\read "x"`)}, {Name: "count", Value: audit.Int(12)}, {Name: "cost", Value: audit.Double(2.5)},
			{Name: "digits", Value: audit.String("42")}, {Name: "empty", Value: audit.String("")}, {Name: "nothing", Value: audit.Value{}},
			{Name: "scopes", Value: audit.Array(audit.String("read"), audit.String("Write:All"))}, {Name: "path", Value: audit.String(`C:\Windows\cmd.exe`)},
			{Name: "encoded", Value: audit.String("xxZm9vYmFy")}, {Name: "same", Value: audit.String("user_1")}, {Name: "flags", Value: audit.String("cmd –Exec /now")},
			{Name: "request.model.name", Value: audit.String("opus")},
		},
		Parts: []audit.Part{
			{Kind: "point", Name: "tokens", Value: audit.Int(5), Attributes: audit.Attrs{{Name: "type", Value: audit.String("input")}}},
			{Kind: "point", Name: "tokens", Value: audit.Int(900), Attributes: audit.Attrs{{Name: "type", Value: audit.String("output")}}},
		},
		Content: []audit.Content{{Name: "command", Class: audit.ClassDetail, Kind: "string", Bytes: 10}},
		Flags:   []string{"truncated"},
	}
}

// TestMatch holds every construct against one record: what must match and what must not.
func TestMatch(t *testing.T) {
	t.Parallel()
	canonical := sample().AppendCanonical(nil)
	calendars := map[string]Calendar{"night": night{}}
	f := func(want bool, detection string) {
		t.Helper()
		s := compiled(t, ruleOf(detection), Options{Calendars: calendars, Placeholders: map[string][]string{"admins": {"dana@*", "root"}, "who": {"eve"}}})
		got, err := s.NewMatcher().Match(canonical)
		if err != nil {
			t.Fatal(err)
		}
		if (len(got) == 1) != want {
			t.Errorf("matched: %v, want %v\n%s", len(got) == 1, want, detection)
		}
	}
	one := func(want bool, field string) {
		t.Helper()
		f(want, "  s:\n    "+field+"\n  condition: s\n")
	}
	// Equality is without regard to case, wildcards and escapes as the specification has them.
	one(true, "tool: bash")
	one(true, "tool|cased: Bash")
	one(false, "tool|cased: bash")
	one(true, "tool: 'b?sh'")
	one(false, "tool: 'b?h'")
	one(true, "type: '*settings*updated'")
	one(false, "type: '*settings*created'")
	one(true, `attributes.path: 'c:\windows\\*'`)
	one(false, `attributes.path: 'c:\windows\*'`) // an escaped asterisk
	one(true, `attributes.path: 'C:\\Windows\\cmd.exe'`)
	one(true, `attributes.path: 'C:\Windows\\*.exe'`)
	one(false, `attributes.path: 'C:\Windows\*.exe'`) // an escaped asterisk
	one(true, `attributes.path|endswith: '\cmd.exe'`)
	one(true, `attributes.tool_name|contains: 'READ "X'`)
	one(true, "attributes.tool_name|startswith: mcp__")
	one(false, "attributes.tool_name|endswith: mcp__")
	one(true, "attributes.tool_name|contains|all: [mcp__, files, read]")
	one(false, "attributes.tool_name|contains|all: [mcp__, write]")
	one(true, "tool: [sh, BASH]")
	// Numbers, whatever kind carries them.
	one(true, "attributes.count: 12")
	one(true, "attributes.count: '12'")
	one(true, "attributes.digits: 42")
	one(true, "attributes.cost: 2.5")
	one(true, "attributes.count|gt: 11.5")
	one(false, "attributes.count|lt: 12")
	one(true, "attributes.count|lte: 12")
	one(true, "attributes.digits|gte: 42")
	one(false, "attributes.tool_name|gt: 0")
	one(true, "sequence: 7")
	one(true, "attributes.count|neq: 13")
	one(false, "attributes.count|neq: [12, 13]")
	one(true, "attributes.missing|neq: x")
	// Nothing, empty, and there at all.
	one(true, "attributes.missing: null")
	one(true, "attributes.nothing: null")
	one(false, "attributes.empty: null")
	one(true, "attributes.empty: ''")
	one(false, "attributes.missing: ''")
	one(true, "model: ''")
	one(true, "model: null")
	one(true, "attributes.nothing|exists: true")
	one(true, "attributes.missing|exists: false")
	one(false, "tool|exists: false")
	one(true, "tool|neq: null")
	one(false, "tool: null")
	one(false, "attributes.missing: '*'")
	one(true, "attributes.empty: '*'")
	// Lists: any element; of one element all of them.
	one(true, "attributes.updates.type: sso_enabled")
	one(true, "attributes.updates[].type: INVITES")
	one(true, "attributes.updates.1.type: invites")
	one(false, "attributes.updates.0.type: invites")
	one(true, "attributes.updates[]: {type: sso_enabled, current_value: false}")
	one(false, "attributes.updates[]: {type: sso_enabled, current_value: true}")
	one(true, "attributes: {tool_name|contains: files, scopes: read}")
	one(true, "attributes.scopes: write:all")
	one(true, "attributes.request.model.name: opus")
	one(true, "account.proved.groups: Admins")
	one(true, "parts[]: {attributes.type: output, value|gt: 100}")
	one(false, "parts[]: {attributes.type: input, value|gt: 100}")
	one(true, "content.name: command")
	one(true, "flags: truncated")
	// Joined and computed fields.
	one(true, "user: eve@example.com")
	one(true, "user: user_1")
	one(true, "account: dana@example.com")
	one(false, "account: eve@example.com")
	one(true, "network: 203.0.113.0/24")
	one(true, "plane: control")
	one(true, "session: s-1")
	one(true, "key: feed")
	// Regular expressions keep case.
	one(true, `attributes.tool_name|re: '^mcp__\w+'`)
	one(false, "tool|re: bash")
	one(true, "tool|re|i: ^bash$")
	// Networks, dates, other fields.
	one(true, "ip|cidr: 203.0.113.0/24")
	one(false, "ip|cidr: [10.0.0.0/8, '2001:db8::/32']")
	one(true, "occurred|hour|gte: 22")
	one(true, "occurred|minute: 5")
	one(true, "occurred|week: 47")
	one(false, "occurred|year|lt: 2026")
	one(true, "occurred|month: [10, 11]")
	one(true, "occurred|day: 22")
	one(true, "attributes.same|fieldref: account.proved.user")
	one(false, "attributes.same|fieldref: account.proved.email")
	one(true, "attributes.same|fieldref|neq: account.proved.email")
	one(true, "attributes.tool_name|fieldref|startswith: attributes.tool_name")
	one(true, "attributes.count|fieldref|gt: sequence")
	// Encodings.
	one(true, "attributes.encoded|base64offset|contains: foobar")
	one(true, "attributes.encoded|base64|contains: foobar")
	one(false, "attributes.encoded|wide|base64offset|contains: foobar")
	one(true, "attributes.flags|windash|contains: '-exec'")
	one(true, "attributes.flags|windash|contains|all: ['-exec', '-now']")
	one(true, "user|expand: '%admins%'")
	one(true, "user|expand: '%who%@example.com'")
	// Keywords.
	f(true, "  k:\n  - nothing here\n  - 'opus'\n  condition: k\n")
	f(false, "  k:\n  - nothing here\n  condition: k\n")
	f(true, "  k:\n    '|all': [opus, SSO_ENABLED]\n  condition: k\n")
	f(false, "  k:\n    '|all': [opus, none]\n  condition: k\n")
	f(true, "  k:\n    '|re': '^op.s$'\n  condition: k\n")
	// Conditions.
	searches := "  selection_a: {tool: Bash}\n  selection_b: {tool: Read}\n  filter: {outcome: success}\n  _c: {tool: Read}\n  condition: "
	f(true, searches+"1 of selection* and filter\n")
	f(false, searches+"all of selection_* and filter\n")
	f(false, searches+"1 of selection_* and not filter\n")
	f(true, searches+"selection_b or selection_a and filter\n")
	f(false, searches+"(selection_b or selection_a) and not (filter)\n")
	f(true, searches+"any of them\n")
	f(false, searches+"all of them\n")
	f(true, searches+"[selection_b and filter, selection_a]\n")
	f(true, searches+"not selection_b and (selection_a) and NOT not filter\n")
	f(true, "  s:\n  - tool: Read\n  - {tool: Bash, outcome: success}\n  condition: s\n")
	f(false, "  s:\n  - tool: Read\n  - {tool: Bash, outcome: failure}\n  condition: s\n")
	f(true, "  s: {tool: Bash}\n  condition: s\ntripod: {inside: [night]}\n")
	f(false, "  s: {tool: Bash}\n  condition: s\ntripod: {outside: [night]}\n")
	f(false, "  s: {tool: Bash}\n  condition: s\ntripod: {exceptions: [{reason: known, until: 2026-11-23, when: {user: 'dana@*'}}]}\n")
	f(true, "  s: {tool: Bash}\n  condition: s\ntripod: {exceptions: [{reason: known, until: 2026-11-22, when: {user: 'dana@*'}}]}\n")
	f(true, "  s: {tool: Bash}\n  condition: s\ntripod: {exceptions: [{reason: known, until: 2026-11-23, when: {user: 'bob@*'}}]}\n")
}

type night struct{}

func (night) Covers(t time.Time) bool { return t.Hour() >= 22 }

// TestLogSource holds each kind of log source against records of several sources.
func TestLogSource(t *testing.T) {
	t.Parallel()
	f := func(source audit.Source, activity audit.Activity, logsource string, want bool) {
		t.Helper()
		s := compiled(t, "title: T\nlogsource: "+logsource+"\ndetection: {s: {v: 1}, condition: s}\n", Options{})
		got, err := s.NewMatcher().Match((&audit.Record{Version: 1, Source: source, Activity: activity}).AppendCanonical(nil))
		if err != nil || (len(got) > 0) != want {
			t.Errorf("%s %s: %v %v, want %v", source, logsource, got, err, want)
		}
	}
	f("otel.log", "prompt", "{product: claude}", true)
	f("tripod", "operation", "{product: claude}", false)
	f("tripod", "operation", "{product: tripod}", true)
	f("otel.log", "prompt", "{service: otel}", true)
	f("otel.span", "prompt", "{service: otel.log}", false)
	f("compliance.chat", "prompt", "{service: compliance, category: prompt}", true)
	f("compliance.chat", "prompt", "{service: compliance, category: view}", false)
}

// TestFilters: a filter's own condition is added to the rules it names, or to all within its log source.
func TestFilters(t *testing.T) {
	t.Parallel()
	rule := "title: A\nid: a\nlogsource: {product: claude, service: compliance}\ndetection: {s: {tool: Bash}, condition: s}\n---\n"
	other := "title: B\nname: b\nlogsource: {product: claude, service: compliance.activity}\ndetection: {s: {tool: Bash}, condition: s}\n---\n"
	f := func(filter string, want ...int) {
		t.Helper()
		s := compiled(t, rule+other+"title: F\n"+filter, Options{})
		got, err := s.NewMatcher().Match(sample().AppendCanonical(nil))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v %v, want %v", filter, got, err, want)
		}
	}
	f("logsource: {product: claude}\nfilter: {rules: [a], s: {user: 'dana*'}, condition: not s}\n", 1)
	f("logsource: {product: claude}\nfilter: {rules: [a], s: {user: 'bob*'}, condition: not s}\n", 0, 1)
	f("logsource: {product: claude}\nfilter: {rules: [a, b], s: {user: 'bob*'}, condition: s}\n")
	f("logsource: {product: claude}\nfilter: {rules: any, s: {user: 'dana*'}, condition: not s}\n")
	f("logsource: {product: claude, service: compliance.activity}\nfilter: {s: {user: 'dana*'}, condition: not s}\n", 0)
	f("logsource: {service: otel}\nfilter: {s: {user: 'dana*'}, condition: not s}\n", 0, 1)
}

// TestBroken: what is no record is an error, and the next record is read as if nothing had been.
func TestBroken(t *testing.T) {
	t.Parallel()
	s := compiled(t, ruleOf("  s: {tool: Bash}\n  condition: s\n"), Options{})
	m := s.NewMatcher()
	good := string(sample().AppendCanonical(nil))
	for _, bad := range []string{"", "{", "[]", `{"v":1`, `{"v":1}x`, `{"tool":"Bash}`, good[:len(good)/2], strings.Repeat(`{"a":`, 1000), `{"tool":"\ud8"}`} {
		if got, err := m.Match([]byte(bad)); err == nil {
			t.Errorf("%q: no error, %v", bad, got)
		}
		if got, err := m.Match([]byte(good)); err != nil || len(got) != 1 {
			t.Fatalf("after %q: %v %v", bad, got, err)
		}
	}
}
