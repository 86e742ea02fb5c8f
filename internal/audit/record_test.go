package audit_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

var update = flag.Bool("update", false, "rewrite golden files")

// full has every field set, so that a golden file of it shows every field.
func full() *audit.Record {
	at := time.Date(2026, 11, 23, 7, 45, 50, 802_000_000, time.UTC)
	seq := int64(0)
	identity := audit.Identity{
		User: "user_01abc", UUID: "a-uuid", Email: "dana@example.com", Subject: "idp|7", Org: "org-1", Key: "apikey_1", Service: "ci",
		Device: "68d6e47e", OSUser: "dana", Groups: []string{"radiology", "works council"}, Credential: "laptops",
	}
	return &audit.Record{
		Version: 1, ID: "00112233445566778899aabbccddeeff", Normaliser: "otlp/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode,
		Activity: audit.ActivityToolResult, Type: "tool_result", Outcome: audit.OutcomeSuccess,
		Occurred: at, Observed: at.Add(time.Microsecond), Recorded: at.Add(5*time.Second + 7),
		Account: audit.Account{Asserted: identity, Proved: audit.Identity{Credential: "laptops"}},
		Keys: audit.Keys{
			Session: "s", Prompt: "p", Request: "req_1", ClientRequest: "cr", ToolUse: "toolu_1", Message: "m", Chat: "c", Project: "pr",
			Agent: "a", ParentAgent: "pa", Workflow: "wf_1", Body: "b", Trace: "t", Span: "sp", ParentSpan: "ps",
		},
		Tool: "Bash", MCP: "lab", Model: "claude-opus-5-5", Rule: "r", Case: "C-1", IP: "192.0.2.7", Sequence: &seq, Duration: 12_000_000,
		Service:   audit.Service{Name: "claude-code", Version: "2.1.330", Scope: "com.anthropic.claude_code.events", ScopeVersion: "2.1.330"},
		Container: "session/laptops/s",
		Resource:  audit.Attrs{{Name: "os.type", Value: audit.String("linux")}},
		Attributes: audit.Attrs{
			{Name: "z_first", Value: audit.Int(math.MaxInt64)}, {Name: "cost_usd", Value: audit.Double(3)}, {Name: "tiny", Value: audit.Double(1e-9)},
			{Name: "nan", Value: audit.Double(math.NaN())}, {Name: "is_plugin", Value: audit.Bool(true)}, {Name: "undefined", Value: audit.Value{}},
			{Name: "odd \"name\"\n", Value: audit.String("tab\t nul\x00 <b>&\u2028 \x80 é")},
			{Name: "list", Value: audit.Array(audit.String("x"), audit.Int(1), audit.Array())},
		},
		Parts: []audit.Part{{
			Kind: "point", Name: "claude_code.token.usage", Start: at, Time: at, Value: audit.Double(9179), Unit: "tokens", Form: "sum/delta",
			Trace: "t", Span: "s", Attributes: audit.Attrs{{Name: "type", Value: audit.String("input")}},
		}},
		Content: []audit.Content{
			{Name: "tool_input", Class: audit.ClassDetail, Kind: "string", Bytes: 17, Address: "ab", Truncated: true},
			{Name: "prompt", Class: audit.ClassText, Kind: "string", Withheld: audit.WithheldSource},
		},
		Flags: []string{audit.FlagTruncated}, Supersedes: "seq:7",
	}
}

// TestGolden keeps the bytes of every version readable and, for the version this build writes, the same.
func TestGolden(t *testing.T) {
	const path = "testdata/record-v1.json"
	got := append(full().AppendCanonical(nil), '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("canonical bytes changed (-want +got):\n%s", diff)
	}
	r, err := audit.Decode(bytes.TrimSpace(want))
	if err != nil {
		t.Fatal(err)
	}
	if again := append(r.AppendCanonical(nil), '\n'); !bytes.Equal(again, want) {
		t.Errorf("decoding and encoding changed the bytes:\n%s\n%s", want, again)
	}
}

func TestCanonicalIsWhatStandardToolsRead(t *testing.T) {
	b := full().AppendCanonical(nil)
	if !json.Valid(b) {
		t.Fatalf("not JSON: %s", b)
	}
	viaMarshal, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var one, two any
	if json.Unmarshal(b, &one) != nil || json.Unmarshal(viaMarshal, &two) != nil || !reflect.DeepEqual(one, two) {
		t.Errorf("encoding/json and the canonical form disagree:\n%s\n%s", b, viaMarshal)
	}
}

// TestEveryFieldIsEncoded fails when a field is added to a struct and forgotten in the canonical form.
func TestEveryFieldIsEncoded(t *testing.T) {
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		for i := range v.NumField() {
			f := v.Field(i)
			name := path + v.Type().Field(i).Name
			if f.IsZero() {
				t.Errorf("full() leaves %s empty: set it, and see that AppendCanonical writes it", name)
			}
			if f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]() && f.Type() != reflect.TypeFor[audit.Value]() && name != "Account.Proved" {
				walk(name+".", f)
			}
		}
	}
	r := full()
	walk("", reflect.ValueOf(*r))
	walk("Parts[0].", reflect.ValueOf(r.Parts[0]))
	back, err := audit.Decode(r.AppendCanonical(nil))
	if err != nil {
		t.Fatal(err)
	}
	// NaN has no JSON form and comes back empty; bad UTF-8 comes back replaced.
	r.Attributes[3].Value = audit.Value{}
	r.Attributes[6].Value = audit.String("tab\t nul\x00 <b>&\u2028 \ufffd é")
	r.Version = back.Version
	if !reflect.DeepEqual(r, back) {
		t.Errorf("came back different:\n%s\n%s", r.AppendCanonical(nil), back.AppendCanonical(nil))
	}
}

