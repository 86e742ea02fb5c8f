package normalise_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	f := func(want audit.Identity, attrs ...string) {
		t.Helper()
		r := oneLog(t, code, codeScope, now+","+kv(attrs...), origin).Record
		if diff := cmp.Diff(want, r.Account.Asserted); diff != "" {
			t.Errorf("%q (-want +got):\n%s", attrs, diff)
		}
		if r.Account.Proved.Credential != "fleet" || r.IP != "192.0.2.7" {
			t.Errorf("proved %+v from %s", r.Account.Proved, r.IP)
		}
	}
	f(audit.Identity{User: "user_01", UUID: "u-u", Email: "dana@example.com", Org: "org", Device: "d1"},
		"user.id", "d1", "user.email", "Dana@Example.com", "user.account_uuid", "u-u", "user.account_id", "user_01", "organization.id", "org")
	f(audit.Identity{Subject: "sub", Email: "dana@example.com", Groups: []string{"eng", "ops"}},
		"user.id", "sub", "identity.source", "gateway-oidc", "user.email", "dana@example.com", "user.groups", "eng, ops")
	f(audit.Identity{Subject: "sub", Groups: []string{"eng", "ops"}}, "enduser.sub", "sub", "user.id", "sub", "identity.source", "gateway-oidc",
		"user.groups", `{"arrayValue":{"values":[{"stringValue":"eng"},{"stringValue":"ops"}]}}`)
	f(audit.Identity{Email: "dana@example.com", OSUser: "dana"}, "enduser.id", "DANA@example.com", "process.owner", "dana")
	f(audit.Identity{Subject: "s-1"}, "enduser.id", "s-1")
	f(audit.Identity{Device: "7"}, "user.id", `{"intValue":7}`)
	f(audit.Identity{}, "user.email", "<REDACTED>", "user.id", strings.Repeat("x", 257), "organization.id", `{}`)
}

func TestIdentityFlags(t *testing.T) {
	t.Parallel()
	f := func(want string, resource, record string, proved audit.Identity) normalise.Draft {
		t.Helper()
		o := origin
		o.Proved = proved
		d := oneLog(t, resource, codeScope, now+`,"eventName":"user_prompt",`+record, o)
		if flags(d) != want {
			t.Errorf("%s %s proved %+v: flags %q, want %q", resource, record, proved, flags(d), want)
		}
		return d
	}
	f("", kv("user.email", "a@x"), kv("user.email", "A@x"), audit.Identity{Email: "a@X"})
	f("identity_mismatch", "", kv("user.email", "a@x"), audit.Identity{Email: "b@x"})
	f("identity_mismatch", "", kv("organization.id", "o1"), audit.Identity{Org: "o2"})
	f("identity_mismatch", "", kv("user.id", "d1"), audit.Identity{Device: "d2"})
	f("", "", kv("user.id", "d1"), audit.Identity{Email: "b@x"})
	f("", "", kv(), audit.Identity{Email: "b@x"})
	d := f("identity_conflict", kv("user.email", "forged@x"), kv("user.email", "dana@x"), audit.Identity{})
	resource, _ := d.Record.Resource.Get("user.email")
	record, _ := d.Record.Attributes.Get("user.email")
	if resource.Str() != "forged@x" || record.Str() != "dana@x" || d.Record.Account.Asserted.Email != "dana@x" {
		t.Errorf("both must be kept and the record's counts: %s", d.Record.AppendCanonical(nil))
	}
	// What a user adds through the environment stands before what the client knows.
	d = f("duplicate_attribute identity_conflict", "", kv("user.email", "forged@x", "user.email", "dana@x"), audit.Identity{})
	if d.Record.Account.Asserted.Email != "dana@x" {
		t.Errorf("asserted %+v", d.Record.Account.Asserted)
	}
	if v, ok := d.Record.Attributes.Get("user.email#2"); !ok || v.Str() != "dana@x" {
		t.Errorf("attributes %v", d.Record.Attributes)
	}
	f("duplicate_attribute", "", kv("model", "a", "model", "b"), audit.Identity{})
}

