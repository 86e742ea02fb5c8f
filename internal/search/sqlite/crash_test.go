package sqlite_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/searchtest"
)

// files reads all files of a folder; its index must be closed.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	content := make(map[string][]byte)
	for _, f := range list {
		if content[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return content
}

// TestCrashBetweenFiles puts together what a crash or a power cut between the commits of one batch leaves: each file as it
// was before or after, head included, or missing. The index must say where it stands, and be right once it has caught up.
func TestCrashBetweenFiles(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	dir, ref := t.TempDir(), new(searchtest.Reference)
	first, second := random(r, 1, 300), random(r, 301, 300)
	second[7] = searchtest.Entry(308, searchtest.EraseOrder(day, 20))
	states := make([]map[string][]byte, 2)
	for i, page := range [][]search.Entry{first, second} {
		ix := open(t, dir)
		apply(t, page, ix, ref)
		closeIndex(t, ix)
		states[i] = files(t, dir)
	}
	names := slices.Sorted(maps.Keys(states[1]))
	if len(names) < 4 {
		t.Fatalf("want several months, got %v", names)
	}
	const before, after, missing = 0, 1, 2
	for range scaled(12) {
		mixed := t.TempDir()
		var how strings.Builder
		for _, name := range names {
			choice := r.IntN(3)
			if name == "head.db" && choice == missing || choice == missing && r.IntN(3) > 0 {
				choice = before
			}
			how.WriteString(name + " " + []string{"before", "after", "missing"}[choice] + ", ")
			if choice == missing {
				continue
			}
			if err := os.WriteFile(filepath.Join(mixed, name), states[choice][name], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ix := open(t, mixed)
		at, err := ix.Position(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if at != 0 && at != 300 && at != 600 {
			t.Fatalf("%sposition %d", &how, at)
		}
		// Follow in other batches than before.
		all := slices.Concat(first, second)
		for page := range slices.Chunk(all[at:], 170) {
			apply(t, page, ix)
		}
		same(t, r, ref, ix, 4)
		if t.Failed() {
			t.Fatal(&how)
		}
		closeIndex(t, ix)
	}
}

// TestBatchFails: a batch with a gap changes nothing, and the next one is taken in.
func TestBatchFails(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(10, 10))
	ix, ref := open(t, t.TempDir()), new(searchtest.Reference)
	apply(t, random(r, 1, 50), ix, ref)
	page := random(r, 51, 50)
	if err := ix.Apply(t.Context(), append(slices.Clone(page[:10]), page[11:]...)); !errors.Is(err, search.ErrGap) {
		t.Errorf("a gap gives %v", err)
	}
	apply(t, page, ix, ref)
	same(t, r, ref, ix, scaled(20))
}
