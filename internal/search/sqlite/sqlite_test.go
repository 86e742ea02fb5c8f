package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/searchtest"
	"github.com/tripod-audit/tripod/internal/search/sqlite"
)

var day = time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC)

const span = 70 * 24 * time.Hour

func open(t *testing.T, dir string) *sqlite.Index {
	t.Helper()
	ix, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIndex(t, ix) })
	return ix
}

func closeIndex(t *testing.T, ix *sqlite.Index) {
	t.Helper()
	if err := ix.Close(); err != nil {
		t.Error(err)
	}
}

func apply(t *testing.T, page []search.Entry, indexes ...search.Index) {
	t.Helper()
	for _, ix := range indexes {
		if err := ix.Apply(t.Context(), page); err != nil {
			t.Fatal(err)
		}
	}
}

// random makes entries of random records.
func random(r *rand.Rand, first uint64, n int) []search.Entry {
	page := make([]search.Entry, n)
	for i := range page {
		page[i] = searchtest.Entry(first+uint64(i), searchtest.RandomRecord(r, day, span))
	}
	return page
}

// same compares two indexes by random questions.
func same(t *testing.T, r *rand.Rand, want, got search.Reader, questions int) {
	t.Helper()
	wantAt, err := want.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := got.Position(t.Context()); err != nil || at != wantAt {
		t.Fatalf("position %d, %v, want %d", at, err, wantAt)
	}
	searchtest.Compare(t, want, got, "", 500, true)
	for range questions {
		searchtest.Compare(t, want, got, searchtest.RandomQuery(r, day, span), 50+r.IntN(300), r.IntN(2) == 0)
		if t.Failed() {
			t.FailNow()
		}
	}
}

// scaled is n, or a fraction of it where tests are to be short: the race detector makes SQLite twenty times slower.
func scaled(n int) int {
	if testing.Short() {
		return max(1, n/5)
	}
	return n
}

func TestConformance(t *testing.T) {
	t.Parallel()
	searchtest.Run(t, func(t *testing.T) search.Index { return open(t, t.TempDir()) })
}

// TestReopen: what was applied is there after a restart, for a writer and for a reader.
func TestReopen(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	dir, ref := t.TempDir(), new(searchtest.Reference)
	seq := uint64(1)
	for range 5 {
		ix := open(t, dir)
		for range 3 {
			page := random(r, seq, 1+r.IntN(scaled(200)))
			apply(t, page, ix, ref)
			seq += uint64(len(page))
		}
		same(t, r, ref, ix, scaled(5))
		closeIndex(t, ix)
		closeIndex(t, ix) // twice does no harm
	}
	reader, err := sqlite.OpenReader(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIndex(t, reader)
	same(t, r, ref, reader, scaled(10))
	if err := reader.Apply(t.Context(), random(r, seq, 1)); err == nil {
		t.Error("a reader took a record in")
	}
}

// TestManyMonths: more months than stay open.
func TestManyMonths(t *testing.T) {
	t.Parallel()
	ix, ref := open(t, t.TempDir()), new(searchtest.Reference)
	r := rand.New(rand.NewPCG(2, 2))
	var page []search.Entry
	for seq := range uint64(200) {
		page = append(page, searchtest.Entry(seq+1, searchtest.RandomRecord(r, day.AddDate(0, -int(seq%40), 0), time.Hour)))
	}
	apply(t, page, ix, ref)
	for _, q := range []string{"", "user:dana*", "tool:Bash -outcome:success", "at:2025", "session:s-1", "after:2024-03 before:2026-02-15"} {
		searchtest.Compare(t, ref, ix, q, 30, true)
		searchtest.Compare(t, ref, ix, q, 30, false)
	}
}

func TestReaderWithoutIndex(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "index")
	if _, err := sqlite.OpenReader(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("opening for reading made the folder")
	}
}

