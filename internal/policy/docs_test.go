package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocs: the page tells of every variable a condition may read, every row of the failure table and every starter rule.
func TestDocs(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	want := func(what, name string) {
		t.Helper()
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/policy.md does not tell of the %s `%s`", what, name)
		}
	}
	for _, v := range variables() {
		if rest, is := strings.CutPrefix(v.name, "account.asserted."); is {
			want("identifier", rest)
		} else if !strings.HasPrefix(v.name, "account.") {
			want("variable", v.name)
		}
	}
	var f Failures
	for _, r := range f.rows() {
		want("failure", r.name)
	}
	e, err := New(DefaultConfig(), Deps{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range e.Rules() {
		want("rule", r.ID)
	}
}

// TestDocsExample runs the cases of the page's own rule file.
func TestDocsExample(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Files = []string{path}
	tested, err := Test(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tested.Cases < 3 || len(tested.Differences) > 0 {
		t.Errorf("%+v", tested)
	}
}
