package sqlite

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/searchtest"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

var november = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func filled(t *testing.T, batches, size int) (*Index, *searchtest.Reference) {
	t.Helper()
	ix, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	ref := new(searchtest.Reference)
	r := rand.New(rand.NewPCG(21, 21))
	seq := uint64(1)
	for range batches {
		page := make([]search.Entry, size)
		for i := range page {
			rec := searchtest.RandomRecord(r, november, 29*24*time.Hour)
			rec.Flags = nil
			rec.Occurred = rec.Recorded
			page[i] = searchtest.Entry(seq, rec)
			seq++
		}
		for _, x := range []search.Index{ix, ref} {
			if err := x.Apply(t.Context(), page); err != nil {
				t.Fatal(err)
			}
		}
	}
	return ix, ref
}

func (ix *Index) on(t *testing.T, month string, f func(*month, *connection) error) error {
	t.Helper()
	m, err := ix.months.acquire(t.Context(), month)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.months.release(m)
	return m.read(t.Context(), func(c *connection) error { return f(m, c) })
}

// TestCompaction: many small batches end in few segments that hold every row once.
func TestCompaction(t *testing.T) {
	t.Parallel()
	batches, size := 700, 7
	if testing.Short() {
		batches = 90
	}
	ix, _ := filled(t, batches, size)
	err := ix.on(t, "2026-11", func(_ *month, c *connection) error {
		segments, err := segmentsIn(c, 0, search.End)
		rows := 0
		for _, s := range segments {
			rows += s.rows
		}
		if rows != batches*size || len(segments) > 3*fanIn {
			t.Errorf("%d rows in %d segments", rows, len(segments))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLowerBounds: with hardly any budget, counts that need rows are lower bounds and say so; those that do not stay exact.
func TestLowerBounds(t *testing.T) {
	t.Parallel()
	ix, ref := filled(t, 13, 30)
	ix.budget = 1
	inexact := lowerBounds(t, ix, ref)
	if inexact == 0 || inexact > 4 {
		t.Errorf("%d of the counts were lower bounds", inexact)
	}
	for _, ix.tallies = range []int{0, 1, 2, 3, 5, 10, 100} {
		few := lowerBounds(t, ix, ref)
		if ix.tallies == 0 && few <= inexact {
			t.Errorf("%d of the counts were lower bounds without any tally", few)
		}
	}
}

// lowerBounds compares all kinds of counts and returns how many were lower bounds.
func lowerBounds(t *testing.T, ix *Index, ref *searchtest.Reference) (inexact int) {
	t.Helper()
	for _, query := range []string{"", "tool:bash", "user:dana*", "user:dana* tool:bash", "ip:192* tool:bash", "after:2026-11-05T10:30 ip:192* tool:read", "session:s-1", "-user:dana* after:2026-11-04", "-user:dana*", "-user:dana* tool:bash", "-ip:192*", "-tool:bash"} {
		searchtest.Compare(t, ref, ix, query, 60, false)
		q, err := search.Parse(query, november)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := ix.Count(t.Context(), q); err != nil {
			t.Fatal(err)
		} else if !n.Exact {
			inexact++
		}
	}
	return inexact
}

func TestOutdated(t *testing.T) {
	t.Parallel()
	ix, _ := filled(t, 1, 5)
	m, err := ix.months.acquire(t.Context(), "2026-11")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.setMeta("version", schemaVersion+1); err != nil {
		t.Fatal(err)
	}
	ix.months.release(m)
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), ix.dir); !errors.Is(err, search.ErrOutdated) {
		t.Errorf("got %v, want ErrOutdated", err)
	}
}

// TestDamage: bytes that were changed in the files give an error, not a panic and not a silent wrong answer.
func TestDamage(t *testing.T) {
	t.Parallel()
	for _, damage := range []string{
		"UPDATE block SET data = substr(data, 1, length(data) - 1)", "UPDATE block SET data = x''", "DELETE FROM block",
		"UPDATE shard SET data = x'ffffffffffffffffffffff'", "UPDATE tally SET hours = x'ff', whats = x'80'", "UPDATE entry SET names = x'0105'",
		"UPDATE segment SET rows = rows + 1", "UPDATE segment SET starts = x'00'", "UPDATE meta SET value = x'00' WHERE name = 'hash_key'", "DELETE FROM meta",
	} {
		ix, _ := filled(t, 1, 50)
		m, err := ix.months.acquire(t.Context(), "2026-11")
		if err != nil {
			t.Fatal(err)
		}
		if err := m.writer.exec(damage); err != nil {
			t.Fatal(err)
		}
		ix.months.release(m)
		reader, err := OpenReader(t.Context(), ix.dir)
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		for _, query := range []string{"", "session:s-1", "tool:bash", "user:dana* tool:bash"} {
			q, err := search.Parse(query, november)
			if err != nil {
				t.Fatal(err)
			}
			_, findErr := reader.Find(t.Context(), q, search.Page{})
			_, countErr := reader.Count(t.Context(), q)
			_, facetErr := reader.Facets(t.Context(), q, []search.Field{search.FieldTool}, 1)
			if errors.Join(findErr, countErr, facetErr) != nil {
				failed++
			}
		}
		if failed == 0 {
			t.Errorf("%s: nobody noticed", damage)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTwoWriters: whoever writes second finds out before anything is overwritten.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	ix, _ := filled(t, 2, 5)
	other, err := Open(t.Context(), ix.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	rec := searchtest.RandomRecord(rand.New(rand.NewPCG(1, 1)), november, time.Hour)
	rec.Flags, rec.Occurred = nil, november
	page := searchtest.Entries(11, rec)
	if err := ix.Apply(t.Context(), page); err != nil {
		t.Fatal(err)
	}
	if err := other.Apply(t.Context(), page); err == nil {
		t.Error("two processes wrote the same index")
	}
}

func TestSuccessor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a": "b", "a\xff": "b", "ab": "ac", "\xff\xff": "", "": ""} {
		if got := string(successor([]byte(in))); got != want {
			t.Errorf("successor(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(appendName(appendName(nil, search.FieldTool, "Bash"), search.FieldSession, ""))
	f.Add(encodePairs([]pair{{1, 2}, {700, 1}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if names, err := decodeNames(b); err == nil {
			var again []byte
			for _, n := range names {
				again = appendName(again, n.Field, n.Value)
			}
			if len(again) > len(b) {
				t.Errorf("names grew from %x to %x", b, again)
			}
		}
		pairs, err := decodePairs(b)
		if err != nil && !errors.Is(err, segment.ErrCorrupt) || len(pairs) > len(b) {
			t.Errorf("%d pairs, %v", len(pairs), err)
		}
	})
}

func TestMonthBounds(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{november, november.Add(-time.Millisecond), november.AddDate(0, 1, 0).Add(-time.Millisecond)} {
		start, end, err := monthBounds(monthOf(at.UnixMilli()))
		if err != nil || at.UnixMilli() < start || at.UnixMilli() >= end {
			t.Errorf("%v is not in its month: %d to %d, %v", at, start, end, err)
		}
	}
	if _, err := monthFiles(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("listed a folder that does not exist")
	}
}