func TestDecodeRefusesTheFuture(t *testing.T) {
	for _, in := range []string{`{"v":2,"id":"x"}`, `{"id":"x"}`, `[]`, `{"v":1,"attributes":[]}`, ``} {
		if _, err := audit.Decode([]byte(in)); err == nil {
			t.Errorf("Decode(%q) gave no error", in)
		}
	}
}

func TestValueReadsAnyKind(t *testing.T) {
	for _, v := range []audit.Value{audit.Int(15), audit.Double(15), audit.String("15"), audit.String(" 15 ")} {
		if i, ok := v.Int64(); !ok || i != 15 {
			t.Errorf("%v %q: Int64 = %d, %v", v.Kind, v.Text(), i, ok)
		}
	}
	for _, v := range []audit.Value{{}, audit.Double(1.5), audit.Double(math.Inf(1)), audit.String("x"), audit.Bool(true)} {
		if i, ok := v.Int64(); ok {
			t.Errorf("%v %q: Int64 = %d, want none", v.Kind, v.Text(), i)
		}
	}
	for _, v := range []audit.Value{audit.Bool(true), audit.String("true")} {
		if b, ok := v.IsTrue(); !b || !ok {
			t.Errorf("%v: IsTrue = %v, %v", v.Kind, b, ok)
		}
	}
}

func TestClassesAreOrdered(t *testing.T) {
	order := []audit.Class{audit.ClassMetadata, audit.ClassDetail, audit.ClassText}
	for i, level := range order {
		for j, want := range order {
			if got := level.Allows(want); got != (i >= j) {
				t.Errorf("%s allows %s = %v", level, want, got)
			}
		}
	}
	if audit.Class("").Allows(audit.ClassDetail) {
		t.Error("an unset level must keep nothing")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(full().AppendCanonical(nil))
	f.Add([]byte(`{"v":1,"occurred":"2026-11-23T07:45:50.802Z","attributes":{"a":1e400,"b":[null,{}]}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := audit.Decode(in)
		if err != nil {
			return
		}
		once := r.AppendCanonical(nil)
		back, err := audit.Decode(once)
		if err != nil {
			t.Fatalf("own bytes do not decode: %v\n%s", err, once)
		}
		if twice := back.AppendCanonical(nil); !bytes.Equal(once, twice) {
			t.Fatalf("not stable:\n%s\n%s", once, twice)
		}
	})
}

// FuzzCanonical: whatever stands in a record, its bytes can be decoded, and what was decoded has the same bytes.
func FuzzCanonical(f *testing.F) {
	f.Add(int64(0), int64(0), 0.0, "", int64(0))
	f.Add(time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -12*3600)).Unix(), int64(1), math.MaxFloat64, "\x00\xff\u2028\"\\", int64(math.MinInt64))
	f.Add(time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 12*3600)).Unix(), int64(999_999_999), math.Copysign(0, -1), "\xed\xa0\x80", int64(math.MaxInt64))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), math.Inf(-1), "</script>", int64(-1))
	f.Add(int64(math.MinInt64), int64(math.MinInt64), math.NaN(), "\r\n", int64(1))
	f.Add(time.Time{}.Unix()-1, int64(0), 5e-324, "x", int64(1))
	f.Fuzz(func(t *testing.T, sec, nsec int64, num float64, text string, n int64) {
		at := time.Unix(sec, nsec)
		values := audit.Attrs{
			{Name: text, Value: audit.String(text)}, {Name: "double", Value: audit.Double(num)}, {Name: "int", Value: audit.Int(n)},
			{Name: "list", Value: audit.Array(audit.Double(num), audit.Array(audit.String(text)), audit.Value{Kind: audit.KindMap}, audit.Value{Kind: 99})},
		}
		r := full()
		r.Type, r.Container, r.Flags, r.Account.Asserted.Groups = text, text, []string{text}, []string{text}
		r.Occurred, r.Observed, r.Recorded = at, at.In(time.FixedZone("", -12*3600)), at.In(time.FixedZone("", 14*3600))
		r.Sequence, r.Duration, r.Resource, r.Attributes = &n, n, values, values
		r.Parts = []audit.Part{{Kind: "point", Start: at, Time: at, Value: audit.Array(audit.Double(num)), Attributes: values}, {Value: audit.String(text)}}
		r.Content = []audit.Content{{Name: text, Bytes: int(n), Withheld: text}}
		once := r.AppendCanonical(nil)
		back, err := audit.Decode(once)
		if err != nil {
			t.Fatalf("own bytes do not decode: %v\n%s", err, once)
		}
		if back.Occurred.IsZero() != at.IsZero() {
			t.Fatalf("%v came back as %v", at, back.Occurred)
		}
		if twice := back.AppendCanonical(nil); !bytes.Equal(once, twice) {
			t.Fatalf("not stable:\n%s\n%s", once, twice)
		}
	})
}

func BenchmarkAppendCanonical(b *testing.B) {
	r := full()
	buf := r.AppendCanonical(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = r.AppendCanonical(buf[:0])
	}
}

func BenchmarkDecode(b *testing.B) {
	buf := full().AppendCanonical(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := audit.Decode(buf); err != nil {
			b.Fatal(err)
		}
	}
}
