package rules

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the list into docs/detections.md")

// TestDocumentation holds the list of docs/detections.md against the rules.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../../docs/detections.md", "<!-- rules: go test ./internal/detect/rules -update -->\n", "<!-- end of rules -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), begin)
	got, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the marks of the list are gone")
	}
	var want strings.Builder
	want.WriteString("\n| rule | level | fires when | why it matters | without harm | evidence for |\n|---|---|---|---|---|---|\n")
	for _, h := range shippedRules(t).Alone() {
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s | %s | %s |\n", h.Name, h.Level, h.Title, h.Tripod.Why, strings.Join(h.Tripod.Benign, "; "), strings.Join(h.Tripod.Controls, ", "))
	}
	want.WriteString("\n")
	if got == want.String() {
		return
	}
	if !*update {
		t.Fatal("the list is not that of the code: run go test ./internal/detect/rules -run TestDocumentation -update")
	}
	if err := os.WriteFile(path, []byte(head+begin+want.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
