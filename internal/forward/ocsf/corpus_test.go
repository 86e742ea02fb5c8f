package ocsf_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/forward/ocsf"
)

var at = time.Date(2026, 11, 20, 8, 9, 10, 500_000_000, time.UTC)

// actors are the kinds of actors the feed names, each with all it says of one.
var actors = []string{
	`{"type":"user_actor","email_address":"dana@example.com","user_id":"user_01","ip_address":"192.0.2.7","user_agent":"Mozilla/5.0"}`,
	`{"type":"api_actor","api_key_id":"apikey_01","ip_address":"2001:db8::7","user_agent":"curl/8"}`,
	`{"type":"admin_api_key_actor","admin_api_key_id":"apikey_02"}`,
	`{"type":"unauthenticated_user_actor","unauthenticated_email_address":"not an address","ip_address":"unknown"}`,
	`{"type":"anthropic_actor"}`,
	`{"type":"scim_directory_sync_actor","workos_event_id":"event_01","directory_id":"directory_01","idp_connection_type":"OktaSCIM"}`,
	`{"type":"service_account_actor","service_account_id":"svac_01"}`,
	`{"type":"federated_actor","issuer":"https://issuer.example","subject":"repo:x","audience":"https://api.anthropic.com"}`,
	`null`,
}

// feed are activities of every type the vendor names, with every field of it and none, by every kind of actor.
func feed(t testing.TB) []*audit.Record {
	t.Helper()
	n, err := normalise.New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("../../collect/complianceapi/normalise/testdata/fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var types []struct {
		Type   string
		Fields [][]string
	}
	if err := json.Unmarshal(b, &types); err != nil {
		t.Fatal(err)
	}
	var list []*audit.Record
	for i, typ := range types {
		var fields strings.Builder
		for _, f := range typ.Fields {
			fmt.Fprintf(&fields, ",%q:%s", f[0], example(f))
		}
		for j, fields := range []string{fields.String(), ""} {
			actor := actors[(i*2+j)%len(actors)]
			row := fmt.Sprintf(`{"id":"activity_%d_%d","created_at":"2026-11-20T08:09:10.5Z","organization_id":"org_01","organization_uuid":"0f0e","actor":%s,"type":%q%s}`,
				i, j, actor, typ.Type, fields)
			list = append(list, stored(n.Activity([]byte(row), normalise.Origin{Credential: "compliance", Received: at}).Draft.Record))
		}
	}
	return list
}

func example(f []string) string {
	if len(f) > 2 && f[2] != "" {
		return fmt.Sprintf("%q", f[2])
	}
	switch f[1] {
	case "string":
		return fmt.Sprintf("%q", "a "+f[0])
	case "number":
		return "7"
	case "boolean":
		return "true"
	case "array<string>":
		return `["one","two"]`
	case "map", "object":
		return `{"type":"message","id":"msg_01","tomorrow":{"deep":[1,"x"]}}`
	}
	return `[{"type":"name","current_value":"new","previous_value":false,"tomorrow":[1]}]`
}

// stored is a record as the journal would give it back.
func stored(r *audit.Record) *audit.Record {
	r.Version, r.Recorded = audit.SchemaVersion, at.Add(time.Second)
	if r.Occurred.IsZero() {
		r.Occurred = at
	}
	return r
}

// golden are the records other packages' tests hold: the real client's telemetry and an export of the audit log.
func golden(t testing.TB) []*audit.Record {
	t.Helper()
	paths, err := filepath.Glob("../../collect/otlp/testdata/golden/*.jsonl")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden telemetry: %v", err)
	}
	var list []*audit.Record
	for _, path := range append(paths, "../../collect/auditexport/normalise/testdata/records.jsonl") {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for s := lines(f); s.Scan(); {
			r, err := audit.Decode(s.Bytes())
			if err != nil {
				continue // what a draft has beside its record
			}
			list = append(list, stored(r))
		}
	}
	return list
}

func lines(f *os.File) *bufio.Scanner {
	s := bufio.NewScanner(f)
	s.Buffer(nil, 4<<20)
	return s
}

// known are records of every other source and type there is, by what the sources' own documents say.
func known() []*audit.Record {
	var list []*audit.Record
	for _, k := range ocsf.KnownTypes {
		for _, bare := range []bool{false, true} {
			list = append(list, sample(k.Source, k.Type, k.Activity, bare))
		}
	}
	for _, source := range append(audit.Sources(), "from.the.future", "") {
		for _, activity := range append(audit.Activities(), "from.the.future", "") {
			list = append(list, sample(source, "a.type", activity, false), sample(source, "", activity, true))
		}
	}
	return list
}

