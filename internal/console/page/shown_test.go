package page

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

func TestShownIsInert(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "Bash", "<bdi>Bash</bdi>"},
		{"other scripts", "Zürich 東京 عربي", "<bdi>Zürich 東京 عربي</bdi>"},
		{"markup", `<script>alert("1")</script>&'`, "<bdi>&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&amp;&#39;</bdi>"},
		{"terminal escape", "a\x1b[31mb", `<bdi>a<span class="code">U+001B</span>[31mb</bdi>`},
		{"right to left", "a\u202Egpj.exe", `<bdi>a<span class="code">U+202E</span>gpj.exe</bdi>`},
		{"zero width", "pay\u200Bpal", `<bdi>pay<span class="code">U+200B</span>pal</bdi>`},
		{"byte order mark", "\uFEFFx", `<bdi><span class="code">U+FEFF</span>x</bdi>`},
		{"no-break space", "a\u00a0b", `<bdi>a<span class="code">U+00A0</span>b</bdi>`},
		{"no UTF-8", "a\xffb", `<bdi>a<span class="code">FF</span>b</bdi>`},
		{"null", "a\x00b", `<bdi>a<span class="code">U+0000</span>b</bdi>`},
		{"lines", "a\nb\tc", `<bdi>a<span class="code">↵</span>b<span class="code">⇥</span>c</bdi>`},
		{"empty", "", "<bdi></bdi>"},
	}
	for _, test := range tests {
		if got := string(Shown(test.in)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestShownCutsLongValues(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 500_000)
	got := string(Shown(long))
	if len(got) > 3*MaxShown+200 || !strings.Contains(got, "1,000,000 bytes") {
		t.Errorf("%d bytes: %s", len(got), got[max(0, len(got)-200):])
	}
	if got := Plain(long); len(got) > 3*MaxShown || !strings.HasSuffix(got, "…") {
		t.Errorf("plain: %d bytes", len(got))
	}
}

func TestPlainHasNoCharacterThatActs(t *testing.T) {
	t.Parallel()
	if got, want := Plain("a\u202Eb\x1b\xff\n"), "a‹U+202E›b‹U+001B›‹FF›‹↵›"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzShown(f *testing.F) {
	for _, s := range []string{"", "a", "<b>", "\xff\xfe", "\u202e", "\x00", strings.Repeat("x", 500), "<bdi></bdi><span class=\"code\">"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := string(Shown(s))
		inner := strings.TrimPrefix(got, "<bdi>")
		for _, ours := range []string{"</bdi>", `<span class="code">`, `<span class="cut" title="cut for display">`, "</span>"} {
			inner = strings.ReplaceAll(inner, ours, "")
		}
		if strings.ContainsAny(inner, "<>\"'") {
			t.Errorf("markup of the value survives: %q", got)
		}
		for _, r := range inner {
			if !audit.Inert(r) {
				t.Errorf("%U survives", r)
			}
		}
	})
}

func TestEveryPageParses(t *testing.T) {
	t.Parallel()
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.pages) < 3 {
		t.Errorf("%d pages", len(r.pages))
	}
}

// TestPagesKnowNoRequests keeps templates and view models usable for reports.
func TestPagesKnowNoRequests(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if strings.HasPrefix(i.Path.Value, `"net/http`) {
				t.Errorf("%s imports net/http: what answers requests is in package console", file)
			}
		}
	}
}

// TestTemplatesAreForAStrictPolicy finds what the content security policy would not run or show.
func TestTemplatesAreForAStrictPolicy(t *testing.T) {
	t.Parallel()
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	inline := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script(\s+defer|\s+type="module")*>|javascript:|hx-on|hx-vals=.js`)
	for _, f := range files {
		b, err := templateFiles.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if found := inline.Find(b); found != nil {
			t.Errorf("%s has %q", f.Name(), found)
		}
	}
}