func TestKeysAndContainer(t *testing.T) {
	t.Parallel()
	f := func(want audit.Keys, attrs ...string) {
		t.Helper()
		r := oneLog(t, code, codeScope, now+`,"traceId":"aa","spanId":"bb",`+kv(attrs...), origin).Record
		want.Trace, want.Span = "aa", "bb"
		if diff := cmp.Diff(want, r.Keys); diff != "" {
			t.Errorf("%q (-want +got):\n%s", attrs, diff)
		}
	}
	f(audit.Keys{Session: "s", Prompt: "p", Request: "req_1", ClientRequest: "c", ToolUse: "t", Message: "m", Agent: "a", ParentAgent: "pa", Workflow: "w", Body: "b"},
		"session.id", "s", "gen_ai.conversation.id", "other", "prompt.id", "p", "request_id", "req_1", "client_request_id", "c", "tool_use_id", "t",
		"message.uuid", "m", "message.id", "msg_2", "agent_id", "a", "parent_agent_id", "pa", "workflow.run_id", "w", "request_body_id", "b")
	f(audit.Keys{Session: "c", ToolUse: "t", Message: "msg_1", Agent: "a"},
		"gen_ai.conversation.id", "c", "gen_ai.tool.call.id", "t", "gen_ai.response.id", "msg_1", "gen_ai.agent.id", "a")
	f(audit.Keys{Request: "req_1"}, "gen_ai.response.id", "req_1")
	f(audit.Keys{Session: "5"}, "session.id", `{"intValue":5}`)

	c := func(want, credential, resource, record string) {
		t.Helper()
		o := origin
		o.Credential = credential
		if got := oneLog(t, resource, codeScope, now+record, o).Record.Container; got != want {
			t.Errorf("container %q, want %q", got, want)
		}
	}
	c("session/fleet/s", "fleet", code, ","+kv("session.id", "s", "user.id", "d"))
	c("session/-/s", "", code, ","+kv("session.id", "s"))
	c("session/%2D/s", "-", code, ","+kv("session.id", "s"))
	c("session/a%2Fb/c", "a/b", code, ","+kv("session.id", "c"))
	c("session/a/b%2Fc", "a", code, ","+kv("session.id", "b/c"))
	c("device/fleet/d", "fleet", code, ","+kv("user.id", "d"))
	c("trace/fleet/01", "fleet", code, `,"traceId":"01"`)
	c("service/fleet/claude-code", "fleet", code, "")
	c("service/fleet/-", "fleet", "", "")
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		out, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	f := func(record, occurred, observed, flag string) {
		t.Helper()
		d := oneLog(t, code, codeScope, `"eventName":"user_prompt",`+record, origin)
		if r := d.Record; !r.Occurred.Equal(at(occurred)) || (observed == "") != r.Observed.IsZero() ||
			observed != "" && !r.Observed.Equal(at(observed)) || flags(d) != flag {
			t.Errorf("%s: occurred %s, observed %s, flags %q", record, r.Occurred, r.Observed, flags(d))
		}
	}
	const five, six = "2026-11-23T05:00:00Z", "2026-11-23T06:00:00Z"
	f(now+`,"observedTimeUnixNano":"1795413600000000001",`+kv("event.timestamp", "2026-11-23T05:00:00.000Z"), five, "2026-11-23T06:00:00.000000001Z", "")
	f(now+","+kv("event.timestamp", "2026-11-23T06:00:00+01:00"), five, "", "")
	f(now+","+kv("event.timestamp", "yesterday"), six, "", "")
	f(now+","+kv("event.timestamp", `{"intValue":5}`), six, "", "")
	f(`"observedTimeUnixNano":"1795413600000000000"`, six, six, "")
	f(`"timeUnixNano":"0"`, six, "", audit.FlagNoTime)
	f(`"timeUnixNano":"18446744073709551615"`, six, "", audit.FlagNoTime)
	f(`"timeUnixNano":"1"`, "1970-01-01T00:00:00.000000001Z", "", audit.FlagClockAbsurd)
	f(kv("event.timestamp", "2026-11-24T05:59:59Z"), "2026-11-24T05:59:59Z", "", "")
	f(kv("event.timestamp", "2026-11-24T06:00:01Z"), "2026-11-24T06:00:01Z", "", audit.FlagClockAbsurd)

	g := func(want int64, attrs ...string) {
		t.Helper()
		r := oneLog(t, code, codeScope, now+","+kv(append([]string{"event.sequence", "3"}, attrs...)...), origin).Record
		if r.Duration != want || r.Sequence == nil || *r.Sequence != 3 {
			t.Errorf("%q: duration %d, sequence %v", attrs, r.Duration, r.Sequence)
		}
	}
	g(1_500_000, "duration_ms", `{"doubleValue":1.5}`)
	g(20_000_000, "duration_ms", "20")
	g(20_000_000, "total_duration_ms", `{"intValue":"20"}`)
	g(0, "duration_ms", "-5")
	g(0, "duration_ms", "1e300")
	g(0, "duration_ms", "undefined")
}

