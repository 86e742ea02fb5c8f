package sigma

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated part of docs/sigma.md")

// TestDocumentation holds docs/sigma.md against the taxonomy, the modifiers and the types of correlations.
func TestDocumentation(t *testing.T) {
	const path, begin, end = "../../../docs/sigma.md", "<!-- fields -->\n", "<!-- end -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), begin)
	got, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the marks of the fields are gone")
	}
	want := fieldTable()
	if got != want && *update {
		if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != want {
		t.Error("the fields are not those of the code: run go test ./internal/detect/sigma -run TestDocumentation -update")
	}
	for _, m := range Modifiers() {
		if !strings.Contains(string(raw), "`"+m+"`") {
			t.Errorf("modifier %s is not described", m)
		}
	}
	for _, c := range CorrelationTypes() {
		if !strings.Contains(string(raw), "`"+string(c)+"`") {
			t.Errorf("correlation type %s is not described", c)
		}
	}
	for _, f := range Fields() {
		if _, _, problem := resolve(f.Name); problem != "" {
			t.Errorf("field %s is listed and refused: %s", f.Name, problem)
		}
	}
}

func fieldTable() string {
	var plain, joined strings.Builder
	for _, f := range Fields() {
		if f.Meaning == "" {
			fmt.Fprintf(&plain, "| `%s` | %s |\n", f.Name, f.Kind)
		} else {
			fmt.Fprintf(&joined, "| `%s` | %s |\n", f.Name, f.Meaning)
		}
	}
	return "\n| joined field | any of, or computed |\n|---|---|\n" + joined.String() + "\n| path | holds |\n|---|---|\n" + plain.String() + "\n"
}
