package search_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/search"
)

var now = time.Date(2026, 11, 23, 7, 45, 50, 802_345_678, time.UTC)

func TestParseCanonical(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"   \t\n ", ""},
		{"user:dana@example.com activity:tool_call -outcome:success after:2026-11-01", "user:dana@example.com activity:tool_call -outcome:success after:2026-11-01"},
		{"tool:Bash tool:Read", "tool:Bash,Read"},
		{"tool:Read,Bash,Read", "tool:Bash,Read"},
		{"-tool:Bash -tool:Read tool:mcp*", "tool:mcp* -tool:Bash,Read"},
		{"TOOL:Bash", "tool:Bash"},
		{"zebra apple zebra", "apple zebra"},
		{`"two words" -"a \"quote\" and \\ slash"`, `"two words" -"a \"quote\" and \\ slash"`},
		{`tool:"a,b"`, `tool:"a,b"`},
		{`tool:"a*"`, `tool:"a*"`},
		{`tool:"two w"*`, `tool:"two w"*`},
		{`tool:*`, `tool:*`},
		{`session:*`, `session:*`},
		{`session:"abc*"`, `session:"abc*"`},
		{"10.0.0.1:443 ::1", "10.0.0.1:443 ::1"},
		{`"https://example.com" "-dash" "OR" "(x)"`, `"(x)" "-dash" "OR" "https://example.com"`},
		{`ip:2001:db8::1`, `ip:2001:db8::1`},
		{"foo,bar", "bar,foo"},
		{"after:2026-11 before:2026-12-01T00:00:00Z", "after:2026-11-01 before:2026-12-01"},
		{"after:2026-11-03T10:30+02:00", "after:2026-11-03T08:30"},
		{"after:2026-11-03T10:30:15.1234567Z", "after:2026-11-03T10:30:15.123"},
		{"at:2026-11-03,2026-11", "at:2026-11,2026-11-03"},
		{"at:2026-11-03T10 at:2026-11-03T10", "at:2026-11-03T10"},
		{"-at:2026-11-03T10:30 at:2026", "at:2026 -at:2026-11-03T10:30"},
		{"after:-7d", "after:2026-11-16T07:45:50.802"},
		{"at:today", "at:2026-11-23"},
		{"at:yesterday before:now", "before:2026-11-23T07:45:50.802 at:2026-11-22"},
		{"after:-90m", "after:2026-11-23T06:15:50.802"},
	} {
		q, err := search.Parse(tc.in, now)
		if err != nil {
			t.Errorf("Parse(%q): %v", tc.in, err)
			continue
		}
		if got := q.String(); got != tc.want {
			t.Errorf("Parse(%q).String() = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, caret, message string }{
		{"usr:dana", "^^^", `unknown field "usr", did you mean "user"?`},
		{"user:dana acitvity:prompt", "          ^^^^^^^^", `unknown field "acitvity", did you mean "activity"?`},
		{"https://example.com", "^^^^^", `unknown field "https": the fields are user, ip,`},
		{"é -", "  ^", `a lone "-"`},
		{"tool:", "^^^^^", "tool: wants a value"},
		{"tool: Bash", "^^^^^", "without a space after the colon"},
		{"tool:a,", "       ^", "a value is missing in tool:"},
		{"tool:,a", "     ^", "a value is missing in tool:"},
		{`tool:""`, "     ^^", "a value is missing"},
		{`tool:"abc`, "     ^", "never closed"},
		{`tool:a"b`, "      ^", "a quote within a value"},
		{`tool:"a"b`, "        ^", "missing after the closing quote"},
		{"tool:a*b", "      ^", "only at the end"},
		{"*", "^", "a lone * matches everything"},
		{"session:abc*", "           ^", "session: takes whole ids"},
		{"activity:toolcall", "         ^^^^^^^^", `unknown activity "toolcall", did you mean "tool_call"?`},
		{"outcome:meh", "        ^^^", `unknown outcome "meh": want one of success, failure, denied, unknown`},
		{"tool:a OR tool:b", "       ^^", "OR is no operator here"},
		{"(a", "^", "there are no groups"},
		{"after:yesterdy", "      ^^^^^^^^", `"yesterdy" is no time`},
		{"after:2026-13-01", "      ^^^^^^^^^^", "is no time"},
		{"after:2026-11-03T10Z", "      ^^^^^^^^^^^^^^", "is no time"},
		{"after:-7y", "      ^^^", "is no time"},
		{"after:-999999999d", "      ^^^^^^^^^^^", "at most 50 years"},
		{"after:1969-01-01", "      ^^^^^^^^^^", "outside the years"},
		{"after:2026 after:2025", "                 ^^^^", "after: is given twice"},
		{"after:2026 before:2025", "                  ^^^^", "nothing lies between"},
		{"-after:2026", "^", "use before:"},
		{"at:2026*", "       ^", "times have no prefix"},
		{"a \xff b", "  ^", "not valid UTF-8"},
		{"tool:" + strings.Repeat("a,", 300) + "a", "", "more than 256 values"},
		{strings.Repeat("a", 10_000), "", "longer than 8192 bytes"},
	} {
		_, err := search.Parse(tc.in, now)
		var qe *search.QueryError
		if !errors.As(err, &qe) {
			t.Errorf("Parse(%q) = %v, want a QueryError", tc.in, err)
			continue
		}
		if !strings.Contains(qe.Message, tc.message) {
			t.Errorf("Parse(%q): %q, want %q", tc.in, qe.Message, tc.message)
		}
		if _, marks, _ := strings.Cut(qe.Caret(), "\n"); tc.caret != "" && marks != tc.caret {
			t.Errorf("Parse(%q) points at\n%s\nwant\n%s", tc.in, qe.Caret(), tc.caret)
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	_, err := search.Parse("é usr:x\ny", now)
	if got, want := err.Error(), `query, character 3: unknown field "usr", did you mean "user"?`; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	var qe *search.QueryError
	errors.As(err, &qe)
	if got, want := qe.Caret(), "é usr:x y\n  ^^^"; got != want {
		t.Errorf("Caret() = %q, want %q", got, want)
	}
}

func TestRelativeNeedsNow(t *testing.T) {
	t.Parallel()
	if _, err := search.Parse("after:-7d", time.Time{}); err == nil {
		t.Error("a relative time was resolved without a present")
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	ms := func(s string) int64 {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixMilli()
	}
	for _, tc := range []struct {
		in   string
		want []search.Window
	}{
		{"x", []search.Window{{From: search.Beginning, To: search.End}}},
		{"after:2026-11-01", []search.Window{{From: ms("2026-11-01T00:00:00Z"), To: search.End}}},
		{"before:2026-11-01", []search.Window{{From: search.Beginning, To: ms("2026-11-01T00:00:00Z")}}},
		{"at:2026-12", []search.Window{{From: ms("2026-12-01T00:00:00Z"), To: ms("2027-01-01T00:00:00Z")}}},
		{"at:2026-11-03,2026-11-04,2026-11-06", []search.Window{
			{From: ms("2026-11-03T00:00:00Z"), To: ms("2026-11-05T00:00:00Z")}, {From: ms("2026-11-06T00:00:00Z"), To: ms("2026-11-07T00:00:00Z")}}},
		{"at:2026-11-03 after:2026-11-03T10 -at:2026-11-03T12", []search.Window{
			{From: ms("2026-11-03T10:00:00Z"), To: ms("2026-11-03T12:00:00Z")}, {From: ms("2026-11-03T13:00:00Z"), To: ms("2026-11-04T00:00:00Z")}}},
		{"at:2026-11-03 before:2026-11-01", []search.Window{}},
	} {
		q, err := search.Parse(tc.in, now)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, q.Windows()); diff != "" {
			t.Errorf("windows of %q (-want +got):\n%s", tc.in, diff)
		}
	}
}

func TestFieldNames(t *testing.T) {
	t.Parallel()
	for _, f := range search.Fields() {
		got, ok := search.FieldByName(f.String())
		if !ok || got != f || f.Help() == "" {
			t.Errorf("field %d: name %q, help %q", f, f, f.Help())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"user:dana@example.com -outcome:success after:2026-11-01", `tool:"a \"b\\"*,c d`, "at:2026-11-03T10,2026 -at:2026-02-28", "after:-7d before:now",
		"a:b", "-", "::", `"-x"* OR`, "session:* 10.0.*", "\u00a0é,\u3000*", `word"`, "at:2026-11-03T10:30:15.1Z", "after:2026-11-03T23:59-01:00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := search.Parse(s, now)
		if err != nil {
			var qe *search.QueryError
			if !errors.As(err, &qe) || qe.Offset < 0 || qe.Offset > len(qe.Query) || strings.Count(qe.Caret(), "\n") != 1 {
				t.Fatalf("Parse(%q): %#v", s, err)
			}
			return
		}
		again, err := search.Parse(q.String(), time.Time{})
		if err != nil {
			t.Fatalf("canonical form %q of %q: %v", q, s, err)
		}
		if !reflect.DeepEqual(q, again) {
			t.Fatalf("%q became %q became %q", s, q, again)
		}
	})
}
