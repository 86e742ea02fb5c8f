package access_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/access"
)

var update = flag.Bool("update", false, "write the table into docs/access.md")

// TestDocs holds the table of the documentation to that of the code.
func TestDocs(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/access.md", "<!-- table: go test ./internal/access -update -->\n", "<!-- end of table -->"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	if want := "\n" + access.Markdown() + "\n"; old != want {
		if !*update {
			t.Fatalf("%s is behind the code: run go test ./internal/access -update", path)
		}
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