// TestReadWhileApplying: readers of this process and of another see whole batches while they arrive.
func TestReadWhileApplying(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ix := open(t, dir)
	reader, err := sqlite.OpenReader(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIndex(t, reader)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	q, err := search.Parse("-tool:none", day)
	if err != nil {
		t.Fatal(err)
	}
	const batch = 50
	for _, rd := range []search.Reader{ix, reader, reader} {
		wg.Go(func() {
			last := int64(0)
			for ctx.Err() == nil {
				n, err := rd.Count(t.Context(), q)
				if err != nil || n.N < last || n.N%batch != 0 {
					t.Errorf("count %+v after %d, %v", n, last, err)
					return
				}
				last = n.N
				if _, err := rd.Facets(t.Context(), q, []search.Field{search.FieldTool}, 3); err != nil {
					t.Error(err)
					return
				}
				res, err := rd.Find(t.Context(), q, search.Page{Limit: 1000})
				if err != nil || int64(len(res.Hits)) < min(last, 1000) {
					t.Errorf("%d hits after counting %d, %v", len(res.Hits), last, err)
					return
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(3, 3))
	for i := range uint64(scaled(60)) {
		page := make([]search.Entry, batch)
		for k := range page {
			rec := searchtest.RandomRecord(r, day, time.Hour) // one month: a batch is seen whole
			rec.Flags = nil
			rec.Occurred = day.Add(time.Duration(k) * time.Minute)
			page[k] = searchtest.Entry(i*batch+uint64(k)+1, rec)
		}
		apply(t, page, ix)
	}
	cancel()
	wg.Wait()
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ix := open(t, t.TempDir())
	apply(t, random(rand.New(rand.NewPCG(4, 4)), 1, 10), ix)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := new(search.Query)
	_, find := ix.Find(ctx, q, search.Page{})
	_, count := ix.Count(ctx, q)
	_, position := ix.Position(ctx)
	for _, err := range []error{find, count, position, ix.Apply(ctx, random(rand.New(rand.NewPCG(4, 5)), 11, 1))} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	}
	apply(t, random(rand.New(rand.NewPCG(4, 5)), 11, 1), ix) // and it goes on
}

func TestClosed(t *testing.T) {
	t.Parallel()
	ix := open(t, t.TempDir())
	closeIndex(t, ix)
	if _, err := ix.Find(t.Context(), new(search.Query), search.Page{}); err == nil {
		t.Error("a closed index answers")
	}
	if err := ix.Apply(t.Context(), nil); err == nil {
		t.Error("a closed index takes in")
	}
}

// TestUnreadable: an entry that is no record is left out and said; what comes after it is found.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	broken := random(r, 1, 300)
	broken[0].Bytes = []byte(`{"v":1,"occurred":"10000-01-01T00:00:00Z"}`)
	broken[100].Bytes, broken[299].Bytes = []byte("{"), nil
	ix, want := open(t, t.TempDir()), open(t, t.TempDir())
	apply(t, broken, ix)
	apply(t, broken, ix) // again: nothing is counted twice
	if u := ix.Unreadable(); u != (search.Unreadable{Count: 3, Last: 300}) {
		t.Errorf("%+v", u)
	}
	if at, err := ix.Position(t.Context()); err != nil || at != 300 {
		t.Errorf("stands at %d, %v", at, err)
	}
	apply(t, journalOf(broken, map[uint64]bool{1: true, 101: true, 300: true}), want)
	same(t, r, want, ix, 50)
}

// pages is a follower over entries.
type pages struct {
	entries []search.Entry
	size    int
	err     error // after the last
}

func (p *pages) Next(context.Context) ([]search.Entry, error) {
	if len(p.entries) == 0 {
		return nil, p.err
	}
	n := min(p.size, len(p.entries))
	page := p.entries[:n]
	p.entries = p.entries[n:]
	return page, nil
}

// journalOf is what a journal holds after erasures: tombstones stand where erased records were.
func journalOf(entries []search.Entry, erased map[uint64]bool) []search.Entry {
	out := append([]search.Entry(nil), entries...)
	for i := range out {
		if erased[out[i].Seq] {
			out[i] = search.Entry{Seq: out[i].Seq, Erased: true}
		}
	}
	return out
}

// TestRebuild: a rebuild gives the same answers as the index that followed, erasures included.
func TestRebuild(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	dir := filepath.Join(t.TempDir(), "index")
	ix, ref := open(t, dir), new(searchtest.Reference)
	var entries []search.Entry
	erased := map[uint64]bool{}
	for seq := uint64(1); seq < uint64(scaled(3000)); {
		page := random(r, seq, 1+r.IntN(400))
		if seq > uint64(scaled(1000)) {
			victim := 1 + r.Uint64N(seq-1)
			erased[victim] = true
			page[0] = searchtest.Entry(seq, searchtest.EraseOrder(day, victim))
		}
		apply(t, page, ix, ref)
		entries = append(entries, page...)
		seq += uint64(len(page))
	}
	same(t, r, ref, ix, scaled(10))
	closeIndex(t, ix)

	last := uint64(len(entries))
	var reached []uint64
	journal := journalOf(entries, erased)
	err := sqlite.Rebuild(t.Context(), dir, &pages{entries: journal, size: 333}, last, func(at uint64) { reached = append(reached, at) })
	if err != nil {
		t.Fatal(err)
	}
	if len(reached) == 0 || reached[len(reached)-1] != last {
		t.Errorf("progress %v, want the last to be %d", reached, last)
	}
	ix = open(t, dir)
	same(t, r, ref, ix, scaled(15))
	apply(t, random(r, last+1, 100), ix) // and it goes on from there
	closeIndex(t, ix)

	broken := errors.New("broken")
	if err := sqlite.Rebuild(t.Context(), dir, &pages{entries: journal[:300], size: 100, err: broken}, last, nil); !errors.Is(err, broken) {
		t.Errorf("rebuild over a broken journal: %v", err)
	}
	if at, err := open(t, dir).Position(t.Context()); at != last+100 || err != nil {
		t.Errorf("after a rebuild that failed the index stands at %d, %v, want the old one's %d", at, err, last+100)
	}
	if left, err := filepath.Glob(dir + ".*"); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRebuildShort: a rebuild stops at the position it was told, and an empty journal gives an empty index.
func TestRebuildShort(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "index")
	entries := random(rand.New(rand.NewPCG(7, 7)), 1, 100)
	for _, last := range []uint64{0, 1, 42} {
		if err := sqlite.Rebuild(t.Context(), dir, &pages{entries: entries, size: 30}, last, nil); err != nil {
			t.Fatal(err)
		}
		ix := open(t, dir)
		if at, err := ix.Position(t.Context()); at != last || err != nil {
			t.Errorf("position %d, %v, want %d", at, err, last)
		}
		closeIndex(t, ix)
	}
}

// TestSwapCutShort: a crash between any two steps of the swap leaves the old index or the new one, whole.
func TestSwapCutShort(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 8))
	for name, state := range map[string]struct {
		dirs map[string]uint64 // suffix → entries in the index there
		want uint64
	}{
		"building":               {map[string]uint64{"": 5, ".building": 3}, 5},
		"complete":               {map[string]uint64{"": 5, ".complete": 9}, 9},
		"old moved away":         {map[string]uint64{".replaced": 5, ".complete": 9}, 9},
		"new in place":           {map[string]uint64{"": 9, ".replaced": 5}, 9},
		"complete, older remain": {map[string]uint64{"": 5, ".complete": 9, ".replaced": 4}, 9},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "index")
			for suffix, n := range state.dirs {
				ix := open(t, dir+suffix)
				apply(t, random(r, 1, int(n)), ix)
				closeIndex(t, ix)
			}
			ix := open(t, dir)
			if n, err := ix.Count(t.Context(), new(search.Query)); n.N != int64(state.want) || err != nil {
				t.Errorf("%+v rows, %v, want %d", n, err, state.want)
			}
			if left, _ := filepath.Glob(dir + ".[cr]*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "index")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ix, err := sqlite.Open(ctx, dir)
	if err != nil {
		panic(err)
	}
	defer ix.Close()
	rec := searchtest.RandomRecord(rand.New(rand.NewPCG(1, 1)), day, time.Hour)
	rec.Tool = "Bash"
	if err := ix.Apply(ctx, []search.Entry{{Seq: 1, Bytes: rec.AppendCanonical(nil)}}); err != nil {
		panic(err)
	}
	q, err := search.Parse("tool:bash after:2026-10-31", time.Now())
	if err != nil {
		panic(err)
	}
	res, err := ix.Find(ctx, q, search.Page{Limit: 10})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(res.Hits), res.Hits[0].Seq)
	// Output: 1 1
}
