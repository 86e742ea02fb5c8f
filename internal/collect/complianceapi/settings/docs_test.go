package settings_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings/baseline"
)

// TestDocumentation holds the page of the baseline against its file, rule by rule, and nothing beside them.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../../docs/baseline.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "\n## The rules it ships with\n\n")
	if !ok {
		t.Fatal("the page lists no rules")
	}
	_, got, _ := strings.Cut(table, "|---|---|---|---|---|---|\n")
	var want strings.Builder
	for _, r := range shipped(t).Rules {
		fmt.Fprintf(&want, "| `%s` | `%s` | %s | %s | %s | %s |\n", r.ID, r.Setting, expected(r), r.Severity, r.Reason, r.Source)
		if r.Source == "" {
			t.Errorf("%s says not where its reason comes from", r.ID)
		}
	}
	if got != want.String() {
		t.Errorf("docs/baseline.md ends in\n%s\nand the rules are\n%s", got, &want)
	}
}

func expected(r baseline.Rule) string {
	switch {
	case r.MustBe != "":
		return r.MustBe
	case len(r.OneOf) > 0:
		return "one of " + strings.Join(r.OneOf, ", ")
	case r.AtMost != nil:
		return fmt.Sprint("at most ", *r.AtMost)
	}
	return "not empty"
}