// sample makes a record of a type with much in it, or with nothing but what every record has.
func sample(source audit.Source, typ string, activity audit.Activity, bare bool) *audit.Record {
	r := &audit.Record{ID: "id_" + typ, Normaliser: "test/1", Source: source, Surface: audit.SurfaceUnknown, Activity: activity, Type: typ, Outcome: audit.OutcomeUnknown}
	if bare {
		return stored(r)
	}
	n := int64(7)
	r.Surface, r.Outcome, r.Sequence, r.Duration = audit.SurfaceClaudeCode, audit.OutcomeDenied, &n, 1_500_000
	r.Account.Asserted = audit.Identity{Email: "dana@example.com", UUID: "7b1c", Org: "0f0e", Device: "d7", OSUser: "dana", Groups: []string{"ward", ""}}
	r.Account.Proved = audit.Identity{Credential: "fleet"}
	r.Keys = audit.Keys{Session: "s1", Prompt: "p1", Request: "req_1", ToolUse: "toolu_1", Message: "m1", Chat: "c1", Project: "pr1", Agent: "a1", Trace: "t1", Span: "sp1"}
	r.Tool, r.MCP, r.Model, r.Rule, r.Case, r.IP = "Bash", "lab", "claude-opus-5-5", "no-secrets", "C-1", "192.0.2.7"
	r.Service = audit.Service{Name: "claude-code", Version: "2.1.330", Scope: "scope", ScopeVersion: "1"}
	r.Container = "session/fleet/s1"
	r.Resource = audit.Attrs{audit.TextAttr("os.type", "linux"), audit.TextAttr("os.version", "6.1")}
	r.Attributes = audit.Attrs{
		audit.TextAttr("status", "accepted"), audit.CountAttr("status_code", 429), audit.CountAttr("input_tokens", 12), audit.CountAttr("output_tokens", 3),
		audit.TextAttr("method", "POST"), audit.TextAttr("route", "/v1/messages"), audit.TextAttr("effect", "redact"), audit.TextAttr("severity", "high"),
		audit.TextAttr("tripod", "mine"), audit.TextAttr("rule_set", "starter/3"), audit.TextAttr("actor.user_agent", "curl/8"), audit.TextAttr("decision", "reject"), audit.TextAttr("a \"quoted\" name\x00", "é\u2028"),
		{Name: "nothing"}, {Name: "list", Value: audit.Array(audit.String("a"), audit.Int(1), audit.Bool(true))}, {Name: "half", Value: audit.Double(0.5)},
		audit.CountAttr("large", 1<<62), audit.TextAttr("participant_email", "lee@example.com"), audit.TextAttr("principal_type", "group"),
	}
	r.Parts = []audit.Part{{Kind: "point", Name: "claude_code.cost.usage", Time: at, Value: audit.Double(0.25), Unit: "USD", Form: "sum/delta",
		Attributes: audit.Attrs{audit.TextAttr("model", "claude-opus-5-5")}}}
	r.Content = []audit.Content{{Name: "prompt", Class: audit.ClassText, Kind: "string", Bytes: 12, Withheld: audit.WithheldPolicy}}
	r.Flags, r.Supersedes = []string{audit.FlagTruncated}, "seq:3"
	return stored(r)
}

// corpus is all of them.
func corpus(t testing.TB) []*audit.Record { return append(append(feed(t), golden(t)...), known()...) }

// TestRecordsAreCurrent keeps the corpus in a file that tests of other formats read: one record a line, packed.
func TestRecordsAreCurrent(t *testing.T) {
	t.Parallel()
	const path = "testdata/records.jsonl.gz"
	var lines bytes.Buffer
	for _, r := range corpus(t) {
		lines.Write(append(r.AppendCanonical(nil), '\n'))
	}
	if packed, err := os.ReadFile(path); err == nil && bytes.Equal(unpacked(t, packed), lines.Bytes()) {
		return
	} else if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s is not what the lists of types make of it (%v): UPDATE=1 go test ./internal/forward/ocsf", path, err)
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, err := z.Write(lines.Bytes())
	if err = errors.Join(err, z.Close(), os.MkdirAll("testdata", 0o755), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func unpacked(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	b, err = io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