// TestContent: what goes beside the record, how it is called and when it is cut.
func TestContent(t *testing.T) {
	t.Parallel()
	f := func(want, wantFlags, attrs string) normalise.Draft {
		t.Helper()
		d := oneLog(t, code, codeScope, now+`,"eventName":"user_prompt",`+attrs, origin)
		if pieces(d) != want || flags(d) != wantFlags {
			t.Errorf("%.80s: pieces %q flags %q", attrs, pieces(d), flags(d))
		}
		return d
	}
	f("prompt:text:string:source", "", kv("prompt", "<REDACTED>"))
	f("user.email:text:string:source", "", kv("user.email", "<REDACTED>"))
	f("", "", kv("prompt", ""))
	f("prompt:text:int:2", "", kv("prompt", `{"intValue":12}`))
	f("error:detail:string:4", "", kv("error", "oops"))
	f("model:text:string:257", "truncated", kv("model", strings.Repeat("m", 257)))
	f("", "", kv("model", strings.Repeat("m", 256)))
	f("new:text:bytes:2", "", kv("new", `{"bytesValue":"AP8="}`))
	f("", "", kv("user.groups", `{"arrayValue":{"values":[{"stringValue":"a"}]}}`))
	f("user.groups:text:array:10", "truncated", kv("user.groups", `{"arrayValue":{"values":[{"arrayValue":{"values":[{"stringValue":"a"}]}},{"intValue":12}]}}`))
	f("prompt:text:string:1 prompt#2:text:string:2", "duplicate_attribute", kv("prompt", "a", "prompt", "bc"))
	f("prompt:text:string:5", "invalid_text", kv("prompt", `{"stringValue":"a\ud83db"}`))
	f("", "malformed", kv("x", `{"intValue":1.5}`))
	long := strings.Repeat("n", 200)
	d := f("", "truncated", kv(long, `{"intValue":1}`))
	if name := d.Record.Attributes[0].Name; len(name) != audit.MaxName {
		t.Errorf("a name of %d bytes stays", len(name))
	}
	d = f("map:text:map:71", "", kv("map", `{"kvlistValue":{"values":[{"key":"a\n","value":{"stringValue":"\"\\ü"}},{"key":"b","value":{"doubleValue":1.5}},`+
		`{"key":"c","value":{"doubleValue":"NaN"}},{"key":"d","value":{"bytesValue":"AP8="}},{"key":"e","value":{"boolValue":true}},`+
		`{"key":"f","value":{"arrayValue":{"values":[{},{"intValue":-1}]}}}]}}`))
	if got, want := string(d.Pieces[0].Value), `{"a\u000a":"\"\\ü","b":1.5,"c":null,"d":"AP8=","e":true,"f":[null,-1]}`; got != want {
		t.Errorf("JSON is %s, want %s", got, want)
	}

	// The resource's content is beside every record; its copies on the records are not beside them again.
	d = oneLog(t, kv("service.name", "claude-code", "team", "blue"), codeScope, now+`,"eventName":"user_prompt",`+kv("team", "blue", "squad", "red"), origin)
	if pieces(d) != "resource.team:text:string:4 squad:text:string:3" {
		t.Errorf("pieces %s", pieces(d))
	}
	d = oneLog(t, kv("service.name", "claude-code", "team", "blue"), codeScope, now+`,"eventName":"user_prompt",`+kv("team", "red"), origin)
	if pieces(d) != "resource.team:text:string:4 team:text:string:3" {
		t.Errorf("pieces %s", pieces(d))
	}

	// Attributes of the scope stand with the resource's, and say nothing of who acted.
	d = oneLog(t, code, `s","attributes":[{"key":"user.email","value":{"stringValue":"x@x"}},{"key":"new","value":{"stringValue":"y"}}],"version":"1`, now+`,"eventName":"user_prompt"`, origin)
	if v, _ := d.Record.Resource.Get("scope.user.email"); v.Str() != "x@x" || d.Record.Account.Asserted.Email != "" || pieces(d) != "scope.new:text:string:1" || d.Record.Service.Scope != "s" {
		t.Errorf("%s with %s", d.Record.AppendCanonical(nil), pieces(d))
	}

	// The bound on values cuts between characters.
	n := normalise.New(5)
	groups, err := wire.DecodeLogs(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{`+now+`,"eventName":"user_prompt",`+kv("prompt", "aaaaü", "b", `{"bytesValue":"AAAAAAAAAAA="}`)+`}]}]}]}`, wire.JSON, wire.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	d = n.Logs(groups, origin)[0]
	if pieces(d) != "prompt:text:string:6:cut b:text:bytes:8:cut" || string(d.Pieces[0].Value) != "aaaa" || len(d.Pieces[1].Value) != 5 || flags(d) != "truncated" {
		t.Errorf("%s %q %q", pieces(d), d.Pieces[0].Value, flags(d))
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	who := `{"key":"user.id","value":{"stringValue":"d"}},{"key":"session.id","value":{"stringValue":"s"}},{"key":"team","value":{"stringValue":"blue"}}`
	point := func(more string) string {
		return `{"attributes":[` + who + `,` + more + `],"startTimeUnixNano":"1795413540000000000",` + now + `,"asDouble":2}`
	}
	body := `{"resourceMetrics":[{"resource":{` + kv("service.name", "claude-code", "team", "blue") + `},"scopeMetrics":[{"scope":{"name":"com.anthropic.claude_code","version":"2"},"metrics":[` +
		`{"name":"claude_code.token.usage","unit":"tokens","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[` +
		point(`{"key":"type","value":{"stringValue":"input"}},{"key":"model","value":{"stringValue":"m"}}`) + `,` +
		point(`{"key":"type","value":{"stringValue":"output"}},{"key":"model","value":{"stringValue":"m"}},{"key":"new","value":{"stringValue":"x"}}`) + `]}},` +
		`{"name":"claude_code.active_time.total","unit":"s","gauge":{"dataPoints":[` + point(`{"key":"type","value":{"stringValue":"cli"}}`) + `]}}]}]},` +
		`{"resource":{},"scopeMetrics":[{"metrics":[{"name":"none","sum":{}}]}]}]}`
	list := drafts(t, export{"metrics", "metrics", wire.JSON, body}, origin)
	if len(list) != 1 {
		t.Fatalf("%d records", len(list))
	}
	r := list[0].Record
	if r.Type != "metrics" || r.Activity != audit.ActivityUsage || r.Source != audit.SourceOTelMetric || r.Keys.Session != "s" ||
		r.Account.Asserted.Device != "d" || r.Container != "session/fleet/s" || len(r.Parts) != 3 || !r.Occurred.Equal(received) {
		t.Errorf("%s", r.AppendCanonical(nil))
	}
	want := `{"user.id":"d","session.id":"s"}`
	if got := canonicalAttrs(r.Attributes); got != want {
		t.Errorf("attributes %s, want %s", got, want)
	}
	if got := canonicalAttrs(r.Parts[1].Attributes); got != `{"type":"output","model":"m"}` {
		t.Errorf("attributes of a point %s", got)
	}
	if p := r.Parts[0]; p.Form != "sum/delta" || p.Unit != "tokens" || p.Name != "claude_code.token.usage" || p.Value.Text() != "2" || p.Start.IsZero() {
		t.Errorf("point %+v", p)
	}
	if r.Parts[2].Form != "gauge" || pieces(list[0]) != "resource.team:text:string:4 parts[1].new:text:string:1" {
		t.Errorf("form %s, pieces %s", r.Parts[2].Form, pieces(list[0]))
	}

	// Two sessions in one export: neither is the record's.
	body = strings.Replace(body, `"key":"session.id","value":{"stringValue":"s"}`, `"key":"session.id","value":{"stringValue":"s2"}`, 1)
	r = drafts(t, export{"metrics", "metrics", wire.JSON, body}, origin)[0].Record
	first, _ := r.Parts[0].Attributes.Get("session.id")
	second, _ := r.Parts[1].Attributes.Get("session.id")
	if r.Keys.Session != "" || r.Container != "device/fleet/d" || first.Str() != "s2" || second.Str() != "s" {
		t.Errorf("%s", r.AppendCanonical(nil))
	}

	h := drafts(t, export{"metrics", "metrics", wire.JSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[` +
		`{"count":3,"sum":6,"min":1,"max":3,"explicitBounds":[1,2],"bucketCounts":["1","1",1],"exemplars":[{"asInt":3,"traceId":"01",` +
		`"filteredAttributes":[{"key":"a","value":{"stringValue":"x"}}]}]}]}},{"name":"q","summary":{"dataPoints":[{"count":1,"sum":2,"quantileValues":[{"quantile":0.5,"value":2}],"flags":1}]}}]}]}]}`}, origin)
	got := string(h[0].Record.AppendCanonical(nil))
	for _, want := range []string{`"form":"histogram/cumulative"`, `"value":6.0`, `"otlp.count":3`, `"otlp.min":1.0`, `"otlp.bounds":[1.0,2.0]`, `"otlp.buckets":[1,1,1]`,
		`"kind":"exemplar"`, `"form":"summary"`, `"otlp.quantiles":[[0.5,2.0]]`, `"otlp.no_recorded_value":true`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	if pieces(h[0]) != "parts[1].a:text:string:1" {
		t.Errorf("pieces %s", pieces(h[0]))
	}
}

func canonicalAttrs(a audit.Attrs) string {
	r := audit.Record{Attributes: a}
	_, rest, _ := strings.Cut(string(r.AppendCanonical(nil)), `"attributes":`)
	return strings.TrimSuffix(rest, "}")
}
