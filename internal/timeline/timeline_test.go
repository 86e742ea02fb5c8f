package timeline_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/timeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestCaptures holds what sessions of the real client become.
func TestCaptures(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"files-full", "files-min", "deny-full", "hint", "mcp-full", "tui", "e400", "e529", "rawbodies",
		"v1.0.128", "v2.0.77", "commit-full"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records := captured(t, name)
			got := sketch(timeline.Build(records, nil))
			path := "testdata/" + name + ".txt"
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			if diff := cmp.Diff(got, sketch(timeline.Build(records, nil))); diff != "" {
				t.Errorf("in another order of records (-want +got):\n%s", diff)
			}
		})
	}
}
