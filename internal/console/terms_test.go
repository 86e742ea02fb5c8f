package console

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/search"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestSplitTerms(t *testing.T) {
	t.Parallel()
	f := func(in string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(terms(want), splitTerms(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
	f("")
	f("  ")
	f("a", "a")
	f(" tool:Bash\t-source:tripod  after:-7d ", "tool:Bash", "-source:tripod", "after:-7d")
	f(`tool:"a b","c \" d"* x`, `tool:"a b","c \" d"*`, "x")
	f(`"two words" three`, `"two words"`, "three")
	f("été tool:東 京", "été", "tool:東", "京")
}

func TestToggle(t *testing.T) {
	t.Parallel()
	f := func(in string, field search.Field, value, want string) {
		t.Helper()
		got := splitTerms(in).toggle(field, value, now).String()
		if got != want {
			t.Errorf("%q toggle %s %q: %q, want %q", in, field, value, got, want)
		}
		if _, err := search.Parse(got, now); err != nil {
			t.Errorf("%q: %v", got, err)
		}
	}
	f("", search.FieldTool, "Bash", "tool:Bash")
	f("-source:tripod after:-7d", search.FieldTool, "Bash", "-source:tripod after:-7d tool:Bash")
	f("tool:Bash", search.FieldTool, "Bash", "")
	f("tool:bash", search.FieldTool, "Bash", "")
	f("tool:Bash x", search.FieldTool, "Read", "tool:Bash,Read x")
	f("tool:Bash,Read x", search.FieldTool, "Bash", "tool:Read x")
	f("tool:Bash tool:Read,Bash", search.FieldTool, "Bash", "tool:Read")
	f("-tool:Bash", search.FieldTool, "Bash", "-tool:Bash tool:Bash")
	f("tool:B*", search.FieldTool, "Bash", "tool:B*,Bash")
	f("", search.FieldMCP, `odd "name", *`, `mcp:"odd \"name\", *"`)
}

func TestTimes(t *testing.T) {
	t.Parallel()
	q := splitTerms("at:2026-11-03 tool:Bash After:-7d -at:2026-11-04 -source:tripod")
	if got, want := q.within("after:-24h").String(), "tool:Bash -source:tripod after:-24h"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := q.times().String(), "at:2026-11-03 After:-7d -at:2026-11-04"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	from := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	if diff := cmp.Diff([]string{"after:2026-11-03", "before:2026-11-03T10:30:00.250Z"}, between(from, from.Add(10*time.Hour+30*time.Minute+250*time.Millisecond))); diff != "" {
		t.Error(diff)
	}
}

// FuzzTerms holds that splitting a query that parses changes nothing about it, and that no click breaks one.
func FuzzTerms(f *testing.F) {
	for _, s := range []string{"", "a b", `tool:"a b",c* -source:tripod after:-7d`, `"\"" x`, "user:dana@example.com at:2026-11", `tool:"\\" y`} {
		f.Add(s, "Bash")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		q, err := search.Parse(text, now)
		if err != nil || value == "" {
			return
		}
		split := splitTerms(text)
		again, err := search.Parse(split.String(), now)
		if err != nil || again.String() != q.String() {
			t.Fatalf("%q split and joined is %q: %v", text, split, err)
		}
		for i := range split {
			if _, err := search.Parse(split.without(i).String(), now); err != nil {
				t.Errorf("%q without %q: %v", text, split[i], err)
			}
		}
		added := split.toggle(search.FieldTool, value, now)
		if _, err := search.Parse(added.String(), now); err != nil && len(added.String()) < search.MaxQuery && len(value) < search.MaxValue {
			if _, err := search.Parse("tool:"+search.Quote(value), now); err == nil && len(added) <= 100 {
				t.Errorf("%q with %q is %q: %v", text, value, added, err)
			}
		}
	})
}

func TestInstead(t *testing.T) {
	t.Parallel()
	f := func(in string, field search.Field, value, other, want string) {
		t.Helper()
		got, ok := splitTerms(in).instead(field, value, other, now)
		if ok != (want != "") || got.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
	f("user:dana after:-7d", search.FieldUser, "dana", "user:dana*", "user:dana* after:-7d")
	f("x credential:d-1", search.FieldKey, "d-1", "device:d-1", "x device:d-1")
	f("-user:dana user:Dana", search.FieldUser, "dana", "user:dana*", "-user:dana user:dana*")
	f("user:dana", search.FieldUser, "dana", "", "")
	f("user:dana,lee", search.FieldUser, "dana", "user:dana*", "") // in a list it would mean something else
	f("user:dana*", search.FieldUser, "dana", "user:dana*", "")
}
